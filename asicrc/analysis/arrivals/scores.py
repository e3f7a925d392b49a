"""Intervals as normal scores: their order without their law.

Each interval becomes the normal quantile of its rank (van der Waerden 1952). Without any order in the data
every order of the scores is equally likely, whatever the law of the intervals: what is tested then is order
alone, and the null depends on the number of intervals and on nothing else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from asicrc.evidence.block_bootstrap import Floats


def normal_scores(values: ArrayLike) -> Floats:
    """(n,) scores of mean 0 and variance 1; ties share the mean of their ranks."""
    x = np.asarray(values, float)
    ranks = stats.rankdata(x)
    scores: Floats = special.ndtri((ranks - 0.5) / len(x))
    scores -= scores.mean()
    spread = float(scores.std())
    return scores / spread if spread > 0 else scores
