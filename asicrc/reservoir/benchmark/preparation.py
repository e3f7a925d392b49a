"""What a table of features goes through before a linear readout, measured on the training rows alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asicrc.reservoir.states.table import Flags, Floats

FARTHEST = 10.0
"""Training standard deviations that a feature counts for at most."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """Missing values to the training mean with a column that says so, unit variance, held within limits.

    What lies more than `FARTHEST` training standard deviations off is held there: some features are nearly
    constant (the phase of a share that ends its own step), and a line through them has no bound.

    `fill` (k,) are means of what is known, 0 where nothing is; `flagged` (k,) which features have a column
    that says where they are missing; `centre` and `scale` are of these k + flagged columns.
    """

    fill: Floats
    flagged: Flags
    centre: Floats
    scale: Floats

    @classmethod
    def of(cls, values: Floats) -> Preparation:
        """From training rows (n, k), NaN where missing."""
        missing = np.isnan(values)
        counts = missing.sum(axis=0)
        fill = np.where(missing, 0.0, values).sum(axis=0) / np.maximum(len(values) - counts, 1)
        flagged: Flags = counts > 0
        columns = _filled(values, missing, fill, flagged)
        centre = columns.mean(axis=0)
        return cls(fill, flagged, centre, _scale(columns, centre))

    def __call__(self, values: Floats) -> Floats:
        """Rows (n, k) as the readout takes them."""
        columns = _filled(values, np.isnan(values), self.fill, self.flagged)
        return np.clip((columns - self.centre) / self.scale, -FARTHEST, FARTHEST)


def _filled(values: Floats, missing: Flags, fill: Floats, flagged: Flags) -> Floats:
    return np.hstack([np.where(missing, fill, values), missing[:, flagged]])


def _scale(columns: Floats, centre: Floats) -> Floats:
    """Standard deviations in two passes (Chan, Golub, LeVeque 1983), 1 for what rounding leaves of a
    constant."""
    n = len(columns)
    apart = columns - centre
    variance = ((apart**2).sum(axis=0) - apart.sum(axis=0) ** 2 / n) / n
    rounding = np.finfo(np.float64).eps * n
    constant: NDArray[np.bool_] = variance <= rounding * variance + (rounding * centre) ** 2
    return np.where(constant, 1.0, np.sqrt(variance))
