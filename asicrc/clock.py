"""The machine's clocks, behind the seam's `Clock`: the only module that asks the machine for the time."""

from __future__ import annotations

import time
from pathlib import Path


class MachineClock:
    """CLOCK_MONOTONIC for stamps, CLOCK_REALTIME for anchors."""

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def realtime_ns(self) -> int:
        return time.time_ns()

    def sleep_until_ns(self, t_ns: int) -> None:
        """Sleep until the monotonic clock reads `t_ns`."""
        wait = t_ns - self.now_ns()
        if wait > 0:
            time.sleep(wait / 1e9)


MACHINE_CLOCK = MachineClock()


def boot_id() -> str | None:
    """Names this boot of the machine: monotonic stamps can be compared within one boot only."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None  # not Linux
