"""The numbers of each point of a sweep: events, rate, CV of the intervals, temperature."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv

from asicrc.analysis.intervals import MIN_INTERVALS, coefficient_of_variation
from asicrc.capture.points import PointRecord, PointState
from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate
from firmware_protocols.device import NO_TIME, NonceBatch, Verdict

CONFIDENCE = 0.95
REPLICATES = 199
MOST_INTERVALS = 20_000
"""The newest of a point that the interval of its CV is taken from, where it is shown while a sweep runs."""


@dataclass(frozen=True, slots=True)
class PointNumbers:
    """`events` are distinct proofs that hold, or were made by a statistical model. `rate_per_s` has the exact
    interval of a Poisson count; `cv` is None for fewer than 20 intervals, or for equal stamps only."""

    id: int
    point: int
    repeat: int
    kind: str
    state: str
    requested: dict[str, float]
    seconds: float | None
    events: int
    rate_per_s: Estimate | None
    cv: Estimate | None
    settled: bool | None
    reached: str | None
    conditions: dict[str, Any] = field(default_factory=dict)

    @property
    def temperature_c(self) -> float | None:
        """Mean over the point, None where it was not told."""
        return _mean(self.conditions, "temperature_c")

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "point": self.point,
            "repeat": self.repeat,
            "kind": self.kind,
            "state": self.state,
            "requested": self.requested,
            "seconds": self.seconds,
            "events": self.events,
            "rate_per_s": None if self.rate_per_s is None else self.rate_per_s.as_json(),
            "cv": None if self.cv is None else self.cv.as_json(),
            "settled": self.settled,
            "reached": self.reached,
            "temperature_c": self.temperature_c,
            "power_w": _mean(self.conditions, "power_w"),
            "hash_rate_ghs": _mean(self.conditions, "hash_rate_ghs"),
        }


class HasPoints(Protocol):
    """A capture, in a file or in memory."""

    def points(self) -> list[PointRecord]: ...

    def event_chunks(self) -> Any: ...


def point_numbers(capture: HasPoints) -> list[PointNumbers]:
    """One entry for each row of the table `points`, in the order in which they were taken.

    Raises BadFile for a damaged file.
    """
    points = capture.points()
    found: dict[int, list[NonceBatch]] = {point.id: [] for point in points}
    started = [point for point in points if "first_seq" in point.plan]
    for chunk in capture.event_chunks():
        if not len(chunk):
            continue
        first, last = int(chunk["seq"][0]), int(chunk["seq"][-1])
        for point in started:
            if point.plan["first_seq"] <= last and point.plan.get("end_seq", last + 1) > first:
                good = _counts(chunk) & point.holds(chunk)
                found[point.id].append(chunk[["t_ns", "segment"]][good])
    return [_numbers(point, found[point.id]) for point in points]


def rate_of(events: int, seconds: float) -> Estimate | None:
    """Events a second, with the exact interval of a Poisson count (Garwood 1936)."""
    if seconds <= 0:
        return None
    tail = (1 - CONFIDENCE) / 2
    low = float(gammaincinv(events, tail)) if events else 0.0
    high = float(gammaincinv(events + 1, 1 - tail))
    return Estimate(events / seconds, low / seconds, high / seconds, events, method="Poisson count")


def cv_of(t_ns: ArrayLike, segment: ArrayLike | None = None, *, seed: int = 0) -> Estimate | None:
    """CV of the intervals with its interval; None for too few, or where they hardly vary.

    No interval crosses a segment.
    """
    t = np.asarray(t_ns, np.int64)
    s = np.zeros(len(t), np.int64) if segment is None else np.asarray(segment).astype(np.int64)
    known = t != NO_TIME
    t, s = t[known], s[known]
    order = np.lexsort((t, s))
    t, s = t[order], s[order]
    steps: NDArray[np.float64] = np.diff(t)[s[1:] == s[:-1]][-MOST_INTERVALS:] / 1e9
    if len(steps) < MIN_INTERVALS or not steps.any():
        return None
    try:
        return coefficient_of_variation(steps, np.random.default_rng(seed), REPLICATES)
    except NoAnswer:  # all but a few are equal: it is shown as not known, and the capture goes on
        return None


def _numbers(point: PointRecord, parts: list[NonceBatch]) -> PointNumbers:
    plan = point.plan
    t_ns = np.concatenate([part["t_ns"] for part in parts]) if parts else np.empty(0, np.int64)
    segment = np.concatenate([part["segment"] for part in parts]) if parts else np.empty(0, np.int64)
    known = NO_TIME not in (point.t_start_ns, point.t_end_ns)
    seconds = (point.t_end_ns - point.t_start_ns) / 1e9 if known else None
    settled, conditions = plan.get("settled"), plan.get("conditions")
    number, repeat = point.key
    reached = plan.get("reached")
    return PointNumbers(
        id=point.id,
        point=number,
        repeat=repeat,
        kind=str(plan.get("kind", "point")),
        state=point.state.value,
        requested=point.requested,
        seconds=seconds,
        events=len(t_ns),
        rate_per_s=None if seconds is None else rate_of(len(t_ns), seconds),
        cv=cv_of(t_ns, segment) if point.state is PointState.DONE else None,
        settled=settled.get("settled") is True if isinstance(settled, dict) else None,
        reached=reached if isinstance(reached, str) else None,
        conditions=conditions if isinstance(conditions, dict) else {},
    )


def _counts(events: NonceBatch) -> NDArray[np.bool_]:
    good: NDArray[np.bool_] = (events["verdict"] == Verdict.VALID) | events["synthetic"]
    good &= ~events["duplicate"]
    return good


def _mean(conditions: dict[str, Any], channel: str) -> float | None:
    held = conditions.get(channel)
    value = held.get("mean") if isinstance(held, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1 << 63:
        return None
    return float(value)
