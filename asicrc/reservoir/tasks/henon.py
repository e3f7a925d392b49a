"""The map of Henon 1976, as a series to forecast."""

from __future__ import annotations

import numpy as np

from asicrc.errors import UsageError
from asicrc.reservoir.compilation import cached_kernel
from asicrc.reservoir.tasks.forecast import Horizon, checked_horizons, forecast_task
from asicrc.reservoir.tasks.redraw import draw_until_bounded
from asicrc.reservoir.tasks.task import Floats, Seed, Task, checked_count, seed_details

A, B = 1.4, 0.3
ESCAPED = 10.0
"""The attractor lies within 1.3; what leaves it goes to infinity."""


def henon(n: int, seed: Seed, *, horizon: Horizon = 1, noise_sd: float = 0.0, burn_in: int = 100) -> Task:
    """x[t+1] = 1 - 1.4 x[t]^2 + 0.3 x[t-1] + noise, from a start drawn within 0.1 of 0.

    `noise_sd` is that of Gaussian noise in every step, 0 for the map itself. A start or noise that leads off
    to infinity is drawn again, and counted: with 0.01 it takes some 10 draws to stay for 3,000 steps, with
    0.015 a thousand do not do. Raises UsageError for noise below 0, NoAnswer where no draw stays.
    """
    checked_count("n", n)
    checked_count("burn_in", burn_in, 0)
    if not noise_sd >= 0:
        raise UsageError(f"noise_sd is {noise_sd:g}", "a standard deviation is 0 or above")
    steps = burn_in + n + max(checked_horizons(horizon))

    def draw(rng: np.random.Generator) -> tuple[Floats, Floats]:
        start = rng.uniform(-0.1, 0.1, 2)
        noise = rng.normal(0.0, noise_sd, steps)
        return noise, henon_series(start[0], start[1], noise)

    drawn = draw_until_bounded("henon", seed, draw, ESCAPED)
    x = drawn.series[burn_in:]
    details = {"noise_sd": noise_sd, "burn_in": burn_in, "redraws": drawn.redraws, **seed_details(seed)}
    return forecast_task("henon", x, x, horizon, details)


@cached_kernel
def henon_series(before: float, now: float, noise: Floats) -> Floats:
    """(T,) the T values that follow x[-1] = `before` and x[0] = `now`."""
    x = np.empty(len(noise))
    for t in range(len(noise)):
        following = 1.0 - A * now * now + B * before + noise[t]
        before, now = now, following
        x[t] = following
    return x
