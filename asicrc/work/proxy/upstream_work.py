"""A job of a pool, made into as many different ones for each miner as are wanted, without asking the pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asicrc.work.proxy.extranonce_parts import LEAST_EXTRANONCE2_SIZE, PREFIX_SIZE
from firmware_protocols.stratum_v1 import ExtranonceSplit, Notify, StratumJob

if TYPE_CHECKING:
    from asicrc.work.proxy.upstream import UpstreamLink

LATEST_NTIME_S = 7_000
"""After the pool's own: Bitcoin lets a block's time be 7,200 s ahead."""


@dataclass(slots=True)
class _Had:
    """What one miner has had: how often, and how far its time was put ahead."""

    pieces: int = 0
    ahead_s: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """What one miner gets: its part of the extranonce, and the time in the header."""

    work: UpstreamWork
    split: ExtranonceSplit
    ntime: int

    def notify(self, job_id: str, version_mask: int, *, clean: bool) -> Notify:
        """As the miner is told it. The bits that it may roll are clear: three formulas agree only then."""
        theirs = self.work.job.notify
        return Notify(
            job_id=job_id,
            prev_hash=theirs.prev_hash,
            coinbase1=theirs.coinbase1 + self.split.extranonce1 + self.split.prefix[:-PREFIX_SIZE],
            coinbase2=theirs.coinbase2,
            branch=theirs.branch,
            version=theirs.version & ~version_mask,
            nbits=theirs.nbits,
            ntime=self.ntime,
            clean_jobs=clean,
            claimtrie=theirs.claimtrie,
        )


class UpstreamWork:
    """`link` is the connection that the job came by, and that its shares go back by.

    No two pieces of one miner, or of miners with different prefixes, have a header in common.
    """

    def __init__(self, link: UpstreamLink, job: StratumJob) -> None:
        self.link = link
        self.job = job
        self._roll_size = job.extranonce2_size - LEAST_EXTRANONCE2_SIZE
        self._had: dict[bytes, _Had] = {}

    @property
    def is_valid(self) -> bool:
        """Whether its pool would still take a share of it."""
        return self.link.takes(self.job)

    def piece_for(self, prefix: bytes, now_ns: int, ntime_ahead_s: int) -> Piece | None:
        """The next piece: the rolled bytes count, and when they are through, the time goes on by a second.

        None where the time would be more than `ntime_ahead_s` ahead of what has passed, or too late.
        """
        had = self._had.setdefault(prefix, _Had())
        passed_s = min(max(0, (now_ns - self.job.t_ns) // 1_000_000_000), LATEST_NTIME_S)
        roll = had.pieces % (1 << 8 * self._roll_size)
        ahead_s = max(passed_s, had.ahead_s + (roll == 0 and had.pieces > 0))
        if ahead_s > min(passed_s + ntime_ahead_s, LATEST_NTIME_S):
            return None
        had.pieces += 1
        had.ahead_s = ahead_s
        rolled = roll.to_bytes(self._roll_size, "big")
        job = self.job
        split = ExtranonceSplit(job.extranonce1, job.extranonce2_size, rolled + prefix)
        return Piece(self, split, job.notify.ntime + ahead_s)
