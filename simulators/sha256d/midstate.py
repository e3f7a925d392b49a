"""The state of SHA-256 after the first block of a header, for a chip that asks for thousands in a second."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmware_protocols.bitcoin.hashing import INITIAL_STATE, ROUND_CONSTANTS
from simulators.sha256d.compilation import cached_kernel

_Words = NDArray[np.uint32]
_IV = np.array(INITIAL_STATE, dtype=np.int64)
_K = np.array(ROUND_CONSTANTS, dtype=np.int64)
_MASK = 0xFFFFFFFF


@cached_kernel
def first_block_state(first_block: _Words) -> _Words:
    """The midstate (8,) after a block of 16 big-endian words that starts a message.

    FIPS 180-4 (NIST, 2015) section 6.2. Words in 64-bit integers: sums are cut off where they are kept. A
    word that stands there twice is rotated by a shift, in the low half: a function that rotates would be
    compiled once for each distance.
    """
    w = np.empty(64, dtype=np.int64)
    for t in range(16):  # numba takes seconds to compile the assignment of a slice
        w[t] = first_block[t]
    for t in range(16, 64):
        x, y = w[t - 2], w[t - 15]
        xx, yy = x | (x << 32), y | (y << 32)
        sigma1 = (xx >> 17) ^ (xx >> 19) ^ (x >> 10)
        sigma0 = (yy >> 7) ^ (yy >> 18) ^ (y >> 3)
        w[t] = (w[t - 16] + sigma0 + w[t - 7] + sigma1) & _MASK
    a, b, c, d, e, f, g, h = _IV
    for t in range(64):
        aa, ee = a | (a << 32), e | (e << 32)
        t1 = h + ((ee >> 6) ^ (ee >> 11) ^ (ee >> 25)) + (g ^ (e & (f ^ g))) + _K[t] + w[t]
        t2 = ((aa >> 2) ^ (aa >> 13) ^ (aa >> 22)) + ((a & b) | (c & (a | b)))
        a, b, c, d, e, f, g, h = (t1 + t2) & _MASK, a, b, c, (d + t1) & _MASK, e, f, g
    midstate = np.empty(8, dtype=np.uint32)
    for i, word in enumerate((a, b, c, d, e, f, g, h)):
        midstate[i] = (word + _IV[i]) & _MASK
    return midstate
