"""Which rows take part: each run loses its first rows, in which it still remembers what was before."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Rows = NDArray[np.bool_]


def kept_rows(n: int, washout: int, groups: ArrayLike | None = None) -> Rows:
    """(n,) False in the first `washout` rows of each run.

    A run is a stretch of rows with the same label in `groups`; without labels all rows are one run. Raises
    ValueError where nothing is left, or where the labels are not as many as the rows.
    """
    if washout < 0:
        raise ValueError(f"washout is {washout}: give 0 or more rows")
    since = np.arange(n) - np.repeat(run_starts(n, groups), run_lengths(n, groups))
    kept: Rows = since >= washout
    if n and not kept.any():
        raise ValueError(
            f"a washout of {washout} leaves none of {n} rows in {len(run_starts(n, groups))} run(s): "
            "give longer runs, or a shorter washout"
        )
    return kept


def run_starts(n: int, groups: ArrayLike | None = None) -> NDArray[np.int64]:
    """Number of the first row of each run."""
    if groups is None:
        return np.zeros(min(n, 1), dtype=np.int64)
    labels = _labels(n, groups)
    change = np.ones(n, dtype=np.bool_)
    change[1:] = labels[1:] != labels[:-1]
    return np.flatnonzero(change)


def run_lengths(n: int, groups: ArrayLike | None = None) -> NDArray[np.int64]:
    """Rows of each run."""
    return np.diff(np.append(run_starts(n, groups), n))


def _labels(n: int, groups: ArrayLike) -> NDArray[Any]:
    labels = np.asarray(groups)
    if labels.shape != (n,):
        raise ValueError(
            f"groups has shape {labels.shape} and there are {n} rows: give one label for each row"
        )
    return labels
