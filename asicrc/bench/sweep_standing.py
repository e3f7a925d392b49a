"""Where a sweep stands, in one line: point, time left, and the numbers of the last point."""

from __future__ import annotations

from collections.abc import Sequence

from asicrc.analysis.point_numbers import cv_of, rate_of
from asicrc.bench.plan_estimate import PointEstimate
from asicrc.capture.point_run import PointDone
from asicrc.capture.points import Point, PointState
from asicrc.capture.time_left import PlanStanding, TimeLeft, time_left
from asicrc.clock import MACHINE_CLOCK
from firmware_protocols.device import NO_TIME, Clock


class SweepStanding:
    """Implements `PointListener`. Time left goes by how the time so far compares with what was estimated.

    `done` are positions that an earlier session has taken.
    """

    def __init__(
        self,
        estimates: Sequence[PointEstimate],
        done: frozenset[int] = frozenset(),
        clock: Clock = MACHINE_CLOCK,
    ) -> None:
        self._estimates = estimates
        self._done = set(done)
        self._clock = clock
        self._begun_ns = clock.now_ns()
        self._taken_s = 0.0
        """Of the points that this session has taken, as they were estimated."""
        self._last = ""

    def began(self, position: int, point: Point) -> PlanStanding:
        total = len(self._estimates)
        text = f"point {position + 1}/{total} ({point.label})"
        return PlanStanding(text, self.left(position), self._last)

    def ended(self, position: int, done: PointDone) -> PlanStanding:
        self._done.add(position)
        self._taken_s += usual_s(self._estimates[position])
        self._last = f"; last: {_numbers(done)}"
        return PlanStanding(f"point {position + 1}/{len(self._estimates)} taken", last=self._last)

    def left(self, position: int) -> TimeLeft:
        """As the point at `position` begins."""
        now_ns = self._clock.now_ns()
        pace = (now_ns - self._begun_ns) / 1e9 / self._taken_s if self._taken_s else 1.0
        return time_left([usual_s(e) for e in self._estimates], self._done, position, pace, now_ns)


def usual_s(estimate: PointEstimate) -> float:
    """In the middle of what it may take, as far as it is known; never nothing."""
    return max(1e-3, sum(estimate.settle_s) / 2 + sum(estimate.dwell_s) / 2)


def _numbers(done: PointDone) -> str:
    record = done.record
    if record.state is not PointState.DONE or NO_TIME in (record.t_start_ns, record.t_end_ns):
        return f"aborted ({record.plan.get('reached', 'no reason is known')})"
    rate = rate_of(done.events, (record.t_end_ns - record.t_start_ns) / 1e9)
    parts = [f"{done.events} events"] if rate is None else [f"{rate.estimate:.3g}/s"]
    cv = cv_of(done.t_ns)
    parts.append("CV -" if cv is None else f"CV {cv.estimate:.3f} [{cv.low:.3f}, {cv.high:.3f}]")
    celsius = record.plan.get("conditions", {}).get("temperature_c", {}).get("mean")
    if celsius is not None:
        parts.append(f"{celsius:.1f} degC")
    settled = record.plan.get("settled")
    if settled is not None and not settled["settled"]:
        parts.append("NOT settled")
    return ", ".join(parts)
