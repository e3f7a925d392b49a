"""What an emulated board says about itself in its log, for tests that have to know the truth."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def states(log: Path) -> list[dict[str, Any]]:
    """Every state so far, oldest first; a line that is being written is left out."""
    if not log.exists():
        return []
    whole, _, _ = log.read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def is_safe(state: dict[str, Any], lowest_mv: float) -> bool:
    """In reset, at the lowest voltage (or off), with the fan at full speed."""
    return bool(state["reset"] and state["voltage_mv"] <= lowest_mv + 1 and state["fan_percent"] >= 99.9)


def comes_true(wanted: Callable[[], bool], within_s: float = 30.0) -> bool:
    """Whether it is so, or comes to be so in time: a log may be written a moment after its board obeyed."""
    end = time.monotonic() + within_s
    while not wanted():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def seconds_until_safe(log: Path, since_ns: int, lowest_mv: float, within_s: float = 60.0) -> float | None:
    """From `since_ns` (CLOCK_MONOTONIC) to the first safe state; None if there is none in time."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        for state in states(log):
            if state["t_ns"] >= since_ns and is_safe(state, lowest_mv):
                return float(state["t_ns"] - since_ns) / 1e9
        time.sleep(0.02)
    return None
