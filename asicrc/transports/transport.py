"""What a driver needs of a line: bytes in and out, stamped. A serial port is one, a recording another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from firmware_protocols.device import Clock, Stamp, WireChunk


@dataclass(frozen=True, slots=True)
class LatencyTimer:
    """Latency timer of a USB adapter, ms: how long it may hold bytes back before it sends them on.

    None where the adapter has no such timer, or the system does not tell.
    """

    found_ms: int | None
    now_ms: int | None


class Transport(Protocol):
    """An open line. `path` names it in messages."""

    path: str
    clock: Clock

    @property
    def baud(self) -> int: ...

    @property
    def descriptor(self) -> int | None:
        """The file descriptor that a guardian can inherit; None where there is no device behind it."""

    @property
    def latency_timer(self) -> LatencyTimer:
        """Of the adapter, as found and as it is now."""

    def set_baud(self, baud: int) -> None:
        """Change the host's speed once all that was written has left. Raises DeviceLost."""

    def write(self, data: bytes) -> Stamp:
        """Write all of `data`; the stamp is taken just before. Raises DeviceLost."""

    def read(self, until_ns: int) -> list[WireChunk]:
        """What has arrived; empty when `until_ns` passes first. Raises DeviceLost."""

    def close(self) -> None: ...
