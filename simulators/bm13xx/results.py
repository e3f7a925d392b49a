"""What a chip hashes of a job, and how it says what it found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firmware_protocols.bitcoin import hash_from_midstate, hash_value
from firmware_protocols.bm13xx import FullJob, MidstateJob, NonceResponse, header_of, rolled_version
from simulators.bm13xx.silicon import Silicon

Hits = tuple[NDArray[np.int64], NDArray[np.uint32]]

_EXCESS_MAX = 0xFF
_SOLUTIONS = 0x07  # 0 to 7 have been seen (rapsacw/BM1387-miner-snippets)


class Engine(Protocol):
    """Scans of runs of counters in chip order: the functions of `simulators.sha256d`."""

    def scan_header_runs(
        self, header80: bytes, starts: NDArray[np.int64], count: int, target: int, step: int = 1
    ) -> Hits: ...

    def scan_midstate_runs(
        self,
        midstate32: bytes,
        tail12: bytes,
        starts: NDArray[np.int64],
        count: int,
        target: int,
        step: int = 1,
    ) -> Hits: ...


class Blocks(Protocol):
    """The headers of a job, one for each variant: version bits, or the number of a midstate."""

    def search(
        self, engine: Engine, variant: int, starts: NDArray[np.int64], count: int, target: int, step: int
    ) -> Hits: ...

    def hash_value(self, variant: int, nonce: int) -> int: ...

    def identity(self, variant: int, nonce: int) -> bytes:
        """What is hashed, as far as the chip knows it: no two proofs have the same."""

    def version(self, variant: int) -> int:
        """As hashed; the number of the midstate where the chip does not know it."""


def blocks_of(job: FullJob | MidstateJob) -> Blocks:
    return _HeaderBlocks(job) if isinstance(job, FullJob) else _MidstateBlocks(job)


def response_to(
    silicon: Silicon,
    job: FullJob | MidstateJob,
    *,
    variant: int,
    nonce: int,
    hash_value: int,
    threshold: int,
    solution: int,
) -> NonceResponse:
    """The response for a hash of at least `threshold` zero bits; `solution` counts those of chip and job.

    The BM1368 and BM1370 send twice the excess bits with a lowest bit of no known meaning, which here is
    that of the hash (firmware_protocols/bm13xx/QUIRKS.md). That the BM1387's solution index counts the
    results of a work, modulo 8, is an assumption; the BM1397's number of the midstate stands in its id too.
    """
    excess = 256 - hash_value.bit_length() - threshold
    if silicon.excess_bits == "twice":
        excess = 2 * excess | hash_value & 1
    match silicon.job_id:
        case "five bits":
            header = job.job_header & 0xF8 | variant & 0x07
        case "four bits":
            header = (job.job_header & 0x78) << 1 | variant & 0x0F
        case "whole":
            header = job.job_header | variant
            excess = solution & _SOLUTIONS if silicon.midstates_in_turn else variant
    return NonceResponse(
        nonce=nonce,
        midstate_or_excess=min(excess, _EXCESS_MAX),
        header=header & 0xFF,
        version_bits=variant if silicon.job == "full" else 0,
    )


@dataclass(frozen=True, slots=True)
class _HeaderBlocks:
    job: FullJob

    def search(
        self, engine: Engine, variant: int, starts: NDArray[np.int64], count: int, target: int, step: int
    ) -> Hits:
        return engine.scan_header_runs(self.identity(variant, 0), starts, count, target, step)

    def hash_value(self, variant: int, nonce: int) -> int:
        return hash_value(self.identity(variant, nonce))

    def identity(self, variant: int, nonce: int) -> bytes:
        return header_of(self.job, nonce, variant)

    def version(self, variant: int) -> int:
        return rolled_version(self.job.version, variant)


@dataclass(frozen=True, slots=True)
class _MidstateBlocks:
    job: MidstateJob

    def search(
        self, engine: Engine, variant: int, starts: NDArray[np.int64], count: int, target: int, step: int
    ) -> Hits:
        midstate = self.job.midstates[variant]
        return engine.scan_midstate_runs(midstate, self._tail, starts, count, target, step)

    def hash_value(self, variant: int, nonce: int) -> int:
        tail = self._tail + nonce.to_bytes(4, "little")
        return int.from_bytes(hash_from_midstate(self.job.midstates[variant], tail), "little")

    def identity(self, variant: int, nonce: int) -> bytes:
        return self.job.midstates[variant] + self._tail + nonce.to_bytes(4, "little")

    def version(self, variant: int) -> int:
        return variant

    @property
    def _tail(self) -> bytes:
        job = self.job
        return job.merkle_tail + job.ntime.to_bytes(4, "little") + job.nbits.to_bytes(4, "little")
