"""The convection model of Lorenz 1963, of which one coordinate is the input."""

from __future__ import annotations

import numpy as np

from asicrc.errors import UsageError
from asicrc.reservoir.compilation import cached_kernel
from asicrc.reservoir.tasks.forecast import Horizon, checked_horizons, forecast_task
from asicrc.reservoir.tasks.task import Floats, Seed, Task, checked_count, seed_details, seed_sequence

SIGMA, RHO, BETA = 10.0, 28.0, 8.0 / 3.0
LYAPUNOV_EXPONENT = 0.9056
"""Largest, per unit of time (Sprott 2003); a Lyapunov time is its inverse."""
_LONGEST_STEP = 0.0025
_COORDINATES = "xyz"


def lorenz(
    n: int,
    seed: Seed,
    *,
    dt: float = 0.02,
    horizon: Horizon = 1,
    observed: str = "x",
    predicted: str = "x",
    burn_in: float = 50.0,
) -> Task:
    """x' = 10 (y - x), y' = x (28 - z) - y, z' = x y - 8/3 z, sampled every `dt` units of time.

    `observed` is the coordinate that is the input, `predicted` the coordinates of the target, such as "xyz".
    The start is drawn near (1, 1, 25), `burn_in` units of time are dropped. Raises UsageError for coordinates
    that there are not and for a `dt` outside 0 to 1.
    """
    checked_count("n", n)
    if not 0 < dt <= 1 or burn_in < 0:
        raise UsageError(
            f"dt is {dt:g}, burn_in {burn_in:g}", "dt is above 0 and at most 1, burn_in 0 or above"
        )
    if len(observed) != 1 or not predicted or not set(observed + predicted) <= set(_COORDINATES):
        raise UsageError(
            f"Lorenz has no coordinates {observed!r} or {predicted!r}",
            "one of x, y, z is observed; some of them, such as xyz, are predicted",
        )
    dropped = int(np.ceil(burn_in / dt))
    steps = n + max(checked_horizons(horizon))
    start = np.array([1.0, 1.0, 25.0]) + np.random.default_rng(seed_sequence(seed)).normal(0.0, 1.0, 3)
    path = lorenz_path(start, dt, dropped + steps)[dropped:]
    targets = path[:, [_COORDINATES.index(c) for c in predicted]]
    return forecast_task(
        "lorenz",
        path[:, _COORDINATES.index(observed)],
        targets[:, 0] if len(predicted) == 1 else targets,
        horizon,
        {
            "dt": dt,
            "observed": observed,
            "predicted": predicted,
            "burn_in": burn_in,
            "lyapunov_exponent": LYAPUNOV_EXPONENT,
            **seed_details(seed),
        },
        symbol=predicted,
    )


def lorenz_path(start: Floats, dt: float, samples: int) -> Floats:
    """(samples, 3) x, y, z at dt, 2 dt, ... after `start`, by Runge-Kutta steps of 0.0025 or less."""
    return _integrate(np.asarray(start, dtype=np.float64), dt, samples, int(np.ceil(dt / _LONGEST_STEP)))


@cached_kernel
def _integrate(start: Floats, dt: float, samples: int, substeps: int) -> Floats:
    h = dt / substeps
    state = start.copy()
    slopes = np.empty((4, 3))
    path = np.empty((samples, 3))
    for i in range(samples):
        for _ in range(substeps):
            for stage in range(4):
                reach = 0.0 if stage == 0 else (h if stage == 3 else 0.5 * h)
                before = slopes[max(stage - 1, 0)]
                x = state[0] + (reach * before[0] if stage else 0.0)
                y = state[1] + (reach * before[1] if stage else 0.0)
                z = state[2] + (reach * before[2] if stage else 0.0)
                slopes[stage, 0] = SIGMA * (y - x)
                slopes[stage, 1] = x * (RHO - z) - y
                slopes[stage, 2] = x * y - BETA * z
            for c in range(3):
                total = slopes[0, c] + 2.0 * slopes[1, c] + 2.0 * slopes[2, c] + slopes[3, c]
                state[c] += h / 6.0 * total
        path[i] = state
    return path
