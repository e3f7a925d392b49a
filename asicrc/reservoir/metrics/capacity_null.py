"""What a capacity is worth when the states know nothing of the target: exact null, cut and bias.

For r independent state columns and T steps, the share of a centred white target that a least-squares fit
explains in its own steps follows Beta(r/2, (T-1-r)/2), whose mean is r/(T-1) and not 0. Exact for a Gaussian
target or spherical Gaussian states whatever the other is like; an approximation for other white targets.
A target that is not white, against states that are not either, has another null: use surrogates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from asicrc.reservoir.metrics.checking import Floats


@dataclass(frozen=True, slots=True)
class CapacityNull:
    """Null of one capacity for states of `rank` r and `n` steps, r < n - 1."""

    rank: int
    n: int

    @property
    def mean(self) -> float:
        return self.rank / (self.n - 1)

    def threshold(self, alpha: float, tried: int) -> float:
        """The 1 - alpha / `tried` quantile: one false capacity in 1/alpha sets of `tried` (Bonferroni)."""
        return float(stats.beta.isf(alpha / tried, *self._shape))

    def p_values(self, capacity: Floats) -> Floats:
        value: Floats = stats.beta.sf(capacity, *self._shape)
        return value

    def corrected(self, capacity: Floats) -> Floats:
        """1 - (1 - C)(T - 1)/(T - 1 - r), see `without_bias`."""
        return without_bias(capacity, np.float64(self.mean))

    @property
    def _shape(self) -> tuple[float, float]:
        return self.rank / 2, (self.n - 1 - self.rank) / 2


def without_bias(capacity: Floats, null_mean: Floats | np.float64) -> Floats:
    """1 - (1 - C)/(1 - m) for a null of mean m: mean 0 under it, 1 where C is 1. May be below 0."""
    return np.minimum(1.0 - (1.0 - capacity) / (1.0 - null_mean), 1.0)
