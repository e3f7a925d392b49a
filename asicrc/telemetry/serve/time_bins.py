"""A capture from its beginning, in bins of time: what the charts of the live page are drawn from.

Numbers of a bin come from the same functions as those of the last minute and of a point. A bin that nothing
was recorded in has none: a capture that was killed and resumed has a gap.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.point_numbers import MOST_INTERVALS, cv_of, rate_of
from asicrc.evidence import Estimate
from asicrc.evidence.binomial import clopper_pearson
from firmware_protocols.device import Verdict

MOST_BINS = 96
"""That a chart has once it is as fine as it may be; half of it after the bins have become twice as wide."""
EVENTS_A_BIN = 80.0
"""So that a CV can be told, of a slow device too."""
FEWEST_BINS = 6
CHANNELS = ("temperature_c", "temperature2_c", "power_w")
_LEAST_COVERED = 0.25
"""Share of a bin that has to be recorded before it is drawn."""

Floats = NDArray[np.float64]


def bin_width_s(span_s: float, rate_per_s: float) -> float:
    """A power of two, at least 1 s, for a capture of `span_s` with good events at that rate."""
    wanted = span_s / MOST_BINS
    if rate_per_s > 0:
        wanted = max(wanted, min(EVENTS_A_BIN / rate_per_s, span_s / FEWEST_BINS))
    return float(2 ** math.ceil(math.log2(max(1.0, wanted))))


@dataclass(slots=True)
class Channel:
    """Mean, lowest and highest of the readings in a bin."""

    n: int = 0
    total: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    def add(self, values: Floats) -> None:
        self.n += len(values)
        self.total += float(values.sum())
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))


@dataclass(slots=True)
class Bin:
    """`good` are distinct proofs that hold, and events of a model; `bad` of `judged` are invalid.

    `stamps` are (t_ns, segment) of the good ones, while more may come.
    """

    good: int = 0
    judged: int = 0
    bad: int = 0
    stamps: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = field(default_factory=list)
    cv: Estimate | None = None
    cv_of: int = -1
    """How many good events there were when the CV was taken."""
    channels: dict[str, Channel] = field(default_factory=dict)

    def take_cv(self) -> Estimate | None:
        if self.stamps and self.cv_of != self.good:
            t_ns, segment = (
                np.concatenate(part)[-MOST_INTERVALS:] for part in zip(*self.stamps, strict=True)
            )
            self.stamps = [(t_ns, segment)]
            self.cv, self.cv_of = cv_of(t_ns, segment), self.good
        return self.cv


class TimeBins:
    """Bins of `width_s` from second 0 of the capture on. Times are seconds on its own axis."""

    def __init__(self, width_s: float) -> None:
        self.width_s = width_s
        self.span_s = 0.0
        """Up to the newest of anything."""
        self._good = 0
        self._events_s = 0.0
        """Up to the newest event: readings may have been read further."""
        self._bins: dict[int, Bin] = defaultdict(Bin)
        self._recorded: dict[int, tuple[float, float]] = {}
        """From when to when there is anything, by segment."""

    @property
    def wanted_width_s(self) -> float:
        """As it would be chosen by now; more than `width_s`: there are too many bins."""
        return bin_width_s(self.span_s, self._good / self._events_s if self._events_s else 0.0)

    @property
    def _is_of_no_use(self) -> bool:
        """So many bins that they will be taken anew, wider; what comes until then need not be sorted in."""
        return self.span_s > 4 * MOST_BINS * self.width_s

    def note(self, segment: int, t_s: float) -> None:
        """Something was recorded then."""
        t_s = max(0.0, t_s)
        begins_s, ends_s = self._recorded.get(segment, (t_s, t_s))
        self._recorded[segment] = min(begins_s, t_s), max(ends_s, t_s)
        self.span_s = max(self.span_s, t_s)

    def add_events(
        self,
        t_s: Floats,
        t_ns: NDArray[np.int64],
        segment: NDArray[np.int64],
        verdict: NDArray[np.int64],
        synthetic: NDArray[np.bool_],
        duplicate: NDArray[np.bool_],
    ) -> None:
        """(n,) arrays of events that have a stamp."""
        names, which = np.unique(segment, return_inverse=True)
        begins_s, ends_s = np.full(len(names), np.inf), np.zeros(len(names))
        np.minimum.at(begins_s, which, t_s)
        np.maximum.at(ends_s, which, t_s)
        for number, from_s, to_s in zip(names.tolist(), begins_s.tolist(), ends_s.tolist(), strict=True):
            self.note(number, from_s)
            self.note(number, to_s)
        good = ((verdict == Verdict.VALID) | synthetic) & ~duplicate
        bad = ((verdict == Verdict.LOW) | (verdict == Verdict.MALFORMED)) & ~synthetic
        self._good += int(np.count_nonzero(good))
        self._events_s = max(self._events_s, float(t_s.max()))
        if self._is_of_no_use:
            return
        index = self._index(t_s)
        for number in np.unique(index).tolist():
            inside = index == number
            found = self._bins[number]
            found.good += int(np.count_nonzero(good & inside))
            found.judged += int(np.count_nonzero(~synthetic & inside))
            found.bad += int(np.count_nonzero(bad & inside))
            if (
                found.cv_of < 0 or found.stamps
            ):  # one that comes late to a bin that was closed is only counted
                found.stamps.append((t_ns[good & inside], segment[good & inside]))
        self._close(int(index.max()) - 1)

    def add_readings(self, t_s: Floats, channel: str, values: Floats) -> None:
        """(n,) arrays of one channel, finite."""
        self.span_s = max(self.span_s, float(t_s.max()))
        if self._is_of_no_use:
            return
        index = self._index(t_s)
        for number in np.unique(index).tolist():
            self._bins[number].channels.setdefault(channel, Channel()).add(values[index == number])

    def series(self) -> dict[str, Any]:
        """`width_s`, `span_s` and for each chart columns of the same length: null where a bin has nothing."""
        last = min(int(self.span_s // self.width_s), 4 * MOST_BINS)
        covered = self._covered_s(last + 1)
        enough_s = self.width_s * _LEAST_COVERED if last else 0.0
        bins = [self._bins[n] if n in self._bins else Bin() for n in range(last + 1)]
        told = [(b, s) for b, s in zip(bins, covered, strict=True)]
        return {
            "width_s": self.width_s,
            "span_s": self.span_s,
            "rate_per_s": _columns([rate_of(b.good, s) if s > enough_s else None for b, s in told]),
            "cv": _columns([b.take_cv() if s > enough_s else None for b, s in told]),
            "invalid_share": _columns([_share(b.bad, b.judged) if b.judged else None for b in bins]),
            "readings": {
                c: _reading_columns(bins, c) for c in CHANNELS if any(c in b.channels for b in bins)
            },
        }

    def _index(self, t_s: Floats) -> NDArray[np.int64]:
        index: NDArray[np.int64] = np.maximum(t_s // self.width_s, 0).astype(np.int64)
        return index

    def _close(self, before: int) -> None:
        """Of what is older, only the numbers are kept."""
        for number, found in self._bins.items():
            if number < before and found.stamps:
                found.take_cv()
                found.stamps = []

    def _covered_s(self, bins: int) -> list[float]:
        """How much of each bin was recorded."""
        begins_s, ends_s = np.array(list(self._recorded.values())).reshape(-1, 2).T
        edges_s = np.arange(bins + 1) * self.width_s
        until = [float((np.maximum(e - begins_s, 0) - np.maximum(e - ends_s, 0)).sum()) for e in edges_s]
        covered_s: list[float] = np.diff(until).tolist()
        return covered_s


def _columns(estimates: list[Estimate | None]) -> dict[str, list[float | None]]:
    rows = [None if e is None else e.as_json() for e in estimates]
    return {
        name: [None if row is None else _short(row[name]) for row in rows]
        for name in ("estimate", "low", "high", "n")
    }


def _reading_columns(bins: list[Bin], name: str) -> dict[str, list[float | None]]:
    found = [b.channels.get(name) for b in bins]
    return {
        "estimate": [None if c is None else _short(c.total / c.n) for c in found],
        "low": [None if c is None else _short(c.low) for c in found],
        "high": [None if c is None else _short(c.high) for c in found],
        "n": [None if c is None else c.n for c in found],
    }


def _short(value: Any) -> float | None:
    """Six digits are more than a screen has."""
    return float(f"{value:.6g}") if isinstance(value, int | float) and math.isfinite(value) else None


@lru_cache(maxsize=4096)
def _share(bad: int, judged: int) -> Estimate:
    return clopper_pearson(bad, judged)
