"""Entropy of the intervals in a form that has no unit.

The papers' entropy changes when seconds become milliseconds (`asicrc.analysis.papers.printed_entropy`). Here
the bins are fixed in units of the mean interval, and what counts is the difference from an exponential in the
same bins: of all laws with one mean the exponential has the largest entropy, so every departure lowers it.
A hard dead time is taken out before: the intervals less the smallest of them are compared.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from asicrc.analysis.arrivals.law import excess_of
from asicrc.analysis.exponential import checked_intervals
from asicrc.errors import NoAnswer
from asicrc.evidence import ClaimMargins, Finding, TestResult, judge_claim
from asicrc.evidence.block_bootstrap import Floats
from asicrc.evidence.finding import POWER_80_SE
from asicrc.evidence.jackknife import BLOCKS, jackknife_estimate, time_blocks

MIN_INTERVALS = 200
BIN_MEANS = 0.25
LAST_MEANS = 4.0
"""Bins of a quarter of the mean up to four means, and one for all that is longer."""
ENTROPY_MARGINS = ClaimMargins(claimed=0.05, tolerated=0.005)
"""Nats."""


def entropy_finding(intervals_s: ArrayLike, *, margins: ClaimMargins = ENTROPY_MARGINS) -> Finding:
    """Entropy of the intervals less that of an exponential, nats.

    The p-value is of the likelihood-ratio test in the same bins, the mean estimated. The interval is a
    jackknife over blocks of neighbours. Raises NoAnswer for fewer than 200 intervals.
    """
    x = checked_intervals(intervals_s)
    if len(x) < MIN_INTERVALS:
        raise NoAnswer(f"{len(x)} intervals; their entropy takes {MIN_INTERVALS}", "capture for longer")
    x = excess_of(x)
    n = len(x)
    value = relative_entropy(x)
    left_out = np.array(
        [relative_entropy(np.concatenate([x[: b.start], x[b.stop :]])) for b in time_blocks(n, BLOCKS)]
    )
    effect = jackknife_estimate(value, left_out, n)
    test = bins_test(x)
    half = (effect.high - effect.low) / 2 / float(stats.t.ppf(0.975, BLOCKS - 1))
    return Finding(
        question="Is the entropy of the intervals another than that of an exponential?",
        effect=effect,
        nulls=[test],
        smallest_effect=POWER_80_SE * half,
        verdict=judge_claim(effect, test.p_value, margins),
        note=f"nats, in bins of {BIN_MEANS:g} of the mean; no unit of time; margin {margins.claimed:g}",
        p_corrected=test.p_value,
    )


def relative_entropy(intervals_s: Floats) -> float:
    """Entropy in fixed bins with the bias of Miller and Madow (1955) taken out, less the exponential's, nats.

    One parameter of the bins, the mean, is of the same data and takes half a degree of freedom back.
    """
    counts, n = _counts(intervals_s), len(intervals_s)
    share = counts[counts > 0] / n
    bias = (len(share) - 2) / (2 * n)
    return float(-np.sum(share * np.log(share))) + bias - exponential_entropy()


def exponential_entropy() -> float:
    """Entropy of an exponential in these bins, nats."""
    share = _shares()
    return float(-np.sum(share * np.log(share)))


def differential_entropy(intervals_s: ArrayLike) -> float:
    """Differential entropy in units of the mean, nats: 1 for an exponential, without a bin.

    From the spacings of neighbours in size (Vasicek 1976, bias as of Ebrahimi et al. 1994).
    """
    x = np.sort(checked_intervals(intervals_s))
    n = len(x)
    m = max(1, round(math.sqrt(n)))
    place = np.arange(n)
    spacing = x[np.minimum(place + m, n - 1)] - x[np.maximum(place - m, 0)]
    if not np.all(spacing > 0):
        raise NoAnswer("more neighbours in size are equal than the estimate can take", "use finer stamps")
    # at the ends a spacing has fewer steps than 2 m
    steps = np.minimum(place + m, n - 1) - np.maximum(place - m, 0)
    return float(np.mean(np.log(n * spacing / steps))) - math.log(float(x.mean()))


def bins_test(intervals_s: ArrayLike) -> TestResult:
    """Likelihood ratio of the counts against an exponential (G-test), one parameter estimated."""
    x = checked_intervals(intervals_s)
    counts, expected = _counts(x), _shares() * len(x)
    seen = counts > 0
    g = 2 * float(np.sum(counts[seen] * np.log(counts[seen] / expected[seen])))
    df = len(counts) - 2
    return TestResult(
        f"likelihood ratio in {len(counts)} bins",
        g,
        float(stats.chi2.sf(g, df)),
        len(x),
        "exponential intervals, the mean estimated",
    )


def _edges() -> Floats:
    return np.arange(0.0, LAST_MEANS + BIN_MEANS / 2, BIN_MEANS)


def _shares() -> Floats:
    survival = np.exp(-_edges())
    return np.append(survival[:-1] - survival[1:], survival[-1])


def _counts(intervals_s: Floats) -> Floats:
    u = intervals_s / intervals_s.mean()
    index = np.minimum((u / BIN_MEANS).astype(np.int64), len(_shares()) - 1)
    return np.bincount(index, minlength=len(_shares())).astype(float)
