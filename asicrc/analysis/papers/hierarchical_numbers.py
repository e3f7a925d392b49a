"""The hierarchical number system: its encoding of a hash, and the energy table that rests on it.

Encoding, as the published program has it: a hash of 32 bytes is four big-endian words of 64 bits, each
divided by 2^64 - 1. Four numbers hold the same 256 bits; nothing is saved, and only the leading 53 bits of
each survive in a float.

Energy (H, equations 4-6 and 9, table IV): ratio = 2^n / log2(n) with n bits and every constant set to 1.
The table follows from the formula. What does not: that 2^n is the energy of an update. It is the number of
states; to update n bits takes at most n switchings, and to address one of them log2 of their number. The
text speaks of "n ~ 10^4 states" and a ratio of 10^4: ten thousand states are 13.3 bits, for which the
formula gives 2,680, while n = 10^4 bits give a number with 3,009 zeros.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TABLE_BITS = (10, 12, 14, 16)
PRINTED = {10: 300.0, 12: 1100.0, 14: 4300.0, 16: 16000.0}
CLAIMED_STATES, CLAIMED_RATIO = 10_000, 1e4
WORDS, WORD_MAX = 4, (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class EnergyRow:
    """One row of table IV. `update_ratio` is n switchings of a plain update over log2(n): what is left of the
    ratio when the update of n bits costs n."""

    bits: int
    states: float
    ratio: float
    printed: float | None
    update_ratio: float

    @property
    def agrees(self) -> bool | None:
        """Whether the printed number is the formula's, to the two digits that were printed."""
        return None if self.printed is None else abs(self.printed / self.ratio - 1) < 0.05

    def as_json(self) -> dict[str, Any]:
        return {
            "bits": self.bits,
            "states": self.states,
            "ratio": self.ratio,
            "printed": self.printed,
            "agrees": self.agrees,
            "update_ratio": self.update_ratio,
        }


def encoded(hash_bytes: bytes) -> Floats:
    """The four numbers of a hash of 32 bytes. Raises ValueError for another length."""
    if len(hash_bytes) != 32:
        raise ValueError(f"a hash has 32 bytes, not {len(hash_bytes)}")
    words = [int.from_bytes(hash_bytes[8 * k : 8 * k + 8], "big") for k in range(WORDS)]
    return np.array([word / WORD_MAX for word in words])


def decoded(numbers: Floats) -> bytes:
    """The hash again, as nearly as floats let."""
    words = [min(round(float(value) * WORD_MAX), WORD_MAX) for value in numbers]
    return b"".join(word.to_bytes(8, "big") for word in words)


def bits_kept(hash_bytes: bytes) -> int:
    """Leading bits of all four words together that come back unchanged."""
    back = decoded(encoded(hash_bytes))
    kept = 0
    for k in range(WORDS):
        a, b = (int.from_bytes(text[8 * k : 8 * k + 8], "big") for text in (hash_bytes, back))
        kept += 64 - (a ^ b).bit_length()
    return kept


def energy_table() -> list[EnergyRow]:
    """Table IV with what follows from its formula."""
    return [
        EnergyRow(bits, 2.0**bits, energy_ratio(bits), PRINTED[bits], bits / math.log2(bits))
        for bits in TABLE_BITS
    ]


def energy_ratio(bits: float) -> float:
    """2^n / log2(n), constants 1. Infinity beyond what a float holds: see `energy_ratio_digits`."""
    exponent = energy_ratio_digits(bits)
    return math.inf if exponent > 308 else 2.0**bits / math.log2(bits)


def energy_ratio_digits(bits: float) -> float:
    """Decimal logarithm of the ratio."""
    return bits * math.log10(2) - math.log10(math.log2(bits))


def ratio_of_states(states: float) -> float:
    """The formula for so many states, which are log2 of them in bits."""
    return energy_ratio(math.log2(states))
