"""What can be planned, and the power of each test.

`plan_size("cv", 0.05)` and the like. `tried` is how many tests share the level (Bonferroni).
"""

from __future__ import annotations

import math
from dataclasses import replace

from scipy import stats

from asicrc.errors import UsageError
from asicrc.evidence.sample_size import ALPHA, POWER, SizePlan, SizeQuestion, normal_power


def plan_size(
    quantity: str,
    effect: float,
    *,
    power: float = POWER,
    alpha: float = ALPHA,
    n: int | None = None,
    tried: int = 1,
    floor_us: float | None = None,
    features: int = 1,
    bound: float = 0.1,
) -> SizePlan:
    """The fewest that see `effect`, or with `n` the power that so many have.

    Parameters
    ----------
    quantity : one of `QUANTITIES`
    effect : in the unit of the quantity
    tried : tests among which `alpha` is shared
    floor_us : of "residual": rms of the residual without an effect, us
    features : of "memory": independent state columns
    bound : of "eer": the equal-error rate that is to be excluded

    Raises UsageError for a quantity or a value that there is not, NoAnswer for more than 10^12.
    """
    if quantity not in QUANTITIES:
        raise UsageError(f"nothing is planned for {quantity!r}", f"known: {', '.join(QUANTITIES)}")
    if tried < 1:
        raise UsageError(f"{tried} tests cannot share a level", "1 or more")
    question = _question(quantity, floor_us, features, bound)
    shared = alpha / tried
    plan = question.plan(effect, power, shared) if n is None else question.power_at(effect, n, shared)
    return replace(plan, alpha=alpha, method=plan.method + (f"; one of {tried} tests" if tried > 1 else ""))


def _question(quantity: str, floor_us: float | None, features: int, bound: float) -> SizeQuestion:
    if quantity == "residual":
        if floor_us is None or not floor_us > 0:
            raise UsageError(
                "a residual is seen against the spread of the stamps", "give it: --floor-us 20 (rms, us)"
            )
        return residual(floor_us)
    if quantity == "memory":
        if features < 1:
            raise UsageError(f"{features} features remember nothing", "1 or more")
        return memory(features)
    if quantity == "eer":
        return equal_error_rate(bound)
    return QUANTITIES[quantity]


def cv_se(cv: float) -> float:
    """Standard error of the CV of one interval, times sqrt(n): c sqrt((1 + c^2) / 2) of gamma intervals.

    1 for a Poisson process. From the moments of the gamma law (Johnson, Kotz, Balakrishnan 1994, chapter 17)
    and the delta method.
    """
    return cv * math.sqrt((1 + cv**2) / 2)


def _cv_power(shift: float, n: float, alpha: float) -> float:
    if shift <= -1:
        return 0.0
    return normal_power(shift, 1 / math.sqrt(n), cv_se(1 + shift) / math.sqrt(n), alpha)


def _equivalent_cv_power(margin: float, n: float, alpha: float) -> float:
    """That an interval of level 1 - alpha about a CV of 1 lies within the margin."""
    room = margin * math.sqrt(n) - float(stats.norm.isf(alpha / 2))
    return max(0.0, 2 * float(stats.norm.cdf(room)) - 1)


def depth_power(depth: float, n: float, alpha: float) -> float:
    """Of the Rayleigh test: twice the power is noncentral chi-squared with 2 degrees of freedom, n a^2 / 2.

    a is the depth of a sinusoidal modulation of the rate (Groth 1975 for the law).
    """
    threshold = -2 * math.log(alpha)
    return float(stats.ncx2.sf(threshold, 2, n * depth**2 / 2))


def auc_se(auc: float, n: float) -> float:
    """Of n in each class, by the exponential model (Hanley and McNeil 1982); exact at 1/2 but for 1/n^2."""
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (n - 1) * (q1 + q2 - 2 * auc**2)) / n**2
    return math.sqrt(max(variance, 0.0))


def _auc_power(auc: float, n: float, alpha: float) -> float:
    above = max(auc, 1 - auc)
    return normal_power(above - 0.5, auc_se(0.5, n), auc_se(above, n), alpha)


