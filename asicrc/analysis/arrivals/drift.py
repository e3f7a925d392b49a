"""Does the rate drift through the record?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from asicrc.analysis.event_stream import EventStream
from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate, TestResult

MIN_INTERVALS = 50
WIDEST_PERCENT = 200.0
"""An interval that is wider than this is told for a shorter time."""


@dataclass(frozen=True, slots=True)
class Drift:
    """`share_per_hour` is the slope of the rate over the mean rate. A drift is ordinary: heat makes one."""

    share_per_hour: Estimate
    test: TestResult

    def in_words(self) -> tuple[Estimate, str]:
        """Percent an hour; of a record too short for that, a minute or a second, and that unit."""
        percent = self.share_per_hour.scaled(100)
        width = percent.high - percent.low
        if width <= WIDEST_PERCENT:
            return percent, "% an hour"
        if width <= 60 * WIDEST_PERCENT:
            return percent.scaled(1 / 60), "% a minute"
        return percent.scaled(1 / 3600), "% a second"

    def as_json(self) -> dict[str, Any]:
        return {"share_per_hour": self.share_per_hour.as_json(), "test": self.test.as_json()}


def rate_drift(stream: EventStream) -> Drift:
    """Slope of the rate in the longest segment.

    Events of a constant rate lie evenly, so that their mean time is the middle (Laplace 1773; Cox and Lewis
    1966); intervals that vary less or more than exponential ones spread the mean by their CV (Lewis and
    Robinson 1973). Raises NoAnswer for fewer than 50 intervals.
    """
    t = stream.longest_s
    n = len(t) - 1
    if n < MIN_INTERVALS:
        raise NoAnswer(f"{n} intervals in a segment; a drift takes {MIN_INTERVALS}", "capture for longer")
    length_s = float(t[-1])
    steps = np.diff(t)
    cv = float(steps.std(ddof=1) / steps.mean())
    # with both ends being events, those between them are what is free
    inner = t[1:-1]
    off = float(inner.mean()) / length_s - 0.5
    se = cv / math.sqrt(12 * len(inner))
    # a rate 1 + b (t / T - 1/2) puts the mean at 1/2 + b / 12
    per_hour = 12 * 3600 / length_s
    half = float(stats.norm.ppf(0.975)) * se
    test = TestResult(
        "mean time of the events",
        off / se,
        2 * float(stats.norm.sf(abs(off / se))),
        n,
        "a constant rate, intervals of any law",
    )
    estimate = Estimate(
        off * per_hour, (off - half) * per_hour, (off + half) * per_hour, n, method="Lewis and Robinson 1973"
    )
    return Drift(estimate, test)
