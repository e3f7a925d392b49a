"""One capture from open device to sealed file: the pull loop."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any, NamedTuple

from asicrc.capture.description import describe, job_interval_s
from asicrc.capture.plan import CapturePlan, Outcome
from asicrc.capture.schema import RESTORED_KEY
from asicrc.capture.stop_request import StopRequest
from asicrc.capture.storage_link import StorageLink
from asicrc.capture.wall_clock import WallClockWatch
from asicrc.clock import MACHINE_CLOCK, boot_id
from asicrc.devices.scan_settings import scan_period_ns
from asicrc.errors import AsicrcError, ExitCode
from asicrc.work import JobSource, jobs_for
from asicrc.work.recorded_jobs import RecordedJobs
from firmware_protocols.device import (
    Batch,
    Capability,
    DeviceLost,
    DeviceProtocol,
    SafetyStop,
    Setting,
    SettingRefused,
)
from firmware_protocols.errors import ProtocolError

PULL_NS = 50_000_000
ANCHOR_INTERVAL_NS = 5_000_000_000
THREAD_SWITCH_S = 50e-6


def run_capture(
    device: DeviceProtocol,
    device_url: str,
    plan: CapturePlan,
    stop: StopRequest,
    storage: StorageLink,
    recorded: RecordedJobs | None = None,
    station: dict[str, Any] | None = None,
) -> Outcome:
    """Capture from an open device into a new file, restore the device, seal the file.

    `recorded` is the work of `plan.replay_work`; without it new jobs are made. `station` is kept with the
    capture as it is.

    Raises AsicrcError when the file cannot be made or storage fails on the way (what was acknowledged is
    in the file), or when the device refuses a setting before anything was captured. A device that is lost
    on the way ends the capture with that reason and exit code 3.
    """
    device.check(plan.requested)
    is_live = device.clock is MACHINE_CLOCK
    storage.open(
        plan.output,
        describe(device, device_url, plan, recorded) | {"station": station},
        plan.progress,
        t_start_ns=device.clock.now_ns(),
        boot_id=boot_id() if is_live else None,
        verdicts=device.work_form.wants_verdicts,
    )
    session = _Session(device, plan, stop, storage, recorded)
    with _prompt_threads():
        reason, exit_code = session.run()
    start_ns, end_ns = session.pulled_ns or (0, 0)
    if session.pulled_ns is not None:
        storage.put("meta", ("pulled", {"start_ns": start_ns, "end_ns": end_ns}))
    session.finish_answers()
    wire_counters = device.wire_counters()
    report = storage.seal(reason, wire_counters)
    duration_s = (end_ns - start_ns) / 1e9
    if not is_live:
        report |= {"lag_s": None, "worst_lag_s": None}
    return Outcome(
        plan.output,
        reason,
        exit_code,
        duration_s,
        wire_counters=wire_counters,
        restored=session.restored,
        not_restored=session.not_restored,
        **report,
    )


@contextmanager
def _prompt_threads() -> Iterator[None]:
    """Let the reader have the interpreter as soon as bytes arrive: the usual 5 ms would be in every stamp."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(THREAD_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)


