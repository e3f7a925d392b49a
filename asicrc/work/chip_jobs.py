"""Jobs for a chip that takes whole headers: unique, well formed, too hard to ever be a block."""

from __future__ import annotations

import numpy as np

from asicrc.work.job_source import TakenJob
from firmware_protocols.bitcoin import build_coinbase, merkle_root_from_branch, target_from_compact
from firmware_protocols.device import Job, NonceBatch, Reading

BASE_VERSION = 0x20000000  # BIP 9 top bits; the rolling bits 28..13 (BIP 320) are clear
NBITS = 0x17034219  # the main net of April 2024, difficulty 8.6e13
_HEIGHT = 840_000
_SCRIPT_PUBKEY = b"\x6a"  # OP_RETURN alone: pays nobody


class ChipJobs:
    """Endless sequence of jobs, one every `interval_s`; implements `JobSource`.

    The same seed and ntime give the same jobs. They are numbered from 1; targets and the wire id are the
    driver's to fill in.
    """

    ends_ns = None

    def __init__(self, seed: int, ntime: int, interval_s: float) -> None:
        rng = np.random.default_rng(np.random.SeedSequence(seed))
        self._prev_hash = rng.bytes(24) + bytes(8)  # header order: the leading zeros stand at the end
        self._tag = rng.bytes(8)
        self._ntime = ntime
        self._count = 0
        self._interval_ns = round(interval_s * 1e9)
        self.due_ns = 0

    def begin(self, now_ns: int) -> None:
        self.due_ns = now_ns

    def take(self, now_ns: int) -> TakenJob:
        missed = max(0, (now_ns - self.due_ns) // self._interval_ns)
        self.due_ns += (missed + 1) * self._interval_ns
        return TakenJob(self.next_job(), missed)

    def sent(self, jobs: list[Job]) -> list[Reading]:
        return []

    def arrived(self, events: NonceBatch) -> list[Reading]:
        return []

    def next_job(self) -> Job:
        self._count += 1
        coinbase = build_coinbase(
            _HEIGHT, b"asicrc" + self._tag + self._count.to_bytes(8, "little"), 0, _SCRIPT_PUBKEY
        )
        return Job(
            number=self._count,
            wire_id="",
            version=BASE_VERSION,
            prev_hash=self._prev_hash,
            ntime=self._ntime,
            nbits=NBITS,
            target=target_from_compact(NBITS),
            merkle_root=merkle_root_from_branch(coinbase, ()),
            version_mask=0xFFFF << 13,
        )
