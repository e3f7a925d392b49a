"""Which of two waveforms is it? A random succession of sine and square periods."""

from __future__ import annotations

import numpy as np

from asicrc.reservoir.tasks.task import Seed, Task, checked_count, seed_details, seed_sequence


def sine_square(n: int, seed: Seed, *, points_per_period: int = 12) -> Task:
    """u is a sine or a square wave of amplitude 1, period after period at random; y is 1 in a square.

    `n` is in steps; a last period that does not fit is cut short. The sine is sampled in the middle of the
    points, so that a square of the same phase is its sign (Paquot et al. 2012 have 12 points in a period).
    Raises UsageError for less than 4 points in a period.
    """
    checked_count("n", n)
    checked_count("points_per_period", points_per_period, 4)
    periods = -(-n // points_per_period)
    square = np.random.default_rng(seed_sequence(seed)).integers(0, 2, periods).astype(bool)
    sine = np.sin(2 * np.pi * (np.arange(points_per_period) + 0.5) / points_per_period)
    half = np.where(np.arange(points_per_period) < points_per_period / 2, 1.0, -1.0)
    u = np.where(square[:, None], half, sine).ravel()[:n]
    return Task(
        "sine_square",
        u.copy(),
        np.repeat(square, points_per_period)[:n].astype(np.float64),
        "1 where u[t] belongs to a square",
        {
            "kind": "bits",
            "points_per_period": points_per_period,
            "u_low": -1.0,
            "u_high": 1.0,
            **seed_details(seed),
        },
    )
