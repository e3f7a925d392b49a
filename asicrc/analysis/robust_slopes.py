"""Slopes that late stamps cannot move: they are fitted to the prompt ones, where the errors lie densest.

A jackknife fits the same values again and again, some of them left out. All these fits are made at once, as
rows of weights that are 0 where a value is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from asicrc.analysis.robust_fit import DENSEST, HUBER, Groups, mad_sigma
from asicrc.evidence.block_bootstrap import Floats

TUKEY = 4.685
"""Keeps 95 % of the efficiency of the mean on normal errors."""
MIN_FOR_PROMPT = 40
"""Values from which on the prompt ones can be told: a quarter of fewer lies close together by chance."""
_DENSE, _LEAST_SHARE = 250, 0.1
"""Values that tell how dense they lie: of many, a smaller share than a quarter does, where most are late."""
_DENSE_IN_A_GROUP = 3
"""Values of each group in the densest share, at least: an intercept alone takes one to a residual of 0."""
_LARGEST_SHARE = 0.75
_LOW, _LOW_STEPS = 0.2, 12
_CLEARLY_NARROWER = 0.9
_WIDENED = 3.0
_STEPS = 60
_NARROWING = 0.8
_VALUES_AT_ONCE = 200_000
"""Few enough to stay in the processor's cache."""
_ROUGHLY, _CLOSE, _CONVERGED = 1e-2, 1e-3, 1e-4
"""Change of the scale, and of the fitted values against it, at which a fit stays."""


@dataclass(frozen=True, slots=True, eq=False)
class RobustSlopes:
    """`slopes` of y on each column, `residual` without the groups' intercepts, its `scale`, and the
    `weights` that the values ended with. `prompt`: they were fitted to the prompt stamps."""

    slopes: Floats
    residual: Floats
    scale: float
    weights: Floats
    prompt: bool


def robust_slopes(y: Floats, x: Floats, group: Groups, *, prompt: bool = True) -> RobustSlopes:
    """Slopes of y on the columns of x, shape (n, k), at the densest errors; each group has its intercept.

    Two starts, as the densest errors may lie far from the middle: Huber 1964, by reweighting (Holland and
    Welsch 1977), and the regression quantile of 20 % (Koenker and Bassett 1978). From each, Tukey's biweight
    with a scale that narrows step by step down to that of the densest quarter of the errors (less of many,
    more where groups are small); the second is taken where it ends clearly narrower, as an S-estimator is
    chosen (Rousseeuw and Yohai 1984). Fewer than 40 values, and without `prompt`: Huber's alone.

    Raises ValueError where a column does not vary within the groups, or is a combination of the others.
    """
    fits = _Fits(np.column_stack([y, x]), group, np.ones((1, len(y)), bool))
    if not prompt or len(y) < MIN_FOR_PROMPT:
        return fits.huber(_CONVERGED).row(0, prompt=False)
    middle = fits.huber(_ROUGHLY)
    from_middle = fits.narrowed(middle.residual, middle.scale, _CONVERGED).row(0, prompt=True)
    from_below = fits.from_below(_CONVERGED).row(0, prompt=True)
    return from_below if from_below.scale < _CLEARLY_NARROWER * from_middle.scale else from_middle


