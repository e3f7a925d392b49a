"""Does the way of the work explain the latencies: pick-up, the wait for a nonce, answers to the job before?

Where each share is answered by a new job, as the papers' handshake does, the time from the newest job to a
share is not exponential: the miner takes the job up after a delay with some spread, then waits for a nonce;
and a share of answers belong to the job before, whose work went on for a little. Five parameters: share and
mean time of these, delay and its spread, mean wait. If such a mixture fits, the CV says nothing beyond the
dispatch, though it is far from 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from asicrc.analysis.exponential import monte_carlo_p
from asicrc.analysis.intervals import coefficient_of_variation
from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate, TestResult
from asicrc.evidence.block_bootstrap import Floats

MIN_LATENCIES = 200
REPLICATES = 199
ON_THE_WAY_S = 1e-4
"""No miner answers so soon: these answers were on their way when the job was sent, and are counted aside."""
_BINS_A_MEAN = 50
_MOST_BINS = 2000
_ROUNDS, _STEP = 60, 1e-5


@dataclass(frozen=True, slots=True)
class LatencyMixture:
    """With `early_share` exponential of mean `early_s`, else normal (`delay_s`, `spread_s`) + exponential of
    mean `wait_s`, that sum being above 0.

    `cv_beyond` is the CV of the data less the mixture's, `cv_p` its p-value; `test` is of the whole law. Both
    know that all five parameters were fitted to the same data. `on_the_way` were counted aside.
    """

    n: int
    on_the_way: int
    early_share: float
    early_s: float
    delay_s: float
    spread_s: float
    wait_s: float
    cv_beyond: Estimate
    cv_p: float
    test: TestResult

    def share_below(self, latency_s: ArrayLike) -> Floats:
        """Of all answers but those on their way, the share that the mixture has by each time."""
        scale = self.wait_s
        natural = (self.early_share, self.early_s, self.delay_s, self.spread_s, self.wait_s)
        p = np.array(
            [
                special.logit(natural[0]),
                math.log(natural[1] / scale),
                natural[2] / scale,
                math.log(natural[3] / scale),
                0.0,
            ]
        )
        return _cdf(np.asarray(latency_s, float) / scale, p)

    def as_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "on_the_way": self.on_the_way,
            "early_share": self.early_share,
            "early_s": self.early_s,
            "delay_s": self.delay_s,
            "spread_s": self.spread_s,
            "wait_s": self.wait_s,
            "cv_beyond": self.cv_beyond.as_json(),
            "cv_p": self.cv_p,
            "test": self.test.as_json(),
        }


def fit_latency_mixture(
    latency_s: ArrayLike, seed: int = 0, *, replicates: int = REPLICATES
) -> LatencyMixture:
    """Fit and test the mixture.

    Maximum likelihood of counts in bins of a fiftieth of the mean, so that a long record takes no longer. The
    test is the Kolmogorov-Smirnov distance, with p from samples of the fit that are fitted in the same way
    (parametric bootstrap, Stute et al. 1993). Raises NoAnswer for fewer than 200 latencies, and for missing
    or negative ones.
    """
    given = np.asarray(latency_s, float)
    if not np.all(np.isfinite(given)) or np.any(given < 0):
        raise NoAnswer("some latencies are missing or negative", "leave out events without a dispatch stamp")
    x = given[given >= ON_THE_WAY_S]
    if len(x) < MIN_LATENCIES or not np.ptp(x):
        raise NoAnswer(
            f"{len(x)} latencies that vary; the mixture takes {MIN_LATENCIES}", "capture for longer"
        )
    scale = float(x.mean())
    z = x / scale
    parameters = _fitted(z, _STARTS)
    observed = _distance(z, parameters)
    rng = np.random.default_rng(np.random.SeedSequence([seed, 7]))
    simulated, shifts = np.empty(replicates), np.empty(replicates)
    for k in range(replicates):
        row = _sample(parameters, len(z), rng)
        again = _fitted(row, [parameters])
        simulated[k] = _distance(row, again)
        shifts[k] = abs(float(row.std(ddof=1) / row.mean()) - _model_cv(again))
    share, early, delay, spread, wait = _natural(parameters)
    cv = coefficient_of_variation(x, np.random.default_rng(seed), REPLICATES)
    cv_model = _model_cv(parameters)
    beyond = Estimate(cv.estimate - cv_model, cv.low - cv_model, cv.high - cv_model, cv.n, method=cv.method)
    return LatencyMixture(
        len(x),
        len(given) - len(x),
        share,
        early * scale,
        delay * scale,
        spread * scale,
        wait * scale,
        beyond,
        monte_carlo_p(abs(beyond.estimate), shifts),
        TestResult(
            "Kolmogorov-Smirnov, all parameters estimated",
            observed,
            monte_carlo_p(observed, simulated),
            len(x),
            "some answers to the job before, else pick-up and exponential wait; refitted in each replicate",
            replicates,
        ),
    )


_STARTS = [
    np.array([special.logit(share), math.log(early), delay, math.log(spread), math.log(wait)])
    for share, early, delay, spread, wait in (
        (0.1, 0.1, 0.25, 0.1, 0.8),
        (0.05, 0.05, 0.15, 0.3, 0.8),
        (0.02, 0.02, 0.02, 0.02, 0.98),
        (0.3, 0.5, 0.5, 0.2, 0.6),
    )
]
"""Logit of the share, logarithm of its mean, delay, logarithms of spread and wait, in units of the mean."""


def _natural(p: Floats) -> tuple[float, float, float, float, float]:
    early, spread, wait = (float(np.exp(value)) for value in (p[1], p[3], p[4]))
    return float(special.expit(p[0])), early, float(p[2]), spread, wait


def _fitted(z: Floats, starts: list[Floats]) -> Floats:
    """Parameters that fit counts in bins best, from the best of the starts."""
    width = max(1 / _BINS_A_MEAN, float(z.max()) / _MOST_BINS)
    counts = np.bincount((z / width).astype(np.int64))
    filled = np.flatnonzero(counts)
    edges = np.unique(np.concatenate([filled, filled + 1]))
    bins = _Bins(
        edges * width,
        np.searchsorted(edges, filled),
        np.searchsorted(edges, filled + 1),
        counts[filled].astype(float),
    )
    if len(starts) > 1:
        found = [
            optimize.minimize(bins.cost, start, method="L-BFGS-B", bounds=list(zip(_LOW, _HIGH, strict=True)))
            for start in starts
        ]
        starts = [min(found, key=lambda one: float(one.fun)).x]
    return bins.scored(starts[0])


@dataclass(frozen=True, slots=True)
class _Bins:
    edges: Floats
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    weight: Floats

    def shares(self, p: Floats) -> Floats:
        cdf = _cdf(self.edges, p)
        return np.maximum(cdf[self.right] - cdf[self.left], 1e-300)

    def cost(self, p: Floats) -> float:
        return -float(self.weight @ np.log(self.shares(p)))

    def scored(self, p: Floats) -> Floats:
        """Fisher's scoring with a damping that grows where a step does not help (Levenberg 1944)."""
        cost, damping = self.cost(p), 1e-3
        for _ in range(_ROUNDS):
            shares = self.shares(p)
            slope = np.stack([(self.shares(p + h) - shares) / _STEP for h in _STEP * np.eye(len(p))], axis=1)
            score = slope.T @ (self.weight / shares)
            information = float(self.weight.sum()) * (slope.T @ (slope / shares[:, None]))
            size = np.diag(information) + 1e-9
            while damping < 1e9:
                move = np.linalg.solve(information + damping * np.diag(size), score)
                tried = np.clip(p + move, _LOW, _HIGH)
                better = self.cost(tried)
                if better <= cost:
                    break
                damping *= 10
            else:
                return p
            gained, p, cost, damping = cost - better, tried, better, max(damping / 10, 1e-12)
            if gained < 1e-5:
                break
        return p


