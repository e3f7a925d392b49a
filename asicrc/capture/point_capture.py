"""One point of a capture, to be looked at as if it were a capture of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from asicrc.capture.points import PointRecord, settings_of
from asicrc.capture.reader import Capture, load
from asicrc.errors import UsageError
from firmware_protocols.device import NO_TIME, Job, NonceBatch, Setting


def load_point(path: Path, point: int | None) -> Capture:
    """The capture, where it is of one point; or a point of a sweep, by its row in the table `points`.

    Raises UsageError for a sweep without a name, as numbers across its points would be of the settings and
    not of the device; and for a point that it does not have, or that was not recorded. Raises BadFile.
    """
    capture = load(path)
    recorded = [record for record in capture.points() if record.t_start_ns != NO_TIME]
    if point is None and len(recorded) <= 1:
        return capture
    ids = ", ".join(str(record.id) for record in recorded[:20]) + (", ..." if len(recorded) > 20 else "")
    if point is None:
        raise UsageError(
            f"{path} is a sweep: {len(recorded)} points with settings of their own",
            f"name one with --point: {ids}",
        )
    found = next((record for record in recorded if record.id == point), None)
    if found is None:
        raise UsageError(f"{path} has no point {point} that was recorded", f"there are: {ids or 'none'}")
    return PointCapture(path, found)


class PointCapture(Capture):
    """Has the events, the settings and the times of one point; everything else is the whole capture's."""

    def __init__(self, path: Path, point: PointRecord) -> None:
        super().__init__(path)
        self.point = point

    def event_chunks(self) -> Iterator[NonceBatch]:
        for events in super().event_chunks():
            yield events[self.point.holds(events)]

    def iter_jobs(self) -> Iterator[Job]:
        """Those that were sent while it was recorded: of one that was sent before, not all events are its."""
        first, end = self.point.plan.get("first_job", 0), self.point.plan.get("end_job")
        for job in super().iter_jobs():
            if job.number >= first and (end is None or job.number < end):
                yield job

    def settings(self) -> list[Setting]:
        """As they were made for the point."""
        return settings_of(self.point)

    def number(self, key: str, name: str) -> float | None:
        pulled = {"start_ns": self.point.t_start_ns, "end_ns": self.point.t_end_ns}
        if key == "pulled" and name in pulled:
            return None if pulled[name] == NO_TIME else float(pulled[name])
        return super().number(key, name)