def slopes_left_out(y: Floats, x: Floats, group: Groups, whole: RobustSlopes, block: Groups) -> Floats:
    """Slopes without the values of each block, shape (blocks, k), for a jackknife of `whole`.

    Each is fitted in the same way, to the prompt ones from the residuals of the whole with its scale widened:
    with a block gone, other errors may be the densest. (One Newton step from the whole fit takes a tenth to a
    third off the errors.) Raises ValueError where the rest cannot be fitted.
    """
    columns, blocks = np.column_stack([y, x]), np.arange(int(block.max()) + 1)
    at_once = max(1, _VALUES_AT_ONCE // len(y))
    slopes = []
    for first in range(0, len(blocks), at_once):
        left_out = blocks[first : first + at_once, None]
        fits = _Fits(columns, group, block != left_out)
        if not whole.prompt:
            slopes.append(fits.huber(_CONVERGED).slopes)
        else:
            scale = np.full(len(left_out), _WIDENED * whole.scale)
            residual = np.tile(whole.residual, (len(left_out), 1))
            slopes.append(fits.narrowed(residual, scale, _CLOSE).slopes)
    return np.concatenate(slopes)


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """`slopes` (rows, k), `residual` and `weights` (rows, n), `scale` (rows,)."""

    slopes: Floats
    residual: Floats
    scale: Floats
    weights: Floats

    def row(self, k: int, *, prompt: bool) -> RobustSlopes:
        return RobustSlopes(self.slopes[k], self.residual[k], float(self.scale[k]), self.weights[k], prompt)


class _Fits:
    """Regressions of the first of `columns`, shape (n, 1 + k), on the others: one for each row of `kept`,
    shape (rows, n), of the values that are True there. Within, values lie in the order of their groups."""

    def __init__(self, columns: Floats, group: Groups, kept: NDArray[np.bool_]) -> None:
        n, k = len(columns), columns.shape[1] - 1
        self._order = np.argsort(group, kind="stable")
        self._columns, self._kept = columns[self._order], kept[:, self._order]
        self._sizes = np.bincount(group)
        self._begins = np.cumsum(self._sizes) - self._sizes
        self._count = kept.sum(axis=1)
        fitted = np.count_nonzero(self._by_group(self._kept), axis=1) + k
        freedom = np.sqrt(self._count / np.maximum(1, self._count - fitted))
        """Groups of few values leave residuals that are too small."""
        least = np.clip(_DENSE / n, _LEAST_SHARE, DENSEST)
        share = np.clip(_DENSE_IN_A_GROUP * len(self._sizes) / n, least, _LARGEST_SHARE)
        self._dense = np.maximum(2, np.ceil(share * self._count)).astype(np.int64)
        self._freedom, self._to_sigma = freedom, freedom / (2 * ndtri(0.5 + share / 2))

    def huber(self, converged: float) -> _Fitted:
        def spread(residual: Floats) -> Floats:
            rows = zip(residual, self._kept, strict=True)
            sigma: Floats = np.array([mad_sigma(values[kept]) for values, kept in rows]) * self._freedom
            return sigma

        return self._reweighted(self._kept.astype(float), spread, _huber, converged)

    def narrowed(self, residual: Floats, scale: Floats, converged: float) -> _Fitted:
        """Biweight, from these residuals and scales down to the scale of the densest ones."""
        spread = scale

        def narrower(residual: Floats) -> Floats:
            nonlocal spread
            spread = np.maximum(spread * _NARROWING, np.minimum(spread, self._densest_sigma(residual)))
            return spread

        weights = _tukey(residual[:, self._order], scale) * self._kept
        return self._reweighted(weights, narrower, _tukey, converged)

    def from_below(self, converged: float) -> _Fitted:
        """`narrowed` from a low regression quantile, by reweighting: close to it is enough for a start."""
        weights = self._kept.astype(float)
        for _ in range(_LOW_STEPS):
            _, low, _ = self._solved(weights)
            size = np.abs(low)
            nearest = _ROUGHLY * np.median(size, axis=1, keepdims=True)
            if not np.all(nearest > 0):
                break
            weights = np.where(low > 0, _LOW, 1 - _LOW) / np.maximum(size, nearest) * self._kept
        return self.narrowed(self._as_given(low), _WIDENED * self._densest_sigma(low), converged)

    def _reweighted(
        self,
        weights: Floats,
        scale_of: Callable[[Floats], Floats],
        weigh: Callable[[Floats, Floats], Floats],
        converged: float,
    ) -> _Fitted:
        slopes, scale = np.zeros((len(weights), self._columns.shape[1] - 1)), np.zeros(len(weights))
        for _ in range(_STEPS):
            before, last = slopes, scale
            slopes, residual, size = self._solved(weights)
            scale = scale_of(residual)
            moved = np.maximum(np.abs(scale - last), (np.abs(slopes - before) * size).max(axis=1))
            if np.all((scale <= 0) | (moved <= converged * scale)):
                break
            again = weigh(residual, scale) * self._kept
            weights = np.where((scale > 0)[:, None], again, weights)
        return _Fitted(slopes, self._as_given(residual), scale, self._as_given(weights))

    def _solved(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """Slopes (rows, k), residuals (rows, n) and the rms of each column within its groups (rows, k)."""
        total = self._by_group(weights)
        centred = []
        for column in self._columns.T:
            sums = self._by_group(weights * column)
            means = np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)
            centred.append(column - np.repeat(means, self._sizes, axis=1))
        y, xs = centred[0], centred[1:]
        weighted = [weights * x for x in xs]
        normal = np.array([[_dot(a, b) for b in xs] for a in weighted]).transpose(2, 0, 1)
        size = np.sqrt(np.diagonal(normal, axis1=1, axis2=2))
        if np.any(size == 0):
            raise ValueError("a column does not vary within the groups")
        unit = normal / (size[:, :, None] * size[:, None, :])
        if len(xs) > 1 and np.any(np.linalg.cond(unit) > 1e12):
            raise ValueError("the columns tell each other")
        with_y = np.stack([_dot(a, y) for a in weighted], axis=1) / size
        slopes: Floats = np.linalg.solve(unit, with_y[:, :, None])[:, :, 0] / size
        residual = y - sum(slopes[:, [k]] * x for k, x in enumerate(xs))
        return slopes, residual, np.sqrt(np.stack([_dot(x, x) for x in xs], axis=1) / y.shape[1])

    def _densest_sigma(self, residual: Floats) -> Floats:
        """Width of the narrowest range that holds the densest share, as the sigma of a normal law."""
        sigma = np.zeros(len(residual))
        for row, (values, kept, held) in enumerate(zip(residual, self._kept, self._dense, strict=True)):
            ordered = np.sort(values[kept])
            if len(ordered) >= held:
                sigma[row] = (ordered[held - 1 :] - ordered[: len(ordered) - held + 1]).min()
        spread: Floats = sigma * self._to_sigma
        return spread

    def _by_group(self, values: NDArray[Any]) -> Floats:
        """Sums (rows, groups)."""
        sums: Floats = np.add.reduceat(values, self._begins, axis=1, dtype=float)
        return sums

    def _as_given(self, values: Floats) -> Floats:
        """Values by group in the order in which they came."""
        given = np.empty_like(values)
        given[:, self._order] = values
        return given


def _dot(a: Floats, b: Floats) -> Floats:
    """Of each row."""
    products: Floats = np.einsum("rn,rn->r", a, b)
    return products


def _huber(residual: Floats, scale: Floats) -> Floats:
    bound = HUBER * np.where(scale > 0, scale, np.inf)[:, None]
    size = np.abs(residual)
    return np.divide(bound, size, out=np.ones_like(size), where=size > bound)


def _tukey(residual: Floats, scale: Floats) -> Floats:
    bound = TUKEY * np.where(scale > 0, scale, np.inf)[:, None]
    return np.square(np.clip(1 - (residual / bound) ** 2, 0, None))
