"""Centres and slopes that late stamps cannot move.

A stamp is prompt, or late by as long as the host was busy: on a shared machine most of them may be late, some
by milliseconds, and none is early. So the prompt ones, where the errors lie densest, are what is fitted. The
load of a job is stamped once, which makes its error common to all answers of the job.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.block_bootstrap import Floats

HUBER, TUKEY = 1.345, 4.685
"""Both keep 95 % of the efficiency of the mean on normal errors."""
MAD_TO_SIGMA = 1.4826
DENSEST = 0.25
"""Share of the errors whose narrowest range is taken for the spread of the prompt ones."""
_DENSEST_TO_SIGMA = 1 / (2 * 0.318639)  # of a normal law: its middle quarter lies within 0.3186 sigma
_STEPS = 60
_NARROWING = 0.8
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
    """Slopes of y on the columns of x, shape (n, k), at the densest errors; each group has its intercept.

    First Huber 1964, by reweighting (Holland and Welsch 1977), then Tukey's biweight, whose scale narrows
    step by step down to that of the densest quarter of the errors. With `scale` and `weights` of an earlier
    fit only the last step is done, from there. Raises ValueError where a column does not vary within the
    groups, or is a combination of the others.
    """
    columns = np.column_stack([y, x])
    if scale is not None and weights is not None:
        return _reweighted(columns, group, weights, lambda residual: scale, _tukey)
    start = _reweighted(
        columns, group, np.ones(len(y)), lambda residual: mad_sigma(residual) * _freedom(group, x), _huber
    )
    spread = start.scale

    def narrower(residual: Floats) -> float:
        nonlocal spread
        spread = max(spread * _NARROWING, min(spread, densest_sigma(residual) * _freedom(group, x)))
        return spread

    return _reweighted(columns, group, _tukey(start.residual, start.scale), narrower, _tukey)


def huber_centres(values: Floats, group: Groups, scale: float, *, steps: int = 8) -> Floats:
    """Centre of its group for each value. From the medians; with `scale` 0 the medians themselves."""
    n_groups = int(group.max(initial=-1)) + 1
    centre = group_medians(values, group, n_groups)
    if scale <= 0:
        return centre[group]
    for _ in range(steps):
        weights = _huber(values - centre[group], scale)
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


def densest_sigma(values: Floats) -> float:
    """Width of the narrowest range that holds a quarter of the values, as the sigma of a normal law."""
    ordered = np.sort(values)
    held = max(2, int(np.ceil(DENSEST * len(ordered))))
    if len(ordered) < held:
        return 0.0
    return _DENSEST_TO_SIGMA * float((ordered[held - 1 :] - ordered[: len(ordered) - held + 1]).min())


def _reweighted(
    columns: Floats,
    group: Groups,
    weights: Floats,
    scale_of: Callable[[Floats], float],
    weigh: Callable[[Floats, float], Floats],
) -> RobustSlopes:
    slopes = np.zeros(columns.shape[1] - 1)
    residual, scale = columns[:, 0], 0.0
    for _ in range(_STEPS):
        centred = _centred(columns, weights, group)
        before, slopes = slopes, _solve(centred, weights)
        residual = centred[:, 0] - centred[:, 1:] @ slopes
        last, scale = scale, scale_of(residual)
        settled = np.all(np.abs(slopes - before) <= _CONVERGED * np.abs(slopes))
        if scale <= 0 or (settled and abs(scale - last) <= _CONVERGED * scale):
            break
        weights = weigh(residual, scale)
    return RobustSlopes(slopes, residual, scale, weights)


def _huber(residual: Floats, scale: float) -> Floats:
    size = np.abs(residual / scale) if scale > 0 else np.zeros(len(residual))
    return np.divide(HUBER, size, out=np.ones_like(size), where=size > HUBER)


def _tukey(residual: Floats, scale: float) -> Floats:
    if scale <= 0:
        return np.ones(len(residual))
    return np.square(np.clip(1 - (residual / (TUKEY * scale)) ** 2, 0, None))


def _freedom(group: Groups, x: Floats) -> float:
    """Groups of few values leave residuals that are too small."""
    n, fitted = len(group), int(group.max(initial=-1)) + 1 + x.shape[1]
    return float(np.sqrt(n / max(1, n - fitted)))


def _centred(columns: Floats, weights: Floats, group: Groups) -> Floats:
    """Columns less their weighted mean in each group; a group without weight counts for nothing."""
    total = np.bincount(group, weights)
    sums = np.stack([np.bincount(group, weights * column) for column in columns.T], axis=1)
    means = np.divide(sums, total[:, None], out=np.zeros_like(sums), where=total[:, None] > 0)
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
