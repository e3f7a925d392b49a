"""Is there a period at this frequency? Rayleigh, Z^2_n and H, each against events without one.

Z^2_n sums the powers of n harmonics (Buccheri et al. 1983), H takes the best number of them (de Jager,
Raubenheimer, Swanepoel 1989; de Jager and Buesching 2010 for its law). Powers are in units of the spectrum
that the intervals have without any order.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from asicrc.analysis.spectra.phases import powers
from asicrc.analysis.spectra.renewal_spectrum import smooth_spectrum
from asicrc.evidence import TestResult
from asicrc.evidence.block_bootstrap import Floats

H_HARMONICS = 20
_NULL = "events of one rate behind a dead time"


def rayleigh_p(relative_power: float, n: int) -> float:
    """Of the power at one frequency, in units of the null's spectrum, of n events (Wilkie 1983): exp(-P) but
    for few events, where the phases of n can agree only so far."""
    p = math.exp(-relative_power)
    if n < 100 and relative_power < n:
        inner = 1 + 4 * n + 4 * (n**2 - n * relative_power)
        p = math.exp(math.sqrt(inner) - (1 + 2 * n))
    return min(1.0, p)


def z_squared_test(relative_powers: Floats, n: int) -> TestResult:
    """Twice the sum of the powers of all harmonics given: chi-squared, two degrees of freedom each."""
    z = 2 * float(relative_powers.sum())
    m = len(relative_powers)
    return TestResult(f"Z^2_{m}", z, float(stats.chi2.sf(z, 2 * m)), n, _NULL)


def h_test(relative_powers: Floats, n: int) -> TestResult:
    """The largest Z^2_m - 4 m + 4 over the harmonics given; p = exp(-0.4 H) for 20 of them."""
    m = np.arange(1, len(relative_powers) + 1)
    h = float((2 * np.cumsum(relative_powers) - 4 * m + 4).max())
    return TestResult("H", h, min(1.0, math.exp(-0.4 * h)), n, _NULL)


def relative_powers(t_s: Floats, frequency_hz: float, harmonics: int) -> Floats:
    """Powers of the harmonics over the smooth spectrum of the intervals there."""
    found = powers(t_s, frequency_hz, harmonics)
    expected = smooth_spectrum(np.diff(t_s), frequency_hz * np.arange(1, harmonics + 1))
    ratio: Floats = found / expected
    return ratio
