"""The pool's work: blocks, and jobs on them, none of which could ever pay anybody."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fractions import Fraction

from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET, build_coinbase
from firmware_protocols.stratum_v1 import SHA256D, Notify

EXTRANONCE1_SIZE = 4
_NBITS = 0x17034219  # the main net of April 2024: no share here is ever a block
_HEIGHT = 840_000
_VERSION = 0x20000000
_SUBSIDY = 312_500_000
_BRANCHES = 3


class Blocks:
    """Jobs of a chain that nobody else has; the same seed gives the same ones but for their times."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._jobs = 0
        self._height = _HEIGHT
        self._prev_hash = b""
        self.next_block()

    def next_block(self) -> None:
        self._height += 1
        self._prev_hash = self._random.randbytes(24) + bytes(8)

    def next_job(self, ntime: int, extranonce2_size: int, *, clean: bool) -> Notify:
        self._jobs += 1
        place = bytes(EXTRANONCE1_SIZE + extranonce2_size)
        unique = b"emulated pool" + self._jobs.to_bytes(8, "little")
        coinbase = build_coinbase(self._height, bytes(4) + place + unique, _SUBSIDY, b"\x6a")
        at = coinbase.index(place + unique)
        return Notify(
            job_id=f"{self._jobs:x}",
            prev_hash=self._prev_hash,
            coinbase1=coinbase[:at],
            coinbase2=coinbase[at + len(place) :],
            branch=tuple(self._random.randbytes(32) for _ in range(_BRANCHES)),
            version=_VERSION,
            nbits=_NBITS,
            ntime=ntime & 0xFFFFFFFF,
            clean_jobs=clean,
        )


@dataclass(frozen=True, slots=True)
class ScaledSha256d:
    """SHA-256d with another target for difficulty 1. Implements `Algorithm`."""

    difficulty_one: int = DIFFICULTY_1_TARGET
    name: str = field(default=SHA256D.name, init=False)

    def header(self, notify: Notify, merkle_root: bytes, version: int, ntime: int, nonce: int) -> bytes:
        return SHA256D.header(notify, merkle_root, version, ntime, nonce)

    def hash_value(self, header: bytes) -> int:
        return SHA256D.hash_value(header)

    def target(self, difficulty: float | Fraction) -> int:
        return SHA256D.target(Fraction(difficulty) * Fraction(DIFFICULTY_1_TARGET, self.difficulty_one))
