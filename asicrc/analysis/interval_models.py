"""Does a dead time explain intervals that are not exponential?

Three models of growing freedom, compared by BIC, and a test of the best one that knows that its parameters
were fitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

from asicrc.analysis.exponential import checked_intervals, ks_distance, monte_carlo_p, quantised
from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate, TestResult
from asicrc.evidence.block_bootstrap import Floats
from asicrc.evidence.estimate import finite_or_none

MOST_INTERVALS = 20_000
"""Of a longer record every k-th is taken: two hundred fits of a million take an hour and say no more."""
_COARSE_QUANTUM = 0.2  # of the mean: beyond this a continuous density says nothing about single intervals


@dataclass(frozen=True, slots=True)
class IntervalModel:
    """A fitted distribution of intervals: dead time ~ N(dead, spread), then an exponential wait.

    `spread_s` is 0 for a dead time without spread.
    """

    name: str
    wait_s: float
    dead_s: float
    spread_s: float
    bic: float

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "wait_s": self.wait_s,
            "dead_s": self.dead_s,
            "spread_s": self.spread_s,
            "bic": finite_or_none(self.bic),
        }


@dataclass(frozen=True, slots=True)
class IntervalModels:
    """The three models, simplest first, the one of lowest BIC and how well that one fits.

    `dead_time_s` has its interval under the best model; where that is the plain exponential, under a dead
    time without spread. A small p of `goodness_of_fit` says that even the best model is not the truth.
    """

    n: int
    models: tuple[IntervalModel, ...]
    best: IntervalModel
    dead_time_s: Estimate
    goodness_of_fit: TestResult

    def as_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "models": [m.as_json() for m in self.models],
            "best": self.best.name,
            "dead_time_s": self.dead_time_s.as_json(),
            "goodness_of_fit": self.goodness_of_fit.as_json(),
        }


def fit_interval_models(
    intervals_s: ArrayLike, seed: int = 0, *, quantum_s: float | None = None, replicates: int = 199
) -> IntervalModels:
    """Fit exponential, dead time + exponential, and spread dead time + exponential (ex-Gaussian).

    The last is a normal latency plus an exponential wait (Luce 1986), truncated at zero because an interval
    is not negative. Models are compared by BIC (Schwarz 1978); the best is then tested against simulated
    data that are fitted in the same way. Raises NoAnswer for fewer than 20 intervals, and for stamps whose
    step is above a fifth of the mean interval.
    """
    x = checked_intervals(intervals_s)
    x = x[:: -(-len(x) // MOST_INTERVALS)]
    if quantum_s is not None and quantum_s > _COARSE_QUANTUM * x.mean():
        raise NoAnswer(
            f"stamps in steps of {quantum_s:g} s are too coarse for a mean interval of {x.mean():g} s",
            "a dead time cannot be told from the rounding; raise the difficulty or use finer stamps",
        )
    models = tuple(fit_model(x) for fit_model in _FITS.values())
    best = min(models, key=lambda model: model.bic)
    fit, refits = _goodness_of_fit(x, best, seed, quantum_s, replicates)
    dead_time = _shifted_dead_time(x)
    if best.spread_s:
        # basic bootstrap (Davison and Hinkley 1997, 5.2): the refits miss `best` as that misses the truth
        high, low = 2 * best.dead_s - np.quantile([m.dead_s for m in refits], [0.025, 0.975])
        method = f"basic parametric bootstrap, {replicates} replicates"
        dead_time = Estimate(best.dead_s, max(float(low), 0.0), max(float(high), 0.0), len(x), method=method)
    return IntervalModels(len(x), models, best, dead_time, fit)


def _fit_exponential(x: Floats) -> IntervalModel:
    n, mean = len(x), float(x.mean())
    return IntervalModel("exponential", mean, 0.0, 0.0, float(np.log(n) + 2 * n * (np.log(mean) + 1)))


def _fit_shifted(x: Floats) -> IntervalModel:
    n, excess = len(x), float(x.mean() - x.min())
    bic = float(2 * np.log(n) + 2 * n * (np.log(excess) + 1)) if excess > 0 else np.inf
    wait_s = excess * n / (n - 1)
    return IntervalModel("dead time + exponential", wait_s, _shifted_dead_time(x).estimate, 0.0, bic)


def _shifted_dead_time(x: Floats) -> Estimate:
    """Maximum likelihood, its bias removed (Johnson, Kotz, Balakrishnan 1994, section 19.7).

    n (n-1) (min - dead) / sum(x - min) is F(2, 2n-2), which gives the exact interval.
    """
    n, least = len(x), float(x.min())
    step = (float(x.mean()) - least) / (n - 1)
    far, near = (float(stats.f.ppf(q, 2, 2 * n - 2)) for q in (0.975, 0.025))
    dead, low, high = (max(least - k * step, 0.0) for k in (1.0, far, near))
    return Estimate(dead, low, high, n, method="exact, F(2, 2n-2)")


def _fit_spread(x: Floats) -> IntervalModel:
    """Truncated ex-Gaussian, maximum likelihood; `dead_s` is the mean of the untruncated normal part."""
    n, scale = len(x), float(x.mean())
    z = x / scale

    def cost(parameters: Floats) -> float:
        dead, spread, wait = parameters[0], np.exp(parameters[1]), np.exp(parameters[2])
        log_density = _ex_gaussian_logpdf(z, dead, spread, wait)
        survival = -np.expm1(_ex_gaussian_logcdf(np.zeros(1), dead, spread, wait)[0])
        return float(n * np.log(survival) - log_density.sum()) if survival > 0 else 1e300

    skewed = max(1 - z.std(), 0.02)
    guesses = [(skewed, 0.3 * skewed), (skewed, 2 * skewed), (float(z.min()), 0.05)]
    starts = [np.array([dead, np.log(spread), np.log(max(1 - dead, 0.2))]) for dead, spread in guesses]
    best = optimize.minimize(
        cost,
        min(starts, key=cost),
        method="L-BFGS-B",
        bounds=[(0.0, float(z.max())), (-9.0, 1.0), (-5.0, 3.0)],
    )
    dead, spread, wait = float(best.x[0]), float(np.exp(best.x[1])), float(np.exp(best.x[2]))
    bic = 3 * np.log(n) + 2 * (float(best.fun) + n * np.log(scale))
    return IntervalModel(
        "spread dead time + exponential", wait * scale, dead * scale, spread * scale, float(bic)
    )


def _ex_gaussian_logpdf(x: Floats, dead: float, spread: float, wait: float) -> Floats:
    """log of exp(-(x-d)/w + s^2/2w^2) / w * Phi((x-d)/s - s/w)."""
    rate = spread / wait
    u = (x - dead) / spread
    value: Floats = -np.log(wait) - u * rate + rate**2 / 2 + special.log_ndtr(u - rate)
    return value


def _ex_gaussian_logcdf(x: Floats, dead: float, spread: float, wait: float) -> Floats:
    """log of Phi(u) - w * pdf(x)."""
    u = (x - dead) / spread
    tail = np.log(wait) + _ex_gaussian_logpdf(x, dead, spread, wait) - special.log_ndtr(u)
    value: Floats = special.log_ndtr(u) + np.log1p(-np.exp(np.minimum(tail, -1e-15)))
    return value


def _goodness_of_fit(
    x: Floats, best: IntervalModel, seed: int, quantum_s: float | None, replicates: int
) -> tuple[TestResult, list[IntervalModel]]:
    """The test, and the models that were fitted to its simulated data."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    observed = _distance_to(x, best)
    simulated, refits = np.empty(replicates), []
    for k in range(replicates):
        row = _sample(best, len(x), rng)
        if quantum_s is not None:
            row = quantised(row[None, :], quantum_s, rng)[0]
        refits.append(_FITS[best.name](row))
        simulated[k] = _distance_to(row, refits[-1])
    result = TestResult(
        name="Kolmogorov-Smirnov, all parameters estimated",
        statistic=observed,
        p_value=monte_carlo_p(observed, simulated),
        n=len(x),
        null=f"{best.name}, refitted in every replicate",
        replicates=replicates,
    )
    return result, refits


