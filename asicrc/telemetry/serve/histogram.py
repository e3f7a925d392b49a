"""The newest intervals beside those of a Poisson process of the same rate."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from asicrc.analysis.intervals import MIN_INTERVALS

BINS = 25
LONGEST = 5.0
"""Mean intervals that are drawn; what is longer is counted in one bar more."""


def interval_histogram(intervals_s: NDArray[np.float64]) -> dict[str, Any] | None:
    """`mean_s`, `n`, `edges_s` and, for each bar, `count`, what is `expected` and `low` to `high`, within
    which 95 % of the counts lie for exponential intervals; None for fewer than 20, or for equal stamps only.

    The last bar holds all that is longer than the last edge.
    """
    n = len(intervals_s)
    mean_s = float(intervals_s.mean()) if n else 0.0
    if n < MIN_INTERVALS or not mean_s > 0:
        return None
    edges = np.linspace(0.0, LONGEST, BINS + 1)
    count, _ = np.histogram(np.minimum(intervals_s / mean_s, LONGEST + 1), np.append(edges, LONGEST + 2))
    share = -np.diff(np.append(np.exp(-edges), 0.0))
    return {
        "n": n,
        "mean_s": mean_s,
        "edges_s": (edges * mean_s).tolist(),
        "count": count.tolist(),
        "expected": (n * share).round(3).tolist(),
        "low": np.asarray(stats.binom.ppf(0.025, n, share)).tolist(),
        "high": np.asarray(stats.binom.ppf(0.975, n, share)).tolist(),
    }
