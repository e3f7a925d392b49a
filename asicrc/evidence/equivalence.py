"""Two one-sided tests: showing that a difference is small, which "not significant" never does; or large.

Schuirmann 1987. The null is that the difference reaches the margin on one side or the other; a small p says
that it lies inside. The margin belongs to the question and is fixed before the data are seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from asicrc.errors import NoAnswer
from asicrc.evidence.estimate import Estimate, TestResult

MIN_OF_A_GROUP = 5


def equivalence_test(
    value: float, se: float, margin: float, *, n: int, df: float = math.inf, null_value: float = 0.0
) -> TestResult:
    """Does `value`, of standard error `se`, lie within `margin` of `null_value`?

    `df` are the degrees of freedom of `se`; infinite: the normal law. Raises ValueError for a margin or a
    standard error that is none.
    """
    if not (margin > 0 and se >= 0 and math.isfinite(value)):
        raise ValueError(f"a margin above 0 and a standard error are needed, not {margin} and {se}")
    nearest = margin - abs(value - null_value)
    t = nearest / se if se > 0 else math.copysign(math.inf, nearest)
    return TestResult(
        "two one-sided tests",
        t,
        float(stats.t.sf(t, df) if math.isfinite(df) else stats.norm.sf(t)),
        n,
        f"a distance of {margin:g} or more from {null_value:g}",
    )


def equivalence_of_estimate(effect: Estimate, margin: float, *, null_value: float = 0.0) -> TestResult:
    """The same from an interval, whose half width over its normal quantile is taken as the standard error.

    With an interval that is not symmetric the half towards the nearer margin counts. Raises NoAnswer for an
    interval that is open.
    """
    towards = effect.high - effect.estimate if effect.estimate >= null_value else effect.estimate - effect.low
    if not math.isfinite(towards):
        raise NoAnswer("the interval of the effect is open on the side of the margin", "capture for longer")
    se = towards / float(stats.norm.ppf((1 + effect.level) / 2))
    return equivalence_test(effect.estimate, se, margin, n=effect.n, null_value=null_value)


def equivalence_of_means(a: ArrayLike, b: ArrayLike, margin: float) -> tuple[Estimate, TestResult]:
    """Difference of two means, b less a, with its 95 % interval and the test that it is within the margin.

    Variances may differ (Welch 1947). Raises NoAnswer for fewer than 5 values in a group.
    """
    difference, se, df, n = _difference(a, b)
    half = float(stats.t.ppf(0.975, df)) * se
    effect = Estimate(difference, difference - half, difference + half, n, method="Welch 1947")
    return effect, equivalence_test(difference, se, margin, n=n, df=df)


def _difference(a: ArrayLike, b: ArrayLike) -> tuple[float, float, float, int]:
    """b less a in the mean, its standard error and degrees of freedom (Welch 1947), and n of both."""
    x, y = (np.asarray(values, float) for values in (a, b))
    if min(len(x), len(y)) < MIN_OF_A_GROUP or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise NoAnswer(
            f"groups of {len(x)} and {len(y)}, or values that are missing",
            f"{MIN_OF_A_GROUP} finite values in each group",
        )
    parts = [float(values.var(ddof=1)) / len(values) for values in (x, y)]
    se = math.sqrt(sum(parts))
    spread = sum(part**2 / (len(values) - 1) for part, values in zip(parts, (x, y), strict=True))
    df = sum(parts) ** 2 / spread if spread > 0 else float(len(x) + len(y) - 2)
    return float(y.mean() - x.mean()), se, df, len(x) + len(y)


def equivalence_of_groups(groups: Mapping[str, ArrayLike], margin: float) -> tuple[Estimate, TestResult]:
    """The largest difference between two of the groups' means, and the test that all lie within the margin.

    All pairs have to be equivalent, so the largest p-value holds the level without a correction (Berger
    1982). Raises NoAnswer for fewer than two groups, and as `equivalence_of_means`.
    """
    if len(groups) < 2:
        raise NoAnswer(f"{len(groups)} groups to compare", "two or more")
    pairs = [(a, b, *equivalence_of_means(groups[a], groups[b], margin)) for a, b in combinations(groups, 2)]
    worst = max(pairs, key=lambda pair: pair[3].p_value)
    a, b, effect, test = worst
    return effect, TestResult(
        f"two one-sided tests, {len(pairs)} pairs, the worst being {a} and {b}",
        test.statistic,
        test.p_value,
        test.n,
        f"two of the groups differ by {margin:g} or more",
    )


def difference_of_groups(groups: Mapping[str, ArrayLike], margin: float) -> TestResult:
    """The other way round: do two of the groups' means differ by more than the margin?

    One-sided Welch tests of the distance of each pair, the smallest p-value times their number (Bonferroni).
    Raises NoAnswer as `equivalence_of_groups`, ValueError for a margin that is not above 0.
    """
    if not margin > 0:
        raise ValueError(f"a margin is above 0, not {margin}")
    if len(groups) < 2:
        raise NoAnswer(f"{len(groups)} groups to compare", "two or more")
    found = []
    for a, b in combinations(groups, 2):
        difference, se, df, n = _difference(groups[a], groups[b])
        beyond = abs(difference) - margin
        t = beyond / se if se > 0 else math.copysign(math.inf, beyond)
        found.append((float(stats.t.sf(t, df)), t, n, f"{a} and {b}"))
    p, t, n, pair = min(found)
    name = f"Welch, one-sided, {len(found)} pairs, the farthest being {pair}"
    null = f"no two of the groups differ by more than {margin:g}"
    return TestResult(name, t, min(1.0, p * len(found)), n, null)
