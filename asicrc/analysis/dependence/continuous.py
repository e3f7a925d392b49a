"""Mutual information of two numbers by distances to neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree
from scipy.special import digamma, ndtri
from scipy.stats import rankdata

from asicrc.analysis.dependence.information import Information, orders_within, tested
from asicrc.errors import NoAnswer

FEWEST = 100
MOST = 5000
NEIGHBOURS = 4
_BLOCKS = 20
_MOST_TIES = 0.05


def ksg_information(
    x: ArrayLike,
    y: ArrayLike,
    *,
    seed: np.random.SeedSequence,
    strata: ArrayLike | None = None,
    permutations: int = 199,
    neighbours: int = NEIGHBOURS,
) -> Information:
    """I(X; Y) of numbers (n,) and (n,), in nats: first estimator of Kraskov, Stoegbauer and Grassberger 2004.

    Both are replaced by normal scores of their ranks, which changes no mutual information of continuous
    values. Above 5,000 pairs 5,000 are drawn. The p-value is among permutations inside `strata`.

    Raises ValueError for rows that do not fit, NoAnswer for fewer than 100, or where over 5 % of the values
    are tied: distances between ties say nothing.
    """
    first, second = np.asarray(x, float), np.asarray(y, float)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"values of {first.shape} and {second.shape} do not pair")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("a value is not a number")
    if len(first) < FEWEST:
        raise NoAnswer(f"{len(first)} pairs: it takes {FEWEST}", "more data")
    for name, values in (("first", first), ("second", second)):
        tied = 1 - len(np.unique(values)) / len(values)
        if tied > _MOST_TIES:
            raise NoAnswer(f"{tied:.0%} of the {name} values are tied", "take labels, or a finer clock")
    rng = np.random.default_rng(seed)
    groups = np.zeros(len(first), np.int64) if strata is None else np.asarray(strata)
    if len(first) > MOST:
        drawn = np.sort(rng.choice(len(first), MOST, replace=False))
        first, second, groups = first[drawn], second[drawn], groups[drawn]
    first, second = _normal_scores(first, rng), _normal_scores(second, rng)
    draw = orders_within(np.unique(groups, return_inverse=True)[1].astype(np.int64), rng)
    estimate = _ksg(first, second, neighbours)
    under_null = np.array([_ksg(first[draw()], second, neighbours) for _ in range(permutations)])
    kept = np.ones(len(first), bool)
    replicates: list[float] = []
    for rows in np.array_split(np.arange(len(first)), _BLOCKS):
        kept[rows] = False
        replicates.append(_ksg(first[kept], second[kept], neighbours))
        kept[rows] = True
    return tested(
        estimate,
        under_null,
        np.array(replicates),
        len(first),
        bias=float(under_null.mean()),
        name="mutual information by neighbours",
        null="the values are independent inside strata",
    )


def _normal_scores(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Of the ranks, with ties broken at random."""
    shuffled = rng.permutation(len(values))
    rank = np.empty(len(values))
    rank[shuffled] = rankdata(values[shuffled], method="ordinal")
    return np.asarray(ndtri((rank - 0.5) / len(values)))


def _ksg(x: NDArray[np.float64], y: NDArray[np.float64], k: int) -> float:
    """psi(k) + psi(n) - <psi(n_x + 1) + psi(n_y + 1)>: n_x, n_y are nearer than the k-th neighbour."""
    n = len(x)
    points = np.column_stack([x, y])
    radius = np.asarray(cKDTree(points).query(points, k + 1, p=np.inf)[0])[:, -1]
    counts = [_nearer(values, radius) for values in (x, y)]
    return float(digamma(k) + digamma(n) - (digamma(counts[0] + 1) + digamma(counts[1] + 1)).mean())


def _nearer(values: NDArray[np.float64], radius: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many others lie strictly within the radius of each, in one dimension."""
    ordered = np.sort(values)
    low = np.searchsorted(ordered, values - radius, side="right")
    high = np.searchsorted(ordered, values + radius, side="left")
    return np.asarray(np.maximum(high - low - 1, 0), np.int64)
