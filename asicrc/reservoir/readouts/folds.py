"""Folds for series: neighbouring rows know of each other, and so do rows of one run or of one device.

For `cv=` of scikit-learn: GridSearchCV, cross_validate.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils.validation import _num_samples

Indices = NDArray[np.int64]


class BlockedKFold(BaseCrossValidator):
    """Contiguous blocks are held out in turn; `gap` rows on both sides of a block are in neither part.

    The gap should be no shorter than the memory of the states and of the target, else the training rows
    beside the block have seen its inputs (Chu and Marron 1991; Racine 2000).

    Parameters
    ----------
    n_splits : blocks, 2 or more
    gap : rows left out before and behind the block
    """

    def __init__(self, n_splits: int = 5, gap: int = 0) -> None:
        self.n_splits = n_splits
        self.gap = gap

    def split(
        self, X: ArrayLike, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> Iterator[tuple[Indices, Indices]]:
        """(training rows, held-out rows) of each fold; `y` and `groups` are not looked at.

        Raises ValueError for fewer rows than blocks, and for a gap that leaves no training rows.
        """
        n = int(_num_samples(X))
        if self.n_splits < 2 or self.gap < 0:
            raise ValueError(
                f"{self.n_splits} blocks with a gap of {self.gap}: give 2 or more, and a gap from 0"
            )
        if n < self.n_splits:
            raise ValueError(
                f"n_samples={n} makes no {self.n_splits} blocks: give fewer blocks, or more rows"
            )
        rows = np.arange(n)
        bounds = np.linspace(0, n, self.n_splits + 1).astype(np.int64)
        for first, end in pairwise(bounds):
            train = np.concatenate([rows[: max(0, first - self.gap)], rows[end + self.gap :]])
            if not len(train):
                raise ValueError(
                    f"a gap of {self.gap} round rows {first} to {end - 1} leaves no training row of {n}: "
                    "give a shorter gap, or more rows"
                )
            yield train, rows[first:end]

    def get_n_splits(
        self, X: ArrayLike | None = None, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> int:
        return self.n_splits


class GroupedRuns(BaseCrossValidator):
    """Whole runs, or whole devices, are held out: does a readout hold across boots, across devices?

    `groups` has a label for each row: the run for generalisation over boots, the device for generalisation
    over devices; `run_labels` makes one label of several columns.

    Parameters
    ----------
    n_splits : folds; each holds neighbouring labels, of about as many rows. None leaves out one label a fold.
    """

    __metadata_request__split = {"groups": True}  # noqa: RUF012 - how scikit-learn asks for groups

    def __init__(self, n_splits: int | None = None) -> None:
        self.n_splits = n_splits

    def split(
        self, X: ArrayLike, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> Iterator[tuple[Indices, Indices]]:
        """(training rows, held-out rows) of each fold. Raises ValueError without two labels to tell apart."""
        fold = self._fold_of_rows(groups, int(_num_samples(X)))
        for number in range(int(fold.max()) + 1):
            yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)

    def get_n_splits(
        self, X: ArrayLike | None = None, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> int:
        if self.n_splits is not None:
            return self.n_splits
        if groups is None:
            raise ValueError("how many folds there are depends on groups: give the label of each row")
        return len(np.unique(np.asarray(groups)))

    def _fold_of_rows(self, groups: ArrayLike | None, n: int) -> Indices:
        if groups is None:
            raise ValueError("no groups: give the run or the device of each row")
        label, number, rows = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
        if number.shape != (n,):
            raise ValueError(f"groups has {number.size} labels and there are {n} rows")
        wanted = len(label) if self.n_splits is None else self.n_splits
        if not 2 <= wanted <= len(label):
            raise ValueError(
                f"{wanted} folds of {len(label)} label(s): give 2 folds or more, and enough labels"
            )
        # A label goes where its middle row falls; then no fold may stay empty.
        middle = (np.cumsum(rows) - rows / 2) / n
        fold = np.minimum((middle * wanted).astype(np.int64), wanted - 1)
        least = np.maximum(np.arange(len(label)) - len(label) + wanted, 0)
        fold = np.maximum(fold, least)
        for i in range(len(fold)):
            fold[i] = min(fold[i], (fold[i - 1] if i else -1) + 1)
        return np.asarray(fold[number], dtype=np.int64)


def run_labels(*columns: ArrayLike) -> Indices:
    """One number for each different combination, such as of (device, run): runs of two devices may share a
    number. Raises ValueError for columns of different lengths."""
    table = np.stack([np.unique(np.asarray(c), return_inverse=True)[1].reshape(-1) for c in columns], axis=1)
    return np.asarray(np.unique(table, axis=0, return_inverse=True)[1], dtype=np.int64).reshape(-1)
