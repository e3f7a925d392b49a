"""Mutual information of a sample, with its null by permutation inside strata."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asicrc.evidence import Estimate, TestResult

Order = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Information:
    """Nats. `mi` is corrected for its bias under independence, and may so lie below 0."""

    mi: Estimate
    test: TestResult
    plug_in: float
    null_mean: float


def tested(
    estimate: float,
    under_null: NDArray[np.float64],
    replicates: NDArray[np.float64],
    n: int,
    *,
    bias: float,
    name: str,
    null: str,
) -> Information:
    """From an estimate, its values under permutations, and those with a block left out each."""
    count = len(replicates)
    spread = float(np.sqrt((count - 1) / count * ((replicates - replicates.mean()) ** 2).sum()))
    half = 1.96 * max(spread, float(under_null.std()))
    corrected = estimate - bias
    p = (1 + int((under_null >= estimate).sum())) / (1 + len(under_null))
    return Information(
        Estimate(
            corrected, corrected - half, corrected + half, n, method="jackknife over blocks (Efron 1982)"
        ),
        TestResult(name, estimate, p, n, null, len(under_null)),
        estimate,
        float(under_null.mean()),
    )


def orders_within(strata: NDArray[np.int64], rng: np.random.Generator) -> Callable[[], Order]:
    """Draws orders of the rows that move each only inside its stratum."""
    by_stratum = np.argsort(strata, kind="stable")
    edges = np.flatnonzero(np.diff(strata[by_stratum])) + 1
    parts = np.split(by_stratum, edges)

    def draw() -> Order:
        order = np.empty(len(strata), np.int64)
        for rows in parts:
            order[rows] = rng.permutation(rows)
        return order

    return draw
