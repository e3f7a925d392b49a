"""Over how many directions the variance of the states is spread."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate
from asicrc.evidence.jackknife import BLOCKS, jackknife_estimate, time_blocks
from asicrc.reservoir.metrics.checking import Floats, spread_of_features, state_matrix
from asicrc.reservoir.metrics.state_basis import LEAST_STEPS


def participation_ratio(states: ArrayLike, *, standardise: bool = True) -> Estimate:
    """(sum l)^2 / sum l^2 of the covariance eigenvalues l of (T, k) states, with its bias taken away.

    k equal directions give k, one direction gives 1. A sample spreads its eigenvalues, which makes the plain
    ratio too small by about 1 + k/T; both sums are replaced by what estimates them without bias for
    independent steps (Gaussian moments). `standardise` scales features to variance 1, for their units have no
    common measure. Raises NoAnswer for too few steps (below 100, or 2 for each feature) or constant states.
    """
    return _of_covariance(states, standardise, _participation)


def effective_rank(states: ArrayLike, *, standardise: bool = True) -> Estimate:
    """exp of the entropy of the normalised eigenvalues (Roy and Vetterli 2007), as `participation_ratio`.

    Its bias is not taken away: noise of k features reads k (1 - k / 2T) or so.
    """
    return _of_covariance(states, standardise, _erank)


def _of_covariance(states: ArrayLike, standardise: bool, measure: Callable[[Floats, int], float]) -> Estimate:
    raw = state_matrix(states)
    n = len(raw)
    least = max(LEAST_STEPS, 2 * raw.shape[1])
    if n < least:
        raise NoAnswer(f"{n} steps are too few for the dimension", f"use {least} steps or more")
    scale, varies = spread_of_features(raw)
    x = (raw - raw.mean(axis=0))[:, varies] / (scale[varies] if standardise else 1.0)
    grams = np.stack([x[rows].T @ x[rows] for rows in time_blocks(n)])
    sums = np.stack([x[rows].sum(axis=0) for rows in time_blocks(n)])
    sizes = np.array([rows.stop - rows.start for rows in time_blocks(n)])
    whole, total = grams.sum(axis=0), sums.sum(axis=0)

    def covariance(left_out: int) -> tuple[Floats, int]:
        rest = n - int(sizes[left_out])
        mean = (total - sums[left_out]) / rest
        return (whole - grams[left_out]) / (rest - 1) - np.outer(mean, mean) * rest / (rest - 1), rest

    left_out = np.array([measure(*covariance(k)) for k in range(BLOCKS)])
    return jackknife_estimate(measure(whole / (n - 1), n), left_out, n)


def _participation(covariance: Floats, n: int) -> float:
    dof = n - 1
    trace_squared, square_trace = float(np.trace(covariance) ** 2), float(np.sum(covariance**2))
    squares = dof**2 / ((dof - 1) * (dof + 2)) * (square_trace - trace_squared / dof)
    return (trace_squared - 2 / dof * squares) / squares


def _erank(covariance: Floats, n: int) -> float:
    values = np.linalg.eigvalsh(covariance)
    share = values[values > 0] / values[values > 0].sum()
    return float(np.exp(-np.sum(share * np.log(share))))
