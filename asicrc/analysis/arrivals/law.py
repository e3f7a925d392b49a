"""Is the law of the intervals that of a Poisson process behind a dead time?

The null has two unknowns, rate and dead time. The smallest interval carries all that the data know of the
dead time: the others less the smallest are exponential again, whatever it is (Epstein and Sobel 1954). Two
numbers of these are then held against what an exponential gives: the mean logarithm, which of all laws near
the exponential sees a gamma law best, and the CV, which sees the tail.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import integrate, stats

from asicrc.analysis.exponential import checked_intervals
from asicrc.analysis.intervals import coefficient_of_variation
from asicrc.errors import NoAnswer
from asicrc.evidence import ClaimMargins, Estimate, Finding, TestResult, judge_claim
from asicrc.evidence.block_bootstrap import Floats
from asicrc.evidence.planned_sizes import QUANTITIES

MIN_INTERVALS = 50
CV_MARGINS = ClaimMargins(claimed=0.05, tolerated=0.01)
SOFT = 0.05
"""Of the mean, added before the logarithm: what jitter does to the shortest intervals then matters little."""
SHARES = (0.8, 0.2)
"""Of the level, for the mean logarithm and for the CV."""


@dataclass(frozen=True, slots=True)
class LawTest:
    """`cv_null` is the CV of a Poisson process behind `dead_time_s` at the mean of the data."""

    dead_time_s: float
    cv_null: float
    test: TestResult


def cv_finding(
    intervals_s: ArrayLike,
    seed: int = 0,
    *,
    margins: ClaimMargins = CV_MARGINS,
    replicates: int = 999,
) -> Finding:
    """Does the CV depart from that of a Poisson process behind a hard dead time?

    The effect is the difference from that CV, with a block-bootstrap interval; the p-value is `law_test`'s.
    The note says how many intervals would decide it. Raises NoAnswer as `law_test`.
    """
    x = checked_intervals(intervals_s)
    found = law_test(x)
    cv = coefficient_of_variation(x, np.random.default_rng(seed), replicates)
    effect = Estimate(
        cv.estimate - found.cv_null, cv.low - found.cv_null, cv.high - found.cv_null, cv.n, method=cv.method
    )
    enough = QUANTITIES["cv-equivalence"].plan(margins.claimed).n
    return Finding(
        question="Does the CV of the intervals depart from a Poisson process behind a dead time?",
        effect=effect,
        nulls=[found.test],
        smallest_effect=QUANTITIES["cv"].smallest_effect(len(x), 0.8),
        verdict=judge_claim(effect, found.test.p_value, margins),
        note=f"CV {cv.estimate:.4g}, of the null {found.cv_null:.4g}; margin {margins.claimed:g}; "
        f"{enough} intervals decide it",
        p_corrected=found.test.p_value,
    )


def law_test(intervals_s: ArrayLike) -> LawTest:
    """Both numbers against their normal laws under the null; closed form, for 50 intervals and more.

    The level is shared four to one, most of it to the mean logarithm, which has twice the power of the CV for
    a law that is nearly exponential. Raises NoAnswer for fewer than 50, and for intervals that do not vary.
    """
    x = checked_intervals(intervals_s)
    n, least, mean = len(x), float(x.min()), float(x.mean())
    if n < MIN_INTERVALS:
        raise NoAnswer(f"{n} intervals; a test of their law needs {MIN_INTERVALS}", "capture for longer")
    excess = excess_of(x)
    z = components(excess) / _null_errors()
    each = 2 * stats.norm.sf(np.abs(z)) / np.array(SHARES)
    # The smallest of n exponentials lies mean / n above the dead time, and not more.
    dead_time_s = max(0.0, least - float(excess.mean()) / n)
    return LawTest(
        dead_time_s,
        1 - dead_time_s / mean,
        TestResult(
            ("mean logarithm", "CV")[int(np.argmin(each))] + " of the intervals, of two that were tried",
            float(z[int(np.argmin(each))]),
            float(min(each.min(), 1.0)),
            n,
            f"exponential intervals after a hard dead time of {dead_time_s:.3g} s, both estimated",
        ),
    )


def excess_of(intervals_s: Floats) -> Floats:
    """The intervals but for the smallest, less it: exponential where these are so behind a hard dead time.

    Raises NoAnswer for intervals that do not vary.
    """
    excess: Floats = np.delete(intervals_s, int(np.argmin(intervals_s))) - intervals_s.min()
    if not np.ptp(excess):
        raise NoAnswer("the intervals do not vary", "a host paces these events")
    return excess


def components(excess: Floats) -> Floats:
    """The two numbers of (n,) positive values, each times sqrt(n), less what an exponential has."""
    u = excess / excess.mean()
    soft = float(np.log((u + SOFT) / (1 + SOFT)).mean()) - _null_mean()
    cv = float(np.log(u.std(ddof=1)))
    scaled: Floats = np.sqrt(len(u)) * np.array([soft, cv])
    return scaled


@cache
def _null_mean() -> float:
    value: float = integrate.quad(lambda u: np.log((u + SOFT) / (1 + SOFT)) * np.exp(-u), 0, np.inf)[0]
    return value


@cache
def _null_errors() -> Floats:
    """Standard errors of the components times sqrt(n): the scale is estimated, which takes u - 1 out of the
    first; the logarithm of the CV of exponentials has 1."""
    slope: float = integrate.quad(lambda u: u / (u + SOFT) * np.exp(-u), 0, np.inf)[0]
    mean = _null_mean()
    variance: float = integrate.quad(
        lambda u: (np.log((u + SOFT) / (1 + SOFT)) - mean - slope * (u - 1)) ** 2 * np.exp(-u), 0, np.inf
    )[0]
    return np.array([np.sqrt(variance), 1.0])
