"""Slopes that late stamps cannot move: they are fitted to the prompt ones, where the errors lie densest.

A jackknife fits the same values again and again, some of them left out. All these fits are made at once, as
rows of weights that are 0 where a value is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from asicrc.analysis.block_bootstrap import Floats
from asicrc.analysis.robust_fit import DENSEST, HUBER, Groups, mad_sigma

TUKEY = 4.685
"""Keeps 95 % of the efficiency of the mean on normal errors."""
MIN_FOR_PROMPT = 40
"""Values from which on the prompt ones can be told: a quarter of fewer lies close together by chance."""
_DENSE_IN_A_GROUP = 3
"""Values of each group in the densest share, at least: an intercept alone takes one to a residual of 0."""
_LARGEST_SHARE = 0.75
_LOW, _LOW_STEPS = 0.2, 12
_CLEARLY_NARROWER = 0.9
_WIDENED = 3.0
_STEPS = 60
_NARROWING = 0.8
_ROUGHLY, _CONVERGED = 1e-2, 1e-4
"""Change of the scale, and of the fitted values against it, at which a fit stays."""
_VALUES_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class RobustSlopes:
    """`slopes` of y on each column, `residual` without the groups' intercepts, its `scale`, and the
    `weights` that the values ended with."""

    slopes: Floats
    residual: Floats
    scale: float
    weights: Floats


def robust_slopes(y: Floats, x: Floats, group: Groups) -> RobustSlopes:
    """Slopes of y on the columns of x, shape (n, k), at the densest errors; each group has its intercept.

    Two starts, as the densest errors may lie far from the middle: Huber 1964, by reweighting (Holland and
    Welsch 1977), and the regression quantile of 20 % (Koenker and Bassett 1978). From each, Tukey's biweight
    with a scale that narrows step by step down to that of the densest quarter of the errors (more, where
    groups are small); the second is taken where it ends clearly narrower, as in the choice of an S-estimator
    (Rousseeuw and Yohai 1984). Fewer than 40 values: Huber's alone.

    Raises ValueError where a column does not vary within the groups, or is a combination of the others.
    """
    n = len(y)
    fits = _Fits(np.column_stack([y, x]), group, np.ones((1, n), bool))
    if n < MIN_FOR_PROMPT:
        return fits.huber(_CONVERGED).row(0)
    middle = fits.huber(_ROUGHLY)
    low = fits.low_residual()
    from_middle = fits.narrowed(middle.residual, middle.scale).row(0)
    from_below = fits.narrowed(low, _WIDENED * fits.densest_sigma(low)).row(0)
    return from_below if from_below.scale < _CLEARLY_NARROWER * from_middle.scale else from_middle


def slopes_left_out(y: Floats, x: Floats, group: Groups, whole: RobustSlopes, block: Groups) -> Floats:
    """Slopes without the values of each block, shape (blocks, k), for a jackknife of `whole`.

    Each is fitted from the residuals of the whole, with its scale widened: with a block gone, other errors
    may be the densest. Raises ValueError where the rest cannot be fitted.
    """
    columns, blocks = np.column_stack([y, x]), np.arange(int(block.max()) + 1)
    at_once = max(1, _VALUES_AT_ONCE // len(y))
    slopes = []
    for first in range(0, len(blocks), at_once):
        fits = _Fits(columns, group, block != blocks[first : first + at_once, None])
        if len(y) < MIN_FOR_PROMPT:
            slopes.append(fits.huber(_CONVERGED).slopes)
        else:
            scale = np.full(fits.rows, _WIDENED * whole.scale)
            slopes.append(fits.narrowed(np.tile(whole.residual, (fits.rows, 1)), scale).slopes)
    return np.concatenate(slopes)


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """`slopes` (rows, k), `residual` and `weights` (rows, n), `scale` (rows,)."""

    slopes: Floats
    residual: Floats
    scale: Floats
    weights: Floats

    def row(self, k: int) -> RobustSlopes:
        return RobustSlopes(self.slopes[k], self.residual[k], float(self.scale[k]), self.weights[k])


class _Fits:
    """Regressions of the first of `columns`, shape (n, 1 + k), on the others: one for each row of `kept`,
    shape (rows, n), of the values that are True there."""

    def __init__(self, columns: Floats, group: Groups, kept: NDArray[np.bool_]) -> None:
        self.rows, n = kept.shape
        self._columns = columns
        self._kept = kept
        self._groups = int(group.max()) + 1
        self._place = group + self._groups * np.arange(self.rows)[:, None]
        count = kept.sum(axis=1)
        held = np.bincount(self._place[kept], minlength=self.rows * self._groups) > 0
        fitted = held.reshape(self.rows, -1).sum(axis=1) + columns.shape[1] - 1
        self._freedom = np.sqrt(count / np.maximum(1, count - fitted))
        """Groups of few values leave residuals that are too small."""
        share = np.clip(_DENSE_IN_A_GROUP * self._groups / n, DENSEST, _LARGEST_SHARE)
        self._count = count
        self._dense = np.maximum(2, np.ceil(share * count)).astype(np.int64)
        self._to_sigma = self._freedom / (2 * ndtri(0.5 + share / 2))

    def huber(self, converged: float) -> _Fitted:
        def spread(residual: Floats) -> Floats:
            rows = zip(residual, self._kept, strict=True)
            sigma: Floats = np.array([mad_sigma(values[kept]) for values, kept in rows]) * self._freedom
            return sigma

        return self._reweighted(self._kept.astype(float), spread, _huber, converged)

    def narrowed(self, residual: Floats, scale: Floats) -> _Fitted:
        """Biweight, from these residuals and scales down to the scale of the densest ones."""
        spread = scale

        def narrower(residual: Floats) -> Floats:
            nonlocal spread
            spread = np.maximum(spread * _NARROWING, np.minimum(spread, self.densest_sigma(residual)))
            return spread

        return self._reweighted(_tukey(residual, scale) * self._kept, narrower, _tukey, _CONVERGED)

    def low_residual(self) -> Floats:
        """Residuals of a low regression quantile, by reweighting: close to it is enough for a start."""
        weights = self._kept.astype(float)
        for _ in range(_LOW_STEPS):
            _, residual, _ = self._solved(weights)
            size = np.abs(residual)
            nearest = _ROUGHLY * np.median(size, axis=1, keepdims=True)
            if not np.all(nearest > 0):
                break
            weights = np.where(residual > 0, _LOW, 1 - _LOW) / np.maximum(size, nearest) * self._kept
        return residual

    def densest_sigma(self, residual: Floats) -> Floats:
        """Width of the narrowest range that holds the densest share, as the sigma of a normal law."""
        beyond = np.finfo(float).max
        ordered = np.sort(np.where(self._kept, residual, beyond), axis=1)
        last = np.arange(ordered.shape[1]) + self._dense[:, None] - 1
        inside = last < self._count[:, None]
        width = np.take_along_axis(ordered, np.minimum(last, ordered.shape[1] - 1), axis=1) - ordered
        narrowest: Floats = np.where(inside, width, beyond).min(axis=1)
        sigma: Floats = np.where(self._dense <= self._count, narrowest, 0.0) * self._to_sigma
        return sigma

    def _reweighted(
        self,
        weights: Floats,
        scale_of: Callable[[Floats], Floats],
        weigh: Callable[[Floats, Floats], Floats],
        converged: float,
    ) -> _Fitted:
        slopes, scale = np.zeros((self.rows, self._columns.shape[1] - 1)), np.zeros(self.rows)
        for _ in range(_STEPS):
            before, last = slopes, scale
            slopes, residual, size = self._solved(weights)
            scale = scale_of(residual)
            moved = np.maximum(np.abs(scale - last), (np.abs(slopes - before) * size).max(axis=1))
            if np.all((scale <= 0) | (moved <= converged * scale)):
                break
            again = weigh(residual, scale) * self._kept
            weights = np.where((scale > 0)[:, None], again, weights)
        return _Fitted(slopes, residual, scale, weights)

    def _solved(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """Slopes (rows, k), residuals (rows, n) and the rms of each column within its groups (rows, k)."""
        place, cells = self._place.ravel(), self.rows * self._groups
        total = np.bincount(place, weights.ravel(), cells)
        known = total > 0
        centred = []
        for column in self._columns.T:
            sums = np.bincount(place, (weights * column).ravel(), cells)
            means = np.divide(sums, total, out=np.zeros(cells), where=known)
            centred.append(column - means[self._place])
        y, x = centred[0], np.stack(centred[1:], axis=-1)
        size = np.sqrt((weights[:, :, None] * x**2).sum(axis=1))
        if np.any(size == 0):
            raise ValueError("a column does not vary within the groups")
        unit = x / size[:, None, :]
        weighted = (unit * weights[:, :, None]).transpose(0, 2, 1)
        normal = weighted @ unit
        if normal.shape[1] > 1 and np.any(np.linalg.cond(normal) > 1e12):
            raise ValueError("the columns tell each other")
        slopes: Floats = np.linalg.solve(normal, weighted @ y[:, :, None])[:, :, 0] / size
        residual: Floats = y - (x @ slopes[:, :, None])[:, :, 0]
        return slopes, residual, np.sqrt(np.mean(x**2, axis=1))


def _huber(residual: Floats, scale: Floats) -> Floats:
    bound = HUBER * np.where(scale > 0, scale, np.inf)[:, None]
    size = np.abs(residual)
    return np.divide(bound, size, out=np.ones_like(size), where=size > bound)


def _tukey(residual: Floats, scale: Floats) -> Floats:
    bound = TUKEY * np.where(scale > 0, scale, np.inf)[:, None]
    return np.square(np.clip(1 - (residual / bound) ** 2, 0, None))
