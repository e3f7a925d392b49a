"""From what a device brought to what is stored: segments, readings of the work, anchors, verdicts back."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from typing import NamedTuple

from asicrc.bench.supervision import Tally
from asicrc.capture.points import PointRecord
from asicrc.capture.storage import Numbering, Storage
from asicrc.capture.time_left import PlanStanding
from asicrc.capture.wall_clock import WallClockWatch
from asicrc.clock import MACHINE_CLOCK, boot_id
from asicrc.work.job_source import JobSource
from firmware_protocols.device import (
    Batch,
    DeviceLost,
    DeviceProtocol,
    Job,
    NonceBatch,
    SafetyStop,
    Setting,
)

ANCHOR_INTERVAL_NS = 5_000_000_000


class Recorder:
    """Stores for one session. `jobs` is the work of the point that runs, once there is one."""

    def __init__(self, device: DeviceProtocol, storage: Storage, before: Numbering | None = None) -> None:
        self.jobs: JobSource | None = None
        self.events = 0
        self._device = device
        self._storage = storage
        self._clock = device.clock
        self._before = before or Numbering()
        self._is_live = device.clock is MACHINE_CLOCK
        self._next_anchor_ns = self._clock.now_ns()
        self._wall_clock = WallClockWatch(self._clock)
        self._told: set[str] = set()

    def store(self, batch: Batch) -> None:
        if batch.segment is not None:
            self.begin_segment(batch.segment.t_ns, batch.segment.reason)
        for text in batch.log:
            self.log(text)
        if batch.jobs:
            batch.readings += self.sent(batch.jobs).readings
        if batch.settings:
            self.settings(batch.settings)
        for key, value in batch.meta.items():
            self.meta(key, value)
        if len(batch.nonces):
            if self.jobs is not None:
                batch.readings += self.jobs.arrived(batch.nonces)
            self.events += len(batch.nonces)
        later = self._after_a_step(batch)
        self._put(batch)
        if later is not None:
            self.begin_segment(*later.started)
            self._put(later.batch)
        if self._clock.now_ns() >= self._next_anchor_ns:
            self.anchor()
            self._next_anchor_ns += ANCHOR_INTERVAL_NS
        self._storage.pump()
        if not self._is_live:
            self._storage.hold_back()
        self.pass_verdicts_on()

    def sent(self, jobs: list[Job]) -> Batch:
        """Keep jobs that went out; return what there is to say of that."""
        if jobs:
            numbered = jobs
            if self._before.jobs:
                numbered = [replace(job, number=job.number + self._before.jobs) for job in jobs]
            self._storage.put("jobs", numbered)
        return Batch(readings=[] if self.jobs is None else self.jobs.sent(jobs))

    def settings(self, settings: list[Setting]) -> None:
        self._storage.put("settings", settings)

    def meta(self, key: str, value: object) -> None:
        self._storage.put("meta", (key, value))

    def scan_period(self, period_ns: int | None) -> None:
        self._storage.put("scan_period_ns", period_ns)

    def point(self, record: PointRecord) -> None:
        self._storage.put("point", record)

    def standing(self, standing: PlanStanding) -> None:
        """For the line that a person sees."""
        self._storage.put("standing", standing)

    def tell(self, text: str) -> None:
        """Say it to the person, once in a session."""
        if text not in self._told:
            self._told.add(text)
            self._storage.put("told", text)

    def log(self, text: str, level: str = "info") -> None:
        self._storage.put("log", (text, level, self._clock.now_ns()))

    def begin_segment(self, t_ns: int, reason: str) -> None:
        self._storage.put("segment", (t_ns, reason, boot_id() if self._is_live else None))
        self.anchor()

    def anchor(self) -> None:
        self._storage.put("anchor", (self._clock.realtime_ns(), self._clock.now_ns()))

    def flush(self) -> None:
        self._storage.flush()

    def floor(self) -> None:
        """How exact the stamps are, where that can be measured."""
        floor = self._device.jitter_floor()
        if floor is not None:
            self.meta("jitter_floor", asdict(floor))

    def last_words(self) -> None:
        """What the device still has to say; it may be gone already, which the reason of the end tells."""
        with suppress(DeviceLost, SafetyStop):
            self.store(self._device.read(self._clock.now_ns()))

    def tally(self) -> Tally:
        """What storage has judged so far, and what the line has brought."""
        judged = self._storage.counters
        wire = self._device.wire_counters()
        damaged = wire.get("damaged_frames", 0)
        return Tally(
            proofs=judged.events,
            invalid=judged.low + judged.malformed,
            frames=wire.get("frames", 0) + damaged,
            damaged_frames=damaged,
        )

    def finish_answers(self) -> None:
        """Hand the last verdicts to a device that waits for them, and keep what it has to say about it."""
        if not self._device.work_form.wants_verdicts:
            return
        self.flush()
        self.pass_verdicts_on()
        self.last_words()

    def pass_verdicts_on(self) -> None:
        for events in self._storage.take_judged():
            if any(self._before):
                events = _renumbered(events, -self._before.first_seq, -self._before.jobs)
            self._device.judged(events)

    def _put(self, batch: Batch) -> None:
        if not (len(batch.nonces) or batch.wire or batch.readings):
            return
        if any(self._before) and len(batch.nonces):
            nonces = _renumbered(batch.nonces, self._before.first_seq, self._before.jobs)
            batch = replace(batch, nonces=nonces)
        self._storage.put("batch", batch)

    def _after_a_step(self, batch: Batch) -> _Later | None:
        """Where the wall clock was set: what of the batch came after that, taken out of it."""
        step = self._wall_clock.look()
        if step is None:
            return None
        self.log(step.reason, "warning")
        first = step.first_after(batch.nonces)
        later = Batch(nonces=batch.nonces[first:])
        batch.nonces = batch.nonces[:first]
        return _Later((step.t_ns, step.reason), later)


class _Later(NamedTuple):
    """What belongs to a new segment, and when and why that began."""

    started: tuple[int, str]
    batch: Batch


def _renumbered(events: NonceBatch, seq: int, jobs: int) -> NonceBatch:
    """A copy with other running numbers; an event without a job keeps none."""
    events = events.copy()
    events["seq"] = (events["seq"].astype("i8") + seq).astype("u8")
    named = events["job"] != 0
    events["job"][named] = (events["job"][named].astype("i8") + jobs).astype("u8")
    return events
