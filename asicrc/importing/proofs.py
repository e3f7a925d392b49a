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
    EVENT_DTYPE,
    NO_JOB,
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

    `target_of` says what a proof has to reach. With `segment_per_job` every job is a segment of its own:
    its stamps count from its own load. A job that comes back after 32,768 others gets a new number.
    """

    def __init__(
        self,
        target_of: Callable[[Proof], int],
        *,
        model: ChipModel | None = None,
        segment_per_job: bool = False,
    ) -> None:
        self._target_of = target_of
        self._model = model
        self._segment_per_job = segment_per_job
        self._numbers: dict[tuple[Work, int], int] = {}
        self._jobs_made = 0

    def batch(self, rows: Sequence[Proof | Unreadable]) -> Batch:
        """Events in the order of the rows, and the jobs that they are the first of."""
        events = empty_events(len(rows))
        batch = Batch(nonces=events)
        jobs = batch.jobs
        # Plain tuples into one array: setting fields of single rows of a structured array is slow.
        template = events[:1].copy()
        template["verdict"], template["reason"] = Verdict.MALFORMED, Reason.BAD_FIELDS
        events[:] = template
        values: dict[str, list[int]] = {
            name: [] for name in ("t_ns", "t_sent_ns", "job", "nonce", "version", "ntime", "extranonce2_len")
        }
        extranonces = bytearray()
        readable = np.zeros(len(rows), bool)
        for i, row in enumerate(rows):
            if isinstance(row, Unreadable):
                events["t_ns"][i] = row.t_ns
                continue
            readable[i] = True
            for name, value in zip(values, self._values(row, jobs), strict=True):
                values[name].append(value)
            extranonces += row.extranonce2.ljust(16, b"\0")
        for name, column in values.items():
            events[name][readable] = np.array(column, EVENT_DTYPE[name])
        events["extranonce2"][readable] = np.frombuffer(extranonces, np.uint8).reshape(-1, 16)
        events["verdict"][readable], events["reason"][readable] = Verdict.PENDING, Reason.NONE
        if self._segment_per_job:
            events["segment"][readable] = events["job"][readable] - 1
            events["segment"] = np.maximum.accumulate(np.where(readable, events["segment"], 0))
        self._locate(events, readable)
        return batch

    def _values(self, proof: Proof, jobs: list[Job]) -> tuple[int, ...]:
        return (
            proof.t_ns,
            proof.t_sent_ns,
            self._job_number(proof, jobs),
            proof.nonce,
            proof.version,
            proof.ntime,
            len(proof.extranonce2),
        )

    def _job_number(self, proof: Proof, jobs: list[Job]) -> int:
        work, target = proof.work, self._target_of(proof)
        number = self._numbers.get((work, target), NO_JOB)
        if number != NO_JOB:
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

    def _locate(self, events: NonceBatch, readable: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        """Chip and core from the nonce, where the source is a chip whose nonces say so.

        The sub-core is in the response only, which such a source does not have.
        """
        if self._model is None or not readable.any():
            return
        fields = nonce_fields(self._model, events["nonce"][readable], np.zeros(int(readable.sum()), np.int64))
        events["chip"][readable], events["core"][readable] = fields.chip, fields.core
