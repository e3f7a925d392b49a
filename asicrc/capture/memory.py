"""A capture that stays in memory: the same session and the same verdicts, without a process and a file.

For thousands of short captures on twins, where starting a process for each would take longer than all of
them. Nothing of it survives this process; what has to be kept goes into a file with `capture_to_file`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from asicrc.capture.description import describe
from asicrc.capture.plan import CapturePlan
from asicrc.capture.points import PointMarks, PointRecord
from asicrc.capture.record_rows import Anchor, LogLine, Segment
from asicrc.capture.scan_periods import ScanPeriods
from asicrc.capture.schema import END_REASON_KEY, WIRE_COUNTERS_KEY
from asicrc.capture.session import Session, Surroundings, check_points
from asicrc.capture.stop_request import StopRequest
from asicrc.capture.verification import Counters, Verifier
from asicrc.clock import MACHINE_CLOCK, boot_id
from asicrc.errors import DeviceError, ExitCode, Refused
from firmware_protocols.device import (
    Batch,
    DeviceIdentity,
    DeviceProtocol,
    Job,
    NonceBatch,
    Reading,
    Setting,
    WireChunk,
    joined_events,
)


def capture_in_memory(
    device: DeviceProtocol,
    plan: CapturePlan,
    *,
    around: Surroundings | None = None,
    keep_wire: bool = False,
) -> MemoryCapture:
    """Capture from an open device, restore it, return what came. `plan.output` and `plan.progress` are not
    used; raw bytes are kept only with `keep_wire`.

    Raises Refused, DeviceError where a session into a file would end with that reason, and UsageError for a
    plan that cannot be.
    """
    around = around or Surroundings()
    check_points(device, plan)
    meta = describe(device, device.identity.url, plan, around.recorded) | around.meta
    capture = MemoryCapture(device, meta, keep_wire=keep_wire)
    session = Session(device, plan, StopRequest(), capture.storage, around)
    reason, exit_code = session.run()
    if exit_code is ExitCode.DEVICE:
        raise DeviceError(reason, "what was captured until then was given up with it")
    if exit_code is not ExitCode.OK:
        raise Refused(reason, "what was captured until then was given up with it")
    capture.storage.finish(reason, device.wire_counters())
    return capture


class MemoryCapture:
    """Has the accessors of `asicrc.load`'s Capture. Always whole: an unfinished one is never handed out."""

    sealed = True
    path = Path("in memory")

    def __init__(self, device: DeviceProtocol, meta: dict[str, Any], *, keep_wire: bool = False) -> None:
        self._identity = device.identity
        self.storage = MemoryStorage(device, meta, keep_wire=keep_wire)

    @property
    def meta(self) -> dict[str, Any]:
        return dict(self.storage.meta)

    @property
    def identity(self) -> DeviceIdentity:
        return self._identity

    def number(self, key: str, name: str) -> float | None:
        """A number `name` in the object `key` of `meta`; None where it is not stated."""
        entry = self.storage.meta.get(key)
        value = entry.get(name) if isinstance(entry, dict) else entry
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def events(self, distinct: bool = False) -> NonceBatch:
        """All events by `seq`, a structured array of `EVENT_DTYPE`; `distinct` leaves duplicates out."""
        events = self.storage.joined()
        return events[~events["duplicate"]] if distinct else events

    def event_chunks(self) -> Iterator[NonceBatch]:
        """All events by `seq`, in one piece."""
        yield self.storage.joined()

    def jobs(self) -> list[Job]:
        return list(self.storage.jobs)

    def iter_jobs(self) -> Iterator[Job]:
        return iter(self.storage.jobs)

    def wire(self) -> list[WireChunk]:
        return list(self.storage.wire)

    def readings(self) -> list[Reading]:
        return list(self.storage.readings)

    def settings(self) -> list[Setting]:
        return list(self.storage.settings)

    def segments(self) -> list[Segment]:
        return list(self.storage.segments)

    def anchors(self) -> list[Anchor]:
        return list(self.storage.anchors)

    def points(self) -> list[PointRecord]:
        return list(self.storage.points.values())

    def log(self) -> list[LogLine]:
        return list(self.storage.log)

    def counters(self) -> Counters:
        return replace(self.storage.verifier.counters)


