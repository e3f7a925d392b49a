"""The spectrum that intervals without any order have: what a period has to rise above.

Of a Poisson process it is 1 at every frequency. A dead time lowers it below the inverse of the mean interval
and raises it near that; intervals that vary much raise it at low frequencies. For intervals of characteristic
function c it is (1 - |c|^2) / |1 - c|^2 (Cox and Lewis 1966, section 4.6).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from asicrc.evidence.block_bootstrap import Floats

LEAST = 1e-3
"""Below it the spectrum is not believed: no estimate of it is that good."""


def smooth_spectrum(intervals_s: Floats, frequency_hz: ArrayLike) -> Floats:
    """Of a gamma law behind a hard dead time, with the smallest interval, mean and variance of the data.

    Smooth, so that a period that shapes the intervals themselves is not taken for their law.
    """
    f = np.asarray(frequency_hz, float)
    least = float(intervals_s.min())
    wait = float(intervals_s.mean()) - least
    variance = float(intervals_s.var(ddof=1))
    if not (wait > 0 and variance > 0):
        return np.ones_like(f)
    shape, scale = wait**2 / variance, variance / wait
    omega = 2 * np.pi * f
    # (1 - i omega scale)^-shape, by modulus and angle: no branch to slip off
    modulus = (1 + (omega * scale) ** 2) ** (-shape / 2)
    angle = shape * np.arctan(omega * scale) + omega * least
    return _spectrum(modulus * np.exp(1j * angle))


def interval_spectrum(intervals_s: Floats, frequency_hz: float) -> float:
    """Of the intervals as they are, in any order: what shuffling them gives on average."""
    turns = frequency_hz * intervals_s
    value = np.exp(2j * np.pi * (turns - np.floor(turns))).mean()
    return float(_spectrum(np.atleast_1d(value))[0])


def _spectrum(c: np.ndarray) -> Floats:
    away = np.maximum(np.abs(1 - c) ** 2, np.finfo(float).tiny)
    spectrum: Floats = np.maximum((1 - np.abs(c) ** 2) / away, LEAST)
    return spectrum
