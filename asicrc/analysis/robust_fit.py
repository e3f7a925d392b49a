"""Centres and slopes that a few late stamps cannot move.

A host that is held up stamps single answers milliseconds late, and the load of a job is stamped once, so that
its error is common to all answers of the job. Centres are those of Huber 1964 at his constant 1.345; slopes
are Huber regressions with an intercept for each group, by iterated reweighting (Holland and Welsch 1977).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.block_bootstrap import Floats

HUBER = 1.345
"""Keeps 95 % of the efficiency of the mean on normal errors."""
MAD_TO_SIGMA = 1.4826
_STEPS = 60
_CONVERGED = 1e-9

Groups = NDArray[np.int64]
"""Group of each value, numbered from 0."""


@dataclass(frozen=True, slots=True)
class RobustSlopes:
    """`slopes` of y on each column, `residual` without the groups' intercepts, its `scale`, and the
    `weights` that the values ended with."""

    slopes: Floats
    residual: Floats
    scale: float
    weights: Floats


def numbered(values: NDArray[np.generic]) -> Groups:
    """The same grouping with numbers from 0."""
    return np.asarray(np.unique(values, return_inverse=True)[1], np.int64).reshape(-1)


def robust_slopes(
    y: Floats, x: Floats, group: Groups, *, scale: float | None = None, weights: Floats | None = None
) -> RobustSlopes:
    """Huber regression of y on the columns of x, shape (n, k), with an intercept for each group.

    `scale` of the errors is estimated along the way unless it is given; `weights` are those to start from.
    Raises ValueError where a column does not vary within the groups, or is a combination of the others.
    """
    held = np.ones(len(y)) if weights is None else weights
    slopes = np.zeros(x.shape[1])
    residual, spread = y, 0.0
    for _ in range(_STEPS):
        columns = _centred(np.column_stack([y, x]), held, group)
        before, slopes = slopes, _solve(columns, held)
        residual = columns[:, 0] - columns[:, 1:] @ slopes
        spread = _spread(residual, group, x.shape[1]) if scale is None else scale
        if spread <= 0 or np.all(np.abs(slopes - before) <= _CONVERGED * np.abs(slopes)):
            break
        held = _weights(residual / spread)
    return RobustSlopes(slopes, residual, spread, held)


def huber_centres(values: Floats, group: Groups, scale: float, *, steps: int = 8) -> Floats:
    """Centre of its group for each value. From the medians; with `scale` 0 the medians themselves."""
    n_groups = int(group.max(initial=-1)) + 1
    centre = group_medians(values, group, n_groups)
    if scale <= 0:
        return centre[group]
    for _ in range(steps):
        weights = _weights((values - centre[group]) / scale)
        total = np.bincount(group, weights, n_groups)
        moved = np.bincount(group, weights * (values - centre[group]), n_groups)
        centre = centre + np.divide(moved, total, out=np.zeros(n_groups), where=total > 0)
    return centre[group]


def group_medians(values: Floats, group: Groups, n_groups: int) -> Floats:
    """Median of each group; NaN for one without values."""
    order = np.lexsort((values, group))
    counts = np.bincount(group, minlength=n_groups)
    first = np.cumsum(counts) - counts
    medians = np.full(n_groups, np.nan)
    held = counts > 0
    ordered = values[order]
    low = ordered[(first + (counts - 1) // 2)[held]]
    high = ordered[(first + counts // 2)[held]]
    medians[held] = (low + high) / 2
    return medians


def mad_sigma(values: Floats) -> float:
    """Median distance from the median, as the sigma of a normal law."""
    return MAD_TO_SIGMA * float(np.median(np.abs(values - np.median(values)))) if len(values) else 0.0


def _weights(standardised: Floats) -> Floats:
    size = np.abs(standardised)
    return np.divide(HUBER, size, out=np.ones_like(size), where=size > HUBER)


def _spread(residual: Floats, group: Groups, fitted: int) -> float:
    """Scale of the errors; groups of few values leave residuals that are too small."""
    n, n_groups = len(residual), int(group.max(initial=-1)) + 1
    return mad_sigma(residual) * float(np.sqrt(n / max(1, n - n_groups - fitted)))


def _centred(columns: Floats, weights: Floats, group: Groups) -> Floats:
    total = np.bincount(group, weights)
    means = np.stack([np.bincount(group, weights * column) / total for column in columns.T], axis=1)
    centred: Floats = columns - means[group]
    return centred


def _solve(columns: Floats, weights: Floats) -> Floats:
    y, x = columns[:, 0], columns[:, 1:]
    size = np.sqrt((weights[:, None] * x**2).sum(axis=0))
    if np.any(size == 0):
        raise ValueError("a column does not vary within the groups")
    unit = x / size
    normal = unit.T @ (weights[:, None] * unit)
    if np.linalg.cond(normal) > 1e12:
        raise ValueError("the columns tell each other")
    solution: Floats = np.linalg.solve(normal, unit.T @ (weights * y)) / size
    return solution
