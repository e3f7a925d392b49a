"""Rows of LANES values that go through a kernel together: counters in, those that pass out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmware_protocols.bitcoin.hashing import INITIAL_STATE
from simulators.sha256d.compilation import kernel_part
from simulators.sha256d.loop_lowering import rotr

LANES = 256
"""Nonces hashed together: long enough to hide the set-up of a loop, short enough to stay in the L2 cache."""

_Words = NDArray[np.uint32]
_LAST_WORD = np.uint32(INITIAL_STATE[7])


@kernel_part
def count_up(row: _Words, runs: tuple[_Words, int, int], begin: int) -> None:
    """The counters from `begin` on. Lanes beyond the last run go on counting, and are never collected."""
    starts, count, step = runs
    run, done = begin // count, begin % count
    first, stride = np.uint32(starts[run] + done * step), np.uint32(step)
    if done + LANES <= count or run == starts.size - 1:
        for lane in range(LANES):
            row[lane] = np.uint32(first + np.uint32(np.uint32(lane) * stride))
    else:
        for lane in range(LANES):
            row[lane] = first
            first = np.uint32(first + stride)
            done += 1
            if done == count and run + 1 < starts.size:
                run, done = run + 1, 0
                first = np.uint32(starts[run])


@kernel_part
def swap_row(row: _Words) -> None:
    """The bytes of each word the other way round."""
    for lane in range(LANES):
        row[lane] = _swap_bytes(row[lane])


@kernel_part
def collect(
    last_e: _Words, lanes: int, begin: int, top_limit: np.uint32, out: NDArray[np.int64], found: int
) -> int:
    """Append the numbers of those of the first `lanes` lanes that pass; returns the new number in `out`."""
    passing = np.uint32(0)
    for lane in range(LANES):  # whole rows vectorise; a hit is rare, so the second loop seldom runs
        passing = np.uint32(passing + np.uint32(_top_word(last_e[lane]) <= top_limit))
    if passing:
        for lane in range(lanes):
            if _top_word(last_e[lane]) <= top_limit:
                out[found] = begin + lane
                found += 1
    return found


@kernel_part
def _top_word(last_e: np.uint32) -> np.uint32:
    """Bits 224 to 255 of the hash as targets compare it: H7 read little-endian."""
    return _swap_bytes(np.uint32(last_e + _LAST_WORD))


@kernel_part
def _swap_bytes(x: np.uint32) -> np.uint32:
    low_pairs = np.uint32(0x00FF00FF)
    halves = np.uint32((x & low_pairs) << np.uint32(8)) | np.uint32((x >> np.uint32(8)) & low_pairs)
    return rotr(halves, 16)
