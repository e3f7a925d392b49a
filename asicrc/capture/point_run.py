"""One point of a capture: set it, let the device settle, record, and keep what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from asicrc.capture.conditions import Conditions
from asicrc.capture.description import job_interval_s
from asicrc.capture.driving import DriveRun
from asicrc.capture.not_kept import not_kept
from asicrc.capture.plan import EVENT_COUNT_REACHED, CapturePlan
from asicrc.capture.points import Point, PointRecord, PointState, work_seed
from asicrc.capture.pulling import Ended, Puller, Why
from asicrc.capture.recorder import Recorder
from asicrc.capture.settling import Settled, Settling
from asicrc.capture.step_jobs import call_for_next
from asicrc.capture.time_left import PlanStanding
from asicrc.clock import MACHINE_CLOCK
from asicrc.devices.scan_settings import scan_period_ns
from asicrc.work import JobSource, jobs_for
from firmware_protocols.device import Batch, DeviceProtocol

STAMPS_KEPT = 200_000
"""Of the events of a point, for what is shown of it while the capture runs."""


@dataclass(frozen=True, slots=True)
class PointDone:
    """What is at hand of a point as it ends. `t_ns` are the stamps of its (newest) events, not yet judged."""

    point: Point
    record: PointRecord
    events: int
    t_ns: NDArray[np.int64]


class PointListener(Protocol):
    """Told of points as they come and go; what it returns is shown while the capture runs."""

    def began(self, position: int, point: Point) -> PlanStanding: ...

    def ended(self, position: int, done: PointDone) -> PlanStanding: ...


class PointRun:
    """`row` numbers the points of a file, from 1. `record` is what is known of the point so far."""

    def __init__(
        self,
        device: DeviceProtocol,
        plan: CapturePlan,
        point: Point,
        row: int,
        recorder: Recorder,
        puller: Puller,
        recorded: JobSource | None = None,
    ) -> None:
        self.record = PointRecord(row, plan=point.as_json())
        self._device = device
        self._plan = plan
        self._point = point
        self._recorder = recorder
        self._puller = puller
        self._recorded = recorded
        self._clock = device.clock
        self._conditions = Conditions()
        self._events = 0
        self._stamps: list[NDArray[np.int64]] = []
        self._kept = 0

    def run(self) -> Ended:
        """Raises what the device raises; the point is then aborted, which is for `abort` to keep."""
        self._write(self.record)
        settings = self._device.configure(dict(self._point.requested))
        self._recorder.settings(settings)
        self._update(made=[[s.name, s.requested, s.read_back] for s in settings])
        for line in not_kept(self._point.requested, settings):
            self._recorder.tell(line)
        self._puller.changed(settings)
        self._recorder.scan_period(scan_period_ns(self._device.identity, settings))
        if self.record.id == 1:
            self._recorder.floor()
        self._puller.drain()
        self._device.begin_point((self._plan.seed, *self._point.key))
        self._puller.requested = dict(self._point.requested)
        drive, jobs = self._work()
        self._puller.begin(jobs)
        ended = self._settle()
        if ended is None:
            ended = self._record(drive, jobs)
        if ended.why in (Why.STOPPED, Why.NO_MORE) and self._plan.points:
            self.abort(ended.reason)
        return ended

    def done(self) -> PointDone:
        t_ns = np.concatenate(self._stamps) if self._stamps else np.empty(0, np.int64)
        return PointDone(self._point, self.record, self._events, t_ns)

    def abort(self, reason: str) -> None:
        """It did not get to its end: what it brought is kept."""
        end_ns = self._clock.now_ns()
        self._end(PointState.ABORTED, end_ns, reason)

    def _work(self) -> tuple[DriveRun | None, JobSource]:
        plan = self._plan
        is_live = self._clock is MACHINE_CLOCK
        begun_ns = self._clock.realtime_ns() - (0 if is_live else self._clock.now_ns())
        jobs = self._recorded or jobs_for(
            self._device.work_form,
            mode=plan.mode,
            seed=work_seed(plan.seed, self._point) if plan.points else plan.seed,
            ntime=begun_ns // 1_000_000_000 & 0xFFFFFFFF,
            interval_s=job_interval_s(self._device, plan),
            timeout_s=plan.handshake_timeout_s,
        )
        if plan.drive is None:
            return None, jobs
        held = dict(self._point.requested)
        if plan.fan_target_c is not None:
            held.pop("fan_percent", None)  # supervision has the fan
        drive = DriveRun(plan.drive, self._device, self._recorder, held, plan.mode)
        return drive, drive.jobs(jobs)

    def _settle(self) -> Ended | None:
        """None once it has settled, or its time for that is over: this is said, and the point goes on."""
        if self._point.settle is None:
            return None
        begun_ns = self._clock.now_ns()
        settling = Settling(self._point.settle, begun_ns)
        judged: list[Settled] = []

        def enough(batch: Batch, now_ns: int) -> str | None:
            settling.add(batch.readings)
            found = settling.judge(now_ns)
            if found is None:
                return None
            judged.append(found)
            return found.why

        ended = self._puller.run(settling.ends_ns, "settled", enough)
        if ended.why in (Why.STOPPED, Why.NO_MORE):
            return ended
        found = judged[0] if judged else settling.judge(self._clock.now_ns())
        if found is None:
            raise AssertionError("settling has an end")
        if not found.settled:
            self._warn(f"has not settled: {found.why}")
        self._update(settle_start_ns=begun_ns, settled=found.as_json())
        return None

    def _record(self, drive: DriveRun | None, jobs: JobSource) -> Ended:
        dwell, start_ns = self._point.dwell, self._clock.now_ns()
        self._write(replace(self.record, t_start_ns=start_ns))
        if drive is not None:
            drive.begin(start_ns)
        elif self._point.settle is not None and self._plan.mode == "stream":
            call_for_next(jobs, start_ns)  # what it records then is of work that it knows from its beginning
        ends: list[tuple[int, str]] = []
        if dwell.duration_s is not None:
            ends.append((start_ns + round(dwell.duration_s * 1e9), "duration reached"))
        if jobs.ends_ns is not None:
            ends.append((jobs.ends_ns, "the recorded work ended"))
        ends_ns, ending = min(ends, default=(None, ""))

        def enough(batch: Batch, now_ns: int) -> str | None:
            self._note(batch, start_ns, ends_ns)
            is_enough = dwell.events is not None and self._events >= dwell.events
            return EVENT_COUNT_REACHED if is_enough else None

        ended = self._puller.run(ends_ns, ending, enough, drive)
        if ended.why is Why.TIME and self._events < (dwell.events or 0):
            self._warn(f"has {self._events} of {dwell.events} events: {ended.reason}")
        now_ns = self._clock.now_ns()
        if ended.why is Why.TIME and ends_ns is not None and drive is None:
            now_ns = ends_ns
        if ended.why in (Why.TIME, Why.ENOUGH) or not self._plan.points:
            state = PointState.ABORTED if ended.why is Why.STOPPED else PointState.DONE
            self._end(state, now_ns, ended.reason)
        return ended

    def _note(self, batch: Batch, start_ns: int, ends_ns: int | None) -> None:
        self._conditions.add(batch.readings)
        if not len(batch.nonces):
            return
        stamps = batch.nonces["t_ns"]
        inside = stamps >= start_ns  # some wait to be read when a point begins, or come as it ends
        if ends_ns is not None:
            inside &= stamps <= ends_ns
        stamps = stamps[inside]
        self._events += len(stamps)
        self._stamps.append(stamps)
        self._kept += len(stamps)
        while len(self._stamps) > 1 and self._kept - len(self._stamps[0]) >= STAMPS_KEPT:
            self._kept -= len(self._stamps.pop(0))

    def _warn(self, text: str) -> None:
        self._recorder.log(f"point {self.record.id} ({self._point.label}) {text}", "warning")

    def _end(self, state: PointState, end_ns: int, reason: str) -> None:
        came = {"reached": reason, "events": self._events, "conditions": self._conditions.as_json()}
        self._write(replace(self.record, t_end_ns=end_ns, state=state, plan=self.record.plan | came))

    def _update(self, **found: object) -> None:
        self._write(replace(self.record, plan=self.record.plan | found))

    def _write(self, record: PointRecord) -> None:
        self.record = record
        self._recorder.point(record)
