"""A pool's job as the emulated firmware has it, and the headers that come of it, by hashlib alone."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class PoolJob:
    """Hashes stand in header order. Difficulty and version mask are those in force when the job came."""

    number: int
    """Counts the jobs of this miner since its start."""
    job_id: str
    prev_hash: bytes
    coinbase1: bytes
    coinbase2: bytes
    branches: tuple[bytes, ...]
    version: int
    nbits: int
    ntime: int
    clean: bool
    claimtrie: bytes | None
    extranonce1: bytes
    extranonce2_size: int
    difficulty: float
    version_mask: int
    received_ns: int

    def header_start(self, extranonce2: bytes, version: int) -> bytes:
        """All of the header but the nonce, its last four bytes."""
        root = sha256d(self.coinbase1 + self.extranonce1 + extranonce2 + self.coinbase2)
        for branch in self.branches:
            root = sha256d(root + branch)
        claimtrie = self.claimtrie or b""
        end = struct.pack("<II", self.ntime, self.nbits)
        return struct.pack("<I", version) + self.prev_hash + root + claimtrie + end


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def words_swapped(data: bytes) -> bytes:
    """Each group of four bytes reversed: what Stratum does to prevhash and claimtrie on the wire."""
    return b"".join(data[i : i + 4][::-1] for i in range(0, len(data), 4))


def deposited(number: int, mask: int) -> int:
    """The bits of a number, lowest first, at the places of a mask's."""
    value = 0
    while mask and number:
        lowest = mask & -mask
        if number & 1:
            value |= lowest
        mask ^= lowest
        number >>= 1
    return value
