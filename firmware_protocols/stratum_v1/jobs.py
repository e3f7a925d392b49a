"""Jobs, each with what was in force when it was sent: both ends bind the same way.

A difficulty, an extranonce and a version mask hold for the jobs after them; a job that is out keeps its own.
Clean jobs make all earlier ones stale. Nothing here knows a connection or a time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from firmware_protocols.bitcoin import merkle_root_from_branch
from firmware_protocols.device import NO_TIME, Job
from firmware_protocols.errors import LocalProtocolError
from firmware_protocols.stratum_v1.algorithm import SHA256D, Algorithm
from firmware_protocols.stratum_v1.server_messages import MAX_EXTRANONCE1_SIZE, Notify

JOBS_KEPT = 256
"""Jobs of one connection that a share can still be matched with, stale ones included."""
EVENT_EXTRANONCE2_SIZE = 16
"""What an event has room for."""


@dataclass(frozen=True, slots=True)
class StratumJob:
    """A job as one connection has it. The version of a header is `version_of(bits)`."""

    number: int
    notify: Notify
    extranonce1: bytes
    extranonce2_size: int
    difficulty: float
    version_mask: int
    generation: int
    """How many clean jobs the connection had had with this one."""
    previous_difficulty: float | None = None
    """That of the job before, where this is the first of another: a miner may be late to take it up."""
    t_ns: int = NO_TIME
    """Stamp of the dispatch, or of the read that brought it."""

    @property
    def job_id(self) -> str:
        return self.notify.job_id

    def coinbase(self, extranonce2: bytes) -> bytes:
        return self.notify.coinbase1 + self.extranonce1 + extranonce2 + self.notify.coinbase2

    def merkle_root(self, extranonce2: bytes) -> bytes:
        """In header byte order."""
        return merkle_root_from_branch(self.coinbase(extranonce2), self.notify.branch)

    def version_of(self, version_bits: int | None) -> int:
        """BIP 310: (job version & ~mask) | (bits & mask); without bits, the job's own version."""
        if version_bits is None:
            return self.notify.version
        return rolled(self.notify.version, version_bits, self.version_mask)

    def header(
        self,
        extranonce2: bytes,
        nonce: int,
        *,
        ntime: int | None = None,
        version_bits: int | None = None,
        algorithm: Algorithm = SHA256D,
    ) -> bytes:
        """The header of a share, by default with the job's own ntime. Raises ValueError beyond 32 bits."""
        return algorithm.header(
            self.notify,
            self.merkle_root(extranonce2),
            self.version_of(version_bits),
            self.notify.ntime if ntime is None else ntime,
            nonce,
        )

    def target(self, algorithm: Algorithm = SHA256D) -> int:
        return algorithm.target(self.difficulty)

    def device_job(self, *, algorithm: Algorithm = SHA256D, chip_target: int | None = None) -> Job:
        """The same for a capture, which rebuilds each header from it.

        Raises LocalProtocolError for a job that is not of the algorithm's coin.
        """
        notify = self.notify
        if (notify.claimtrie is not None) != (algorithm.name == "lbry"):
            raise LocalProtocolError(f"job {notify.job_id!r} is not of the coin of {algorithm.name}")
        return Job(
            number=self.number,
            wire_id=notify.job_id,
            version=notify.version,
            prev_hash=notify.prev_hash,
            ntime=notify.ntime,
            nbits=notify.nbits,
            target=self.target(algorithm),
            coinbase1=notify.coinbase1,
            extranonce1=self.extranonce1,
            coinbase2=notify.coinbase2,
            branch=notify.branch,
            version_mask=self.version_mask,
            chip_target=chip_target,
            sent_ns=self.t_ns,
            algorithm=algorithm.name,
            claimtrie=notify.claimtrie,
            clean=notify.clean_jobs,
        )


def notify_from_job(job: Job, *, clean_jobs: bool, job_id: str | None = None) -> Notify:
    """A job of a capture as mining.notify, under its wire id unless told otherwise.

    Its difficulty, mask and extranonce1 are the connection's to bind. Raises LocalProtocolError for a job
    that has a merkle root instead of the coinbase's halves.
    """
    if job.merkle_root is not None:
        raise LocalProtocolError(
            f"job {job.number} has a fixed merkle root: Stratum needs the halves of its coinbase"
        )
    return Notify(
        job_id=job.wire_id if job_id is None else job_id,
        prev_hash=job.prev_hash,
        coinbase1=job.coinbase1,
        coinbase2=job.coinbase2,
        branch=job.branch,
        version=job.version,
        nbits=job.nbits,
        ntime=job.ntime,
        clean_jobs=clean_jobs,
        claimtrie=job.claimtrie,
    )


