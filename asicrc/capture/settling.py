"""When a device has settled at new settings: by criterion, from its own readings.

A channel is steady when, over a window, its least-squares slope and its spread are both within what was
allowed. Pure: readings and times in, a judgement out. How often the device reads, and how far its firmware
averages, limits what can be seen here: a smoothed value looks steady before the chip is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from firmware_protocols.device import Reading

FEWEST_READINGS = 3
"""In a window, to call it steady."""
COVERED_SHARE = 0.75
"""Of the window that the readings in it have to span."""


@dataclass(frozen=True, slots=True)
class Steady:
    """One channel. `slope_per_min` and `spread` (largest minus smallest) are in its unit, or, where
    `relative`, shares of its mean over the window."""

    channel: str
    slope_per_min: float
    spread: float
    relative: bool = False


@dataclass(frozen=True, slots=True)
class Settle:
    """At least `at_least_s`, then until all of `steady` hold over `window_s`, at most `longest_s`.

    Without `steady` it is a fixed time, `at_least_s`.
    """

    at_least_s: float = 0.0
    window_s: float = 30.0
    longest_s: float = 600.0
    steady: tuple[Steady, ...] = ()

    @property
    def shortest_possible_s(self) -> float:
        return max(self.at_least_s, self.window_s) if self.steady else self.at_least_s

    @property
    def longest_possible_s(self) -> float:
        return max(self.at_least_s, self.longest_s) if self.steady else self.at_least_s

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"steady": [asdict(steady) for steady in self.steady]}


@dataclass(frozen=True, slots=True)
class Settled:
    """How settling ended. `why` says what was not steady; `channels` has slope and spread of the window."""

    settled: bool
    seconds: float
    why: str
    channels: dict[str, dict[str, float]]

    def as_json(self) -> dict[str, Any]:
        return {
            "settled": self.settled,
            "seconds": self.seconds,
            "why": self.why,
            "channels": self.channels,
        }


class Settling:
    """From `begin_ns` on. Feed it readings; ask `judge` after each batch."""

    def __init__(self, settle: Settle, begin_ns: int) -> None:
        self._settle = settle
        self._begin_ns = begin_ns
        self._kept: dict[str, deque[tuple[int, float]]] = {s.channel: deque() for s in settle.steady}
        self._is_new = False
        self._ends_ns = begin_ns + round(settle.longest_possible_s * 1e9)

    @property
    def ends_ns(self) -> int:
        """When it is over, whatever the readings say."""
        return self._ends_ns

    def add(self, readings: Iterable[Reading]) -> None:
        for reading in readings:
            kept = self._kept.get(reading.channel)
            if kept is not None and reading.value == reading.value:  # no NaN
                kept.append((reading.t_ns, reading.value))
                self._is_new = True

    def judge(self, now_ns: int) -> Settled | None:
        """None: not yet."""
        seconds = (now_ns - self._begin_ns) / 1e9
        if not self._settle.steady:
            return Settled(True, seconds, "the fixed time is over", {}) if now_ns >= self._ends_ns else None
        is_over = now_ns >= self._ends_ns
        if seconds < self._settle.shortest_possible_s and not is_over:
            return None
        silent = [name for name, kept in self._kept.items() if not kept]
        if silent:  # to wait on would be to wait for nothing
            why = f"no reading of {', '.join(silent)} came in {seconds:.0f} s"
            return Settled(False, seconds, why, {})
        if not self._is_new and not is_over:
            return None
        self._is_new = False
        found = {s.channel: self._look(s, now_ns) for s in self._settle.steady}
        faults = [fault for fault, _ in found.values() if fault]
        channels = {name: numbers for name, (_, numbers) in found.items()}
        if not faults:
            return Settled(True, seconds, "steady", channels)
        if is_over:
            return Settled(False, seconds, f"not steady after {seconds:.0f} s: {'; '.join(faults)}", channels)
        return None

    def _look(self, steady: Steady, now_ns: int) -> tuple[str, dict[str, float]]:
        """What is wrong with a channel (empty: nothing), and its numbers over the window."""
        kept = self._kept[steady.channel]
        from_ns = now_ns - round(self._settle.window_s * 1e9)
        while kept and kept[0][0] < from_ns:
            kept.popleft()
        if len(kept) < FEWEST_READINGS:
            return f"{steady.channel} has {len(kept)} readings in {self._settle.window_s:g} s", {}
        t_min = (np.array([t for t, _ in kept], np.float64) - kept[-1][0]) / 60e9
        values = np.array([value for _, value in kept])
        if np.ptp(t_min) * 60 < COVERED_SHARE * self._settle.window_s:
            return f"{steady.channel} was read over {np.ptp(t_min) * 60:.1f} s only", {}
        centred = t_min - t_min.mean()
        slope = float(centred @ values / (centred @ centred))
        spread, mean = float(np.ptp(values)), float(values.mean())
        numbers = {"n": float(len(values)), "mean": mean, "slope_per_min": slope, "spread": spread}
        scale, unit = (abs(mean), " of its mean") if steady.relative else (1.0, "")
        if abs(slope) > steady.slope_per_min * scale:
            shown = f"{slope / (scale or 1.0):.3g}{unit} a minute"
            return f"{steady.channel} moves by {shown}, {steady.slope_per_min:g} is allowed", numbers
        if spread > steady.spread * scale:
            shown = f"{spread / (scale or 1.0):.3g}{unit}"
            return f"{steady.channel} spreads over {shown}, {steady.spread:g} is allowed", numbers
        return "", numbers
