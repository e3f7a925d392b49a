"""RIPEMD-160 where OpenSSL has none: version 3 can come without its legacy provider.

Written from the definition (Dobbertin, Bosselaers, Preneel 1996, "RIPEMD-160: A Strengthened Version of
RIPEMD"). Its tables are derived from what they are there: powers of a permutation, and roots of 2, 3, 5, 7.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from functools import reduce
from math import isqrt

_MASK = 0xFFFFFFFF
_STATE, _BLOCK = struct.Struct("<5I"), struct.Struct("<16I")


def ripemd160_in_python(data: bytes) -> bytes:
    """20 bytes. About a hundred times slower than OpenSSL's."""
    padded = data + b"\x80" + bytes(-(len(data) + 9) % 64) + (8 * len(data)).to_bytes(8, "little")
    state: _Words = _INITIAL_STATE
    for start in range(0, len(padded), 64):
        state = _compressed(state, _BLOCK.unpack_from(padded, start))
    return _STATE.pack(*state)


def best_ripemd160(new: Callable[..., hashlib._Hash] = hashlib.new) -> Callable[[bytes], bytes]:
    """OpenSSL's where it is there and right, else the one written out here."""

    def by_openssl(data: bytes) -> bytes:
        return new("ripemd160", data, usedforsecurity=False).digest()

    try:
        right = by_openssl(b"abc").hex() == _OF_ABC
    except ValueError:
        right = False
    return by_openssl if right else ripemd160_in_python


_Words = tuple[int, ...]


def _compressed(state: _Words, words: _Words) -> _Words:
    left = _line(state, words, _LEFT)
    right = _line(state, words, _RIGHT)
    a, b, c, d, e = state
    return (
        b + left[2] + right[3] & _MASK,
        c + left[3] + right[4] & _MASK,
        d + left[4] + right[0] & _MASK,
        e + left[0] + right[1] & _MASK,
        a + left[1] + right[2] & _MASK,
    )


def _line(state: _Words, words: _Words, steps: tuple[tuple[int, int, int, int], ...]) -> _Words:
    """One of the two parallel lines: 80 steps of (function, word, constant, shift)."""
    a, b, c, d, e = state
    for function, word, constant, shift in steps:
        if function == 0:
            mixed = b ^ c ^ d
        elif function == 1:
            mixed = (b & c) | (~b & d)
        elif function == 2:
            mixed = (b | ~c) ^ d
        elif function == 3:
            mixed = (b & d) | (c & ~d)
        else:
            mixed = b ^ (c | ~d)
        total = a + mixed + words[word] + constant & _MASK
        turned = (total << shift | total >> 32 - shift) + e & _MASK
        a, e, d, c, b = e, d, (c << 10 | c >> 22) & _MASK, b, turned
    return a, b, c, d, e


def _steps(first: _Words, constants: _Words, functions: range) -> tuple[tuple[int, int, int, int], ...]:
    """Word order of round r: r times the permutation rho after that of round 0."""
    steps = []
    for number, (function, constant) in enumerate(zip(functions, constants, strict=True)):
        order = [reduce(lambda index, _: _RHO[index], range(number), word) for word in first]
        steps += [(function, word, constant, _SHIFTS[number][word]) for word in order]
    return tuple(steps)


def _cube_root(n: int) -> int:
    root = 1 << (n.bit_length() + 2) // 3
    while (smaller := (2 * root + n // root**2) // 3) < root:
        root = smaller
    return root


_RHO = (7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8)
_SHIFTS = (
    (11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8),
    (12, 13, 11, 15, 6, 9, 9, 7, 12, 15, 11, 13, 7, 8, 7, 7),
    (13, 15, 14, 11, 7, 7, 6, 8, 13, 14, 13, 12, 5, 5, 6, 9),
    (14, 11, 12, 14, 8, 6, 5, 5, 15, 12, 15, 14, 9, 9, 8, 6),
    (15, 12, 13, 13, 9, 5, 8, 6, 14, 11, 12, 11, 8, 6, 5, 5),
)
"""Rotation of each word in each round, the same in both lines."""
_PRIMES = (2, 3, 5, 7)
_LEFT = _steps(tuple(range(16)), (0, *(isqrt(n << 60) for n in _PRIMES)), range(5))
_RIGHT = _steps(
    tuple((9 * i + 5) % 16 for i in range(16)),
    (*(_cube_root(n << 90) for n in _PRIMES), 0),
    range(4, -1, -1),
)
_INITIAL_STATE = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
_OF_ABC = "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"

ripemd160 = best_ripemd160()
"""20 bytes of any message."""
