"""Effects that no twin has, put into what an ordinary twin delivered: said wherever it is done."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from asicrc.analysis.arrivals.entropy import relative_entropy
from asicrc.analysis.event_stream import EventStream
from asicrc.evidence.block_bootstrap import Floats


def with_cv(stream: EventStream, cv: float) -> EventStream:
    """Each interval moved to the same quantile of a gamma law of this CV and the same mean.

    Exact for exponential intervals; of others what they differ from them by stays. Order is kept, so that
    whatever hangs together goes on doing so.
    """
    if len(stream.longest_s) != stream.n:
        raise ValueError("a record of one segment is needed")
    if stream.n < 2:
        return stream  # a chip that hangs at a setting brings nothing that could be moved
    steps = stream.intervals_s
    return EventStream.of(
        stream.t_ns[0] + np.concatenate([[0], np.cumsum(np.round(1e9 * gamma_steps(steps, cv)))]).astype(int),
        stream.segment,
        quantum_s=stream.quantum_s,
        floor_s=stream.floor_s,
        problems=stream.problems,
    )


def gamma_steps(steps: Floats, cv: float) -> Floats:
    """(n,) intervals mapped quantile by quantile."""
    mean = float(steps.mean())
    return mean * gamma_waits(steps / mean, cv)


def gamma_waits(waits: Floats, cv: float) -> Floats:
    """(n,) waits in units of their mean, from an exponential law to a gamma law of mean 1."""
    below = -np.expm1(-waits)
    moved: Floats = stats.gamma.ppf(np.clip(below, 0.0, 1 - 1e-15), 1 / cv**2, scale=cv**2)
    return np.asarray(moved, float)


@cache
def cv_of_entropy(nats_below: float) -> float:
    """Of the gamma law below 1 whose entropy, in the bins of the test, is so far below an exponential's."""
    quantiles = (np.arange(20_000) + 0.5) / 20_000
    exponential = -np.log1p(-quantiles)

    def short(cv: float) -> float:
        return relative_entropy(gamma_steps(exponential, cv)) + nats_below

    return float(optimize.brentq(short, 0.3, 0.999, xtol=1e-4))


def thinned(rate: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which of (n,) events stay so that their rate is as `rate` (n,), a share of the highest."""
    return rng.random(len(rate)) * float(rate.max()) < rate
