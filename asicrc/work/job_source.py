"""What a session needs of its work: the next job, and when it is due."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from firmware_protocols.device import Job, NonceBatch, Reading


class TakenJob(NamedTuple):
    """A job to be sent now, and how many that were due before it are left out."""

    job: Job
    missed: int


class JobSource(Protocol):
    """Jobs in the order of sending. Times are of the clock that `begin` was told, ns."""

    def begin(self, now_ns: int) -> None:
        """The first job is due now. Comes before everything else."""

    @property
    def due_ns(self) -> int | None:
        """When the next job is to be sent; None after the last one."""

    @property
    def ends_ns(self) -> int | None:
        """When the work is over; None for work without end."""

    def take(self, now_ns: int) -> TakenJob:
        """The job that is due. After a standstill jobs that were missed stay missed: none is sent late in
        the place of another."""

    def sent(self, jobs: list[Job]) -> list[Reading]:
        """These went out; what is to be kept of it."""

    def arrived(self, events: NonceBatch) -> list[Reading]:
        """These came in; what is to be kept of it. They may make the next job due."""
