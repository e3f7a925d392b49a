"""How long the plan of a capture still takes, told from its file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asicrc.capture.points import PointRecord, PointState
from asicrc.capture.record_rows import Segment
from asicrc.capture.time_left import time_left
from asicrc.clock import is_virtual
from asicrc.errors import BadFile
from firmware_protocols.device import NO_TIME


@dataclass(frozen=True, slots=True)
class PlanTimes:
    """`usual_s` is what each point was estimated to take, by its key; None where the plan cannot be read.

    `is_virtual` says that the clock of the capture is a twin's own.
    """

    usual_s: dict[tuple[int, int], float] | None
    is_virtual: bool

    def share_left(self, records: list[PointRecord], segments: list[Segment], now_ns: int) -> float | None:
        """Of the time that all of it takes, as `left_s` has it."""
        found = self._left(records, segments, now_ns)
        return None if found is None or not found[1] else min(1.0, found[0] / found[1])

    def left_s(self, records: list[PointRecord], segments: list[Segment], now_ns: int) -> float | None:
        """`records` are in the order in which they were taken, the newest segment is the last of `segments`,
        and `now_ns` the newest time that the capture has."""
        found = self._left(records, segments, now_ns)
        return None if found is None else found[0]

    def _left(
        self, records: list[PointRecord], segments: list[Segment], now_ns: int
    ) -> tuple[float, float] | None:
        """Seconds that are left, and seconds that the whole plan takes at this pace."""
        if self.usual_s is None:
            return None
        keys = list(self.usual_s)
        positions = {key: position for position, key in enumerate(keys)}
        done = {r.key: r for r in records if r.state is PointState.DONE and r.key in positions}
        took_s = sum((r.t_end_ns - _begun_ns(r, r.t_start_ns)) / 1e9 for r in done.values())
        planned_s = sum(self.usual_s[key] for key in done)
        pace = took_s / planned_s if took_s > 0 and planned_s > 0 else 1.0
        running = records[-1] if records and records[-1].state is PointState.RUNNING else None
        begun_ns = now_ns
        if running is not None:
            ends_ns = [r.t_end_ns for r in records[:-1]] + [s.t_start_ns for s in segments[-1:]]
            before_ns = [
                t for t in ends_ns if t != NO_TIME and t <= now_ns
            ]  # of this boot, or they are later
            begun_ns = min(now_ns, _begun_ns(running, max(before_ns, default=now_ns)))
        position = None if running is None else positions.get(running.key)
        left = time_left(list(self.usual_s.values()), {positions[k] for k in done}, position, pace, begun_ns)
        return left.at(now_ns), pace * sum(self.usual_s.values())


def plan_times(meta: dict[str, Any], path: Path) -> PlanTimes:
    """Of the capture with this `meta`."""
    from asicrc.bench.plan_estimate import estimates_of  # not for captures without a plan
    from asicrc.bench.stored_sweep import stored_sweep
    from asicrc.bench.sweep_standing import usual_s

    virtual = is_virtual(meta)
    try:
        plan, points = stored_sweep(meta, path)
    except BadFile:  # what there is to say of it, `resume` and `show` say
        return PlanTimes(None, virtual)
    estimates = estimates_of(plan, points)
    return PlanTimes({e.point.key: usual_s(e) for e in estimates}, virtual)


def _begun_ns(record: PointRecord, otherwise_ns: int) -> int:
    """Settling is of the point; it is stored once it is over."""
    stated = record.plan.get("settle_start_ns")
    if isinstance(stated, int) and abs(stated) < 1 << 63:
        return stated
    return otherwise_ns if record.t_start_ns == NO_TIME else record.t_start_ns