_LOW = np.array([-8.0, -7.0, 0.0, -6.0, -3.0])
_HIGH = np.array([4.0, 1.5, 3.0, 1.0, 2.0])


def _cdf(z: Floats, p: Floats) -> Floats:
    share, early, delay, spread, wait = _natural(p)
    below = _ex_gaussian_cdf(np.zeros(1), delay, spread, wait)
    late = (_ex_gaussian_cdf(z, delay, spread, wait) - below) / (1 - below)
    value: Floats = share * -np.expm1(-z / early) + (1 - share) * np.clip(late, 0.0, 1.0)
    return value


def _ex_gaussian_cdf(x: Floats, delay: float, spread: float, wait: float) -> Floats:
    u, ratio = (x - delay) / spread, spread / wait
    value: Floats = special.ndtr(u) - np.exp(ratio**2 / 2 - u * ratio + special.log_ndtr(u - ratio))
    return value


def _model_cv(p: Floats) -> float:
    """CV of the mixture, from its survival function: E x = int S, E x^2 = 2 int x S."""
    survival = 1 - _cdf(_GRID, p)
    mean, square = np.trapezoid(survival, _GRID), 2 * np.trapezoid(_GRID * survival, _GRID)
    return float(np.sqrt(square - mean**2) / mean)


_GRID = np.concatenate([np.linspace(0, 5, 1000), np.linspace(5, 40, 700)[1:]])
"""Means."""


def _distance(z: Floats, p: Floats) -> float:
    n = len(z)
    cdf = _cdf(np.sort(z), p)
    after = np.arange(1, n + 1) / n
    return float(max((after - cdf).max(), (cdf - after + 1 / n).max()))


def _sample(p: Floats, n: int, rng: np.random.Generator) -> Floats:
    share, early, delay, spread, wait = _natural(p)
    late = rng.normal(delay, spread, n) + rng.exponential(wait, n)
    while np.any(negative := late < 0):
        count = int(negative.sum())
        late[negative] = rng.normal(delay, spread, count) + rng.exponential(wait, count)
    return np.where(rng.random(n) < share, rng.exponential(early, n), late)
