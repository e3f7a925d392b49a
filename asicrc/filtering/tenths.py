"""How much oftener hashes with the best scores hit than those with the worst: a ratio of probabilities."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate
from asicrc.evidence.finding import POWER_80_SE

PARTS = 10
FEWEST = 20
"""Hits, and others, in the best and in the worst part."""


def ratio_of_tenths(score: ArrayLike, hit: ArrayLike, *, tried: int = 1) -> Estimate:
    """P(hit | best tenth) / P(hit | worst tenth) of scores (n,), from hits and others drawn apart.

    Tenths are of the others, which nearly all hashes are; so the shares of hits and others in a tenth give
    its odds but for a factor that drops out. The interval is that of a ratio of risks on a log scale (Katz et
    al. 1978), at level 1 - 0.05 / tried.

    Raises NoAnswer for fewer than 20 of either kind in a tenth, as scores that take few values have too.
    """
    values, is_hit = np.asarray(score, float), np.asarray(hit, bool)
    others, hits = values[~is_hit], values[is_hit]
    if not len(others):
        raise NoAnswer("no hash without a hit", "both kinds")
    low, high = np.quantile(others, (1 / PARTS, 1 - 1 / PARTS))
    counts = [int(count.sum()) for count in (hits > high, hits < low, others > high, others < low)]
    if min(counts) < FEWEST:
        raise NoAnswer(
            f"{min(counts)} of a kind in the best or the worst tenth: a ratio needs {FEWEST}",
            "more hashes of either kind",
        )
    best, worst, others_best, others_worst = counts
    ratio = best * others_worst / (worst * others_best)
    level = 1 - 0.05 / tried
    width = math.exp(float(stats.norm.isf((1 - level) / 2)) * math.sqrt(sum(1 / count for count in counts)))
    return Estimate(ratio, ratio / width, ratio * width, len(values), level, method="Katz et al. 1978")


def detectable_ratio(n_of_a_kind: int) -> float:
    """What so many hits and as many others show with a power of 80 %, of one comparison."""
    return math.exp(POWER_80_SE * math.sqrt(4 * PARTS / n_of_a_kind))
