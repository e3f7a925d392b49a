"""The papers' entropy of the intervals, which changes with the unit of time.

As printed (H, section V.A): -sum h ln(h + 1e-10) over 20 bins of a histogram whose h are densities. A density
has the unit of 1 / time: in milliseconds h is a thousand times smaller than in seconds, and the sum without a
bin width is no entropy at all. The program behind it takes shares instead of densities and 10 bins, in bits,
between the smallest and the largest interval: without a unit, but with bins that one late share moves.
`asicrc.analysis.arrivals.entropy` is what depends on neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from asicrc.analysis.exponential import checked_intervals

PRINTED_BINS, PROGRAM_BINS = 20, 10
_TINY = 1e-10
UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "min": 1 / 60}


@dataclass(frozen=True, slots=True)
class PrintedEntropy:
    """The printed sum in several units, and the program's value in bits. `invariant` says whether the printed
    one is the same in all units, as an entropy of these intervals would be."""

    by_unit: Mapping[str, float]
    program_bits: float
    program_bits_without_longest: float

    @property
    def invariant(self) -> bool:
        values = list(self.by_unit.values())
        return max(values) - min(values) <= 1e-6 * max(1.0, max(map(abs, values)))

    def as_json(self) -> dict[str, Any]:
        return {
            "by_unit": dict(self.by_unit),
            "invariant": self.invariant,
            "program_bits": self.program_bits,
            "program_bits_without_longest": self.program_bits_without_longest,
        }


def printed_entropies(intervals_s: ArrayLike) -> PrintedEntropy:
    """Raises NoAnswer for fewer than 20 intervals."""
    x = checked_intervals(intervals_s)
    return PrintedEntropy(
        {unit: printed_entropy(x * factor) for unit, factor in UNITS.items()},
        program_entropy_bits(x),
        program_entropy_bits(np.delete(x, int(np.argmax(x)))),
    )


def printed_entropy(intervals: ArrayLike) -> float:
    """As printed, of intervals in whatever unit they are in."""
    density, _ = np.histogram(np.asarray(intervals, float), bins=PRINTED_BINS, density=True)
    return float(-np.sum(density * np.log(density + _TINY)))


def program_entropy_bits(intervals: ArrayLike) -> float:
    """As the published program has it: shares in 10 bins from smallest to largest, bits."""
    counts, _ = np.histogram(np.asarray(intervals, float), bins=PROGRAM_BINS)
    share = counts[counts > 0] / counts.sum()
    return float(-np.sum(share * np.log2(share)))
