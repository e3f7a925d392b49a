"""Counts: do they vary more or less than the intervals alone would make them?

Two questions are kept apart. Against a Poisson process the index of dispersion also sees every dead time.
Against a renewal process of the same intervals, whatever they are, only their order is left: sums of K
neighbours vary K times as much as one, unless long and short ones come together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from asicrc.analysis.arrivals.scores import normal_scores
from asicrc.analysis.event_stream import EventStream
from asicrc.errors import NoAnswer
from asicrc.evidence import ClaimMargins, Estimate, Finding, TestResult, judge_claim
from asicrc.evidence.block_bootstrap import Floats
from asicrc.evidence.finding import POWER_80_SE

MIN_INTERVALS = 500
SUMS = (5, 20, 80)
HEADLINE = 20
DISPERSION_MARGINS = ClaimMargins(claimed=0.1, tolerated=0.03)
"""Of the ratio of variances: counts in windows of 20 intervals that vary by a tenth more."""
MIN_SUMS = 25
"""Whole sums that a length has to leave, for the normal law to hold."""


def dispersion_finding(
    stream: EventStream, *, margins: ClaimMargins = DISPERSION_MARGINS, sums: Sequence[int] = SUMS
) -> Finding:
    """Are counts over- or underdispersed beyond what their intervals explain?

    The effect is the logarithm of the variance ratio over 20 intervals. Of the longest segment. Raises
    NoAnswer for fewer than 500 intervals.
    """
    steps = np.diff(stream.longest_s)
    n = len(steps)
    lengths = [k for k in sums if n >= MIN_SUMS * k]
    if n < MIN_INTERVALS or not lengths:
        raise NoAnswer(
            f"{n} intervals in one segment; dispersion takes {MIN_INTERVALS}", "capture for longer"
        )
    scores = normal_scores(steps)
    z = np.array([variance_ratio(scores, k) / variance_ratio_se(n, k) for k in lengths])
    headline = HEADLINE if HEADLINE in lengths else lengths[-1]
    value, se = variance_ratio(scores, headline), variance_ratio_se(n, headline)
    half = float(stats.norm.ppf(0.975)) * se
    effect = Estimate(value, value - half, value + half, n, method="Lo and MacKinlay 1988, of normal scores")
    each = 2 * float(stats.norm.sf(float(np.abs(z).max())))
    p = 1 - (1 - each) ** len(lengths)
    return Finding(
        question="Do counts vary more or less than a renewal process of these intervals?",
        effect=effect,
        nulls=[
            TestResult(
                f"largest of the variance ratios over {', '.join(map(str, lengths))} intervals",
                float(z[int(np.argmax(np.abs(z)))]),
                p,
                n,
                "intervals in any order (Chow and Denning 1993)",
            )
        ],
        smallest_effect=POWER_80_SE * se,
        verdict=judge_claim(effect, p, margins),
        note=f"logarithm of the variance ratio over {headline} intervals; margin {margins.claimed:g}",
        p_corrected=p,
    )


def variance_ratio(scores: Floats, k: int) -> float:
    """Logarithm of the variance of sums of k neighbours over k times that of one; sums overlap."""
    n = len(scores)
    centred = scores - scores.mean()
    cumulated = np.concatenate([[0.0], np.cumsum(centred)])
    sums = cumulated[k:] - cumulated[:-k]
    weight = k * (n - k + 1) * (1 - k / n)  # makes the ratio unbiased (Lo and MacKinlay 1988)
    return math.log(float(np.sum(sums**2)) / weight / (float(np.sum(centred**2)) / (n - 1)))


def variance_ratio_se(n: int, k: int) -> float:
    """Asymptotic standard error of the ratio, where there is no order: sqrt(2 (2k - 1)(k - 1) / (3 k n))."""
    return math.sqrt(2 * (2 * k - 1) * (k - 1) / (3 * k * n))


def dispersion_test(counts: ArrayLike) -> TestResult:
    """Index of dispersion of counts in equal windows, against a Poisson process of constant rate.

    (n - 1) variance / mean is chi-squared with n - 1 degrees of freedom (Fisher 1950); two-sided. Raises
    NoAnswer for fewer than 20 windows, or fewer than one event in each on average.
    """
    x = np.asarray(counts, float)
    n = len(x)
    if n < 20 or x.mean() < 1:
        raise NoAnswer(
            f"{n} windows of {x.mean() if n else 0:.3g} events", "20 windows with an event each, at the least"
        )
    index = float((n - 1) * x.var(ddof=1) / x.mean())
    tail = min(float(stats.chi2.cdf(index, n - 1)), float(stats.chi2.sf(index, n - 1)))
    return TestResult("index of dispersion", index, min(1.0, 2 * tail), n, "a Poisson process of one rate")
