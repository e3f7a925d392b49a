"""The space that the states span, as orthonormal columns; its dimension is their rank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from asicrc.errors import NoAnswer
from asicrc.reservoir.metrics.checking import Floats, spread_of_features

STEPS_PER_FEATURE = 5
LEAST_STEPS = 100
_ROWS = 2048


@dataclass(frozen=True, slots=True)
class StateBasis:
    """`q` is (T, 1 + r): the constant first, then r orthonormal columns with mean 0."""

    q: Floats

    @property
    def rank(self) -> int:
        return int(self.q.shape[1]) - 1

    @property
    def n(self) -> int:
        return len(self.q)


def state_basis(states: Floats, tolerance: float | None = None) -> StateBasis:
    """Orthonormal basis of the centred states, (T, k).

    Features are scaled to the same variance first; constant ones carry nothing and are left out. Directions
    with a singular value below `tolerance` times the largest do not count to the rank (default: rounding,
    max(T, k) * 2.2e-16). Raises NoAnswer where all features are constant and for too few steps: below 100,
    or 5 for each feature.
    """
    n, features = states.shape
    least = max(LEAST_STEPS, STEPS_PER_FEATURE * (features + 1))
    if n < least:
        raise NoAnswer(
            f"{n} steps are too few for a capacity of {features} features",
            f"use {least} steps or more (200 for each feature is better), or fewer features",
        )
    scale, varies = spread_of_features(states)
    columns = np.empty((n, int(varies.sum()) + 1))
    columns[:, 0] = 1.0
    columns[:, 1:] = (states - states.mean(axis=0))[:, varies] / scale[varies]
    # the constant takes part in the decomposition, so that weak directions stay orthogonal to it too
    parts, r = _tall_qr(columns)
    u, s, _ = linalg.svd(r[1:, 1:])
    cut = (max(n, features) * np.finfo(np.float64).eps if tolerance is None else tolerance) * s[0]
    rank = int(np.count_nonzero(s > cut))
    basis = np.empty((n, rank + 1))
    basis[:, 0] = 1.0 / np.sqrt(n)
    done = 0
    for local, top in parts:
        basis[done : done + len(local), 1:] = local @ (top[:, 1:] @ u[:, :rank])
        done += len(local)
    return StateBasis(basis)


def _tall_qr(columns: Floats) -> tuple[list[tuple[Floats, Floats]], Floats]:
    """QR of a tall matrix, block of rows by block (Demmel et al. 2012): as exact as in one go, and in cache.

    Q is `local` @ `top` for each block of rows, in their order.
    """
    n, k = columns.shape
    rows = max(_ROWS, 2 * k)
    blocks = [np.linalg.qr(columns[i : i + rows]) for i in range(0, n, rows)]
    stacked, r = np.linalg.qr(np.concatenate([block.R for block in blocks]))
    ends = np.cumsum([len(block.R) for block in blocks])
    tops = np.split(stacked, ends[:-1])
    return [(block.Q, top) for block, top in zip(blocks, tops, strict=True)], r
