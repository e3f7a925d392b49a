"""What the analysis needs of one capture that was driven with an input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from asicrc.reservoir.encoders import AppliedDrive, Encoder, applied_drive
from asicrc.reservoir.states import StepEvents
from firmware_protocols.device import NO_TIME, Job, NonceBatch, Reading, Setting

HANDSHAKE = "handshake"
NEVER = int(np.iinfo(np.int64).max)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Recorded(Protocol):
    """A capture, in a file or in memory."""

    def events(self, distinct: bool = False) -> NonceBatch: ...

    def jobs(self) -> list[Job]: ...

    def readings(self) -> list[Reading]: ...

    def settings(self) -> list[Setting]: ...


@dataclass(frozen=True, slots=True)
class DrivenRun:
    """drive : what the device was driven with, as read back
    steps : its events by the steps of the input
    nodes : the same by the virtual nodes, which are the steps of the drive
    job_numbers, job_sent_ns, job_ends_ns : (J,) number and dispatch of each job, and the dispatch of the one
        that took its place at the same miner (`NEVER` for the last one), by number
    """

    encoder: Encoder
    mode: str
    drive: AppliedDrive
    steps: StepEvents
    nodes: StepEvents
    job_numbers: Ints
    job_sent_ns: Ints
    job_ends_ns: Ints
    readings: Sequence[Reading]
    settings: Sequence[Setting]
    handshake_timeout_s: float = 30.0

    def __len__(self) -> int:
        return len(self.drive)

    @property
    def node_inputs(self) -> Floats:
        """(T * nodes,) the drive as a share of its range, 0 .. 1; the mean where it is not known."""
        low, high = self.encoder.low, self.encoder.high
        share = (self.drive.applied - low) / (high - low)
        known = share[np.isfinite(share)]
        filled: Floats = np.where(np.isfinite(share), share, known.mean() if len(known) else 0.5)
        return filled

    @property
    def jobs_of_events(self) -> Ints:
        """(n,) place in the job columns of the job that each event of `steps` answers; -1 where not known."""
        if not len(self.job_numbers):
            return np.full(len(self.steps.job), -1)
        at = np.searchsorted(self.job_numbers, self.steps.job)
        at = np.minimum(at, len(self.job_numbers) - 1)
        return np.where(self.job_numbers[at] == self.steps.job, at, -1)

    @property
    def is_handshake(self) -> bool:
        return self.mode == HANDSHAKE

    @classmethod
    def of(
        cls,
        recorded: Recorded,
        encoder: Encoder,
        *,
        mode: str = "stream",
        steps: int | None = None,
        allow_missing: bool = False,
        handshake_timeout_s: float = 30.0,
    ) -> DrivenRun:
        """Read what there is of the drive. Raises NoAnswer where a step was not applied (`applied_drive`)."""
        readings = recorded.readings()
        drive = applied_drive(readings, encoder, steps=steps, allow_missing=allow_missing)
        events = recorded.events(distinct=True)
        numbers, sent_ns, ends_ns = _lives(recorded.jobs())
        by_step = StepEvents.sort(events, drive.starts_ns)
        return cls(
            encoder=encoder,
            mode=mode,
            drive=drive,
            steps=by_step,
            nodes=by_step.divided(drive.node_starts_ns),
            job_numbers=numbers,
            job_sent_ns=sent_ns,
            job_ends_ns=ends_ns,
            readings=readings,
            settings=recorded.settings(),
            handshake_timeout_s=handshake_timeout_s,
        )


def _lives(jobs: Sequence[Job]) -> tuple[Ints, Ints, Ints]:
    """Number, dispatch and end of each job that was sent, by number."""
    newest: dict[bytes, int] = {}
    ends: dict[int, int] = {}
    sent = [job for job in jobs if job.sent_ns != NO_TIME]
    for job in sorted(sent, key=lambda job: (job.sent_ns, job.number)):
        if job.extranonce1 in newest:
            ends[newest[job.extranonce1]] = job.sent_ns
        newest[job.extranonce1] = job.number
    sent.sort(key=lambda job: job.number)
    columns = [(job.number, job.sent_ns, ends.get(job.number, NEVER)) for job in sent]
    numbers, sent_ns, ends_ns = np.array(columns, dtype=np.int64).reshape(-1, 3).T
    return numbers, sent_ns, ends_ns