class _Session:
    def __init__(
        self,
        device: DeviceProtocol,
        plan: CapturePlan,
        stop: StopRequest,
        storage: StorageLink,
        recorded: RecordedJobs | None,
    ) -> None:
        self._device = device
        self._plan = plan
        self._stop = stop
        self._storage = storage
        self._clock = device.clock
        self._takes_work = device.capabilities.get("work") is not Capability.NONE
        self._jobs: JobSource = recorded or jobs_for(
            device.work_form,
            mode=plan.mode,
            seed=plan.seed,
            ntime=self._clock.realtime_ns() // 1_000_000_000 & 0xFFFFFFFF,
            interval_s=job_interval_s(device, plan),
            timeout_s=plan.handshake_timeout_s,
        )
        self._events = 0
        self._next_anchor_ns = self._clock.now_ns()
        self._wall_clock = WallClockWatch(self._clock)
        self._touched = False
        """Whether anything was written that has to be put back."""
        self.restored: bool | None = None
        """Whether it was; None where nothing was written."""
        self.not_restored: tuple[str, ...] = ()
        """Settings that were not read back as they had been."""
        self.pulled_ns: tuple[int, int] | None = None
        """From the first pull to the end of the last one."""

    def run(self) -> tuple[str, ExitCode]:
        """Return the reason for the end. The device is restored on every way out, or it is said that not."""
        try:
            self._prepare()
            ended = self._pull()
            self._state_floor()
        except DeviceLost as error:
            ended = f"device lost: {error}", ExitCode.DEVICE
        except SettingRefused as error:
            ended = f"refused: {error}", ExitCode.REFUSED
        except SafetyStop as error:
            ended = f"stopped for safety: {error}", ExitCode.REFUSED
            return self._put_back(ended, self._device.make_safe)
        except BaseException as error:
            self._restore_without_storage(error)
            raise
        return self._put_back(ended, self._device.restore)

    def finish_answers(self) -> None:
        """Hand the last verdicts to a device that waits for them, and keep what it has to say about it."""
        if not self._device.work_form.wants_verdicts:
            return
        self._storage.flush()
        self._pass_verdicts_on()
        with suppress(DeviceLost, SafetyStop):  # the capture has ended already
            self._store(self._device.read(self._clock.now_ns()))

    def _put_back(
        self, ended: tuple[str, ExitCode], way: Callable[[], list[Setting]]
    ) -> tuple[str, ExitCode]:
        """Restore, then keep with the capture whether that worked: `asicrc restore` asks for it.

        After a stop for safety the device is made safe and not restored. The first reason of the end stays;
        only one that was none gives way to a device that could not be put back.
        """
        settings: list[Setting] = []
        if self._touched:
            self.restored = False
            said = ""
            try:
                settings = way()
                self.not_restored = tuple(dict.fromkeys(s.name for s in settings if not s.came_true))
                self.restored = way == self._device.restore and not self.not_restored
            except DeviceLost as error:
                said = f"device lost: {error}"
            except (SafetyStop, SettingRefused, ProtocolError, AsicrcError) as error:
                said = f"the device was not put back: {error}"
            if said:
                self._log(said, "error")
            if not self.restored and ended[1] in (ExitCode.OK, ExitCode.INTERRUPTED):
                lost = said.startswith("device lost")
                code = ExitCode.DEVICE if lost else ExitCode.REFUSED
                ended = said or f"{ended[0]}, but the device was not put back", code
        # Storage comes after the device: it may be what failed.
        if ended[1] is not ExitCode.OK:
            self._log(ended[0], "error")
        self._storage.put("settings", settings)
        with suppress(DeviceLost, SafetyStop):  # the reason of the end says so already
            self._store(self._device.read(self._clock.now_ns()))
        if self.restored is not None:
            self._storage.put("meta", (RESTORED_KEY, self.restored))
        return ended

    def _restore_without_storage(self, error: BaseException) -> None:
        if not self._touched:
            return
        try:
            failed = [setting.name for setting in self._device.restore() if not setting.came_true]
        except (DeviceLost, SafetyStop, SettingRefused, ProtocolError, AsicrcError) as lost:
            failed = [str(lost)]
        if failed:
            said = f"the device was not restored either: {', '.join(failed)}"
            error.add_note(said)
            if isinstance(error, AsicrcError):
                error.hint += f"; {said}"

    def _prepare(self) -> None:
        """Originals are durable before the first write."""
        originals = self._device.originals()
        self._storage.put("settings", originals)
        self._storage.flush()
        if self._stop.reason is not None:
            return  # nothing was written yet
        self._touched = bool(originals)
        settings = self._device.configure(self._plan.requested)
        self._storage.put("settings", settings)
        self._storage.put("scan_period_ns", scan_period_ns(self._device.identity, settings))
        self._state_floor()
        self._store(self._device.read(self._clock.now_ns()))

    def _state_floor(self) -> None:
        floor = self._device.jitter_floor()
        if floor is not None:
            self._storage.put("meta", ("jitter_floor", asdict(floor)))

    def _pull(self) -> tuple[str, ExitCode]:
        start_ns = self._clock.now_ns()
        self._jobs.begin(start_ns)
        end_ns, ending = self._end(start_ns)
        try:
            while True:
                now_ns = self._clock.now_ns()
                if self._stop.reason is not None:
                    return self._stop.reason, ExitCode.INTERRUPTED
                if now_ns >= end_ns:
                    return ending, ExitCode.OK
                if self._plan.max_events is not None and self._events >= self._plan.max_events:
                    return "event count reached", ExitCode.OK
                due_ns = self._jobs.due_ns if self._takes_work else None
                if due_ns is not None and now_ns >= due_ns:
                    due_ns = self._send_job(now_ns)
                next_ns = end_ns if due_ns is None else min(end_ns, max(due_ns, now_ns))
                batch = self._device.read(min(now_ns + PULL_NS, next_ns))
                self._store(batch)
                if batch.ended is not None:
                    return batch.ended, ExitCode.OK
        finally:
            self.pulled_ns = (start_ns, self._clock.now_ns())

    def _end(self, start_ns: int) -> tuple[int, str]:
        """When to stop, and what the reason is then."""
        ends: list[tuple[int, str]] = []
        if self._plan.duration_s is not None:
            ends.append((start_ns + round(self._plan.duration_s * 1e9), "duration reached"))
        if self._jobs.ends_ns is not None:
            ends.append((self._jobs.ends_ns, "the recorded work ended"))
        return min(ends)

    def _send_job(self, now_ns: int) -> int | None:
        """Send the job that is due; return when the next one is."""
        job, missed = self._jobs.take(now_ns)
        jobs = self._device.send(job)
        if jobs:
            self._storage.put("jobs", jobs)
        readings = self._jobs.sent(jobs)
        if readings:
            self._storage.put("batch", Batch(readings=readings))
        if missed:
            self._log(f"{missed} jobs were not sent: this machine stood still", "warning")
        return self._jobs.due_ns

    def _store(self, batch: Batch) -> None:
        if batch.segment is not None:
            self._begin_segment(batch.segment.t_ns, batch.segment.reason)
        for text in batch.log:
            self._log(text)
        if batch.jobs:
            self._storage.put("jobs", batch.jobs)
            batch.readings += self._jobs.sent(batch.jobs)
        if batch.settings:
            self._storage.put("settings", batch.settings)
        for key, value in batch.meta.items():
            self._storage.put("meta", (key, value))
        if len(batch.nonces):
            batch.readings += self._jobs.arrived(batch.nonces)
        self._events += len(batch.nonces)
        later = self._after_a_step(batch)
        if len(batch.nonces) or batch.wire or batch.readings:
            self._storage.put("batch", batch)
        if later is not None:
            self._begin_segment(*later.started)
            self._storage.put("batch", later.batch)
        if self._clock.now_ns() >= self._next_anchor_ns:
            self._anchor()
            self._next_anchor_ns += ANCHOR_INTERVAL_NS
        self._storage.pump()
        self._pass_verdicts_on()

    def _after_a_step(self, batch: Batch) -> _Later | None:
        """Where the wall clock was set: what of the batch came after that, taken out of it."""
        step = self._wall_clock.look()
        if step is None:
            return None
        self._log(step.reason, "warning")
        first = step.first_after(batch.nonces)
        later = Batch(nonces=batch.nonces[first:])
        batch.nonces = batch.nonces[:first]
        return _Later((step.t_ns, step.reason), later)

    def _begin_segment(self, t_ns: int, reason: str) -> None:
        is_live = self._clock is MACHINE_CLOCK
        self._storage.put("segment", (t_ns, reason, boot_id() if is_live else None))
        self._anchor()

    def _anchor(self) -> None:
        self._storage.put("anchor", (self._clock.realtime_ns(), self._clock.now_ns()))

    def _pass_verdicts_on(self) -> None:
        for events in self._storage.take_judged():
            self._device.judged(events)

    def _log(self, text: str, level: str = "info") -> None:
        self._storage.put("log", (text, level, self._clock.now_ns()))


class _Later(NamedTuple):
    """What belongs to a new segment, and when and why that began."""

    started: tuple[int, str]
    batch: Batch
