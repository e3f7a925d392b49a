"""How many shares each arm needs, before anything runs. Shares are counts: relative error 1/sqrt(N)."""

from __future__ import annotations

import math

from scipy import stats

from asicrc.evidence import Estimate
from asicrc.work.proxy_study.closed_form import PUBLISHED_RATIO

MARGIN = 0.05
"""Of the gain, fixed before any data: 5 percentage points."""


def shares_to_see(ratio: float = PUBLISHED_RATIO, sigmas: float = 3.0) -> int:
    """Shares of the slower arm, with arms of equal time, for a ratio of rates to stand out by `sigmas`.

    The logarithm of a ratio of counts n and r n has variance (1 + 1 / r) / n: 309 for 220/175 at 3 sigma.
    """
    return math.ceil(sigmas**2 * (1 + 1 / ratio) / math.log(ratio) ** 2)


def shares_to_exclude(margin: float = MARGIN, power: float = 0.9) -> int:
    """Shares per arm for a 95 % interval inside the margin, with this power where there is no gain.

    Two one-sided tests at 2.5 %: the logarithm of the ratio has variance 2 / n.
    """
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.5 + power / 2)
    return math.ceil(2 * (z / math.log1p(margin)) ** 2)


def p_of_no_gain(shares_without: int, shares_with: int, seconds_without: float, seconds_with: float) -> float:
    """Two-sided p-value of equal rates, given the total: the binomial of Przyborowski and Wilenski 1940."""
    share = seconds_with / (seconds_with + seconds_without)
    return float(stats.binomtest(shares_with, shares_with + shares_without, share).pvalue)


def gain_of(shares_without: int, shares_with: int, seconds_without: float, seconds_with: float) -> Estimate:
    """The gain in shares per second, with its 95 % interval from the two counts.

    Raises ValueError for an arm without a share: it has no rate to compare with.
    """
    if shares_without < 1 or shares_with < 1:
        raise ValueError(f"arms of {shares_without} and {shares_with} shares have no ratio")
    ratio = shares_with / seconds_with / (shares_without / seconds_without)
    half = 1.959964 * math.sqrt(1 / shares_without + 1 / shares_with)
    return Estimate(
        ratio - 1,
        ratio * math.exp(-half) - 1,
        ratio * math.exp(half) - 1,
        min(shares_without, shares_with),
        method="logarithm of a ratio of Poisson counts",
    )
