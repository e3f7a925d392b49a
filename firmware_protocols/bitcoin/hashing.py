"""SHA-256d and the midstate of a header.

FIPS 180-4 (NIST, 2015) defines SHA-256; hashlib computes it. hashlib does not show the state between
two blocks, which midstate jobs need, so one compression is written out here. It works on several blocks at
once, each in a 64-bit lane of one large integer: Python spends its time on operations, not on their width, so
four midstates take little longer than one.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from functools import cache

_MASK = 0xFFFFFFFF
_LANE_BITS = 64
_BLOCK, _STATE = struct.Struct(">16I"), struct.Struct(">8I")
_HEADER_BITS = 640


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
    return midstates((first_block,))[0]


def midstates(first_blocks: Sequence[bytes]) -> list[bytes]:
    """`midstate` of each of several blocks, in the time of hardly more than one.

    Raises ValueError unless each has 64 bytes.
    """
    for block in first_blocks:
        if len(block) != _BLOCK.size:
            raise ValueError(f"a SHA-256 block has 64 bytes, not {len(block)}")
    return _compressed([INITIAL_STATE] * len(first_blocks), first_blocks) if first_blocks else []


def hash_from_midstate(state: bytes, tail: bytes) -> bytes:
    """SHA-256d, in digest order, of a header of which the midstate and the last 16 bytes are known.

    Raises ValueError unless these are 32 and 16 bytes.
    """
    if len(state) != _STATE.size or len(tail) != 16:
        raise ValueError(f"a midstate has 32 bytes and a tail 16, not {len(state)} and {len(tail)}")
    block = tail + b"\x80" + bytes(39) + _HEADER_BITS.to_bytes(8, "big")
    return hashlib.sha256(_compressed([_STATE.unpack(state)], [block])[0]).digest()


def _compressed(states: Sequence[Sequence[int]], blocks: Sequence[bytes]) -> list[bytes]:
    """The states after one block each (FIPS 180-4 section 6.2.2), packed.

    A value has 32 bits in its lane. Doubled into the lane's upper half it can be rotated by shifting; what
    that leaves above the 32 bits is masked before it could carry into the next lane.
    """
    doubling, mask, constants = _lanes(len(blocks))
    w = _side_by_side([_BLOCK.unpack(block) for block in blocks])
    for t in range(16, 64):
        x, y = w[t - 15], w[t - 2]
        xx, yy = x * doubling, y * doubling
        s0 = (xx >> 7 ^ xx >> 18 ^ x >> 3) & mask
        s1 = (yy >> 17 ^ yy >> 19 ^ y >> 10) & mask
        w.append(w[t - 16] + s0 + w[t - 7] + s1 & mask)
    before = _side_by_side(states)
    a, b, c, d, e, f, g, h = before
    for constant, word in zip(constants, w, strict=True):
        aa, ee = a * doubling, e * doubling
        t1 = h + ((ee >> 6 ^ ee >> 11 ^ ee >> 25) & mask) + (g ^ e & (f ^ g)) + constant + word
        t2 = ((aa >> 2 ^ aa >> 13 ^ aa >> 22) & mask) + (a & b ^ c & (a ^ b))
        h, g, f = g, f, e
        e = d + t1 & mask
        d, c, b = c, b, a
        a = t1 + t2 & mask
    after = [x + y & mask for x, y in zip(before, (a, b, c, d, e, f, g, h), strict=True)]
    lanes = range(0, _LANE_BITS * len(blocks), _LANE_BITS)
    return [_STATE.pack(*(value >> lane & _MASK for value in after)) for lane in lanes]


@cache
def _lanes(count: int) -> tuple[int, int, tuple[int, ...]]:
    """Factor that doubles every lane, mask of their 32 bits, and the round constants in every lane."""
    ones = sum(1 << _LANE_BITS * lane for lane in range(count))
    return 1 << 32 | 1, ones * _MASK, tuple(constant * ones for constant in ROUND_CONSTANTS)


def _side_by_side(rows: Sequence[Sequence[int]]) -> list[int]:
    """One value per column, its row in a lane each."""
    return [
        sum(value << _LANE_BITS * lane for lane, value in enumerate(column))
        for column in zip(*rows, strict=True)
    ]


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
