"""A later session opens the file of one that ended before its plan did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from asicrc.capture.points import PointRecord, PointState
from asicrc.capture.reader import Capture
from asicrc.capture.recheck import recall
from asicrc.capture.scan_periods import ScanPeriods
from asicrc.capture.schema import RESTORED_KEY, SESSIONS_KEY
from asicrc.capture.verification import Verifier
from asicrc.capture.writer import CaptureWriter
from firmware_protocols.device import NO_TIME


def go_on(payload: dict[str, Any]) -> tuple[CaptureWriter, Verifier, ScanPeriods]:
    """A writer at the end of the file, and what was known when it ended.

    A point that was not ended is marked aborted; what the new session says of itself is added under
    `SESSIONS_KEY`. Raises UsageError, BadFile, StorageError as `CaptureWriter.resume` does.
    """
    path = Path(payload["path"])
    capture = Capture(path)
    meta = capture.meta
    unfinished = [point for point in capture.points() if point.state is PointState.RUNNING]
    verifier, periods = recall(path), ScanPeriods.of(meta)
    writer = CaptureWriter.resume(
        path, t_start_ns=payload["t_start_ns"], boot_id=payload["boot_id"], reason="gone on with", reopen=True
    )
    try:
        for point in unfinished:
            writer.put_point(_aborted(point, capture, writer.next_seq))
            writer.add_log(f"point {point.id} was not ended by the session that took it", "warning")
        earlier = meta.get(SESSIONS_KEY)
        writer.set_meta(SESSIONS_KEY, [*(earlier if isinstance(earlier, list) else []), payload["meta"]])
        writer.set_meta(RESTORED_KEY, None)
        writer.commit()
    except BaseException:
        writer.close()
        raise
    return writer, verifier, periods


def _aborted(point: PointRecord, capture: Capture, next_seq: int) -> PointRecord:
    """It ends with its last event: nobody knows how long it was watched after that."""
    end_ns, count = point.t_start_ns, 0
    for events in capture.event_chunks():
        mine = events[point.holds(events)]
        count += len(mine)
        if len(mine):
            end_ns = max(end_ns, int(mine["t_ns"].max()) + 1)
    found: dict[str, Any] = {"events": count, "reached": "the session was killed"}
    if "first_seq" in point.plan:
        found["end_seq"] = next_seq
    end_ns = NO_TIME if point.t_start_ns == NO_TIME else end_ns
    return replace(point, t_end_ns=end_ns, state=PointState.ABORTED, plan=point.plan | found)
