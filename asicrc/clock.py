"""The machine's clocks, behind the seam's `Clock`: the only module that asks the machine for the time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class MachineClock:
    """CLOCK_MONOTONIC for stamps, CLOCK_REALTIME for anchors."""

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def realtime_ns(self) -> int:
        return time.time_ns()


MACHINE_CLOCK = MachineClock()


def boot_id() -> str | None:
    """Names this boot of the machine: monotonic stamps can be compared within one boot only."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None  # not Linux


def is_virtual(meta: Mapping[str, Any]) -> bool:
    """Whether the description of a capture says that its times are of a twin's own clock."""
    stated = meta.get("clock")
    return isinstance(stated, dict) and str(stated.get("t_ns", "")).startswith("virtual")
