"""Scan a range of nonces of an 80-byte header: the kernel proposes, hashlib confirms.

Safe to call from several threads: a call shares nothing with another one, and the kernel runs without
the interpreter lock.
"""

from __future__ import annotations

import hashlib
import struct
from operator import index
from typing import SupportsIndex

import numpy as np
from numpy.typing import NDArray

from firmware_protocols.bitcoin import HEADER_SIZE
from simulators.sha256d.lane_kernel import LANES, find_candidates

NONCE_SPAN = 1 << 32
_FIRST_BLOCK = 64
_NONCE_OFFSET = 76
_NONCES_PER_PASS = 1 << 23  # under a second, after which a Ctrl-C is heard
_CANDIDATES_PER_PASS = 1 << 16  # bounds the memory of a scan whose target nearly every hash meets


def scan(
    header80: bytes, start: SupportsIndex, count: SupportsIndex, target: SupportsIndex
) -> NDArray[np.uint32]:
    """Nonces in [start, start + count) whose header hashes to at most `target`, ascending.

    Parameters
    ----------
    header80
        A block header; its nonce, bytes 76 to 79, is ignored.
    start, count
        The range in nonces, read as headers store them (little-endian); it ends at 2**32 at the latest.
    target
        0 to 2**256 - 1, compared with the SHA-256d of the header read little-endian.

    Returns
    -------
    uint32 array, one entry a nonce. Every entry was rehashed with hashlib against the whole target.

    Raises
    ------
    ValueError
        The header has not 80 bytes, the range leaves [0, 2**32], or the target leaves 256 bits.
    RuntimeError
        hashlib contradicts the kernel: this machine computes wrongly.
    """
    return _scan(header80, index(start), index(count), index(target), chip_order=False)


def scan_chip_order(
    header80: bytes, start: SupportsIndex, count: SupportsIndex, target: SupportsIndex
) -> NDArray[np.uint32]:
    """Like `scan`, but counts N, the big-endian word of header bytes 76 to 79, and returns N ascending.

    A core of a BM13xx counts in this order: it increments the word that SHA-256 sees, while the nonce of
    a header is the same four bytes read little-endian.
    """
    return _scan(header80, index(start), index(count), index(target), chip_order=True)


def _scan(header80: bytes, start: int, count: int, target: int, *, chip_order: bool) -> NDArray[np.uint32]:
    """Takes Python integers: those of numpy would wrap in the sum of start and count."""
    _check(header80, start, count, target)
    header_words = np.frombuffer(header80, dtype=">u4").astype(np.uint32)
    end = start + count
    top_limit = np.uint32(target >> 224)
    candidates = np.empty(min(count, _CANDIDATES_PER_PASS) + LANES, dtype=np.uint32)
    hits = [np.empty(0, dtype=np.uint32)]
    while start < end:
        pass_end = min(end, start + _NONCES_PER_PASS)
        found, start = find_candidates(header_words, start, pass_end, top_limit, chip_order, candidates)
        hits.append(_confirmed(header80, candidates[:found], target, chip_order=chip_order))
    return np.concatenate(hits)


def _check(header80: bytes, start: int, count: int, target: int) -> None:
    if len(header80) != HEADER_SIZE:
        raise ValueError(f"a block header has {HEADER_SIZE} bytes, not {len(header80)}")
    if start < 0 or count < 0 or start + count > NONCE_SPAN:
        raise ValueError(
            f"nonces run from 0 to 2**32 - 1: start={start} with count={count} leaves that range; "
            "scan a range that wraps in two calls"
        )
    if not 0 <= target < 1 << 256:
        raise ValueError(f"a target runs from 0 to 2**256 - 1, not {target:#x}")


def _confirmed(
    header80: bytes, candidates: NDArray[np.uint32], target: int, *, chip_order: bool
) -> NDArray[np.uint32]:
    """The candidates whose full hash meets the target, in their order."""
    first_block = hashlib.sha256(header80[:_FIRST_BLOCK])
    rest = header80[_FIRST_BLOCK:_NONCE_OFFSET]
    nonce_bytes = struct.Struct(">I" if chip_order else "<I").pack
    confirmed = []
    for nonce in candidates.tolist():
        inner = first_block.copy()
        inner.update(rest + nonce_bytes(nonce))
        value = int.from_bytes(hashlib.sha256(inner.digest()).digest(), "little")
        if value <= target:
            confirmed.append(nonce)
        elif value >> 224 > target >> 224:
            raise RuntimeError(
                f"the scan kernel proposed nonce {nonce:#010x}, which hashlib rejects by its top word: the "
                "compiled kernel is broken on this machine; delete numba's cache (NUMBA_CACHE_DIR, or "
                "__pycache__ beside simulators/sha256d) and run again"
            )
    return np.array(confirmed, dtype=np.uint32)
