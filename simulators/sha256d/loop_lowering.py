"""The top word of SHA-256d as plain loops that LLVM turns into vector code, whatever the CPU.

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
from simulators.sha256d.compilation import kernel_part
from simulators.sha256d.trace import MIDSTATE_WORDS, ROUNDS, TOP_WORD_ROUNDS

_Words = NDArray[np.uint32]
_IV = np.array(INITIAL_STATE, dtype=np.uint32)
_K = np.array(ROUND_CONSTANTS, dtype=np.uint32)
_PADDING = np.uint32(0x80000000)  # the bit that ends a message (FIPS 180-4 section 5.1.1)
_HEADER_BITS = np.uint32(640)
_DIGEST_BITS = np.uint32(256)

_NONCE_WORD = 3  # of the second block; rounds 0 to 2 and schedule words up to 17 do not depend on it
_A_UNUSED_FROM = 57  # the last e reaches back to a of round 56, no later one


@kernel_part
def loop_top_words(header: _Words, nonces: _Words, out: _Words) -> None:
    """`Lowering.top_words`, for rows of any length."""
    midstate = header[:MIDSTATE_WORDS]
    lanes = nonces.size
    w = np.empty((ROUNDS, lanes), dtype=np.uint32)
    a = np.empty((ROUNDS + 4, lanes), dtype=np.uint32)
    e = np.empty((ROUNDS + 4, lanes), dtype=np.uint32)
    for t in range(_NONCE_WORD):
        _fill(w[t], header[MIDSTATE_WORDS + t])
    for lane in range(lanes):
        w[_NONCE_WORD, lane] = nonces[lane]
    _pad(w, _NONCE_WORD + 1, _HEADER_BITS)
    _start_from(a, e, midstate)
    for t in range(16, ROUNDS):
        _schedule_word(w, t)
    for t in range(ROUNDS):
        _round(a, e, w, t)

    for i in range(4):
        _add(w[i], a[ROUNDS + 3 - i], midstate[i])
        _add(w[4 + i], e[ROUNDS + 3 - i], midstate[4 + i])
    _pad(w, 8, _DIGEST_BITS)
    _start_from(a, e, _IV)
    for t in range(16, TOP_WORD_ROUNDS):
        _schedule_word(w, t)
    for t in range(_A_UNUSED_FROM):
        _round(a, e, w, t)
    for t in range(_A_UNUSED_FROM, TOP_WORD_ROUNDS):
        _round_without_a(a, e, w, t)
    for lane in range(lanes):
        out[lane] = e[TOP_WORD_ROUNDS + 3, lane]


@kernel_part
def _round(a: _Words, e: _Words, w: _Words, t: int) -> None:
    k = _K[t]
    for lane in range(e.shape[1]):
        t1 = _t1(e[t + 3, lane], e[t + 2, lane], e[t + 1, lane], e[t, lane], k, w[t, lane])
        t2 = _t2(a[t + 3, lane], a[t + 2, lane], a[t + 1, lane])
        e[t + 4, lane] = np.uint32(a[t, lane] + t1)
        a[t + 4, lane] = np.uint32(t1 + t2)


@kernel_part
def _round_without_a(a: _Words, e: _Words, w: _Words, t: int) -> None:
    """A round whose new a no later round needs."""
    k = _K[t]
    for lane in range(e.shape[1]):
        t1 = _t1(e[t + 3, lane], e[t + 2, lane], e[t + 1, lane], e[t, lane], k, w[t, lane])
        e[t + 4, lane] = np.uint32(a[t, lane] + t1)


@kernel_part
def _schedule_word(w: _Words, t: int) -> None:
    for lane in range(w.shape[1]):
        w[t, lane] = _expanded(w[t - 16, lane], w[t - 15, lane], w[t - 7, lane], w[t - 2, lane])


@kernel_part
def _expanded(w16: np.uint32, w15: np.uint32, w7: np.uint32, w2: np.uint32) -> np.uint32:
    """A schedule word from those 16, 15, 7 and 2 before it."""
    sigma1 = rotr(w2, 17) ^ rotr(w2, 19) ^ np.uint32(w2 >> np.uint32(10))
    sigma0 = rotr(w15, 7) ^ rotr(w15, 18) ^ np.uint32(w15 >> np.uint32(3))
    return np.uint32(w16 + sigma0 + w7 + sigma1)


@kernel_part
def _t1(e: np.uint32, f: np.uint32, g: np.uint32, h: np.uint32, k: np.uint32, w: np.uint32) -> np.uint32:
    choice = g ^ (e & (f ^ g))
    return np.uint32(h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + choice + k + w)


@kernel_part
def _t2(a: np.uint32, b: np.uint32, c: np.uint32) -> np.uint32:
    majority = (a & b) | (c & (a | b))
    return np.uint32((rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + majority)


@kernel_part
def rotr(x: np.uint32, n: int) -> np.uint32:
    """A word rotated to the right."""
    return np.uint32((x >> np.uint32(n)) | (x << np.uint32(32 - n)))


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
    for lane in range(row.size):
        row[lane] = value


@kernel_part
def _add(row: _Words, other: _Words, value: np.uint32) -> None:
    for lane in range(row.size):
        row[lane] = np.uint32(other[lane] + value)