def _ratio_power(ratio: float, n: float, alpha: float) -> float:
    """Two Poisson counts, n expected in the first; variance-stabilised (Huffman 1984)."""
    if ratio <= 0:
        return 0.0
    distance = math.sqrt(n * ratio) - math.sqrt(n)
    return normal_power(distance, math.sqrt(0.5), math.sqrt(0.5), alpha)


def _correlation_power(rho: float, n: float, alpha: float) -> float:
    return normal_power(math.atanh(rho), 1 / math.sqrt(n - 3), 1 / math.sqrt(n - 3), alpha)


def residual(floor_us: float) -> SizeQuestion:
    """A core, chip or slope whose times lie off by `shift` us, each stamp being spread by the floor."""
    return SizeQuestion(
        "residual",
        "us",
        "events of that core or chip",
        f"z-test of a mean, stamps spread by {floor_us:g} us rms",
        0.0,
        lambda shift, n, alpha: normal_power(shift, floor_us / math.sqrt(n), floor_us / math.sqrt(n), alpha),
    )


def memory(features: int) -> SizeQuestion:
    """A capacity at one delay that a fit on so many features has to tell from its Beta null."""

    def power_of(capacity: float, n: float, alpha: float) -> float:
        df = n - 1 - features
        if df < 1:
            return 0.0
        threshold = float(stats.f.isf(alpha, features, df))
        return float(stats.ncf.sf(threshold, features, df, n * capacity / (1 - capacity)))

    return SizeQuestion(
        "memory",
        "of one delay's capacity",
        "steps",
        f"F-test of a fit on {features} features (Cohen 1988)",
        0.0,
        power_of,
        least=features + 3,
        most_effect=1.0,
    )


def equal_error_rate(bound: float) -> SizeQuestion:
    """Trials until the upper bound of a rate that really is `effect` falls below `bound`."""
    if not 0 < bound < 0.5:
        raise UsageError(f"a bound of {bound:g} on an equal-error rate says nothing", "between 0 and 0.5")

    def power_of(rate: float, n: float, alpha: float) -> float:
        if not 0 <= rate < bound:
            return 0.0
        # The most errors of n whose Clopper-Pearson upper end still lies below the bound.
        most = int(stats.binom.ppf(alpha / 2, n, bound))
        while most >= 0 and float(stats.binom.cdf(most, n, bound)) > alpha / 2:
            most -= 1
        return 0.0 if most < 0 else float(stats.binom.cdf(most, n, rate))

    return SizeQuestion(
        "eer",
        "true rate",
        "genuine and as many impostor trials",
        f"upper end below {bound:g} (Clopper and Pearson 1934)",
        -1.0,
        power_of,
        most_effect=bound,
    )


QUANTITIES: dict[str, SizeQuestion] = {
    "cv": SizeQuestion(
        "cv", "shift of the CV from 1", "intervals", "z-test of the CV, gamma intervals", 0.0, _cv_power
    ),
    "cv-equivalence": SizeQuestion(
        "cv-equivalence",
        "margin about a CV of 1",
        "intervals",
        "two one-sided tests (Schuirmann 1987)",
        0.0,
        _equivalent_cv_power,
    ),
    "heartbeat": SizeQuestion(
        "heartbeat",
        "depth of a sinusoidal rate",
        "events",
        "Rayleigh test at one frequency",
        0.0,
        depth_power,
        most_effect=1.0 + 1e-9,
    ),
    "auc": SizeQuestion(
        "auc",
        "area under the ROC curve",
        "in each class",
        "Mann-Whitney test (Hanley and McNeil 1982)",
        0.5,
        _auc_power,
        most_effect=1.0,
    ),
    "residual": residual(20.0),
    "memory": memory(1),
    "eer": equal_error_rate(0.1),
    "counts": SizeQuestion(
        "counts",
        "ratio of two rates",
        "shares expected in the first arm",
        "square roots of two Poisson counts (Huffman 1984)",
        1.0,
        _ratio_power,
    ),
    "correlation": SizeQuestion(
        "correlation",
        "serial correlation",
        "pairs",
        "Fisher 1921",
        0.0,
        _correlation_power,
        least=5,
        most_effect=1.0,
    ),
}
"""What can be planned, by the name that the command takes."""
