"""The pull loop: send the work that is due, read the device, store what came, until it is enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import Enum
from typing import NamedTuple, Protocol

from asicrc.bench.supervision import Supervised, Tally
from asicrc.capture.driving import DriveRun
from asicrc.capture.recorder import Recorder
from asicrc.capture.stop_request import StopRequest
from asicrc.clock import MACHINE_CLOCK
from asicrc.work.job_source import JobSource
from firmware_protocols.device import Batch, Capability, DeviceProtocol, Setting

PULL_NS = 50_000_000
VIRTUAL_PULL_NS = 200_000_000
"""Of a clock that goes as fast as it is read: nobody waits for what comes."""
COUNT_NS = 1_000_000_000


class Why(Enum):
    """Why pulling ended."""

    TIME = "time"
    ENOUGH = "enough"
    STOPPED = "stopped"
    """By a signal."""
    NO_MORE = "no more"
    """The device has no more to give."""


class Ended(NamedTuple):
    why: Why
    reason: str


class Supervision(Protocol):
    """Looks at everything that a device brings. Times are of the device's clock."""

    def changed(self, settings: Iterable[Setting], now_ns: int) -> None:
        """Settings were made, on the way to a point or as it asked for."""

    def begin_point(self) -> None:
        """The work of a point begins: what was to be expected before is so no longer."""

    def look(self, batch: Batch, now_ns: int) -> Supervised:
        """Raises SafetyStop, DeviceLost where it must not go on."""

    def count(self, tally: Tally, now_ns: int) -> Supervised:
        """How much of what came so far is bad. Raises DeviceLost."""


class Puller:
    """Of one session. `requested` are the settings of the point that runs."""

    def __init__(
        self,
        device: DeviceProtocol,
        recorder: Recorder,
        stop: StopRequest,
        supervision: Supervision | None = None,
    ) -> None:
        self.requested: dict[str, float] = {}
        self.jobs_before = 0
        """Of earlier points: numbers of jobs run on."""
        self.pulled_ns: tuple[int, int] | None = None
        """From the first pull to the end of the last one."""
        self._device = device
        self._recorder = recorder
        self._stop = stop
        self._supervision = supervision
        self._takes_work = device.capabilities.get("work") is not Capability.NONE
        self._jobs_sent = 0
        self._pull_ns = PULL_NS if device.clock is MACHINE_CLOCK else VIRTUAL_PULL_NS
        self._next_count_ns = 0

    def begin(self, jobs: JobSource) -> None:
        """The work from now on; its first job is due now."""
        now_ns = self._device.clock.now_ns()
        self.pulled_ns = self.pulled_ns or (now_ns, now_ns)
        self.jobs_before += self._jobs_sent
        self._jobs_sent = 0
        self._recorder.jobs = jobs
        if self._supervision is not None:
            self._supervision.begin_point()
        jobs.begin(now_ns)

    def changed(self, settings: list[Setting]) -> None:
        """These were made and are kept already."""
        if self._supervision is not None:
            self._supervision.changed(settings, self._device.clock.now_ns())

    def drain(self) -> None:
        """Take what came while settings were made. Raises what `run` does."""
        now_ns = self._device.clock.now_ns()
        batch = self._device.read(now_ns)
        self._recorder.store(batch)
        self._supervise(batch, self._device.clock.now_ns())

    def run(
        self,
        ends_ns: int | None,
        ending: str,
        enough: Callable[[Batch, int], str | None],
        drive: DriveRun | None = None,
    ) -> Ended:
        """Until `ends_ns` (the reason is then `ending`), until `enough` says why, or the input is over.

        Raises what `DeviceProtocol.read` and the supervision raise.
        """
        try:
            return self._run(ends_ns, ending, enough, drive)
        finally:
            now_ns = self._device.clock.now_ns()
            self.pulled_ns = (self.pulled_ns or (now_ns, now_ns))[0], now_ns

    def _run(
        self,
        ends_ns: int | None,
        ending: str,
        enough: Callable[[Batch, int], str | None],
        drive: DriveRun | None,
    ) -> Ended:
        clock, jobs = self._device.clock, self._recorder.jobs
        while True:
            now_ns = clock.now_ns()
            if self._stop.reason is not None:
                return Ended(Why.STOPPED, self._stop.reason)
            if ends_ns is not None and now_ns >= ends_ns:
                return Ended(Why.TIME, ending)
            if drive is not None:
                drive.act(now_ns)
                if drive.is_over(now_ns):
                    return Ended(Why.TIME, "the input ended")
            next_ns = now_ns + self._pull_ns
            if jobs is not None and self._takes_work and (due_ns := jobs.due_ns) is not None:
                if now_ns >= due_ns:
                    due_ns = self._send_job(jobs, now_ns)
                next_ns = next_ns if due_ns is None else min(next_ns, max(due_ns, now_ns))
            if drive is not None and drive.due_ns is not None:
                next_ns = min(next_ns, max(drive.due_ns, now_ns))
            batch = self._device.read(next_ns if ends_ns is None else min(next_ns, ends_ns))
            self._recorder.store(batch)
            now_ns = clock.now_ns()
            self._supervise(batch, now_ns)
            said = enough(batch, now_ns)
            if said is not None:
                return Ended(Why.ENOUGH, said)
            if batch.ended is not None:
                return Ended(Why.NO_MORE, batch.ended)

    def _send_job(self, jobs: JobSource, now_ns: int) -> int | None:
        """Send the job that is due; return when the next one is."""
        job, missed = jobs.take(now_ns)
        if self.jobs_before:
            job = replace(job, number=job.number + self.jobs_before)
        self._jobs_sent += 1
        said = self._recorder.sent(self._device.send(job))
        if said.readings:
            self._recorder.store(said)
        if missed:
            self._recorder.log(f"{missed} jobs were not sent: this machine stood still", "warning")
        return jobs.due_ns

    def _supervise(self, batch: Batch, now_ns: int) -> None:
        if self._supervision is None:
            return
        wanted = self._supervision.look(batch, now_ns)
        lines = wanted.log
        if now_ns >= self._next_count_ns:
            self._next_count_ns = now_ns + COUNT_NS
            lines = lines + self._supervision.count(self._recorder.tally(), now_ns).log
        for line in lines:
            self._recorder.log(line)
        if wanted.settings:
            settings = self._device.configure(wanted.settings)
            self._recorder.settings(settings)
            self.changed(settings)
