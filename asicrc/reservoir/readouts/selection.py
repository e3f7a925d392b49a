"""Which penalty: the errors that are to be expected of each, and the choice."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from asicrc.reservoir.readouts.folds import BlockedKFold, GroupedRuns, Indices
from asicrc.reservoir.readouts.spectrum import GRAM_RESOLVES, Spectrum
from asicrc.reservoir.readouts.sums import AnyFloats, Floats, GramSums, TriangularSums

RELATIVE_ALPHAS = np.logspace(np.log10(GRAM_RESOLVES), 0, 13)
"""Penalties in shares of the largest eigenvalue of X'X: the same search whatever the unit of the states."""


def penalties(alphas: ArrayLike | None, largest: float) -> Floats:
    """(m,) the penalties to try; RELATIVE_ALPHAS for None. Raises ValueError for none, or for one below 0."""
    if alphas is None:
        return RELATIVE_ALPHAS * (largest if largest > 0 else 1.0)
    found = np.atleast_1d(np.asarray(alphas, dtype=np.float64))
    if found.ndim != 1 or not len(found) or not np.all(np.isfinite(found) & (found >= 0)):
        raise ValueError(f"alphas is {alphas!r}: give penalties, finite and 0 or above")
    return found


def choose(errors: Floats, alphas: Floats, variance: Floats, per_target: bool) -> Indices:
    """(k,) which penalty each target gets, of `alphas` (m,) with expected mean squared `errors` (m, k).

    The least error; for one penalty for all, the least mean of errors over the targets' variance. The larger
    penalty wins a tie, and where no error is known.
    """
    order = np.argsort(-alphas, kind="stable")
    judged = errors[order]
    if not per_target:
        varies = variance > 0
        scaled = judged[:, varies] / variance[varies] if varies.any() else judged
        judged = np.repeat(scaled.mean(axis=1, keepdims=True), errors.shape[1], axis=1)
    return np.asarray(order[judged.argmin(axis=0)], dtype=np.int64)


def folds_of(n: int, groups: ArrayLike | None, n_splits: int, gap: int) -> list[tuple[Indices, Indices]]:
    """Blocks of one run, with a gap; of several runs, whole runs."""
    rows = np.zeros((n, 1))
    runs = 1 if groups is None else len(np.unique(np.asarray(groups)))
    if runs < 2:
        return list(BlockedKFold(n_splits, gap).split(rows))
    return list(GroupedRuns(min(n_splits, runs)).split(rows, groups=groups))


def held_out_errors(
    x: AnyFloats,
    y: Floats,
    folds: Iterable[tuple[Indices, Indices]],
    alphas: Floats,
    *,
    intercept: bool,
    total: GramSums | None,
) -> Floats:
    """(m, k) mean squared errors on held-out rows, one decomposition a fold.

    With the sums of all rows in `total` the sums of a fold are those less the rows that it leaves out; None
    decomposes the training rows themselves.
    """
    squares = np.zeros((len(alphas), y.shape[1]))
    rows = 0
    for train, test in folds:
        if total is None:
            spectrum = Spectrum.of(TriangularSums.of(x[train], y[train]), intercept)
        else:
            left_out = np.ones(len(x), dtype=np.bool_)
            left_out[train] = False
            spectrum = Spectrum.of(total.without(GramSums.of(x[left_out], y[left_out])), intercept)
        squares += _squared_errors(spectrum, x[test], y[test], alphas)
        rows += len(test)
    return squares / rows


def _squared_errors(spectrum: Spectrum, x: AnyFloats, y: Floats, alphas: Floats) -> Floats:
    centred_x = x - spectrum.mean_x if spectrum.intercept else x
    centred_y = y - spectrum.mean_y if spectrum.intercept else y
    turned = centred_x @ spectrum.vectors
    weights = spectrum.turned_weights_of_each(alphas)
    return np.stack([((centred_y - turned @ of_one) ** 2).sum(axis=0) for of_one in weights])
