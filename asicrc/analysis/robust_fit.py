"""Centres and spreads that late stamps cannot move.

A stamp is prompt, or late by as long as the host was busy: on a shared machine most of them may be late, some
by milliseconds, and none is early. So the prompt ones, where the errors lie densest, are what is fitted. The
load of a job is stamped once, which makes its error common to all answers of the job.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from asicrc.evidence.block_bootstrap import Floats

HUBER = 1.345
"""Keeps 95 % of the efficiency of the mean on normal errors."""
MAD_TO_SIGMA = 1.4826
DENSEST = 0.25
"""Share of the errors whose narrowest range is taken for the spread of the prompt ones."""

Groups = NDArray[np.int64]
"""Group of each value, numbered from 0."""


def numbered(values: NDArray[np.generic]) -> Groups:
    """The same grouping with numbers from 0."""
    return np.asarray(np.unique(values, return_inverse=True)[1], np.int64).reshape(-1)


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


def densest_sigma(values: Floats, share: float = DENSEST) -> float:
    """Width of the narrowest range that holds a share of the values, as the sigma of a normal law."""
    ordered = np.sort(values)
    held = max(2, int(np.ceil(share * len(ordered))))
    if len(ordered) < held:
        return 0.0
    width = float((ordered[held - 1 :] - ordered[: len(ordered) - held + 1]).min())
    return width / (2 * NormalDist().inv_cdf(0.5 + share / 2))


def _huber(residual: Floats, scale: float) -> Floats:
    size = np.abs(residual / scale) if scale > 0 else np.zeros(len(residual))
    return np.divide(HUBER, size, out=np.ones_like(size), where=size > HUBER)
