"""Tails of the Poisson and the binomial distribution, summed term by term, and the bounds that they give.

Here and not from scipy, whose import takes a third of a second in which a capture would stand still.
"""

from __future__ import annotations

import math
from collections.abc import Callable

_NEGLIGIBLE = 1e-18
_HALVINGS = 60


def poisson_at_most(n: int, mean: float) -> float:
    """P(N <= n) of a Poisson count; 1 where n is at the mean or above, where nobody wants to know it."""
    if n >= mean:
        return 1.0
    last = math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) if n else math.exp(-mean)
    return _summed(last, lambda k: (n - k) / mean)


def binomial_at_most(k: int, n: int, share: float) -> float:
    """P(K <= k) of n trials; 1 where k is at the mean or above."""
    if k >= n * share:
        return 1.0
    odds = (1 - share) / share
    return _summed(_binomial_term(k, n, share), lambda step: (k - step) / (n - k + step + 1) * odds)


def binomial_at_least(k: int, n: int, share: float) -> float:
    """P(K >= k) of n trials; 1 where k is at the mean or below."""
    if k <= n * share:
        return 1.0
    odds = share / (1 - share)
    return _summed(_binomial_term(k, n, share), lambda step: (n - k - step) / (k + step + 1) * odds)


def highest_mean(n: int, level: float) -> float:
    """Upper bound of a Poisson mean of which n were counted (Garwood 1936): above it P(N <= n) < level."""
    top = n + 10.0 - 3.0 * math.log(level) + 10.0 * math.sqrt(n + 1.0)
    return _crossing(lambda mean: poisson_at_most(n, mean) < level, float(n), top)


def highest_share(k: int, n: int, level: float) -> float:
    """Upper bound of a share (Clopper and Pearson 1934)."""
    return 1.0 if k == n else _crossing(lambda share: binomial_at_most(k, n, share) < level, k / n, 1.0)


def lowest_share(k: int, n: int, level: float) -> float:
    """Lower bound of a share (Clopper and Pearson 1934)."""
    return 0.0 if k == 0 else _crossing(lambda share: not binomial_at_least(k, n, share) < level, 0.0, k / n)


def _binomial_term(k: int, n: int, share: float) -> float:
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(share) + (n - k) * math.log1p(-share)) if 0 < share < 1 else 0.0


def _summed(first: float, ratio: Callable[[int], float]) -> float:
    """`first` and the terms after it, each `ratio(number)` times the one before; they fall."""
    total, term, number = first, first, 0
    while term > _NEGLIGIBLE * total:
        term *= ratio(number)
        total += term
        number += 1
    return min(total, 1.0)


def _crossing(is_beyond: Callable[[float], bool], low: float, high: float) -> float:
    """Where `is_beyond` turns from False to True, by halving."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if is_beyond(middle):
            high = middle
        else:
            low = middle
    return (low + high) / 2
