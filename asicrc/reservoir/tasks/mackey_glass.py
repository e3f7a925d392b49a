"""The delayed feedback of Mackey and Glass 1977, as a series to forecast."""

from __future__ import annotations

import numpy as np

from asicrc.errors import UsageError
from asicrc.reservoir.compilation import cached_kernel
from asicrc.reservoir.tasks.forecast import Horizon, checked_horizons, forecast_task
from asicrc.reservoir.tasks.task import Floats, Seed, Task, checked_count, seed_details, seed_sequence

GROWTH, DECAY, EXPONENT = 0.2, 0.1, 10.0
STEPS_IN_A_UNIT = 10
"""Integration step 0.1. The error of one unit of time is below 1e-6, see the test against scipy."""


def mackey_glass(
    n: int, seed: Seed, *, tau: int = 17, horizon: Horizon = 1, burn_in: int = 1000, squash: bool = False
) -> Task:
    """x' = 0.2 x(t - tau) / (1 + x(t - tau)^10) - 0.1 x, sampled once in a unit of time.

    tau is 17 or 30 in the literature, the first mildly chaotic. The history before the start is constant,
    drawn from 0.9 to 1.5; `burn_in` units are dropped. `squash` gives tanh(x - 1) instead (Jaeger and
    Haas 2004). Raises UsageError for a delay below 1 and horizons below 1.
    """
    checked_count("n", n)
    checked_count("tau", tau)
    checked_count("burn_in", burn_in, 0)
    steps = n + max(checked_horizons(horizon))
    start = float(np.random.default_rng(seed_sequence(seed)).uniform(0.9, 1.5))
    x = mackey_glass_series(start, tau, burn_in + steps)[burn_in:]
    if squash:
        x = np.tanh(x - 1.0)
    details = {"tau": tau, "squash": squash, "burn_in": burn_in, "start": start, **seed_details(seed)}
    return forecast_task("mackey_glass" if tau == 17 else f"mackey_glass_{tau}", x, x, horizon, details)


def mackey_glass_series(start: float, tau: int, units: int) -> Floats:
    """(units,) x at t = 1, 2, ...; x is `start` at all times up to 0. Raises UsageError for x not above 0."""
    if not start > 0:
        raise UsageError(f"x starts from {start:g}", "the concentration x is above 0")
    return _integrate(start, tau, units, STEPS_IN_A_UNIT)


@cached_kernel
def _integrate(start: float, tau: int, units: int, steps_in_a_unit: int) -> Floats:
    """Runge-Kutta of fourth order; the delayed x between grid points by cubic interpolation."""
    h = 1.0 / steps_in_a_unit
    delay = tau * steps_in_a_unit
    total = units * steps_in_a_unit
    x = np.empty(delay + total + 1)
    x[: delay + 1] = start
    for i in range(delay, delay + total):
        j = i - delay
        # x is not smooth where the history ends, so no interpolation reaches across that point
        if j < delay:
            middle = start
        elif j == delay:
            middle = (5.0 * x[j] + 15.0 * x[j + 1] - 5.0 * x[j + 2] + x[j + 3]) / 16.0
        else:
            middle = (-x[j - 1] + 9.0 * x[j] + 9.0 * x[j + 1] - x[j + 2]) / 16.0
        gain = GROWTH * x[j] / (1.0 + x[j] ** EXPONENT)
        gain_middle = GROWTH * middle / (1.0 + middle**EXPONENT)
        gain_end = GROWTH * x[j + 1] / (1.0 + x[j + 1] ** EXPONENT)
        k1 = gain - DECAY * x[i]
        k2 = gain_middle - DECAY * (x[i] + 0.5 * h * k1)
        k3 = gain_middle - DECAY * (x[i] + 0.5 * h * k2)
        k4 = gain_end - DECAY * (x[i] + h * k3)
        x[i + 1] = x[i] + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return x[delay + steps_in_a_unit :: steps_in_a_unit].copy()
