"""What a ridge regression needs to know of its rows, added up row by row, run by run, device by device.

`GramSums` holds means and centred sums of squares, which merge without loss of digits (Chan, Golub, LeVeque
1983). It squares the conditioning of the rows; `TriangularSums` does not, and costs a QR of each part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asicrc.reservoir.blas_threads import DECOMPOSITIONS, one_thread_up_to

Floats = NDArray[np.float64]
AnyFloats = NDArray[np.float64] | NDArray[np.float32]

CHUNK_ROWS = 4096
"""Rows that are centred in a copy at a time."""


@dataclass(slots=True)
class GramSums:
    """`n` rows of p features and k targets: means, and sums of squares about them.

    mean_x (p,), mean_y (k,), xx (p, p), xy (p, k), yy (k,)
    """

    n: int
    mean_x: Floats
    mean_y: Floats
    xx: Floats
    xy: Floats
    yy: Floats

    @property
    def features(self) -> int:
        return len(self.mean_x)

    @classmethod
    def empty(cls, features: int, targets: int) -> GramSums:
        return cls(
            0,
            np.zeros(features),
            np.zeros(targets),
            np.zeros((features, features)),
            np.zeros((features, targets)),
            np.zeros(targets),
        )

    @classmethod
    def of(cls, x: AnyFloats, y: Floats) -> GramSums:
        """Sums of rows x (n, p) and y (n, k)."""
        return cls.empty(x.shape[1], y.shape[1]).add(x, y)

    def add(self, x: AnyFloats, y: Floats) -> GramSums:
        """Take in rows x (n, p) and y (n, k); itself. Single precision is summed in double."""
        _check(x, y, len(self.mean_x), len(self.mean_y))
        for first in range(0, len(x), CHUNK_ROWS):
            part = slice(first, first + CHUNK_ROWS)
            self.merge(_sums_of_chunk(x[part], y[part]))
        return self

    def merge(self, other: GramSums) -> GramSums:
        """Take in the rows of another; itself. Raises ValueError for other numbers of columns."""
        if other.xy.shape != self.xy.shape:
            raise ValueError(f"sums of {other.xy.shape} features and targets do not go to {self.xy.shape}")
        if not other.n:
            return self
        total = self.n + other.n
        apart_x, apart_y = other.mean_x - self.mean_x, other.mean_y - self.mean_y
        weight = self.n * other.n / total
        self.xx += other.xx
        self.xy += other.xy
        self.yy += other.yy
        if self.n:
            self.xx += np.outer(weight * apart_x, apart_x)
            self.xy += np.outer(weight * apart_x, apart_y)
            self.yy += weight * apart_y**2
        self.mean_x = self.mean_x + apart_x * (other.n / total)
        self.mean_y = self.mean_y + apart_y * (other.n / total)
        self.n = total
        return self

    def without(self, other: GramSums) -> GramSums:
        """What is left when rows are taken out that are among these. Raises ValueError if that is nothing."""
        left = self.n - other.n
        if left < 1:
            raise ValueError(f"{other.n} of {self.n} rows taken out leaves none")
        if not other.n:
            return self
        rest = GramSums(
            left,
            self.mean_x + (self.mean_x - other.mean_x) * (other.n / left),
            self.mean_y + (self.mean_y - other.mean_y) * (other.n / left),
            self.xx - other.xx,
            self.xy - other.xy,
            np.zeros_like(self.yy),
        )
        weight = left * other.n / self.n
        apart_x, apart_y = other.mean_x - rest.mean_x, other.mean_y - rest.mean_y
        rest.xx -= np.outer(weight * apart_x, apart_x)
        rest.xy -= np.outer(weight * apart_x, apart_y)
        rest.yy = np.maximum(self.yy - other.yy - weight * apart_y**2, 0.0)
        return rest

    def about_zero(self) -> tuple[Floats, Floats, Floats]:
        """(xx, xy, yy) about 0 in place of the means."""
        return (
            self.xx + self.n * np.outer(self.mean_x, self.mean_x),
            self.xy + self.n * np.outer(self.mean_x, self.mean_y),
            self.yy + self.n * self.mean_y**2,
        )


def _sums_of_chunk(x: AnyFloats, y: Floats) -> GramSums:
    mean_x, mean_y = x.mean(axis=0, dtype=np.float64), y.mean(axis=0)
    centred_x, centred_y = x - mean_x, y - mean_y
    return GramSums(
        len(x),
        mean_x,
        mean_y,
        centred_x.T @ centred_x,
        centred_x.T @ centred_y,
        np.einsum("nk,nk->k", centred_y, centred_y),
    )


@dataclass(slots=True)
class TriangularSums:
    """The triangular factor of the rows [1, x, y], of which a part at a time is known (QR of stacked parts).

    factor (<= 1 + p + k, 1 + p + k), upper triangular
    """

    n: int
    features: int
    targets: int
    factor: Floats

    @classmethod
    def empty(cls, features: int, targets: int) -> TriangularSums:
        return cls(0, features, targets, np.zeros((0, 1 + features + targets)))

    @classmethod
    def of(cls, x: AnyFloats, y: Floats) -> TriangularSums:
        """Factor of rows x (n, p) and y (n, k)."""
        return cls.empty(x.shape[1], y.shape[1]).add(x, y)

    def add(self, x: AnyFloats, y: Floats) -> TriangularSums:
        """Take in rows x (n, p) and y (n, k); itself."""
        _check(x, y, self.features, self.targets)
        rows = np.concatenate([np.ones((len(x), 1)), x, y], axis=1, dtype=np.float64)
        self.factor = upper_factor(np.concatenate([self.factor, rows]))
        self.n += len(x)
        return self

    def merge(self, other: TriangularSums) -> TriangularSums:
        """Take in the rows of another; itself. Raises ValueError for other numbers of columns."""
        if (other.features, other.targets) != (self.features, self.targets):
            raise ValueError(
                f"sums of {(other.features, other.targets)} features and targets do not go to "
                f"{(self.features, self.targets)}"
            )
        self.factor = upper_factor(np.concatenate([self.factor, other.factor]))
        self.n += other.n
        return self


def upper_factor(rows: Floats) -> Floats:
    """R of the QR of rows (n, m): (min(n, m), m)."""
    with one_thread_up_to(DECOMPOSITIONS, rows.shape[1]):
        return np.asarray(np.linalg.qr(rows, mode="r"), dtype=np.float64)


def _check(x: AnyFloats, y: Floats, features: int, targets: int) -> None:
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or x.shape[1] != features or y.shape[1] != targets:
        raise ValueError(
            f"rows of shape {x.shape} and {y.shape} do not go to sums of {features} feature(s) and "
            f"{targets} target(s)"
        )
