"""Hashes that hit and hashes that do not, as many of either, with their registers after chosen rounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicrc.engines import engine

NONCE_SPAN = 1 << 32
NONCES_A_SCAN = 1 << 24
SCANS_A_HEADER = 8
HASHES_A_BATCH = 1 << 15
ROUNDS = 128
DECIDED_AFTER = 125
"""Rounds of both hashes: e of round 61 of the second one is the top word, but for a constant."""
LAST_INITIAL_WORD = 0x5BE0CD19
"""H7 of SHA-256 (FIPS 180-4, section 5.3.3)."""
MOST_ZERO_BITS = 32


@dataclass(frozen=True, slots=True)
class RoundBatch:
    """`states` (rounds, 8, n) registers a to h; `hit` (n,)."""

    states: NDArray[np.uint32]
    hit: NDArray[np.bool_]


def round_batches(
    per_kind: int, zero_bits: int, rounds: Sequence[int], seed: np.random.SeedSequence, threads: int = 1
) -> Iterator[RoundBatch]:
    """Batches with `per_kind` hits and as many others in all, of random headers.

    A hit has `zero_bits` leading zero bits, read as targets are compared. The others are nonces drawn at
    random from the same ranges of the same headers: from elsewhere the nonce itself would tell them apart.
    """
    scan, states_of = engine("scan"), engine("round_states")
    rng = np.random.default_rng(seed)
    target = (1 << (256 - zero_bits)) - 1
    left = per_kind
    while left:
        header = rng.bytes(80)
        for start in rng.integers(0, NONCE_SPAN - NONCES_A_SCAN, SCANS_A_HEADER):
            count = min(NONCES_A_SCAN, 5 * (left << zero_bits) // 4)
            hits = scan(header, start, count, target, threads=threads)
            if len(hits) > left:  # drawn from the whole range, as the others are
                hits = rng.choice(hits, left, replace=False)
            left -= len(hits)
            for part in range(0, len(hits), HASHES_A_BATCH):
                of_hits = hits[part : part + HASHES_A_BATCH]
                others = _others(states_of, header, range(start, start + count), len(of_hits), zero_bits, rng)
                nonces = np.concatenate([of_hits, others])
                hit = np.arange(len(nonces)) < len(of_hits)
                yield RoundBatch(states_of(header, nonces, rounds), hit)
            if not left:
                return


def bits(registers: NDArray[np.uint32]) -> NDArray[np.float32]:
    """(n, 256): the bits of registers (8, n), lowest first."""
    by_hash = np.ascontiguousarray(registers.T).astype("<u4").view(np.uint8)
    return np.unpackbits(by_hash, axis=1, bitorder="little").astype(np.float32)


def meets(last_e: NDArray[np.uint32], zero_bits: int) -> NDArray[np.bool_]:
    """Whether hashes have `zero_bits` leading zero bits, up to 32, from e after round 61 of the second hash.

    Their top word is that e plus its initial value, with its bytes the other way round.
    """
    top_word = (last_e + np.uint32(LAST_INITIAL_WORD)).byteswap()
    return np.asarray(top_word.astype(np.uint64) >> np.uint64(32 - zero_bits) == 0)


def _others(
    states_of: Any, header: bytes, scanned: range, n: int, zero_bits: int, rng: np.random.Generator
) -> NDArray[np.uint32]:
    """Nonces of a scanned range that do not hit: one that does is drawn again."""
    others = rng.integers(scanned.start, scanned.stop, n, dtype=np.uint32)
    while True:
        hit = meets(states_of(header, others, [DECIDED_AFTER])[0, 4], zero_bits)
        if not hit.any():
            return others
        others[hit] = rng.integers(scanned.start, scanned.stop, int(hit.sum()), dtype=np.uint32)
