"""What the readings were while a point was recorded, by channel."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from asicrc.capture.plan import DRIVE_APPLIED, DRIVE_END, DRIVE_REQUESTED
from firmware_protocols.device import Reading

_OF_THE_INPUT = frozenset({DRIVE_REQUESTED, DRIVE_APPLIED, DRIVE_END})
MOST_CHANNELS = 200
"""A device does not get to fill the record with names."""


class Conditions:
    """Sums over readings; those of an input are not conditions."""

    def __init__(self) -> None:
        self._sums: dict[str, _Sum] = {}

    def add(self, readings: Iterable[Reading]) -> None:
        for reading in readings:
            if reading.channel in _OF_THE_INPUT or not math.isfinite(reading.value):
                continue
            held = self._sums.get(reading.channel)
            if held is None:
                if len(self._sums) >= MOST_CHANNELS:
                    continue
                held = self._sums[reading.channel] = _Sum(reading.value)
            held.add(reading.value)

    def as_json(self) -> dict[str, dict[str, Any]]:
        """`n`, `mean`, `low`, `high`, `first` and `last` of each channel."""
        return {name: held.as_json() for name, held in self._sums.items()}


class _Sum:
    __slots__ = ("first", "high", "last", "low", "n", "total")

    def __init__(self, first: float) -> None:
        self.n, self.total = 0, 0.0
        self.first = self.last = self.low = self.high = first

    def add(self, value: float) -> None:
        self.n += 1
        self.total += value
        self.last = value
        self.low, self.high = min(self.low, value), max(self.high, value)

    def as_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "mean": self.total / self.n,
            "low": self.low,
            "high": self.high,
            "first": self.first,
            "last": self.last,
        }
