"""Points of a capture: what is set at each, how long the device settles, how long it is recorded.

A plain capture has one point and no settling. Events belong to a point by the time of their arrival and by
their running number: monotonic time begins anew with a reboot, numbers do not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicrc.capture.record_rows import Row, null_from_time, time_of, whole, words
from asicrc.capture.settling import Settle
from firmware_protocols.device import NO_TIME, NonceBatch, Setting

_MAX_SIGNED = (1 << 63) - 1


class PointState(StrEnum):
    """`aborted` is a point that did not get to its end: what it brought is kept, and it is taken again."""

    RUNNING = "running"
    DONE = "done"
    ABORTED = "aborted"


class PointKind(StrEnum):
    POINT = "point"
    BASELINE = "baseline"
    """The same settings again and again between the others: what changes there is drift."""


@dataclass(frozen=True, slots=True)
class Dwell:
    """How long a point is recorded: for `duration_s`, or until `events` have come, whichever is first.

    Neither: as long as the input or the recorded work that it is driven with lasts.
    """

    duration_s: float | None = None
    events: int | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """`number` from 0 says which point of the plan it is, `repeat` from 0 the how-manyeth time it is taken.

    The work of a point, and the state of a twin, are a function of the plan's seed and these two alone.
    """

    number: int
    repeat: int
    requested: Mapping[str, float]
    dwell: Dwell
    settle: Settle | None = None
    kind: PointKind = PointKind.POINT

    @property
    def key(self) -> tuple[int, int]:
        return self.number, self.repeat

    @property
    def label(self) -> str:
        """For messages: `voltage_mv 1200, frequency_mhz 485`."""
        settings = ", ".join(f"{name} {value:.10g}" for name, value in self.requested.items())
        kind = "baseline: " if self.kind is PointKind.BASELINE else ""
        return f"{kind}{settings or 'settings as they are'}"

    def as_json(self) -> dict[str, Any]:
        return {
            "point": self.number,
            "repeat": self.repeat,
            "kind": self.kind.value,
            "requested": dict(self.requested),
            "dwell": asdict(self.dwell),
            "settle": None if self.settle is None else self.settle.as_json(),
        }


def work_seed(seed: int, point: Point) -> int:
    """Seed of the jobs of a point: the same whatever was taken before it."""
    sequence = np.random.SeedSequence((seed, point.number, point.repeat))
    return int(sequence.generate_state(1, np.uint64)[0])


@dataclass(frozen=True, slots=True)
class PointRecord:
    """A row of the table `points`. `t_start_ns` to `t_end_ns`, both included, was recorded: no settling.

    `plan` has what `Point.as_json` says, and what came of it: `settled`, `reached` (why it ended),
    `first_seq` and `end_seq` (of its events, the end excluded), `first_job` and `end_job` (jobs sent while it
    was recorded), `conditions` (readings by channel), `made` (settings: name, requested, read back),
    `segment` in which it began.
    """

    id: int
    t_start_ns: int = NO_TIME
    t_end_ns: int = NO_TIME
    state: PointState = PointState.RUNNING
    plan: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[int, int]:
        """Number of the point in the plan, and which repeat it is."""
        return int(self.plan.get("point", 0)), int(self.plan.get("repeat", 0))

    @property
    def requested(self) -> dict[str, float]:
        return dict(self.plan.get("requested", {}))

    def holds(self, events: NonceBatch) -> NDArray[np.bool_]:
        """Which of the events came while the point was recorded; (n,) bool."""
        first = self.plan.get("first_seq")
        if first is None or self.t_start_ns == NO_TIME:
            return np.zeros(len(events), bool)
        inside: NDArray[np.bool_] = (events["seq"] >= first) & (events["t_ns"] >= self.t_start_ns)
        if (end := self.plan.get("end_seq")) is not None:
            inside &= events["seq"] < end
        if self.t_end_ns != NO_TIME:
            inside &= events["t_ns"] <= self.t_end_ns
        return inside


def point_of(records: Sequence[PointRecord], events: NonceBatch) -> NDArray[np.int64]:
    """The row of the point in whose recording each event came, 0 for none: settling, changes; (n,)."""
    found = np.zeros(len(events), np.int64)
    if not len(events):
        return found
    first, last = int(events["seq"].min()), int(events["seq"].max())
    for record in records:
        begin, end = record.plan.get("first_seq"), record.plan.get("end_seq")
        if begin is not None and begin <= last and (end is None or end > first):
            found[record.holds(events)] = record.id
    return found


def settings_of(record: PointRecord) -> list[Setting]:
    """What was set for a point, and read back; None is what was not told."""
    made = record.plan.get("made", [])
    return [Setting(record.t_start_ns, name, requested, read_back) for name, requested, read_back in made]


class PointMarks:
    """Writes into the record of a point which events and jobs are of the time in which it was recorded."""

    def __init__(self) -> None:
        self._marks: dict[str, int] = {}
        self._id: int | None = None

    def marked(self, record: PointRecord, next_seq: int, next_job: int, segment: int) -> PointRecord:
        """`next_seq` and `next_job` are the numbers of the next event and job to come."""
        if record.id != self._id:
            self._id, self._marks = record.id, {}
        if record.t_start_ns != NO_TIME and "first_seq" not in self._marks:
            self._marks |= {"first_seq": next_seq, "first_job": next_job, "segment": segment}
        if record.state is not PointState.RUNNING and "first_seq" in self._marks:
            self._marks |= {"end_seq": next_seq, "end_job": next_job}
        return replace(record, plan=record.plan | self._marks)


def point_row(record: PointRecord) -> Row:
    """Raises ValueError for what is no JSON."""
    return (
        record.id,
        null_from_time(record.t_start_ns),
        null_from_time(record.t_end_ns),
        record.state.value,
        json.dumps(record.plan, allow_nan=False),
    )


def point_from_row(row: Row) -> PointRecord:
    """Raises ValueError for a value that no asicrc writes."""
    number, t_start_ns, t_end_ns, state, text = row
    try:
        plan = json.loads(words(text))
    except RecursionError:
        raise ValueError("JSON nested too deep") from None
    if not isinstance(plan, dict):
        raise ValueError("the plan of a point is no object")
    for key in ("point", "repeat", "first_seq", "end_seq", "first_job", "end_job", "events", "segment"):
        if key in plan:
            whole(plan[key], 0, _MAX_SIGNED)
    requested = plan.get("requested", {})
    if not isinstance(requested, dict) or not all(map(_is_number, requested.values())):
        raise ValueError("the settings of a point are no numbers")
    made = plan.get("made", [])
    if not isinstance(made, list) or not all(map(_is_made, made)):
        raise ValueError("the settings that were made for a point are none")
    return PointRecord(
        whole(number, 0, _MAX_SIGNED), time_of(t_start_ns), time_of(t_end_ns), PointState(words(state)), plan
    )


def _is_number(value: object) -> bool:
    """A finite one that prints."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MAX_SIGNED


def _is_made(entry: object) -> bool:
    if not isinstance(entry, list) or len(entry) != 3 or not isinstance(entry[0], str):
        return False
    return all(value is None or _is_number(value) for value in entry[1:])
