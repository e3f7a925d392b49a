"""SHA-256d from a midstate on for LANES nonces at a time, as plain loops that LLVM turns into vector code.

FIPS 180-4 (NIST, 2015) section 6.2 with its working variables written as two sequences: a_t and e_t are
the new values of round t, and b, c, d (f, g, h) are a (e) one, two and three rounds ago. Row t + 4 of the
arrays `a` and `e` holds round t, rows 0 to 3 the state that the compression starts from, latest last. A
round is then one loop over the lanes that reads earlier rows and writes one row of each, so that nothing
moves and nothing branches inside the loop.

numba types uint32 + uint32 as uint64: every step is wrapped in np.uint32.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmware_protocols.bitcoin.hashing import INITIAL_STATE, ROUND_CONSTANTS
from simulators.sha256d.compilation import cached_kernel, kernel_part

LANES = 256
"""Nonces hashed together: long enough to hide the set-up of a loop, short enough to stay in the L2 cache."""

_Words = NDArray[np.uint32]
_IV = np.array(INITIAL_STATE, dtype=np.uint32)
_K = np.array(ROUND_CONSTANTS, dtype=np.uint32)
_PADDING = np.uint32(0x80000000)  # the bit that ends a message (FIPS 180-4 section 5.1.1)
_HEADER_BITS = np.uint32(640)
_DIGEST_BITS = np.uint32(256)

_ROUNDS = 64
_NONCE_WORD = 3  # of the second block; rounds 0 to 2 and schedule words up to 17 do not depend on it
_FIXED_WORDS = 18
_TOP_WORD_ROUNDS = 61  # H7, the top word of the hash, is e of round 60 plus its initial value
_A_UNUSED_FROM = 57  # and that e reaches back to a of round 56, no later one


@cached_kernel
def find_candidates(
    midstate: _Words,
    tail: _Words,
    runs: tuple[_Words, int, int],
    begin: int,
    end: int,
    top_limit: np.uint32,
    chip_order: bool,
    out: NDArray[np.int64],
) -> tuple[int, int]:
    """Which counters of some runs hash to a top word of at most `top_limit`.

    Parameters
    ----------
    midstate
        (8,) the state after the first 64 bytes of the header.
    tail
        (3,) header bytes 64 to 75 as big-endian words.
    runs
        starts (r,), count and step: counter i of all is starts[i // count] + (i % count) * step, below 2**32.
    begin, end
        Which of them: begin <= i < end, with end at most r * count.
    chip_order
        True: the counter is the big-endian word 19 of the header. False: it is the little-endian one.
    out
        (at least LANES,) receives the i that pass, ascending.

    Returns
    -------
    How many were written, and the i to go on from: below `end` when `out` is full.
    """
    w = np.empty((_ROUNDS, LANES), dtype=np.uint32)
    a = np.empty((_ROUNDS + 4, LANES), dtype=np.uint32)
    e = np.empty((_ROUNDS + 4, LANES), dtype=np.uint32)
    fixed_words, a_fixed, e_fixed = _nonce_independent_part(a, e, w, midstate, tail)
    found = 0
    while begin < end and found + LANES <= out.size:
        for t in range(_FIXED_WORDS):
            _fill(w[t], fixed_words[t])
        _count_up(w[_NONCE_WORD], runs, begin)
        if not chip_order:
            _swap_row(w[_NONCE_WORD])
        for row in range(_NONCE_WORD, _NONCE_WORD + 4):
            _fill(a[row], a_fixed[row])
            _fill(e[row], e_fixed[row])
        for t in range(_FIXED_WORDS, _ROUNDS):
            _schedule_word(w, t)
        for t in range(_NONCE_WORD, _ROUNDS):
            _round(a, e, w, t)

        for i in range(4):
            _add(w[i], a[_ROUNDS + 3 - i], midstate[i])
            _add(w[4 + i], e[_ROUNDS + 3 - i], midstate[4 + i])
        _pad(w, 8, _DIGEST_BITS)
        _start_from(a, e, _IV)
        for t in range(16, _TOP_WORD_ROUNDS):
            _schedule_word(w, t)
        for t in range(_A_UNUSED_FROM):
            _round(a, e, w, t)
        for t in range(_A_UNUSED_FROM, _TOP_WORD_ROUNDS):
            _round_without_a(a, e, w, t)

        lanes = min(LANES, end - begin)
        found = _collect(e[_TOP_WORD_ROUNDS + 3], lanes, begin, top_limit, out, found)
        begin += lanes
    return found, begin


@cached_kernel
def first_block_state(first_block: _Words) -> _Words:
    """The midstate (8,) after a block of 16 big-endian words that starts a message."""
    w = np.empty(_ROUNDS, dtype=np.uint32)
    a = np.empty(_ROUNDS + 4, dtype=np.uint32)
    e = np.empty(_ROUNDS + 4, dtype=np.uint32)
    w[:16] = first_block
    for i in range(4):
        a[3 - i] = _IV[i]
        e[3 - i] = _IV[4 + i]
    for t in range(16, _ROUNDS):
        w[t] = _expanded(w[t - 16], w[t - 15], w[t - 7], w[t - 2])
    for t in range(_ROUNDS):
        t1 = _t1(e[t + 3], e[t + 2], e[t + 1], e[t], _K[t], w[t])
        e[t + 4] = np.uint32(a[t] + t1)
        a[t + 4] = np.uint32(t1 + _t2(a[t + 3], a[t + 2], a[t + 1]))
    midstate = np.empty(8, dtype=np.uint32)
    for i in range(4):
        midstate[i] = np.uint32(_IV[i] + a[_ROUNDS + 3 - i])
        midstate[4 + i] = np.uint32(_IV[4 + i] + e[_ROUNDS + 3 - i])
    return midstate


@kernel_part
def _nonce_independent_part(
    a: _Words, e: _Words, w: _Words, midstate: _Words, tail: _Words
) -> tuple[_Words, _Words, _Words]:
    """Schedule words (18,) and the a and e sequences (68,) of rounds 0 to 2, block two.

    Every lane does the same here: three rounds and two words, once a call, are not worth code of their own.
    """
    for t in range(_NONCE_WORD):
        _fill(w[t], tail[t])
    _fill(w[_NONCE_WORD], np.uint32(0))
    _pad(w, _NONCE_WORD + 1, _HEADER_BITS)
    _start_from(a, e, midstate)
    for t in range(16, _FIXED_WORDS):
        _schedule_word(w, t)
    for t in range(_NONCE_WORD):
        _round(a, e, w, t)
    return w[:_FIXED_WORDS, 0].copy(), a[:, 0].copy(), e[:, 0].copy()


@kernel_part
def _round(a: _Words, e: _Words, w: _Words, t: int) -> None:
    k = _K[t]
    for lane in range(LANES):
        t1 = _t1(e[t + 3, lane], e[t + 2, lane], e[t + 1, lane], e[t, lane], k, w[t, lane])
        t2 = _t2(a[t + 3, lane], a[t + 2, lane], a[t + 1, lane])
        e[t + 4, lane] = np.uint32(a[t, lane] + t1)
        a[t + 4, lane] = np.uint32(t1 + t2)


@kernel_part
def _round_without_a(a: _Words, e: _Words, w: _Words, t: int) -> None:
    """A round whose new a no later round needs."""
    k = _K[t]
    for lane in range(LANES):
        t1 = _t1(e[t + 3, lane], e[t + 2, lane], e[t + 1, lane], e[t, lane], k, w[t, lane])
        e[t + 4, lane] = np.uint32(a[t, lane] + t1)


@kernel_part
def _schedule_word(w: _Words, t: int) -> None:
    for lane in range(LANES):
        w[t, lane] = _expanded(w[t - 16, lane], w[t - 15, lane], w[t - 7, lane], w[t - 2, lane])


@kernel_part
def _expanded(w16: np.uint32, w15: np.uint32, w7: np.uint32, w2: np.uint32) -> np.uint32:
    """A schedule word from those 16, 15, 7 and 2 before it."""
    sigma1 = _rotr(w2, 17) ^ _rotr(w2, 19) ^ np.uint32(w2 >> np.uint32(10))
    sigma0 = _rotr(w15, 7) ^ _rotr(w15, 18) ^ np.uint32(w15 >> np.uint32(3))
    return np.uint32(w16 + sigma0 + w7 + sigma1)


@kernel_part
def _t1(e: np.uint32, f: np.uint32, g: np.uint32, h: np.uint32, k: np.uint32, w: np.uint32) -> np.uint32:
    choice = g ^ (e & (f ^ g))
    return np.uint32(h + (_rotr(e, 6) ^ _rotr(e, 11) ^ _rotr(e, 25)) + choice + k + w)


@kernel_part
def _t2(a: np.uint32, b: np.uint32, c: np.uint32) -> np.uint32:
    majority = (a & b) | (c & (a | b))
    return np.uint32((_rotr(a, 2) ^ _rotr(a, 13) ^ _rotr(a, 22)) + majority)


@kernel_part
def _rotr(x: np.uint32, n: int) -> np.uint32:
    return np.uint32((x >> np.uint32(n)) | (x << np.uint32(32 - n)))


@kernel_part
def _swap_bytes(x: np.uint32) -> np.uint32:
    low_pairs = np.uint32(0x00FF00FF)
    halves = np.uint32((x & low_pairs) << np.uint32(8)) | np.uint32((x >> np.uint32(8)) & low_pairs)
    return _rotr(halves, 16)


@kernel_part
def _start_from(a: _Words, e: _Words, state: _Words) -> None:
    for i in range(4):
        _fill(a[3 - i], state[i])
        _fill(e[3 - i], state[4 + i])


@kernel_part
def _pad(w: _Words, first: int, message_bits: np.uint32) -> None:
    """Words `first` to 15 of a block whose message ends before word `first`."""
    _fill(w[first], _PADDING)
    for t in range(first + 1, 15):
        _fill(w[t], np.uint32(0))
    _fill(w[15], message_bits)


@kernel_part
def _fill(row: _Words, value: np.uint32) -> None:
    for lane in range(LANES):
        row[lane] = value


@kernel_part
def _add(row: _Words, other: _Words, value: np.uint32) -> None:
    for lane in range(LANES):
        row[lane] = np.uint32(other[lane] + value)


@kernel_part
def _count_up(row: _Words, runs: tuple[_Words, int, int], begin: int) -> None:
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
def _swap_row(row: _Words) -> None:
    for lane in range(LANES):
        row[lane] = _swap_bytes(row[lane])


@kernel_part
def _collect(
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
    return _swap_bytes(np.uint32(last_e + _IV[7]))