class MemoryStorage:
    """Implements `Storage`."""

    def __init__(self, device: DeviceProtocol, meta: dict[str, Any], *, keep_wire: bool = False) -> None:
        self.meta = dict(meta)
        self.jobs: list[Job] = []
        self.readings: list[Reading] = []
        self.settings: list[Setting] = []
        self.wire: list[WireChunk] = []
        self.anchors: list[Anchor] = []
        self.log: list[LogLine] = []
        self.points: dict[int, PointRecord] = {}
        self.verifier = Verifier()
        is_live = device.clock is MACHINE_CLOCK
        self.segments = [Segment(0, device.clock.now_ns(), "start", boot_id() if is_live else None)]
        self._keep_wire = keep_wire
        self._verdicts = device.work_form.wants_verdicts
        self._events: list[NonceBatch] = []
        self._waiting: list[NonceBatch] = []
        """Not judged yet: one call for many events costs little more than one for a few."""
        self._judged: list[NonceBatch] = []
        self._next_seq = 0
        self._next_job = 1
        self._marks = PointMarks()
        self._scan_periods = ScanPeriods()

    @property
    def counters(self) -> Counters:
        return self.verifier.counters

    def put(self, kind: str, payload: Any) -> None:
        if kind == "batch":
            self._add(payload)
            return
        self._judge()
        segment = self.segments[-1].id
        match kind:
            case "jobs":
                for job in payload:
                    self.verifier.add_job(job)
                self.jobs += payload
                self._next_job = max([self._next_job, *(job.number + 1 for job in payload)])
            case "settings":
                self.settings += payload
            case "segment":
                self.segments.append(Segment(segment + 1, *payload))
            case "anchor":
                self.anchors.append(Anchor(segment, *payload))
            case "log":
                text, level, t_ns = payload
                self.log.append(LogLine(t_ns, level, text))
            case "meta":
                key, value = payload
                self.meta[key] = value
            case "point":
                self.points[payload.id] = self._marks.marked(payload, self._next_seq, self._next_job, segment)
            case "scan_period_ns":
                self.verifier.scan_period_ns = payload
                self.meta |= self._scan_periods.changed(payload, self._next_seq)
            case "standing" | "told":
                pass  # nobody watches
            case _:
                raise ValueError(f"unknown message {kind!r}")

    def pump(self) -> None:
        """Nothing waits on a pipe; verdicts that a device waits for are given at once."""
        if self._verdicts:
            self._judge()

    def hold_back(self) -> None:
        """Memory is not outrun."""

    def flush(self) -> None:
        self._judge()

    def take_judged(self) -> list[NonceBatch]:
        judged, self._judged = self._judged, []
        return judged

    def finish(self, reason: str, wire_counters: dict[str, int]) -> None:
        self._judge()
        self.meta |= {END_REASON_KEY: reason, WIRE_COUNTERS_KEY: wire_counters or None}

    def joined(self) -> NonceBatch:
        if len(self._events) != 1:
            self._events = [joined_events(self._events)]
        return self._events[0].copy()

    def _add(self, batch: Batch) -> None:
        self.readings += batch.readings
        if self._keep_wire:
            self.wire += batch.wire
        if len(batch.nonces):
            self._waiting.append(batch.nonces)
            self._next_seq = int(batch.nonces["seq"].max()) + 1

    def _judge(self) -> None:
        if not self._waiting:
            return
        events = joined_events(self._waiting)
        self._waiting = []
        events["segment"] = self.segments[-1].id
        self.verifier.judge(events)
        self._events.append(events)
        if self._verdicts:
            self._judged.append(events)
