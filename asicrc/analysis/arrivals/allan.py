"""Allan deviation: how much the rate, or a clock, differs from one stretch of time to the next.

Overlapping, of fractional frequency (Allan 1966; Howe, Allan, Barnes 1981). For counts the fractional
frequency is the rate over its mean, and a Poisson process of n events a second has 1 / sqrt(n tau).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from asicrc.analysis.event_stream import EventStream
from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate

MIN_DIFFERENCES = 10
MIN_INTERVALS = 100


@dataclass(frozen=True, slots=True)
class AllanPoint:
    """`poisson` is what a Poisson process of the same rate has; None for what is no rate."""

    tau_s: float
    deviation: Estimate
    poisson: float | None

    def as_json(self) -> dict[str, Any]:
        return {"tau_s": self.tau_s, **self.deviation.as_json(), "poisson": self.poisson}


def rate_allan_deviation(stream: EventStream, taus_s: Sequence[float] | None = None) -> list[AllanPoint]:
    """Of the rate of the longest segment, for averaging times from 10 mean intervals to a tenth of it.

    Raises NoAnswer for fewer than 100 intervals.
    """
    t = stream.longest_s
    n = len(t) - 1
    if n < MIN_INTERVALS:
        raise NoAnswer(f"{n} intervals in a segment; this takes {MIN_INTERVALS}", "capture for longer")
    mean_s = float(t[-1]) / n
    width_s = mean_s if taus_s is None else min(taus_s)
    counts = np.bincount((t[1:] / width_s).astype(np.int64))[: int(t[-1] / width_s)].astype(float)
    rate = counts / counts.mean()
    if taus_s is None:
        steps = np.unique(np.geomspace(10, len(rate) // 10, 12).astype(np.int64))
    else:
        steps = np.unique(np.maximum(np.round(np.asarray(taus_s) / width_s), 1).astype(np.int64))
    points = []
    for m in steps.tolist():
        found = allan_deviation(rate, m)
        if found is not None:
            tau_s = m * width_s
            points.append(AllanPoint(tau_s, found, 1 / math.sqrt(tau_s / mean_s)))
    return points


def allan_deviation(frequency: ArrayLike, m: int) -> Estimate | None:
    """Overlapping Allan deviation of fractional frequencies, each of one step, over m steps.

    None where the series is too short for ten differences. The interval takes the deviation squared as
    chi-squared with the degrees of freedom of white frequency noise (Howe, Allan, Barnes 1981, table 1).
    """
    y = np.asarray(frequency, float)
    phase = np.concatenate([[0.0], np.cumsum(y)])
    if m < 1 or len(phase) - 2 * m < MIN_DIFFERENCES:
        return None
    second = phase[2 * m :] - 2 * phase[m:-m] + phase[: -2 * m]
    deviation = math.sqrt(float(np.mean(second**2)) / 2) / m
    n = len(phase)
    df = (3 * (n - 1) / (2 * m) - 2 * (n - 2) / n) * 4 * m**2 / (4 * m**2 + 5)
    low, high = (deviation * math.sqrt(df / float(stats.chi2.ppf(q, df))) for q in (0.975, 0.025))
    return Estimate(deviation, low, high, len(second), method=f"chi-squared, {df:.1f} degrees of freedom")
