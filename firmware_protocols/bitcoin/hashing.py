"""SHA-256d and the midstate of a header.

FIPS 180-4 (NIST, 2015) defines SHA-256; hashlib computes it. hashlib does not show the state between
two blocks, which midstate jobs need, so one compression is written out here.
"""

from __future__ import annotations

import hashlib
import struct

_MASK = 0xFFFFFFFF


def sha256d(data: bytes) -> bytes:
    """SHA-256 of the SHA-256 of `data`, 32 bytes in digest order."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def hash_value(header: bytes) -> int:
    """The integer that a target is compared with: SHA-256d read little-endian."""
    return int.from_bytes(sha256d(header), "little")


def midstate(first_block: bytes) -> bytes:
    """SHA-256 state after the first 64 bytes of a header: H0..H7, each big-endian, 32 bytes.

    Raises ValueError unless `first_block` has 64 bytes.
    """
    if len(first_block) != 64:
        raise ValueError(f"a SHA-256 block has 64 bytes, not {len(first_block)}")
    w = list(struct.unpack(">16I", first_block))
    for t in range(16, 64):
        s0 = _rotr(w[t - 15], 7) ^ _rotr(w[t - 15], 18) ^ (w[t - 15] >> 3)
        s1 = _rotr(w[t - 2], 17) ^ _rotr(w[t - 2], 19) ^ (w[t - 2] >> 10)
        w.append((w[t - 16] + s0 + w[t - 7] + s1) & _MASK)
    a, b, c, d, e, f, g, h = INITIAL_STATE
    for t in range(64):
        t1 = (
            h + (_rotr(e, 6) ^ _rotr(e, 11) ^ _rotr(e, 25)) + ((e & f) ^ (~e & g)) + ROUND_CONSTANTS[t] + w[t]
        )
        t2 = (_rotr(a, 2) ^ _rotr(a, 13) ^ _rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))
        a, b, c, d, e, f, g, h = (t1 + t2) & _MASK, a, b, c, (d + t1) & _MASK, e, f, g
    state = zip(INITIAL_STATE, (a, b, c, d, e, f, g, h), strict=True)
    return struct.pack(">8I", *((x + y) & _MASK for x, y in state))


def _rotr(x: int, n: int) -> int:
    return (x >> n | x << (32 - n)) & _MASK


def _fractional_root_bits(count: int, root: int) -> tuple[int, ...]:
    """First 32 fractional bits of the square or cube roots of the first `count` primes."""
    values: list[int] = []
    candidate = 2
    primes: list[int] = []
    while len(primes) < count:
        if all(candidate % p for p in primes):
            primes.append(candidate)
            values.append(_integer_root(candidate << (32 * root), root) & _MASK)
        candidate += 1
    return tuple(values)


def _integer_root(n: int, root: int) -> int:
    low, high = 0, 1 << (n.bit_length() // root + 1)
    while low < high:
        mid = (low + high + 1) // 2
        if mid**root <= n:
            low = mid
        else:
            high = mid - 1
    return low


INITIAL_STATE = _fractional_root_bits(8, 2)
"""FIPS 180-4 section 5.3.3: square roots of the first eight primes."""
ROUND_CONSTANTS = _fractional_root_bits(64, 3)
"""FIPS 180-4 section 4.2.2: cube roots of the first sixty-four primes."""
