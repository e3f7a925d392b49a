"""Does an interval depend on the ones before it?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from asicrc.analysis.arrivals.scores import normal_scores
from asicrc.analysis.event_stream import EventStream
from asicrc.errors import NoAnswer
from asicrc.evidence import ClaimMargins, Estimate, Finding, TestResult, judge_claim
from asicrc.evidence.block_bootstrap import Floats
from asicrc.evidence.equivalence import equivalence_test
from asicrc.evidence.planned_sizes import QUANTITIES

MIN_INTERVALS = 100
SERIAL_MARGINS = ClaimMargins(claimed=0.05, tolerated=0.01)
LAGS = 10


def serial_finding(
    stream: EventStream, *, margins: ClaimMargins = SERIAL_MARGINS, lags: int = LAGS
) -> Finding:
    """Correlation of neighbouring intervals, in normal scores, and whether any of the first lags has one.

    Lag 1 is the effect; its p-value and that of all lags together are corrected for being two. The third null
    is the other way round: equivalence, that lag 1 lies within the margin. Raises NoAnswer for fewer than 100
    intervals.
    """
    steps, segment = stream.intervals_s, _segments(stream)
    n = len(steps)
    if n < MIN_INTERVALS:
        raise NoAnswer(f"{n} intervals; their order takes {MIN_INTERVALS}", "capture for longer")
    scores = normal_scores(steps)
    rho, pairs = serial_correlations(scores, segment, lags)
    first, count = float(rho[0]), int(pairs[0])
    se = 1 / math.sqrt(count)
    # The mean over all orders is not 0 (Moran 1948): each score is missing among its own neighbours.
    first_test = 2 * float(stats.norm.sf(abs(first + 1 / n) / se))
    together = portmanteau(rho, pairs)
    half = float(stats.norm.ppf(0.975)) / math.sqrt(count - 3)
    low, high = (math.tanh(math.atanh(first) + sign * half) for sign in (-1, 1))
    effect = Estimate(first, low, high, count, method="Fisher 1921, of normal scores")
    p = min(1.0, 2 * min(first_test, together.p_value))
    return Finding(
        question="Does an interval depend on those before it?",
        effect=effect,
        nulls=[
            TestResult("correlation at lag 1", first, first_test, count, "intervals in any order"),
            together,
            equivalence_test(first, se, margins.claimed, n=count),
        ],
        smallest_effect=QUANTITIES["correlation"].smallest_effect(count, 0.8),
        verdict=judge_claim(effect, p, margins),
        note=f"correlation at lag 1, margin {margins.claimed:g}; p of lag 1 and of {lags} lags, times 2",
        p_corrected=p,
    )


def serial_correlations(
    scores: Floats, segment: NDArray[np.int64], lags: int
) -> tuple[Floats, NDArray[np.int64]]:
    """Correlation at lags 1 .. `lags` and how many pairs each is of; no pair crosses a segment."""
    rho, pairs = np.zeros(lags), np.zeros(lags, np.int64)
    power = float(np.mean(scores**2))
    for lag in range(1, lags + 1):
        within = segment[lag:] == segment[:-lag]
        pairs[lag - 1] = int(within.sum())
        if pairs[lag - 1]:
            products = (scores[lag:] * scores[:-lag])[within]
            rho[lag - 1] = float(products.mean()) / power
    return rho, pairs


def portmanteau(rho: Floats, pairs: NDArray[np.int64]) -> TestResult:
    """All lags together (Ljung and Box 1978), of normal scores: the law of the intervals does not matter."""
    known = pairs > 0
    n = int(pairs[0]) + 1
    q = float(n * (n + 2) * np.sum(rho[known] ** 2 / pairs[known]))
    lags = int(known.sum())
    return TestResult(
        f"Ljung and Box, {lags} lags", q, float(stats.chi2.sf(q, lags)), n, "intervals in any order"
    )


def _segments(stream: EventStream) -> NDArray[np.int64]:
    """Segment of each interval."""
    within = stream.segment[1:] == stream.segment[:-1]
    segments: NDArray[np.int64] = stream.segment[1:][within]
    return segments
