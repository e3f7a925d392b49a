"""Proofs as rows state them, and their way into jobs and events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from asicrc.capture.verification import JOBS_KEPT
from firmware_protocols.bitcoin import Header, merkle_root_from_branch
from firmware_protocols.bm13xx import ChipModel, nonce_fields
from firmware_protocols.device import (
    NO_TIME,
    Batch,
    Job,
    NonceBatch,
    Reason,
    Verdict,
    empty_events,
)

_WORKS_KEPT = JOBS_KEPT // 2
"""Half of what the verifier remembers, so that the jobs of one batch cannot push out each other."""


@dataclass(frozen=True, slots=True)
class Work:
    """What makes a job one: equal works are the same job. 32-byte values in header byte order.

    Either `merkle_root` is given, or the coinbase parts and the branch are.
    """

    wire_id: str
    version: int
    prev_hash: bytes
    nbits: int
    ntime: int | None = None
    """Only where the job fixes it; otherwise the miner may roll it."""
    merkle_root: bytes | None = None
    coinbase1: bytes = b""
    extranonce1: bytes = b""
    coinbase2: bytes = b""
    branch: tuple[bytes, ...] = ()
    version_mask: int = 0


@dataclass(slots=True)
class Proof:
    """One row. `version` is as hashed; `stated` is a target (int) or a difficulty (Decimal) of column
    `stated_in`."""

    work: Work
    nonce: int
    version: int
    ntime: int
    extranonce2: bytes = b""
    t_ns: int = NO_TIME
    t_sent_ns: int = NO_TIME
    stated: int | Decimal | None = None
    stated_in: str = ""
    remarks: list[str] = field(default_factory=list)
    """Fields that contradict one another, for the log."""

    def header(self) -> bytes:
        """The 80 bytes that are hashed."""
        work = self.work
        root = work.merkle_root
        if root is None:
            coinbase = work.coinbase1 + work.extranonce1 + self.extranonce2 + work.coinbase2
            root = merkle_root_from_branch(coinbase, work.branch)
        return Header(self.version, work.prev_hash, root, self.ntime, work.nbits, self.nonce).pack()


@dataclass(slots=True)
class Unreadable:
    """A row that is no proof; the stamp is kept where that much could be read."""

    t_ns: int = NO_TIME


class ProofTable:
    """Numbers the jobs and builds the events, batch after batch.

    `target_of` says what a proof has to reach. Where the source is one chip, `model` lets the core be read
    from the nonce and `chip_address` is the chip's. With `segment_per_job` every job is a segment of its
    own: its stamps count from its own load. A job that comes back after 32,768 others gets a new number.
    """

    def __init__(
        self,
        target_of: Callable[[Proof], int],
        *,
        model: ChipModel | None = None,
        chip_address: int | None = None,
        segment_per_job: bool = False,
    ) -> None:
        self._target_of = target_of
        self._model = model
        self._chip_address = chip_address
        self._segment_per_job = segment_per_job
        self._segment = 0
        self._numbers: dict[tuple[Work, int], int] = {}
        self._jobs_made = 0

    def batch(self, rows: Sequence[Proof | Unreadable]) -> Batch:
        """Events in the order of the rows, and the jobs that they are the first of."""
        events = empty_events(len(rows))
        events["verdict"], events["reason"] = Verdict.MALFORMED, Reason.BAD_FIELDS
        events["t_ns"] = [row.t_ns for row in rows]
        readable = np.array([isinstance(row, Proof) for row in rows], bool)
        jobs: list[Job] = []
        events[readable] = self._events([row for row in rows if isinstance(row, Proof)], jobs)
        if self._segment_per_job:
            for i in range(len(rows)):
                if readable[i]:
                    self._segment = int(events["job"][i]) - 1
                events["segment"][i] = self._segment
        return Batch(nonces=events, jobs=jobs)

    def _events(self, proofs: Sequence[Proof], jobs: list[Job]) -> NonceBatch:
        events = empty_events(len(proofs))
        if not proofs:
            return events
        for name in ("t_ns", "t_sent_ns", "nonce", "version", "ntime"):
            events[name] = [getattr(proof, name) for proof in proofs]
        events["job"] = [self._job_number(proof, jobs) for proof in proofs]
        extranonces = b"".join(proof.extranonce2.ljust(16, b"\0") for proof in proofs)
        events["extranonce2"] = np.frombuffer(extranonces, np.uint8).reshape(-1, 16)
        events["extranonce2_len"] = [len(proof.extranonce2) for proof in proofs]
        if self._chip_address is not None:
            events["chip"] = self._chip_address
        if self._model is not None:
            events["core"] = nonce_fields(self._model, events["nonce"]).core
        return events

    def _job_number(self, proof: Proof, jobs: list[Job]) -> int:
        work, target = proof.work, self._target_of(proof)
        number = self._numbers.get((work, target))
        if number is not None:
            return number
        self._jobs_made += 1
        number = self._numbers[work, target] = self._jobs_made
        if len(self._numbers) > _WORKS_KEPT:
            del self._numbers[next(iter(self._numbers))]
        jobs.append(
            Job(
                number=number,
                wire_id=work.wire_id,
                version=work.version,
                prev_hash=work.prev_hash,
                ntime=proof.ntime,
                nbits=work.nbits,
                target=target,
                merkle_root=work.merkle_root,
                coinbase1=work.coinbase1,
                extranonce1=work.extranonce1,
                coinbase2=work.coinbase2,
                branch=work.branch,
                version_mask=work.version_mask,
                sent_ns=proof.t_sent_ns,
            )
        )
        return number
