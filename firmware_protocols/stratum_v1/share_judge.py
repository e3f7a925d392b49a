"""Whether a share is what its job asked for, and the code to answer it with.

The order is that of the pools: who sent it, whether its job is known, whether its fields can be, whether it
has been here before, and only then the hash.
"""

from __future__ import annotations

from dataclasses import dataclass

from firmware_protocols.bitcoin import merkle_root_from_branch
from firmware_protocols.stratum_v1.algorithm import SHA256D, Algorithm
from firmware_protocols.stratum_v1.client_messages import Submit
from firmware_protocols.stratum_v1.jobs import JobBook, StratumJob, rolled
from firmware_protocols.stratum_v1.replies import ErrorCode

NTIME_AHEAD_S = 7_200
"""How far a share's time may be after its job's: what Bitcoin lets a block be ahead."""
SHARES_REMEMBERED = 65_536
"""Accepted shares of one connection that a repetition can still be told from, about 10 MB."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a share. `code` is None where it was accepted.

    `job` is None where it is not known. A stale share has code 21 and a job, so that it can be recorded with
    it. `version` (as hashed) and `extranonce2` (at its full size) are None where they cannot be told, and
    `hash_value` where the share was refused before it was hashed.
    """

    code: ErrorCode | None
    text: str
    job: StratumJob | None = None
    version: int | None = None
    extranonce2: bytes | None = None
    hash_value: int | None = None
    by_grace: bool = False
    """Accepted at the difficulty of the job before. Against its own job's target it is low."""

    @property
    def accepted(self) -> bool:
        return self.code is None

    @property
    def stale(self) -> bool:
        return self.code is ErrorCode.JOB_NOT_FOUND and self.job is not None


class ShareJudge:
    """Judges the shares of one connection against its jobs.

    Rolled bits have to lie in the mask that was in force when the job was sent, or in the one that is now:
    BIP 310 has a new mask hold at once, ESP-Miner from the next job. `grace` accepts, on the first job of a
    new difficulty, shares of the one before. Memory is bounded by `remembered` shares; raises ValueError
    below 1.
    """

    def __init__(
        self,
        jobs: JobBook,
        *,
        algorithm: Algorithm = SHA256D,
        ntime_ahead_s: int = NTIME_AHEAD_S,
        grace: bool = True,
        remembered: int = SHARES_REMEMBERED,
    ) -> None:
        if remembered < 1:
            raise ValueError(f"at least 1 share has to be remembered, not {remembered}")
        self.jobs = jobs
        self.algorithm = algorithm
        self.ntime_ahead_s = ntime_ahead_s
        self.grace = grace
        self._remembered = remembered
        self._seen: dict[tuple[int, int, int, int, bytes], None] = {}
        self._work: _Work | None = None

    def judge(self, submit: Submit, *, authorized: bool = True, subscribed: bool = True) -> Judgement:
        """The verdict on one share; an accepted one is remembered.

        Raises LocalProtocolError where the jobs are of another coin than the algorithm.
        """
        so_far = self.before_hashing(submit, authorized=authorized, subscribed=subscribed)
        job, version, extranonce2 = so_far.job, so_far.version, so_far.extranonce2
        if so_far.code is not None or job is None or version is None or extranonce2 is None:
            return so_far
        key = (job.number, submit.nonce, version, submit.ntime, extranonce2)
        if key in self._seen:
            code = ErrorCode.DUPLICATE
            return Judgement(code, code.text, job, version, extranonce2)
        return self._by_hash(job, key, submit, version, extranonce2)

    def before_hashing(
        self, submit: Submit, *, authorized: bool = True, subscribed: bool = True
    ) -> Judgement:
        """What can be told without a hash, for a server that has them hashed elsewhere.

        Without a code only repetition and hash are left to be judged. A stale share has its job all the same.
        """
        if not authorized:
            return _refused(ErrorCode.UNAUTHORIZED)
        if not subscribed:
            return _refused(ErrorCode.NOT_SUBSCRIBED)
        job = self.jobs.find(submit.job_id)
        if job is None:
            return _refused(ErrorCode.JOB_NOT_FOUND)
        extranonce2 = _extranonce2(submit.extranonce2, job.extranonce2_size)
        version = self._version(submit.version_bits, job)
        if self.jobs.is_stale(job):
            return Judgement(
                ErrorCode.JOB_NOT_FOUND, "Stale: a clean job has come since", job, version, extranonce2
            )
        ahead_s = submit.ntime - job.notify.ntime
        problem = ""
        if extranonce2 is None:
            problem = f"extranonce2 is not {job.extranonce2_size} bytes"
        elif version is None:
            problem = f"version_bits outside the mask {job.version_mask:08x}"
        elif not 0 <= ahead_s <= self.ntime_ahead_s:
            problem = f"ntime is not within {self.ntime_ahead_s} s after the job's"
        if problem:
            return Judgement(ErrorCode.OTHER, problem, job, version, extranonce2)
        return Judgement(None, "", job, version, extranonce2)

    def _by_hash(
        self,
        job: StratumJob,
        key: tuple[int, int, int, int, bytes],
        submit: Submit,
        version: int,
        extranonce2: bytes,
    ) -> Judgement:
        work = self._work
        if work is None or work.job is not job:
            work = self._work = _Work(job, self.algorithm)
        header = self.algorithm.header(
            job.notify, work.merkle_root(extranonce2), version, submit.ntime, submit.nonce
        )
        value = self.algorithm.hash_value(header)
        by_grace = value > work.target
        if by_grace and not (self.grace and value <= work.grace_target):
            code = ErrorCode.LOW_DIFFICULTY
            return Judgement(code, code.text, job, version, extranonce2, value)
        self._seen[key] = None
        if len(self._seen) > self._remembered:
            del self._seen[next(iter(self._seen))]
        return Judgement(None, "", job, version, extranonce2, value, by_grace)

    def _version(self, version_bits: int | None, job: StratumJob) -> int | None:
        if version_bits is None:
            return job.notify.version
        mask = job.version_mask
        if version_bits & ~mask:
            mask = self.jobs.version_mask
            if version_bits & ~mask:
                return None
        return rolled(job.notify.version, version_bits, mask)


class _Work:
    """A job with what its shares have in common; they come in runs."""

    __slots__ = ("_last", "grace_target", "job", "target")

    def __init__(self, job: StratumJob, algorithm: Algorithm) -> None:
        self.job = job
        self.target = job.target(algorithm)
        previous = job.previous_difficulty
        self.grace_target = self.target if previous is None else algorithm.target(previous)
        self._last: tuple[bytes, bytes] | None = None

    def merkle_root(self, extranonce2: bytes) -> bytes:
        if self._last is None or self._last[0] != extranonce2:
            root = merkle_root_from_branch(self.job.coinbase(extranonce2), self.job.notify.branch)
            self._last = (extranonce2, root)
        return self._last[1]


def _extranonce2(digits: str, size: int) -> bytes | None:
    """The bytes, with zeros in front of what is too short, as a number printed without them is."""
    return bytes.fromhex(digits.zfill(2 * size)) if len(digits) <= 2 * size else None


def _refused(code: ErrorCode) -> Judgement:
    return Judgement(code, code.text)
