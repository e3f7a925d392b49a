"""Scan ranges of nonces of an 80-byte header: the kernel proposes, a full hash confirms.

Safe to call from several threads: a call shares nothing with another one but remembered midstates, and the
kernel runs without the interpreter lock.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from operator import index
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulators.sha256d.block import Block, Words, header_block, midstate_block
from simulators.sha256d.candidates import find_candidates
from simulators.sha256d.rows import LANES

NONCE_SPAN = 1 << 32
_NONCES_PER_PASS = 1 << 23  # under a second, after which a Ctrl-C is heard
_CANDIDATES_PER_PASS = 1 << 16  # bounds the memory of a scan whose target nearly every hash meets

Hits = tuple[NDArray[np.int64], Words]
"""Number of the run of each hit, and its counter."""


def scan(
    header80: bytes, start: SupportsIndex, count: SupportsIndex, target: SupportsIndex, *, threads: int = 1
) -> Words:
    """Nonces in [start, start + count) whose header hashes to at most `target`, ascending.

    Parameters
    ----------
    header80
        A block header; its nonce, bytes 76 to 79, is ignored.
    start, count
        The range in nonces, read as headers store them (little-endian); it ends at 2**32 at the latest.
    target
        0 to 2**256 - 1, compared with the SHA-256d of the header read little-endian.
    threads
        How many parts of the range to hash at the same time.

    Returns
    -------
    uint32 array, one entry a nonce. Every entry was rehashed with hashlib against the whole target.

    Raises
    ------
    ValueError
        The header has not 80 bytes, the range leaves [0, 2**32], the target leaves 256 bits, or there is no
        thread to do it.
    RuntimeError
        hashlib contradicts the kernel: this machine computes wrongly.
    """
    return _scan_range(header_block(header80, chip_order=False), start, count, target, threads)


def scan_chip_order(
    header80: bytes, start: SupportsIndex, count: SupportsIndex, target: SupportsIndex, *, threads: int = 1
) -> Words:
    """Like `scan`, but counts N, the big-endian word of header bytes 76 to 79, and returns N ascending.

    A core of a BM13xx counts in this order: it increments the word that SHA-256 sees, while the nonce of
    a header is the same four bytes read little-endian.
    """
    return _scan_range(header_block(header80, chip_order=True), start, count, target, threads)


def scan_midstate(
    midstate32: bytes,
    tail12: bytes,
    start: SupportsIndex,
    count: SupportsIndex,
    target: SupportsIndex,
    chip_order: bool = True,
) -> Words:
    """Like `scan_chip_order` (or with `chip_order` False like `scan`), for who has not the whole header.

    `midstate32` is the SHA-256 state after header bytes 0 to 63 (H0 to H7, big-endian each), `tail12` are
    header bytes 64 to 75. Every entry of the result was rehashed without the kernel.
    """
    return _scan_range(midstate_block(midstate32, tail12, chip_order=chip_order), start, count, target)


def scan_header_runs(header80: bytes, starts: ArrayLike, count: int, target: int, step: int = 1) -> Hits:
    """Several runs of `count` counters each, start, start + step, ..., in chip order, in one go.

    Short runs cost no more a hash than a long one. Returns the hits run by run. Raises as `scan` does.
    """
    return _scan_runs(header_block(header80, chip_order=True), np.asarray(starts), count, step, target)


def scan_midstate_runs(
    midstate32: bytes, tail12: bytes, starts: ArrayLike, count: int, target: int, step: int = 1
) -> Hits:
    """Like `scan_header_runs`, from a midstate."""
    block = midstate_block(midstate32, tail12, chip_order=True)
    return _scan_runs(block, np.asarray(starts), count, step, target)


def _scan_range(
    block: Block, start: SupportsIndex, count: SupportsIndex, target: SupportsIndex, threads: int = 1
) -> Words:
    """Python integers from here on: those of numpy would wrap in the sum of start and count."""
    first = index(start)
    if not 0 <= first <= NONCE_SPAN:
        raise ValueError(_outside(first, index(count)))
    return _scan_runs(block, np.array([first]), index(count), 1, index(target), threads)[1]


def _scan_runs(
    block: Block, starts: NDArray[np.int64], count: int, step: int, target: int, threads: int = 1
) -> Hits:
    _check(starts, count, step, target)
    if threads < 1:
        raise ValueError(f"a scan takes 1 thread or more, not {threads}")
    end = len(starts) * count
    part = max(LANES, -(-end // threads))

    def of_part(begin: int) -> list[tuple[int, int]]:
        return _hits(block, (starts, count, step), begin, min(end, begin + part), target)

    if part >= end:
        found = of_part(0)
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = [hit for hits in pool.map(of_part, range(0, end, part)) for hit in hits]
    runs, counters = zip(*found, strict=True) if found else ((), ())
    return np.array(runs, np.int64), np.array(counters, np.uint32)


def _hits(
    block: Block, runs: tuple[NDArray[np.int64], int, int], begin: int, end: int, target: int
) -> list[tuple[int, int]]:
    """Number of the run and counter of what passes among the counters `begin` to `end` of all runs."""
    starts, count, step = runs
    words = starts.astype(np.uint32), count, step
    candidates = np.empty(min(end - begin, _CANDIDATES_PER_PASS) + LANES, dtype=np.int64)
    found: list[tuple[int, int]] = []
    top_limit = np.uint32(target >> 224)
    while begin < end:
        pass_end = min(end, begin + _NONCES_PER_PASS)
        proposed, begin = find_candidates(
            block.midstate, block.tail, words, begin, pass_end, top_limit, block.chip_order, candidates
        )
        for number in candidates[:proposed].tolist():
            run, place = divmod(number, count)
            counter = int(starts[run]) + place * step
            if _confirmed(block.value_of(counter), counter, target):
                found.append((run, counter))
    return found


def _check(starts: NDArray[np.int64], count: int, step: int, target: int) -> None:
    if starts.ndim != 1 or (starts.size and starts.dtype.kind not in "iu"):
        raise ValueError("the starts of runs are a row of whole numbers")
    if step < 1:
        raise ValueError(f"a scan counts upwards in steps of 1 or more, not of {step}")
    reach = (count - 1) * step + 1 if count else 0
    if count < 0 or (len(starts) and not 0 <= int(starts.min()) <= int(starts.max()) <= NONCE_SPAN - reach):
        raise ValueError(_outside(int(starts.max(initial=0)), count))
    if not 0 <= target < 1 << 256:
        raise ValueError(f"a target runs from 0 to 2**256 - 1, not {target:#x}")


def _outside(start: int, count: int) -> str:
    return (
        f"nonces run from 0 to 2**32 - 1: start={start} with count={count} leaves that range; "
        "scan a range that wraps in two calls"
    )


def _confirmed(value: int, nonce: int, target: int) -> bool:
    """Whether the full hash meets the target that its top word was proposed for."""
    if value >> 224 > target >> 224:
        raise RuntimeError(
            f"the scan kernel proposed nonce {nonce:#010x}, which hashlib rejects by its top word: the "
            "compiled kernel is broken on this machine; delete numba's cache (NUMBA_CACHE_DIR, or "
            "__pycache__ beside simulators/sha256d) and run again"
        )
    return value <= target
