"""Waiting for a miner to come to the work server that it was pointed at."""

from __future__ import annotations

from collections.abc import Callable

from asicrc.clock import MACHINE_CLOCK
from asicrc.devices.network.serving import Serving, nobody_came
from asicrc.devices.network.waiting import Waiting
from firmware_protocols.device import DeviceLost

LOOKS_EACH_S = 0.2


def await_miner(
    serving: Serving,
    address: str,
    take: Callable[[], None],
    waiting: Waiting,
    *,
    within_s: float,
    remind: tuple[float, Callable[[str], None]] | None = None,
) -> None:
    """`take` what has arrived until the miner of that IP address is there.

    `remind` says once, after so many seconds, what to look at. Raises DeviceLost when nobody comes.
    """
    began_ns, reminded = MACHINE_CLOCK.now_ns(), False

    def has_come() -> bool:
        nonlocal reminded
        take()
        waited_s = (MACHINE_CLOCK.now_ns() - began_ns) / 1e9
        if remind is not None and not reminded and waited_s > remind[0]:
            reminded = True
            remind[1](nobody_came(serving.address, address, waited_s))
        return serving.has_miner

    if not waiting.until(has_come, within_s, each_s=LOOKS_EACH_S):
        raise DeviceLost(nobody_came(serving.address, address, within_s))
