"""The jobs of a twin: which one its chips work on, and what a share of one looks like."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from firmware_protocols.bitcoin import target_from_difficulty
from firmware_protocols.device import EVENT_DTYPE, Job, NonceBatch, Reason, Verdict, empty_events
from firmware_protocols.lbry import target_from_stratum_difficulty
from simulators.twins.boards import Board
from simulators.twins.randomness import CandidateColumns, Floats

EXTRANONCE1 = bytes.fromhex("7717f00d")
EXTRANONCE2_SIZE = 4
SHA256D_MEAN = 2.0**32
"""Hashes for one of Bitcoin's difficulty 1, in which events state theirs."""


class HeldJob:
    """A job as it was sent, and what all shares of it have in common."""

    def __init__(self, job: Job, difficulty: float) -> None:
        """`difficulty` as Bitcoin counts."""
        self.job = job
        self.difficulty = difficulty
        row = empty_events(1)
        row["job"], row["version"], row["ntime"] = job.number, job.version, job.ntime
        row["verdict"], row["synthetic"] = Verdict.VALID, True
        if job.merkle_root is None:
            row["extranonce2_len"] = EXTRANONCE2_SIZE
        self._row = row.view(f"V{EVENT_DTYPE.itemsize}")

    def rows(self, n: int) -> NonceBatch:
        """So many shares, with nothing of their own yet. Whole rows are copied: a field at a time is slow."""
        rows = np.empty(n, self._row.dtype)
        rows[:] = self._row
        return rows.view(EVENT_DTYPE)


class WorkInHand:
    """Jobs by the moment from which the chips work on them. Times are those of the twin's clock, ns."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._coming: deque[tuple[int, HeldJob]] = deque()
        self.current: HeldJob | None = None
        """What the chips work on."""
        self.newest: Job | None = None
        """What was sent last."""

    def send(self, job: Job, difficulty: float, now_ns: int, from_ns: int) -> Job:
        """Take a job that the chips turn to at `from_ns`; return it as sent."""
        board = self._board
        if board.algorithm == "lbry":
            target = target_from_stratum_difficulty(difficulty)
        else:
            target = target_from_difficulty(difficulty)
        sent = replace(job, wire_id=f"{job.number:x}", target=target, extranonce1=EXTRANONCE1, sent_ns=now_ns)
        held = HeldJob(sent, difficulty * board.hashes_per_difficulty / SHA256D_MEAN)
        if job.clean:
            self._coming.clear()
            self.current = None
        self._coming.append((max(from_ns, now_ns), held))
        self.newest = sent
        return sent

    @property
    def changes_ns(self) -> int | None:
        """When the chips turn to the next job."""
        return self._coming[0][0] if self._coming else None

    def change(self, now_ns: int) -> None:
        while self._coming and self._coming[0][0] <= now_ns:
            self.current = self._coming.popleft()[1]


def shares_of(
    held: HeldJob,
    columns: CandidateColumns,
    numbers: NDArray[np.int64],
    first: int,
    invalid_share: float,
) -> NonceBatch:
    """Events of candidates, without their stamps: synthetic, no proof of work stands behind them.

    The hash of a share of difficulty D is uniform below the target of D, so its own difficulty is D / u. An
    invalid one is a hash like any other: its difficulty is 2^-32 / u.
    """
    events = held.rows(len(numbers))
    if not len(numbers):
        return events
    job, count = held.job, int(numbers[-1]) - first + 1
    rows = slice(None) if count == len(numbers) else numbers - first
    bits = columns.take("bits", first, count)[rows]
    luck: Floats = 1.0 - columns.take("luck", first, count)[rows]  # above 0
    events["nonce"] = bits  # the lowest 32
    if job.version_mask:
        rolled = (bits >> np.uint64(32)).astype(np.uint32) & np.uint32(job.version_mask)
        events["version"] = np.uint32(job.version) | rolled
    if job.merkle_root is None:
        counted = numbers.astype("<u4").view(np.uint8).reshape(-1, EXTRANONCE2_SIZE)
        events["extranonce2"][:, :EXTRANONCE2_SIZE] = counted
    events["difficulty"] = held.difficulty / luck
    if invalid_share:
        wrong = columns.take("invalid", first, count)[rows] < invalid_share
        events["difficulty"][wrong] = 1 / (SHA256D_MEAN * luck[wrong])
        events["verdict"][wrong] = Verdict.LOW
        events["reason"][wrong] = Reason.DOES_NOT_HASH
    return events
