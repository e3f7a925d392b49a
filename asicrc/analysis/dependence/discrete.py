"""Mutual information of two labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asicrc.analysis.dependence.finite import empirical, mutual_information
from asicrc.analysis.dependence.information import Information, orders_within, tested
from asicrc.errors import NoAnswer

FEWEST = 50
_BLOCKS = 50


def discrete_information(
    s: ArrayLike,
    o: ArrayLike,
    *,
    seed: np.random.SeedSequence,
    strata: ArrayLike | None = None,
    permutations: int = 999,
) -> Information:
    """I(S; O) of labels (n,) and (n,), in nats.

    The plug-in estimate is too large by about (|S| - 1)(|O| - 1) / 2n (Miller 1955): the mean over
    permutations is taken off instead, which holds for strata and sparse tables too. The p-value is that of
    the plug-in among permutations of S inside `strata`: what both share with a stratum is no dependence.

    Raises ValueError for rows that do not fit, NoAnswer for fewer than 50 or a label that does not vary.
    """
    first, second = _labels(s), _labels(o)
    n = len(first)
    if second.shape != first.shape:
        raise ValueError(f"labels of {first.shape} and {second.shape} do not pair")
    if n < FEWEST or min(first.max(), second.max()) == 0:
        raise NoAnswer(f"{n} pairs of labels: it takes {FEWEST} in which either varies", "more data")
    rng = np.random.default_rng(seed)
    draw = orders_within(np.zeros(n, np.int64) if strata is None else _labels(strata), rng)
    estimate = _plug_in(first, second)
    under_null = np.array([_plug_in(first[draw()], second) for _ in range(permutations)])
    kept = np.ones(n, bool)
    replicates: list[float] = []
    for rows in np.array_split(np.arange(n), _BLOCKS):
        kept[rows] = False
        replicates.append(_plug_in(first[kept], second[kept]))
        kept[rows] = True
    return tested(
        estimate,
        under_null,
        np.array(replicates),
        n,
        bias=float(under_null.mean()),
        name="mutual information of labels",
        null="the labels are independent inside strata",
    )


def _labels(values: ArrayLike) -> NDArray[np.int64]:
    """As numbers from 0 on, without gaps."""
    found = np.asarray(values)
    if found.ndim != 1 or not found.size:
        raise ValueError("labels are a row")
    return np.asarray(np.unique(found, return_inverse=True)[1], np.int64)


def _plug_in(s: NDArray[np.int64], o: NDArray[np.int64]) -> float:
    columns = int(o.max()) + 1
    counts = np.bincount(s * columns + o, minlength=(int(s.max()) + 1) * columns)
    return mutual_information(empirical(counts.reshape(-1, columns)))
