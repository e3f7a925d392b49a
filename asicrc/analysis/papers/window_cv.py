"""The papers' CV over a sliding window of about ten intervals: what chance alone makes of it.

A regime was read off such values. The CV of ten exponential intervals spreads by 0.22 about 0.93, so that
values from 0.5 to 1.4 are what a Poisson process gives all day.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from asicrc.analysis.exponential import checked_intervals
from asicrc.evidence.block_bootstrap import Floats

WINDOW = 10
_SAMPLES = 20_000
_FLOATS_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True)
class WindowCv:
    """Of all windows of the data, and of windows of exponential intervals: mean, spread, 2.5 and 97.5 %."""

    window: int
    mean: float
    spread: float
    chance_mean: float
    chance_spread: float
    chance_low: float
    chance_high: float
    outside_share: float
    """Of the data's windows, those outside the range of chance; 0.05 of a Poisson process."""

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def window_cv(intervals_s: ArrayLike, window: int = WINDOW, seed: int = 0) -> WindowCv:
    """Raises NoAnswer for fewer than 20 intervals."""
    x = checked_intervals(intervals_s)
    found = _cv(sliding_window_view(x, window))
    rng = np.random.default_rng(np.random.SeedSequence([seed, window]))
    chance = _cv(rng.exponential(1.0, (_SAMPLES, window)))
    low, high = np.quantile(chance, [0.025, 0.975])
    return WindowCv(
        window,
        float(found.mean()),
        float(found.std()),
        float(chance.mean()),
        float(chance.std()),
        float(low),
        float(high),
        float(np.mean((found < low) | (found > high))),
    )


@dataclass(frozen=True, slots=True)
class CvByChance:
    """Of `intervals` exponential intervals: 2.5, 50 and 97.5 % of their CV, and the share with one of at most
    `printed`."""

    intervals: int
    printed: float
    low: float
    middle: float
    high: float
    share_at_most: float


def cv_by_chance(intervals: int, printed: float, seed: int = 0) -> CvByChance:
    """What a Poisson process shows of a CV in so few intervals; by drawing, 20,000 times.

    Raises ValueError for fewer than 2 intervals, which have no CV.
    """
    if intervals < 2:
        raise ValueError(f"{intervals} intervals have no CV: 2 or more")
    rng = np.random.default_rng(np.random.SeedSequence([seed, intervals]))
    rows = max(1, _FLOATS_AT_ONCE // intervals)
    parts = [
        _cv(rng.exponential(1.0, (min(rows, _SAMPLES - rows * part), intervals)))
        for part in range(math.ceil(_SAMPLES / rows))
    ]
    chance = np.concatenate(parts)
    low, middle, high = np.quantile(chance, [0.025, 0.5, 0.975])
    share = float(np.mean(chance <= printed))
    return CvByChance(intervals, printed, float(low), float(middle), float(high), share)


def _cv(rows: Floats) -> Floats:
    """As the published program: numpy's standard deviation, of n and not n - 1."""
    mean = rows.mean(axis=1)
    cv: Floats = np.divide(rows.std(axis=1), mean, out=np.zeros(len(rows)), where=mean > 0)
    return cv
