"""What can be computed from the input alone: the delay lines that a device has to beat, and noise."""

from __future__ import annotations

import numpy as np

from asicrc.errors import UsageError
from asicrc.reservoir.states import StateTable
from asicrc.reservoir.states.table import Floats


def taps(u: Floats, count: int) -> StateTable:
    """`count` columns u[t], u[t-1] ..: a linear delay line. Missing before the first step."""
    if not 1 <= count < len(u):
        raise UsageError(f"{count} taps of {len(u)} steps", "give 1 tap or more, fewer than steps")
    values = np.full((len(u), count), np.nan)
    for lag in range(count):
        values[lag:, lag] = u[: len(u) - lag]
    return StateTable.of([_name(lag) for lag in range(count)], values)


def quadratic_taps(u: Floats, count: int) -> StateTable:
    """The taps and all their products of two: a Volterra series of second order."""
    linear = taps(u, count)
    first, second = np.triu_indices(count)
    products = linear.values[:, first] * linear.values[:, second]
    names = [f"{_name(i)}*{_name(j)}" for i, j in zip(first.tolist(), second.tolist(), strict=True)]
    return StateTable.of((*linear.names, *names), np.hstack([linear.values, products]))


def noise_features(steps: int, count: int, seed: np.random.SeedSequence) -> StateTable:
    """`count` columns of independent standard normal noise, as many as the states have: what a fit gains by
    its number of weights alone."""
    values = np.random.default_rng(seed).standard_normal((steps, count))
    return StateTable.of([f"noise_{i}" for i in range(count)], values)


def _name(lag: int) -> str:
    return "u" if lag == 0 else f"u@-{lag}"
