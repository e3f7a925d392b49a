"""Work with an input in it."""

from __future__ import annotations

from typing import Protocol, cast

from asicrc.work.job_source import JobSource, TakenJob
from firmware_protocols.device import Job, NonceBatch, Reading
from firmware_protocols.device.drive import with_drive


class Steps(Protocol):
    """The input, as its work sees it."""

    @property
    def is_handshake(self) -> bool: ...

    @property
    def by_work(self) -> bool: ...

    @property
    def has_steps_left(self) -> bool: ...

    @property
    def value(self) -> float:
        """Of the step that runs."""

    @property
    def due_ns(self) -> int | None:
        """When the next step begins, where the clock decides."""

    def begin_step(self, now_ns: int) -> None: ...

    def sent(self, now_ns: int, jobs: list[Job]) -> None:
        """The work of the step that has begun went out."""


class StepJobs:
    """Implements `JobSource`. Before `follow` it is the work alone.

    In stream mode a job goes out at the beginning of each step, and within it as often as the device needs
    one. In handshake mode each job is a step.
    """

    ends_ns = None

    def __init__(self, jobs: JobSource, steps: Steps) -> None:
        self._jobs = jobs
        self._steps = steps
        self._follows = False
        self._begins_step = False
        self._taken_ns = 0

    def begin(self, now_ns: int) -> None:
        self._jobs.begin(now_ns)

    def follow(self, now_ns: int) -> None:
        """The input begins with the next job: at once, or when the one that is out was answered."""
        self._follows = True
        if not self._steps.is_handshake:
            call_for_next(self._jobs, now_ns)

    @property
    def due_ns(self) -> int | None:
        due_ns = self._jobs.due_ns
        if not self._follows:
            return due_ns
        if self._steps.is_handshake:
            return due_ns if self._steps.has_steps_left else None
        step_ns = self._steps.due_ns if self._steps.has_steps_left and self._steps.by_work else None
        return min((t_ns for t_ns in (due_ns, step_ns) if t_ns is not None), default=None)

    def is_answered(self, now_ns: int) -> bool:
        """Whether the job after the last one would be due."""
        due_ns = self._jobs.due_ns
        return due_ns is not None and now_ns >= due_ns

    def take(self, now_ns: int) -> TakenJob:
        if not self._follows:
            return self._jobs.take(now_ns)
        step_ns = self._steps.due_ns
        is_due = self._steps.is_handshake or (step_ns is not None and now_ns >= step_ns)
        self._begins_step = is_due and self._steps.has_steps_left
        self._taken_ns = now_ns
        if self._begins_step:
            self._steps.begin_step(now_ns)
            if not self._steps.is_handshake:
                call_for_next(self._jobs, now_ns)
        job, missed = self._jobs.take(now_ns)
        if self._steps.by_work:
            job = with_drive(job, self._steps.value)
        return TakenJob(job, missed)

    def sent(self, jobs: list[Job]) -> list[Reading]:
        if self._begins_step and self._steps.by_work:
            self._begins_step = False
            self._steps.sent(self._taken_ns, jobs)
        return self._jobs.sent(jobs)

    def arrived(self, events: NonceBatch) -> list[Reading]:
        return self._jobs.arrived(events)


def call_for_next(jobs: JobSource, now_ns: int) -> None:
    """The next job of a stream is due now, and the interval between jobs counts from here."""
    cast(_TimedJobs, jobs).due_ns = now_ns


class _TimedJobs(Protocol):
    """Work by a timer: its next job can be called for before its time."""

    due_ns: int
