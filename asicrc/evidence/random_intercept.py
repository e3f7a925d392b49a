"""A mean over groups that differ: the linear mixed model with a random intercept, for balanced groups.

    y_ij = mean + group_i + e_ij,   group_i ~ N(0, between^2),   e_ij ~ N(0, within^2),   j = 1 .. r

With as many values in each group this needs no fit. The groups' means are independent draws from
N(mean, between^2 + within^2 / r), and they hold all that the data say of `mean`: so its exact test is
Student's t over the g means with g - 1 degrees of freedom. It is what restricted likelihood with the usual
degrees of freedom gives whenever its estimate of `between` is above 0. At 0 that one pools both variances and
has the larger standard error of the two; the t over means keeps its level there too, for it is exact whatever
`between` is (Searle, Casella and McCulloch 1992, chapter 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from asicrc.errors import NoAnswer
from asicrc.evidence.estimate import Estimate


@dataclass(frozen=True, slots=True)
class RandomIntercept:
    """`group_means` (g,) are what a t test of the mean is made of. `between_share` is the share of the
    variance of one value that lies between groups, with its exact interval."""

    group_means: NDArray[np.float64]
    mean: Estimate
    between_share: Estimate


def random_intercept(values: ArrayLike) -> RandomIntercept:
    """Of (g, r) values: r of each of g groups. 95 % intervals, that of the share by the F law (Searle 1971).

    Raises NoAnswer for fewer than two groups or two values in each, for values that are missing, and for
    groups within which nothing varies.
    """
    y = np.asarray(values, dtype=np.float64)
    if y.ndim != 2 or min(y.shape) < 2 or not np.isfinite(y).all():
        raise NoAnswer(
            f"values {y.shape} are no table of groups with as many values in each",
            "two groups or more, each with two finite values or more",
        )
    groups, repeats = y.shape
    means = y.mean(axis=1)
    between = repeats * float(means.var(ddof=1))
    within = float(y.var(axis=1, ddof=1).mean())
    if within == 0:
        raise NoAnswer("the values of a group do not vary", "values that were measured apart")
    mean = float(means.mean())
    half = float(stats.t.ppf(0.975, groups - 1) * np.sqrt(between / (groups * repeats)))
    df = groups - 1, groups * (repeats - 1)
    low, middle, high = (
        max(0.0, (ratio - 1) / (ratio + repeats - 1))
        for ratio in (
            between / within / float(stats.f.ppf(0.975, *df)),
            between / within,
            between / within / float(stats.f.ppf(0.025, *df)),
        )
    )
    return RandomIntercept(
        means,
        Estimate(mean, mean - half, mean + half, groups, method="t over groups"),
        Estimate(middle, low, high, groups, method="ratio of mean squares, Searle 1971"),
    )