def counted_extranonce2(counter: int, size: int) -> bytes:
    """The extranonce2 of a miner that counts as ESP-Miner does: little-endian, from 0 for every job."""
    return (counter % (1 << 8 * size)).to_bytes(size, "little")


def rolled(version: int, version_bits: int, mask: int) -> int:
    """The version that was hashed (BIP 310)."""
    return version & ~mask & 0xFFFFFFFF | version_bits & mask


class JobBook:
    """The jobs of one connection, newest last; as a client keeps it, with whatever a pool sends.

    `difficulty`, `version_mask` and the extranonce are those of the next job. A second job under an id takes
    the place of the first. Raises ValueError where none would be `kept`.
    """

    def __init__(
        self, *, difficulty: float | None = None, version_mask: int = 0, kept: int = JOBS_KEPT
    ) -> None:
        if kept < 1:
            raise ValueError(f"at least 1 job has to be kept, not {kept}")
        self.difficulty = difficulty
        self.version_mask = version_mask
        self.extranonce1: bytes | None = None
        self.extranonce2_size = 0
        self.generation = 0
        self.current: StratumJob | None = None
        """The newest job."""
        self._kept = kept
        self._jobs: dict[str, StratumJob] = {}

    def set_extranonce(self, extranonce1: bytes, extranonce2_size: int) -> None:
        """For the next job."""
        self.extranonce1, self.extranonce2_size = extranonce1, extranonce2_size

    def bind(self, notify: Notify, *, number: int | None = None, at_ns: int = NO_TIME) -> StratumJob:
        """Take in a job. Without a number it gets the one after the newest.

        Raises LocalProtocolError before there is an extranonce and a difficulty.
        """
        if self.extranonce1 is None:
            raise LocalProtocolError("a job needs an extranonce: answer mining.subscribe first")
        if self.difficulty is None:
            raise LocalProtocolError("a job needs a difficulty: miners differ in what they begin with")
        before = self.current
        if number is None:
            number = 1 if before is None else before.number + 1
        self.generation += notify.clean_jobs
        changed = before is not None and before.difficulty != self.difficulty
        job = StratumJob(
            number=number,
            notify=notify,
            extranonce1=self.extranonce1,
            extranonce2_size=self.extranonce2_size,
            difficulty=self.difficulty,
            version_mask=self.version_mask,
            generation=self.generation,
            previous_difficulty=before.difficulty if before is not None and changed else None,
            t_ns=at_ns,
        )
        self._jobs.pop(notify.job_id, None)
        self._jobs[notify.job_id] = self.current = job
        if len(self._jobs) > self._kept:
            del self._jobs[next(iter(self._jobs))]
        return job

    def find(self, job_id: str) -> StratumJob | None:
        """A job that is kept, stale or not."""
        return self._jobs.get(job_id)

    def is_stale(self, job: StratumJob) -> bool:
        """Whether clean jobs have come since."""
        return job.generation != self.generation


class ServerJobs(JobBook):
    """Jobs of our own making, held to what every miner gets right."""

    def set_extranonce(self, extranonce1: bytes, extranonce2_size: int) -> None:
        """For the next job. Raises LocalProtocolError for sizes that an event or a miner has no room for."""
        if not 1 <= extranonce2_size <= EVENT_EXTRANONCE2_SIZE:
            raise LocalProtocolError(
                f"extranonce2 has 1 to {EVENT_EXTRANONCE2_SIZE} bytes, not {extranonce2_size}"
            )
        if len(extranonce1) > MAX_EXTRANONCE1_SIZE:
            raise LocalProtocolError(
                f"extranonce1 has at most {MAX_EXTRANONCE1_SIZE} bytes, not {len(extranonce1)}"
            )
        super().set_extranonce(extranonce1, extranonce2_size)

    def bind(self, notify: Notify, *, number: int | None = None, at_ns: int = NO_TIME) -> StratumJob:
        """As `JobBook.bind`; raises LocalProtocolError as well for a job that some miner would misread."""
        if self.find(notify.job_id) is not None:
            raise LocalProtocolError(f"job id {notify.job_id!r} has been given out on this connection")
        if not _JOB_ID.fullmatch(notify.job_id):
            raise LocalProtocolError(f"job id {notify.job_id!r} is not 1 to 8 small hexadecimal digits")
        if notify.version & self.version_mask:
            raise LocalProtocolError(
                f"version {notify.version:08x} has bits in the mask {self.version_mask:08x}, where BIP 310, "
                "ESP-Miner's exclusive or and the BM1366's or come to different headers: clear them"
            )
        return super().bind(notify, number=number, at_ns=at_ns)


_JOB_ID = re.compile(r"[0-9a-f]{1,8}")
