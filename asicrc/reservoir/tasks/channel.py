"""Equalisation of a nonlinear channel: which symbol was sent, from what arrives."""

from __future__ import annotations

import numpy as np

from asicrc.errors import UsageError
from asicrc.reservoir.tasks.task import Floats, Seed, Task, checked_count, seed_details, seed_sequence

SYMBOLS = (-3.0, -1.0, 1.0, 3.0)
TAPS = (0.08, -0.12, 1.0, 0.18, -0.1, 0.091, -0.05, 0.04, 0.03, 0.01)
"""Of d[n+2], d[n+1], ... d[n-7]."""
_AHEAD = 2


def channel_equalisation(n: int, seed: Seed, *, snr_db: float = 28.0, delay: int = 2) -> Task:
    """u[n] is what arrives, y[n] = d[n - delay] what was sent (Jaeger and Haas 2004).

    q[n] is the sum of ten symbols with the weights `TAPS`, u = q + 0.036 q^2 - 0.011 q^3 + Gaussian noise,
    whose variance is that of the signal without it over 10^(snr_db / 10); the literature has 12 to 32 dB.
    Score with `asicrc.reservoir.metrics.symbol_error_rate`. Raises UsageError for a delay below -2, which
    would ask for symbols that have not been sent yet, and an SNR that is no number.
    """
    checked_count("n", n)
    checked_count("delay", delay, -_AHEAD)
    if not np.isfinite(snr_db):
        raise UsageError(f"snr_db is {snr_db}", "a signal-to-noise ratio is a number of decibels")
    rng = np.random.default_rng(seed_sequence(seed))
    before = max(len(TAPS) - 1 - _AHEAD, delay)
    sent = rng.choice(np.array(SYMBOLS), before + n + _AHEAD)
    clean = channel_output(sent)[-n:]
    noise_sd = float(clean.std()) / 10.0 ** (snr_db / 20.0)
    return Task(
        "channel_equalisation",
        clean + rng.normal(0.0, noise_sd, n),
        sent[before - delay : before - delay + n].copy(),
        f"d[t-{delay}]" if delay >= 0 else f"d[t+{-delay}]",
        {
            "kind": "symbols",
            "symbols": list(SYMBOLS),
            "snr_db": snr_db,
            "delay": delay,
            "noise_sd": noise_sd,
            **seed_details(seed),
        },
    )


def channel_output(sent: Floats) -> Floats:
    """(T - 9,) noise-free u of the T symbols `sent`; the first belongs to symbol 7, which is n = 7."""
    q = np.convolve(sent, np.array(TAPS), mode="valid")
    u: Floats = q + 0.036 * q**2 - 0.011 * q**3
    return u
