"""Are the intervals those of a Poisson process?

The null of a network miner, whose load time is hidden, is a Poisson process of unknown rate. The rate is
always estimated from the same data, and the p-value is simulated with that estimation in it: the tabulated
Kolmogorov-Smirnov p-value is far too large then (Lilliefors 1969).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from asicrc.analysis.intervals import coefficient_of_variation
from asicrc.errors import NoAnswer
from asicrc.evidence import DESIGN_LEVEL, PROMISED_LEVEL, Finding, TestResult, judge
from asicrc.evidence.block_bootstrap import Floats
from asicrc.evidence.finding import POWER_80_SE

MIN_INTERVALS = 20
CV_MARGIN = 0.05
MOST_SIMULATED = 20_000
"""Intervals of a simulated record: sqrt(n) times the distance has one law from far fewer on."""
_FLOATS_AT_ONCE = 4_000_000


def exponential_finding(
    intervals_s: ArrayLike,
    seed: int = 0,
    *,
    margin: float = CV_MARGIN,
    quantum_s: float | None = None,
    replicates: int = 999,
) -> Finding:
    """Does the interval distribution differ from that of a Poisson process?

    The effect is the CV, whose null value is 1; the p-value is `exponential_test`'s. Refuted means that the
    CV lies within 1 +- `margin` and the test found nothing at 5 %; supported takes 1 %, as in the battery.
    """
    x = checked_intervals(intervals_s)
    if quantum_s is not None and quantum_s > x.mean():
        raise NoAnswer(
            f"stamps in steps of {quantum_s:g} s cannot show the law of intervals of {x.mean():g} s",
            "use finer stamps, or raise the difficulty",
        )
    test = exponential_test(x, seed, quantum_s=quantum_s, replicates=replicates)
    cv = coefficient_of_variation(x, np.random.default_rng(seed), replicates)
    # a shape that differs is a difference, whatever its CV: refuting takes both
    refutable = margin if test.p_value > PROMISED_LEVEL else None
    verdict = judge(cv, test.p_value, null_value=1.0, margin=refutable, alpha=DESIGN_LEVEL)
    return Finding(
        question="Do the intervals differ from those of a Poisson process?",
        effect=cv,
        nulls=[test],
        smallest_effect=POWER_80_SE / float(np.sqrt(len(x))),
        verdict=verdict,
        note=f"CV of a Poisson process is 1; margin {margin:g}; smallest effect is a distance from 1",
        p_corrected=test.p_value,
    )


def exponential_test(
    intervals_s: ArrayLike, seed: int = 0, *, quantum_s: float | None = None, replicates: int = 999
) -> TestResult:
    """Kolmogorov-Smirnov distance to an exponential of estimated mean, p by simulation (Lilliefors 1969).

    `quantum_s` is the step of the stamps, if they have one: the simulated stamps are then rounded alike.
    Raises NoAnswer for fewer than 20 intervals, and for missing or negative ones.
    """
    x = checked_intervals(intervals_s)
    rng = np.random.default_rng(seed)
    observed = float(ks_distance(x[None, :], _exponential_cdf)[0])
    length = min(len(x), MOST_SIMULATED)
    simulated = [
        ks_distance(sample, _exponential_cdf) * np.sqrt(length / len(x))
        for sample in _simulated(float(x.mean()), length, rng, quantum_s, replicates)
    ]
    rounded = "" if quantum_s is None else f", event times rounded down to {quantum_s:g} s"
    return TestResult(
        name="Kolmogorov-Smirnov, rate estimated",
        statistic=observed,
        p_value=monte_carlo_p(observed, np.concatenate(simulated)),
        n=len(x),
        null=f"exponential intervals, rate estimated in every replicate as in the data{rounded}",
        replicates=replicates,
    )


def _simulated(
    mean_s: float, n: int, rng: np.random.Generator, quantum_s: float | None, replicates: int
) -> Iterator[Floats]:
    """Yield (rows, n) exponential intervals, as many rows as fit the memory."""
    rows = max(1, _FLOATS_AT_ONCE // n)
    for first in range(0, replicates, rows):
        x = rng.exponential(mean_s, (min(rows, replicates - first), n))
        yield x if quantum_s is None else quantised(x, quantum_s, rng)


def quantised(rows: Floats, quantum_s: float, rng: np.random.Generator) -> Floats:
    """The same intervals, (rows, n), between event times that were rounded down to the quantum."""
    start = rng.uniform(0, quantum_s, (len(rows), 1))
    times = np.cumsum(np.concatenate([start, rows], axis=1), axis=1)
    stepped: Floats = np.diff(np.floor(times / quantum_s), axis=1) * quantum_s
    return stepped


def ks_distance(rows: Floats, cdf: Callable[[Floats], Floats]) -> Floats:
    """Largest distance of the empirical distribution of each row from `cdf`."""
    n = rows.shape[1]
    u = cdf(np.sort(rows, axis=1))
    after = np.arange(1, n + 1) / n
    distance: Floats = np.maximum((after - u).max(axis=1), (u - after + 1 / n).max(axis=1))
    return distance


def _exponential_cdf(rows: Floats) -> Floats:
    value: Floats = -np.expm1(-rows / rows.mean(axis=1, keepdims=True))
    return value


def monte_carlo_p(observed: float, simulated: Floats) -> float:
    return float((1 + np.count_nonzero(simulated >= observed)) / (1 + len(simulated)))


def checked_intervals(intervals_s: ArrayLike) -> Floats:
    x = np.asarray(intervals_s, float)
    if not np.all(np.isfinite(x)) or np.any(x < 0):
        raise NoAnswer("an interval is missing or negative", "leave out events without a stamp")
    if len(x) < MIN_INTERVALS or not x.any():
        raise NoAnswer(
            f"{len(x)} intervals; a test of their distribution needs {MIN_INTERVALS} that are not all zero",
            "capture for longer, or lower the difficulty",
        )
    return x
