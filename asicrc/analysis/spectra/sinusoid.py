"""Least-squares sinusoids of sampled values: Lomb-Scargle, for rates in bins and for telemetry.

The mean is fitted with them (Zechmeister and Kuerster 2009), so that samples need not lie evenly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from asicrc.evidence.block_bootstrap import Floats

_VALUES_AT_ONCE = 4_000_000


def sinusoid_fit(t_s: ArrayLike, values: ArrayLike, frequency_hz: ArrayLike) -> tuple[Floats, Floats]:
    """Amplitude of the best sinusoid at each frequency, and the share of the variance that it takes.

    The share is the power of a generalised Lomb-Scargle periodogram in its standard normalisation.
    """
    t, y = np.asarray(t_s, float), np.asarray(values, float)
    f = np.atleast_1d(np.asarray(frequency_hz, float))
    t = t - t.mean()
    centred = y - y.mean()
    total = float(np.mean(centred**2))
    amplitude, share = np.empty(len(f)), np.empty(len(f))
    rows = max(1, _VALUES_AT_ONCE // len(t))
    for first in range(0, len(f), rows):
        part = slice(first, first + rows)
        angle = 2 * np.pi * f[part, None] * t[None, :]
        cosine, sine = np.cos(angle), np.sin(angle)
        cosine -= cosine.mean(axis=1, keepdims=True)
        sine -= sine.mean(axis=1, keepdims=True)
        yc, ys = cosine @ centred / len(t), sine @ centred / len(t)
        cc, ss = (cosine**2).mean(axis=1), (sine**2).mean(axis=1)
        cs = (cosine * sine).mean(axis=1)
        free = np.maximum(cc * ss - cs**2, np.finfo(float).tiny)
        a, b = (yc * ss - ys * cs) / free, (ys * cc - yc * cs) / free
        amplitude[part] = np.hypot(a, b)
        share[part] = (a * yc + b * ys) / total if total > 0 else 0.0
    return amplitude, share


def rate_sinusoid(t_s: Floats, frequency_hz: float, bins_a_period: int = 8) -> tuple[float, float]:
    """Depth and share of the variance of a sinusoid in the counts of events at `t_s`, in bins of a period.

    A second way to a depth, by counts and not by phases.
    """
    width_s = 1 / (bins_a_period * frequency_hz)
    bins = int(t_s[-1] / width_s)
    counts = np.bincount((t_s / width_s).astype(np.int64), minlength=bins)[:bins].astype(float)
    amplitude, share = sinusoid_fit((np.arange(bins) + 0.5) * width_s, counts, frequency_hz)
    # a bin averages over its width
    kept = float(np.sinc(1 / bins_a_period))
    return float(amplitude[0] / counts.mean() / kept), float(share[0])
