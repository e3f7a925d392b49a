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
_LONGEST_STEP = 0.001
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
    """(samples, 3) x, y, z at dt, 2 dt, ... after `start`, by Runge-Kutta steps of 0.001 or less."""
    return _integrate(np.asarray(start, dtype=np.float64), dt, samples, int(np.ceil(dt / _LONGEST_STEP)))


@cached_kernel
def _integrate(start: Floats, dt: float, samples: int, substeps: int) -> Floats:
    """Runge-Kutta of fourth order, stage by stage: the state moves on by a part of h along the last slope."""
    h = dt / substeps
    x, y, z = start[0], start[1], start[2]
    path = np.empty((samples, 3))
    for i in range(samples * substeps):
        dx, dy, dz = 0.0, 0.0, 0.0  # the last slope
        sx, sy, sz = 0.0, 0.0, 0.0  # weighted sum of the slopes
        for stage in range(4):
            reach = 0.0 if stage == 0 else (h if stage == 3 else 0.5 * h)
            weight = 2.0 if stage == 1 or stage == 2 else 1.0
            a, b, c = x + reach * dx, y + reach * dy, z + reach * dz
            dx, dy, dz = SIGMA * (b - a), a * (RHO - c) - b, a * b - BETA * c
            sx, sy, sz = sx + weight * dx, sy + weight * dy, sz + weight * dz
        x, y, z = x + h / 6.0 * sx, y + h / 6.0 * sy, z + h / 6.0 * sz
        if (i + 1) % substeps == 0:
            path[i // substeps, 0], path[i // substeps, 1], path[i // substeps, 2] = x, y, z
    return path
