"""Targets, compact bits and difficulty, in integers: a proof is valid when hash <= target.

Difficulty is bdiff: 0xFFFF * 2**208 / target (Bitcoin wiki, "Difficulty"; bitcoin:src/arith_uint256.cpp
for the compact form). A chip's ticket mask compares zero bits instead, so a mask of "256" lets hashes of
difficulty 255.996 pass: use `target_from_zero_bits` for what a chip applies.
"""

from __future__ import annotations

from fractions import Fraction

DIFFICULTY_1_TARGET = 0xFFFF << 208
_MAX_HASH = (1 << 256) - 1


def target_from_compact(nbits: int) -> int:
    """Expand compact bits. Raises ValueError for a negative or overflowing encoding."""
    exponent, mantissa = nbits >> 24, nbits & 0x007FFFFF
    if nbits & 0x00800000 and mantissa:
        raise ValueError(f"compact bits {nbits:08x} encode a negative target")
    target = mantissa << 8 * (exponent - 3) if exponent > 3 else mantissa >> 8 * (3 - exponent)
    if target > _MAX_HASH:
        raise ValueError(f"compact bits {nbits:08x} overflow 256 bits")
    return target


def compact_from_target(target: int) -> int:
    """Compact bits of a target, rounded down to the 3 bytes that the form holds.

    Raises ValueError for a negative target and for one of more than 256 bits.
    """
    if not 0 <= target <= _MAX_HASH:
        raise ValueError("a target has 0 to 256 bits")
    size = (target.bit_length() + 7) // 8
    mantissa = target >> 8 * (size - 3) if size > 3 else target << 8 * (3 - size)
    if mantissa & 0x00800000:
        mantissa >>= 8
        size += 1
    return size << 24 | mantissa


def target_from_difficulty(difficulty: float | Fraction) -> int:
    """The largest hash that has at least this difficulty (exact: floats are taken at their binary value).

    Raises ValueError unless the difficulty is above 0.
    """
    if not difficulty > 0:
        raise ValueError(f"difficulty must be above 0, not {difficulty}")
    if difficulty == float("inf"):
        return 0
    exact = Fraction(difficulty)
    return min(DIFFICULTY_1_TARGET * exact.denominator // exact.numerator, _MAX_HASH)


def target_from_zero_bits(zero_bits: int) -> int:
    """The largest hash with this many leading zero bits: what a chip's ticket mask tests.

    Raises ValueError outside 0 to 256.
    """
    if not 0 <= zero_bits <= 256:
        raise ValueError(f"zero bits run from 0 to 256, not {zero_bits}")
    return (1 << (256 - zero_bits)) - 1


def difficulty_from_hash_value(value: int) -> float:
    """Difficulty that a hash reached. A hash of 0 has infinite difficulty."""
    return DIFFICULTY_1_TARGET / value if value else float("inf")
