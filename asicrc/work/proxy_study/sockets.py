"""The same two arms over real sockets, few units of each: emulated pool and miner, the proxy itself between.

Pool and miner come through entry points, so that whoever has others can measure those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from asicrc.engines import engine, installed
from asicrc.errors import DeviceError
from asicrc.transports.tcp_receiver import ListenAddress
from asicrc.work.proxy.limits import ProxyLimits
from asicrc.work.proxy.pools import Pool
from asicrc.work.proxy.proxy import Proxy

DIFFICULTY = 2.0**-28
"""One hash in 16 is a share: a unit's share is found at once, and handed in at the unit's end."""
READY_S = 20.0


@dataclass(frozen=True, slots=True)
class RealArm:
    """Of the units of one arm: what was waited after each, and what was worked, s."""

    idle_s: np.ndarray[Any, np.dtype[np.float64]]
    hashing_s: np.ndarray[Any, np.dtype[np.float64]]
    accepted: int

    @property
    def idle_share(self) -> float:
        return float(self.idle_s.sum() / (self.idle_s.sum() + self.hashing_s.sum()))


def run_real_arms(
    latency_s: float,
    unit_s: float,
    units: int,
    *,
    stall_share: float = 0.0,
    stall_s: float = 0.0,
    seed: int = 1,
) -> tuple[RealArm, RealArm]:
    """Without and with the proxy, `units` units of `unit_s` each, in blocks in the order A B B A.

    Raises DeviceError where pool or miner is not installed, or the pool gives no work.
    """
    open_pool = installed("asicrc.devices", "sim")
    mine_units = engine("mine_units")
    options = f"ask=1&latency_ms={latency_s * 1e3:g}&stall={stall_share:g}/{stall_s:g}"
    url = f"sim:pool?{options}&difficulty={DIFFICULTY!r}&job_s=1e6&block_s=1e6&seed={seed}"
    with open_pool(url) as address:
        host, _, port = address.removeprefix("stratum+tcp://").rpartition(":")
        pool = Pool(host, int(port), "study.miner")
        limits = ProxyLimits(most_shares_per_s=1e9, silent_s=1e6)
        with Proxy([pool], ListenAddress(), mode="handshake", pool_limits=limits) as proxy:
            _wait_for_pool(proxy)
            places = ((pool.host, pool.port), proxy.address)
            blocks: list[list[Any]] = [[], []]
            half = -(-units // 2)
            for arm in (0, 1, 1, 0):
                blocks[arm].append(mine_units(*places[arm], unit_s=unit_s, units=half))
            return _arm(blocks[0]), _arm(blocks[1])


def _arm(blocks: list[Any]) -> RealArm:
    rows = np.concatenate(blocks)
    return RealArm(
        (rows["next_ns"] - rows["ended_ns"]).clip(0) / 1e9,
        (rows["ended_ns"] - rows["begun_ns"]) / 1e9,
        int(rows["accepted"].sum()),
    )


def _wait_for_pool(proxy: Proxy) -> None:
    until_ns = proxy.clock.now_ns() + round(READY_S * 1e9)
    said: list[str] = []
    while proxy.active_pool is None:
        if proxy.clock.now_ns() > until_ns:
            raise DeviceError("the emulated pool gave no work: " + "; ".join(said), "`asicrc simulate pool`")
        said += proxy.take_log(0.1)
