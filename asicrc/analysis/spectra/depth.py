"""How deep a modulation is, and how deep one would have to be to be seen.

A rate 1 + a sin(2 pi f t) gives a phase sum of n a / 2, so that twice the power is noncentral chi-squared
with two degrees of freedom and n a^2 / 2 (Groth 1975; Vaughan et al. 1994). Events that come in pulses have a
first harmonic of more than the mean: a depth up to 2.
"""

from __future__ import annotations

import math

from scipy import optimize, stats

from asicrc.evidence import Estimate

POWER = 0.8
DEEPEST = 2.0


def depth_estimate(relative_power: float, n: int, spectrum: float, kept: float = 1.0) -> Estimate:
    """Depth a with its 95 % interval, from the power over the null's `spectrum`.

    `kept` is the share of the modulation that jitter and rounding of the stamps leave.
    """
    unit = math.sqrt(2 * spectrum / n) / kept
    lowest, highest = (_noncentrality(2 * relative_power, tail) for tail in (0.025, 0.975))
    value = math.sqrt(2 * relative_power) * unit
    return Estimate(
        min(value, DEEPEST),
        math.sqrt(lowest) * unit,
        min(math.sqrt(highest) * unit, DEEPEST),
        n,
        method="noncentral chi-squared (Groth 1975)",
    )


def detectable_depth(
    n: int, spectrum: float, alpha: float, *, power: float = POWER, kept: float = 1.0
) -> float:
    """The depth that a test at level `alpha` finds with probability `power`; above 2 there is none."""
    threshold = -2 * math.log(alpha)
    needed = float(
        optimize.brentq(lambda x: float(stats.ncx2.sf(threshold, 2, x)) - power, 1e-9, 40 * threshold + 40)
    )
    return math.sqrt(2 * spectrum * needed / n) / kept


def kept_share(frequency_hz: float, floor_s: float | None, quantum_s: float | None) -> float:
    """Share of a modulation that stays when stamps are spread by `floor_s` rms and rounded to `quantum_s`.

    exp(-(2 pi f s)^2 / 2) of normal jitter: the mended form of the papers' K_sync.
    """
    kept = math.exp(-((2 * math.pi * frequency_hz * (floor_s or 0.0)) ** 2) / 2)
    turns = frequency_hz * (quantum_s or 0.0)
    return kept * (1.0 if turns == 0 else abs(math.sin(math.pi * turns) / (math.pi * turns)))


def _noncentrality(twice_power: float, upper_tail: float) -> float:
    """The noncentrality under which a chi-squared of two degrees exceeds the value with this probability."""
    x = twice_power

    def below(noncentrality: float) -> float:
        return float(stats.ncx2.cdf(x, 2, noncentrality)) - (1 - upper_tail)

    # P(below) falls with the noncentrality; 0 where even none leaves too little below
    if float(stats.chi2.cdf(x, 2)) <= 1 - upper_tail:
        return 0.0
    top = x + 20 + 10 * math.sqrt(x + 1)
    return float(optimize.brentq(below, 1e-12, top))
