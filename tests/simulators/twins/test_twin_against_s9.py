"""The twin of an S9 against the shares of a real one: fitted on the first half, compared on the second."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from twin_samples import Floats, difficulty_for

from asicrc.work.pool_work import PoolWork
from simulators.twins.named import ideal

LEVELS = np.array([0.05, 0.25, 0.50, 0.75, 0.95])
MARGINS = np.array([0.35, 0.05, 0.05, 0.05, 0.05])
"""Relative; stated in advance as four standard errors of a quantile of 1,270 intervals, which are 8 % of the
lowest one and 2.4 to 4 % of the others, and no less than 5 %."""
CV_MARGIN = 0.04
REAL_GHS = 13_500.0


def test_fitted_on_the_first_half_it_is_like_the_second(published: Callable[[str], Path]) -> None:
    first, second = halves(published("s9_shares.csv"))
    rate_hz, flight_s, pick_up_s, spread_s = fitted(first)
    assert abs(rate_hz * 256 * 2**32 / 1e9 / REAL_GHS - 1) < 0.1
    twin = handshake(rate_hz, flight_s, pick_up_s, spread_s, len(second) * 4)
    print(f"rate {rate_hz:.2f}/s, in flight {flight_s * 1e3:.1f} ms, ", end="")
    print(f"picked up after {pick_up_s * 1e3:.1f} +- {spread_s * 1e3:.1f} ms")
    for name, x in (("twin", twin), ("second half", second)):
        print(f"{name}: mean {x.mean():.4f} s, CV {cv(x):.3f}, quantiles {np.quantile(x, LEVELS).round(4)}")
    assert abs(cv(twin) - cv(second)) < CV_MARGIN
    assert abs(twin.mean() / second.mean() - 1) < 0.05
    assert np.all(np.abs(np.quantile(twin, LEVELS) / np.quantile(second, LEVELS) - 1) < MARGINS)


def halves(path: Path) -> tuple[Floats, Floats]:
    """Intervals between distinct shares, s."""
    seen: dict[tuple[str, ...], float] = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            share = tuple(row[name] for name in ("job_id", "extranonce2", "ntime", "nonce"))
            seen.setdefault(share, float(row["timestamp"]))
    x = np.diff(np.array(list(seen.values())))
    return x[: len(x) // 2], x[len(x) // 2 :]


def fitted(x: Floats) -> tuple[float, float, float, float]:
    """Rate, time in flight, pick-up and its spread, from quantiles, mean and CV of the handshake's law.

    A share sends a clean job: until the chips have picked it up nothing is found, so an interval is pick-up,
    exponential wait, flight; but what was in flight when the job was sent still arrives, at exponential
    intervals as long as they add up to less than the flight.
    """
    rng = np.random.default_rng(1)
    normal, waits = rng.standard_normal(20_000), rng.standard_exponential((20_000, 5))

    def law(parameters: NDArray[np.float64]) -> Floats:
        rate_hz, flight_s, pick_up_s, spread_s = np.exp(parameters)
        whole = np.maximum(0, pick_up_s + spread_s * normal) + waits[:, 0] / rate_hz + flight_s
        others = waits[:, 1:] / rate_hz
        return np.concatenate([whole, others[np.cumsum(others, axis=1) < flight_s]])

    def cost(parameters: NDArray[np.float64]) -> float:
        y = law(parameters)
        away = (np.quantile(y, LEVELS) / np.quantile(x, LEVELS) - 1) / MARGINS
        return float(
            (away**2).sum() + ((y.mean() / x.mean() - 1) / 0.02) ** 2 + ((cv(y) - cv(x)) / 0.02) ** 2
        )

    starts = ([12.5, 0.008, 0.02, 0.01], [13.0, 0.004, 0.03, 0.02])
    fits = [
        optimize.minimize(cost, np.log(start), method="Nelder-Mead", options={"maxiter": 300})
        for start in starts
    ]
    rate_hz, flight_s, pick_up_s, spread_s = np.exp(min(fits, key=lambda fit: fit.fun).x)
    return float(rate_hz), float(flight_s), float(pick_up_s), float(spread_s)


def handshake(rate_hz: float, flight_s: float, pick_up_s: float, spread_s: float, n: int) -> Floats:
    """Intervals of a twin that is sent a clean job at each share."""
    confounds = {"in_flight_s": flight_s, "pick_up_s": pick_up_s, "pick_up_spread_s": spread_s}
    twin = ideal("s9", seed=1, confounds=confounds)
    twin.configure({"difficulty": difficulty_for(rate_hz, "s9")})
    work, stamps = PoolWork(1), []
    twin.send(work.next_job(0, clean=True))
    while len(stamps) <= n:
        events = twin.read(twin.clock.now_ns() + 10**9).nonces
        if len(events):
            stamps += events["t_ns"].tolist()
            twin.send(work.next_job(0, clean=True))
    steps: Floats = np.diff(stamps[: n + 1]) / 1e9
    return steps


def cv(x: Floats) -> float:
    return float(x.std() / x.mean())
