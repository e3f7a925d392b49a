"""Where does a series change: the rate within a capture, or a number from point to point of a sweep?

The largest excursion of the cumulated series from a straight line, against a Brownian bridge (Page 1954;
Inclan and Tiao 1994); then the parts on both sides anew (binary segmentation, Vostrikova 1981).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from asicrc.analysis.arrivals.scores import normal_scores
from asicrc.analysis.event_stream import EventStream
from asicrc.errors import NoAnswer
from asicrc.evidence import TestResult
from asicrc.evidence.block_bootstrap import Floats

MIN_VALUES = 20
MIN_PART = 10
LEVEL = 0.01
MOST = 20


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """Values from `index` on differ from those before; `before` and `after` are means of the two parts."""

    index: int
    before: float
    after: float
    p_value: float

    def as_json(self) -> dict[str, Any]:
        return {"index": self.index, "before": self.before, "after": self.after, "p_value": self.p_value}


@dataclass(frozen=True, slots=True)
class ChangePoints:
    """`test` is of the whole series; `points` are those found at the level, in order."""

    test: TestResult
    points: tuple[ChangePoint, ...]

    def as_json(self) -> dict[str, Any]:
        return {"test": self.test.as_json(), "points": [point.as_json() for point in self.points]}


def rate_changes(stream: EventStream, *, alpha: float = LEVEL) -> ChangePoints:
    """Changes of the mean interval in the longest segment, by ranks. Raises NoAnswer for under 20."""
    return change_points(np.diff(stream.longest_s), alpha=alpha, by_rank=True)


def change_points(
    values: ArrayLike, *, alpha: float = LEVEL, by_rank: bool = False, least: int = MIN_PART
) -> ChangePoints:
    """Changes of the mean of independent values; `by_rank` for laws with long tails.

    A part is divided where its p-value, times the number of parts tested so far, is at most `alpha`. Raises
    NoAnswer for fewer than 20 values, missing or constant ones.
    """
    x = np.asarray(values, float)
    if x.ndim != 1 or len(x) < MIN_VALUES or not np.isfinite(x).all() or not np.ptp(x):
        raise NoAnswer(
            f"{len(x)} values, or some missing, or all the same; a change takes {MIN_VALUES} that vary",
            "capture for longer",
        )
    scores = normal_scores(x) if by_rank else x
    whole = _largest(scores, least)
    test = TestResult(
        "largest excursion of the cumulated series", whole[0], whole[1], len(x), "values in any order"
    )
    edges = sorted(_divided(scores, alpha, least))
    ends = [0, *(index for index, _ in edges), len(x)]
    found = tuple(
        ChangePoint(index, float(x[first:index].mean()), float(x[index:last].mean()), p)
        for (index, p), first, last in zip(edges, ends[:-2], ends[2:], strict=True)
    )
    return ChangePoints(test, found)


def _divided(scores: Floats, alpha: float, least: int) -> list[tuple[int, float]]:
    found: list[tuple[int, float]] = []
    waiting, tried = [(0, len(scores))], 0
    while waiting and len(found) < MOST:
        first, last = waiting.pop(0)
        if last - first < 2 * least:
            continue
        tried += 1
        _, p, index = _largest(scores[first:last], least)
        if p * tried <= alpha:
            found.append((first + index, p))
            waiting += [(first, first + index), (first + index, last)]
    return found


def _largest(scores: Floats, least: int) -> tuple[float, float, int]:
    """sup |bridge|, its p-value under no change, and where the second part begins."""
    n = len(scores)
    spread = float(scores.std())
    if not spread > 0:
        return 0.0, 1.0, n // 2
    bridge = np.abs(np.cumsum(scores - scores.mean())) / (spread * math.sqrt(n))
    inside = bridge[least - 1 : n - least]
    if not len(inside):
        return 0.0, 1.0, n // 2
    place = int(np.argmax(inside)) + least
    largest = float(inside.max())
    # sup over n steps falls short of the sup of the bridge by about 0.58 / sqrt(n) (Siegmund 1985)
    return largest, float(stats.kstwobign.sf(largest + 0.58 / math.sqrt(n))), place
