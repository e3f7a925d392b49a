"""A later session opens the file of one that ended before its plan did."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from asicrc.capture.points import PointRecord, PointState
from asicrc.capture.reader import Capture
from asicrc.capture.recheck import recall
from asicrc.capture.scan_periods import ScanPeriods
from asicrc.capture.schema import RESTORED_KEY, SEALED_KEY, SESSIONS_KEY, WIRE_COUNTERS_KEY
from asicrc.capture.verification import Verifier
from asicrc.capture.writer import CaptureWriter
from firmware_protocols.device import NO_TIME


@dataclass(frozen=True, slots=True)
class EarlierSession:
    """What was known when the file ended. `wire_counters` is None where it was not told: after a kill."""

    verifier: Verifier
    scan_periods: ScanPeriods
    wire_counters: dict[str, int] | None

    def counted(self, wire_counters: dict[str, int]) -> dict[str, int] | None:
        """Of both sessions together; None where those of the first are not known."""
        if self.wire_counters is None or not wire_counters:
            return None
        return {name: count + self.wire_counters.get(name, 0) for name, count in wire_counters.items()}


def go_on(payload: dict[str, Any]) -> tuple[CaptureWriter, EarlierSession]:
    """A writer at the end of the file.

    A point that was not ended is marked aborted; what the new session says of itself is added under
    `SESSIONS_KEY`. Raises UsageError, BadFile, StorageError as `CaptureWriter.resume` does.
    """
    path = Path(payload["path"])
    capture = Capture(path)
    meta = capture.meta
    unfinished = [point for point in capture.points() if point.state is PointState.RUNNING]
    earlier = EarlierSession(recall(path), ScanPeriods.of(meta), _wire_counters(meta))
    writer = CaptureWriter.resume(
        path, t_start_ns=payload["t_start_ns"], boot_id=payload["boot_id"], reason="gone on with", reopen=True
    )
    try:
        for point in unfinished:
            writer.put_point(_aborted(point, capture, writer))
            writer.add_log(f"point {point.id} was not ended by the session that took it", "warning")
        sessions = meta.get(SESSIONS_KEY)
        writer.set_meta(SESSIONS_KEY, [*(sessions if isinstance(sessions, list) else []), payload["meta"]])
        writer.set_meta(RESTORED_KEY, None)
        writer.commit()
    except BaseException:
        writer.close()
        raise
    return writer, earlier


def _wire_counters(meta: dict[str, Any]) -> dict[str, int] | None:
    stated = meta.get(WIRE_COUNTERS_KEY) if meta.get(SEALED_KEY) is True else None
    if not isinstance(stated, dict) or not all(type(count) is int for count in stated.values()):
        return None
    return stated


def _aborted(point: PointRecord, capture: Capture, writer: CaptureWriter) -> PointRecord:
    """It ends with its last event: nobody knows how long it was watched after that."""
    end_ns, count = point.t_start_ns, 0
    for events in capture.event_chunks():
        mine = events[point.holds(events)]
        count += len(mine)
        if len(mine):
            end_ns = max(end_ns, int(mine["t_ns"].max()))
    found: dict[str, Any] = {"events": count, "reached": "the session was killed"}
    if "first_seq" in point.plan:
        found |= {"end_seq": writer.next_seq, "end_job": writer.next_job}
    end_ns = NO_TIME if point.t_start_ns == NO_TIME else end_ns
    return replace(point, t_end_ns=end_ns, state=PointState.ABORTED, plan=point.plan | found)