def _distance_to(x: Floats, model: IntervalModel) -> float:
    dead, spread, wait = model.dead_s, model.spread_s, model.wait_s

    def shifted(rows: Floats) -> Floats:
        value: Floats = -np.expm1(-np.maximum(rows - dead, 0.0) / wait)
        return value

    def spread_out(rows: Floats) -> Floats:
        below = np.exp(_ex_gaussian_logcdf(np.zeros(1), dead, spread, wait))
        value: Floats = (np.exp(_ex_gaussian_logcdf(rows, dead, spread, wait)) - below) / (1 - below)
        return value

    return float(ks_distance(x[None, :], spread_out if spread else shifted)[0])


def _sample(model: IntervalModel, n: int, rng: np.random.Generator) -> Floats:
    x = model.dead_s + rng.exponential(model.wait_s, n)
    if model.spread_s:
        x += rng.normal(0.0, model.spread_s, n)
        while np.any(negative := x < 0):
            k = int(negative.sum())
            x[negative] = model.dead_s + rng.exponential(model.wait_s, k)
            x[negative] += rng.normal(0.0, model.spread_s, k)
    return x


_FITS: dict[str, Callable[[Floats], IntervalModel]] = {
    "exponential": _fit_exponential,
    "dead time + exponential": _fit_shifted,
    "spread dead time + exponential": _fit_spread,
}
