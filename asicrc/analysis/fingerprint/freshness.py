"""Was a capture made in answer to work that was asked for now, or is it an old one presented again?

The verifier thinks of a seed that nobody knew before; the work of a capture is a function of its seed
(`asicrc capture --seed`). Proofs of that work cannot have been made earlier. This does not prove that the
stamps are true: they are those of the host that took the capture, and that host has to be trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from asicrc.analysis.fingerprint.recording import Recording
from asicrc.capture.points import Dwell, Point, work_seed
from asicrc.work.chip_jobs import ChipJobs
from asicrc.work.pool_work import PoolWork
from firmware_protocols.device import Job

DIGEST_HEX = 16
MOST_KEPT = 4096
"""Jobs of its enrolment that a template remembers."""
MOST_MADE = 200_000
"""Jobs that are made anew to compare: a second or two."""
_SPARE = 64


@dataclass(frozen=True, slots=True)
class Freshness:
    """`asked_for` is None where no challenge was given. `seen_before` counts jobs that the template was
    enrolled with."""

    jobs: int
    not_asked_for: int | None
    seen_before: int

    @property
    def asked_for(self) -> bool | None:
        return None if self.not_asked_for is None else self.jobs > 0 and self.not_asked_for == 0

    @property
    def replayed(self) -> bool:
        """Whether it is shown to be an old one."""
        return self.seen_before > 0 or self.asked_for is False

    @property
    def statement(self) -> str:
        if self.seen_before:
            return f"{self.seen_before} of {self.jobs} jobs are those of an enrolment: it was presented again"
        if self.not_asked_for is None:
            return "no challenge was given: it may be an old recording"
        if self.not_asked_for or not self.jobs:
            return f"{self.not_asked_for} of {self.jobs} jobs were not asked for: it is an old recording"
        return f"all {self.jobs} jobs are of the work that was asked for"

    def as_json(self) -> dict[str, Any]:
        return {
            "jobs": self.jobs,
            "asked_for": self.asked_for,
            "not_asked_for": self.not_asked_for,
            "seen_before": self.seen_before,
            "statement": self.statement,
        }


def freshness(recordings: Sequence[Recording], challenge: int | None, known: Iterable[str] = ()) -> Freshness:
    """`challenge` is the seed that the capture was asked to be made with, `known` digests of earlier jobs."""
    jobs = [(recording, job) for recording in recordings for job in recording.jobs]
    earlier = set(known)
    seen = sum(digest(job) in earlier for _, job in jobs)
    if challenge is None:
        return Freshness(len(jobs), None, seen)
    expected = {
        key: _work(challenge, key, [job for recording, job in jobs if recording.key == key])
        for key in {recording.key for recording in recordings}
    }
    strange = sum(_content(job) not in expected[recording.key] for recording, job in jobs)
    return Freshness(len(jobs), strange, seen)


def digest(job: Job) -> str:
    """A few digits of the hash of all that a job asks to be hashed."""
    text = b"|".join((*_content(job), job.ntime.to_bytes(8, "little"), job.version.to_bytes(8, "little")))
    return sha256(text).hexdigest()[:DIGEST_HEX]


def digests(recordings: Sequence[Recording]) -> list[str]:
    """Of the jobs of recordings, at most 4,096 of them, evenly taken."""
    found = list(dict.fromkeys(digest(job) for recording in recordings for job in recording.jobs))
    return found[:: -(-len(found) // MOST_KEPT)] if len(found) > MOST_KEPT else found


def _work(challenge: int, key: tuple[int, int] | None, jobs: Sequence[Job]) -> set[tuple[bytes, ...]]:
    """What the seed gives, for as many jobs as there are, and some that may have been left out."""
    if not jobs:
        return set()
    seed = challenge if key is None else work_seed(challenge, Point(*key, {}, Dwell()))
    count = min(MOST_MADE, 2 * max(len(jobs), *(job.number for job in jobs)) + _SPARE)
    if jobs[0].merkle_root is not None:
        chip = ChipJobs(seed, 0, 1.0)
        return {_content(chip.next_job()) for _ in range(count)}
    try:
        pool = PoolWork(seed, jobs[0].algorithm)
    except ValueError:
        return set()
    return {_content(pool.next_job(0, clean=False)) for _ in range(count)}


def _content(job: Job) -> tuple[bytes, ...]:
    """What the seed decides. The extranonce of a miner, ntime and targets are others' to fill in."""
    return (job.prev_hash, job.merkle_root or b"", job.coinbase1, job.coinbase2, *job.branch)
