"""K_sync, the "Chronos coupling" (H, equation 2): as printed, and mended.

Printed: exp(-s^2 f / 2 pi) times the sum of cos(phase_k) over the cores, with s the jitter and f the clock.
Its defects: s^2 f has the unit of time, so that the value changes when seconds become milliseconds; the sum
over K cores grows to K, so that it is no efficiency; and it puts the clock of the chip, hundreds of MHz,
where what is observed is a modulation of a few Hz.

Mended: jitter of standard deviation s leaves exp(-(2 pi f s)^2 / 2) of a modulation at f (characteristic
function of a normal law), and phases of several sources add up to the length of their mean vector. Without
jitter and with equal phases it is 1. That is what a line in the arrivals really loses: `kept_share` uses it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


@dataclass(frozen=True, slots=True)
class KSync:
    """`printed` and its `exponents` by the unit in which jitter and period of the clock are written;
    `mended_clock` at the frequency of the clock, which nothing survives, `mended` at that of the modulation
    looked for."""

    printed: dict[str, float]
    exponents: dict[str, float]
    mended_clock: float
    mended: float
    modulation_hz: float

    @property
    def invariant(self) -> bool:
        """Whether the printed form is the same in all units."""
        values = list(self.exponents.values())
        return max(values) - min(values) <= 1e-9 * max(map(abs, values))

    def as_json(self) -> dict[str, Any]:
        return {
            "printed": self.printed,
            "exponents": self.exponents,
            "invariant": self.invariant,
            "mended_clock": self.mended_clock,
            "mended": self.mended,
            "modulation_hz": self.modulation_hz,
        }


def k_sync(jitter_s: float, clock_hz: float, modulation_hz: float, phases: ArrayLike = (0.0,)) -> KSync:
    """All forms. `phases` are those of the cores, radians; nobody can read them off a miner."""
    return KSync(
        {
            unit: printed_k_sync(jitter_s * factor, clock_hz / factor, phases)
            for unit, factor in UNITS.items()
        },
        {unit: printed_exponent(jitter_s * factor, clock_hz / factor) for unit, factor in UNITS.items()},
        mended_k_sync(jitter_s, clock_hz, phases),
        mended_k_sync(jitter_s, modulation_hz, phases),
        modulation_hz,
    )


def printed_k_sync(jitter: float, clock: float, phases: ArrayLike = (0.0,)) -> float:
    """As printed, in whatever unit of time jitter and clock are written."""
    exponent = printed_exponent(jitter, clock)
    return math.exp(max(exponent, -745.0)) * float(np.sum(np.cos(np.asarray(phases, float))))


def printed_exponent(jitter: float, clock: float) -> float:
    """-s^2 f / 2 pi: of the unit of time."""
    return -(jitter**2) * clock / (2 * math.pi)


def mended_k_sync(jitter_s: float, frequency_hz: float, phases: ArrayLike = (0.0,)) -> float:
    """exp(-(2 pi f s)^2 / 2) times the length of the mean phase vector, between 0 and 1."""
    exponent = -((2 * math.pi * frequency_hz * jitter_s) ** 2) / 2
    coherence = abs(complex(np.mean(np.exp(1j * np.asarray(phases, float)))))
    return math.exp(max(exponent, -745.0)) * coherence
