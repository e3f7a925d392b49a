"""Sums of phases: how strongly events prefer a moment within a period."""

from __future__ import annotations

import numpy as np

from asicrc.evidence.block_bootstrap import Floats

_EVENTS_AT_ONCE = 1 << 18


def phase_sums(t_s: Floats, frequency_hz: float, harmonics: int = 1) -> np.ndarray:
    """Sum of exp(2 pi i k f t) over the events, for k = 1 .. harmonics, less what a constant rate gives.

    `t_s` are (n,) times since the start of the observation, which ends with the last of them. A number of
    periods that is not whole leaves an even rate a sum of its own; that is taken out.
    """
    sums = np.zeros(harmonics, np.complex128)
    for first in range(0, len(t_s), _EVENTS_AT_ONCE):
        turns = frequency_hz * t_s[first : first + _EVENTS_AT_ONCE]
        angle = 2 * np.pi * (turns - np.floor(turns))
        cosine, sine = np.cos(angle), np.sin(angle)
        sums[0] += complex(float(cosine.sum()), float(sine.sum()))
        if harmonics == 1:
            continue
        unit = cosine + 1j * sine
        power = unit.copy()
        for k in range(1, harmonics):
            power *= unit
            sums[k] += power.sum()
    turns_in_all = frequency_hz * float(t_s[-1] - t_s[0]) * np.arange(1, harmonics + 1)
    middle = np.exp(2j * np.pi * np.arange(1, harmonics + 1) * frequency_hz * float(t_s[0] + t_s[-1]) / 2)
    even: np.ndarray = len(t_s) * middle * np.sinc(turns_in_all)
    found: np.ndarray = sums - even
    return found


def powers(t_s: Floats, frequency_hz: float, harmonics: int = 1) -> Floats:
    """|sum|^2 / n for each harmonic: exponential with mean 1 for a Poisson process (Rayleigh 1880)."""
    found: Floats = np.abs(phase_sums(t_s, frequency_hz, harmonics)) ** 2 / len(t_s)
    return found
