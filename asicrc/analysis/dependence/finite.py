"""Exact information theory of finite distributions, in nats.

A distribution is an array of probabilities that sums to 1; a joint one of S and O is (s, o). Where a
formalisation of the claims (Lean modules of the repository Abraxas1010/speaking-to-silicon) takes ln 0 for 0,
so that a divergence can come out below 0, it is infinite here (Cover and Thomas 2006, section 2.3).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import rel_entr, xlogy

Probabilities = NDArray[np.float64]
_TOLERANCE = 1e-9


def distribution(values: ArrayLike) -> Probabilities:
    """The array as probabilities. Raises ValueError for one below 0, not a number, or a sum away from 1."""
    p = np.asarray(values, float)
    if not p.size or not np.isfinite(p).all() or (p < 0).any():
        raise ValueError("probabilities are finite and 0 or more")
    if abs(float(p.sum()) - 1) > _TOLERANCE:
        raise ValueError(f"probabilities sum to 1, not to {float(p.sum()):.12g}")
    return p


def empirical(counts: ArrayLike) -> Probabilities:
    """Counts as shares. Raises ValueError for counts below 0 or none at all."""
    found = np.asarray(counts, float)
    total = float(found.sum()) if found.size else 0.0
    if total <= 0 or (found < 0).any():
        raise ValueError("shares are of counts, and at least one is above 0")
    return distribution(found / total)


def entropy(p: ArrayLike) -> float:
    """H(P) = -sum p ln p."""
    return float(-xlogy(distribution(p), np.asarray(p, float)).sum())


def divergence(p: ArrayLike, q: ArrayLike) -> float:
    """D(P || Q) = sum p ln (p / q); infinite where Q excludes what P has. 0 or more (Gibbs)."""
    first, second = distribution(p), distribution(q)
    if first.shape != second.shape:
        raise ValueError(f"distributions over {first.shape} and {second.shape} do not compare")
    return max(0.0, float(rel_entr(first, second).sum()))


def marginals(joint: ArrayLike) -> tuple[Probabilities, Probabilities]:
    """Of S and of O."""
    p = _joint(joint)
    return p.sum(axis=1), p.sum(axis=0)


def product(p: ArrayLike, q: ArrayLike) -> Probabilities:
    """The joint distribution of S of P and O of Q that know nothing of each other."""
    return np.outer(distribution(p), distribution(q))


def mutual_information(joint: ArrayLike) -> float:
    """I(S; O) = D(joint || product of its marginals); 0 exactly where they are independent."""
    p = _joint(joint)
    first, second = marginals(p)
    terms = rel_entr(p, product(first, second))
    # The product of two tiny marginals is 0 as a float, and excludes nothing: here its logarithm is taken.
    for s, o in np.argwhere(np.isinf(terms)):
        terms[s, o] = p[s, o] * (np.log(p[s, o]) - np.log(first[s]) - np.log(second[o]))
    return max(0.0, float(terms.sum()))


def through_channel(source: ArrayLike, channel: ArrayLike) -> Probabilities:
    """P(s, o) = P(s) K(o | s) of a source (s,) and a channel (s, o) whose rows are distributions."""
    p, k = distribution(source), np.asarray(channel, float)
    if k.ndim != 2 or len(k) != len(p):
        raise ValueError(f"a channel of {np.shape(channel)} has no row for each of {len(p)} states")
    for row in k:
        distribution(row)
    return np.asarray(p[:, None] * k)


def accuracy(joint: ArrayLike, guess: Callable[[int], int]) -> float:
    """P[guess(S) = O]."""
    p = _joint(joint)
    return float(sum(p[s, guess(s)] for s in range(len(p))))


def best_accuracy(joint: ArrayLike) -> float:
    """The most that any guess of O from S reaches."""
    return float(_joint(joint).max(axis=1).sum())


def baseline_accuracy(joint: ArrayLike) -> float:
    """Of always guessing the likeliest O. No guess is better where S and O are independent."""
    return float(marginals(joint)[1].max())


def witness(p: ArrayLike, q: ArrayLike) -> int:
    """The outcome whose probabilities differ most. Raises ValueError for distributions that are one."""
    first, second = distribution(p), distribution(q)
    apart = np.abs(first - second)
    if first.shape != second.shape or not apart.any():
        raise ValueError("nothing tells a distribution from itself")
    return int(apart.argmax())


def _joint(joint: ArrayLike) -> Probabilities:
    p = distribution(joint)
    if p.ndim != 2:
        raise ValueError(f"a joint distribution is a table of S by O, not {p.shape}")
    return p
