"""Data as they would be without the effect, and otherwise like the data.

Each kind keeps something and destroys something: which one is right depends on the claim, and the null that
it stands for is said with every p-value.

- `shuffled`: the values in random order. Keeps their distribution, destroys every order (Scheinkman and
  LeBaron 1989). For intervals: a renewal process of the same law.
- `circularly_shifted`: one series moved against another. Keeps all within each, destroys what is between.
- `iaaft`: keeps the distribution exactly and the spectrum closely, destroys nonlinear order (Schreiber and
  Schmitz 1996).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asicrc.errors import NoAnswer
from asicrc.evidence.estimate import TestResult

Floats = NDArray[np.float64]

MIN_VALUES = 20
IAAFT_ROUNDS = 200


def surrogate_test(
    name: str,
    statistic: Callable[[Floats], float],
    data: ArrayLike,
    surrogates: Iterable[Floats],
    *,
    null: str,
    two_sided: bool = False,
) -> TestResult:
    """p = (1 + those that reach the data) / (1 + all); `two_sided` takes distances from their median.

    Raises NoAnswer where no surrogate was made, and where the statistic is not a number for one or the data.
    """
    x = np.asarray(data, float)
    observed = float(statistic(x))
    simulated = np.array([float(statistic(one)) for one in surrogates])
    if not len(simulated):
        raise NoAnswer("no surrogate was made", "ask for more")
    unknown = int(np.count_nonzero(np.isnan(simulated)))
    if np.isnan(observed) or unknown:
        raise NoAnswer(
            f"{name} is not a number for {'the data' if np.isnan(observed) else f'{unknown} surrogates'}",
            "leave missing values out, or take a statistic that is known of every order",
        )
    distance, distances = observed, simulated
    if two_sided:
        middle = float(np.median(simulated))
        distance, distances = abs(observed - middle), np.abs(simulated - middle)
    reached = int(np.count_nonzero(distances >= distance - 1e-12 * abs(distance)))
    return TestResult(name, observed, (1 + reached) / (1 + len(simulated)), len(x), null, len(simulated))


def shuffled(
    values: ArrayLike, count: int, rng: np.random.Generator, groups: ArrayLike | None = None
) -> Iterable[Floats]:
    """`count` random orders; with `groups` (a number for each value) only within each group."""
    x = np.asarray(values, float)
    order = None if groups is None else np.asarray(groups)
    for _ in range(count):
        if order is None:
            yield rng.permutation(x)
            continue
        mixed = np.lexsort((rng.random(len(x)), order))
        one = np.empty_like(x)
        one[np.argsort(order, kind="stable")] = x[mixed]
        yield one


def circularly_shifted(
    values: ArrayLike, count: int, rng: np.random.Generator, *, least: int = 1
) -> Iterable[Floats]:
    """`count` rotations by at least `least` places either way, without repeats where there are enough.

    `values` are (n,) or (n, k), shifted along the first axis. Raises NoAnswer where no rotation is left.
    """
    x = np.asarray(values, float)
    places = np.arange(least, len(x) - least + 1)
    places = places[places < len(x)]
    if not len(places) or least < 1:
        raise NoAnswer(f"{len(x)} values cannot be shifted by {least} or more", "capture for longer")
    for shift in rng.choice(places, count, replace=count > len(places)):
        yield np.roll(x, int(shift), axis=0)


def iaaft(
    values: ArrayLike, count: int, rng: np.random.Generator, *, rounds: int = IAAFT_ROUNDS
) -> Iterable[Floats]:
    """`count` series with the values of the data and, as nearly as that lets, their spectrum.

    Each begins with a random order and ends when the order of ranks no longer changes, or after `rounds`.
    Raises NoAnswer for fewer than 20 values, and for constant ones.
    """
    x = np.asarray(values, float)
    if x.ndim != 1 or len(x) < MIN_VALUES or not np.ptp(x):
        raise NoAnswer(f"{len(x)} values, or all the same", f"{MIN_VALUES} that vary")
    amplitude = np.abs(np.fft.rfft(x))
    in_order = np.sort(x)
    for _ in range(count):
        one = rng.permutation(x)
        ranks = np.empty(0, np.int64)
        for _ in range(rounds):
            spectrum = np.fft.rfft(one)
            phase = spectrum / np.maximum(np.abs(spectrum), np.finfo(float).tiny)
            fitted = np.fft.irfft(amplitude * phase, len(x))
            new_ranks = np.argsort(np.argsort(fitted, kind="stable"), kind="stable")
            one = in_order[new_ranks]
            if np.array_equal(new_ranks, ranks):
                break
            ranks = new_ranks
        yield one
