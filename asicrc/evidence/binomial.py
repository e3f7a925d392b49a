"""A share of n with the interval that is never too narrow."""

from __future__ import annotations

from scipy import stats

from asicrc.evidence.estimate import Estimate


def clopper_pearson(k: int, n: int) -> Estimate:
    """k of n, n above 0, with the exact 95 % interval of Clopper and Pearson 1934."""
    low = float(stats.beta.ppf(0.025, k, n - k + 1)) if k else 0.0
    high = float(stats.beta.ppf(0.975, k + 1, n - k)) if k < n else 1.0
    return Estimate(k / n, low, high, n, method="Clopper and Pearson 1934")
