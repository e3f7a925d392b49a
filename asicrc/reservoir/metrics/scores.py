"""Errors of a prediction. Four numbers go by the name NRMSE in the literature, so each has its own here.

NMSE is the mean squared error over the variance of the target, and NRMSE its square root: a constant at the
mean of the target scores 1. For NARMA-10 the same errors read 6 to 8 times smaller over the range of the
target, and 9 times larger over its variance. Variance and range are those of `y_true` that is handed in, with
the divisor n.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate
from asicrc.evidence.block_bootstrap import block_bootstrap_interval
from asicrc.reservoir.metrics.checking import Floats, paired_columns


def nrmse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Root mean squared error over the standard deviation of the target: sqrt(`nmse`).

    Both are (T,) or (T, k). Raises UsageError for shapes that differ or values that are not finite, NoAnswer
    for a target that does not vary.
    """
    return float(np.sqrt(nmse(y_true, y_pred)))


def nmse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean squared error over the variance of the target; the mean over columns where there are several."""
    return float(np.mean(nmse_of_columns(y_true, y_pred)))


def nmse_of_columns(y_true: ArrayLike, y_pred: ArrayLike) -> Floats:
    """(k,) NMSE of each column."""
    truth, predicted = paired_columns(y_true, y_pred)
    value: Floats = np.mean((predicted - truth) ** 2, axis=0) / _varying(truth.var(axis=0))
    return value


def nrmse_range(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Root mean squared error over max - min of the target; the mean over columns. A range grows with n."""
    truth, predicted = paired_columns(y_true, y_pred)
    return float(np.mean(_rms(truth, predicted) / _varying(np.ptp(truth, axis=0))))


def nrmse_variance(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Root mean squared error over the variance of the target. Has a unit, so its size alone says nothing."""
    truth, predicted = paired_columns(y_true, y_pred)
    return float(np.mean(_rms(truth, predicted) / _varying(truth.var(axis=0))))


def rmse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Root mean squared error, in the unit of the target."""
    truth, predicted = paired_columns(y_true, y_pred)
    return float(np.sqrt(np.mean((predicted - truth) ** 2)))


def squared_correlations(y_true: ArrayLike, y_pred: ArrayLike) -> Floats:
    """(k,) squared correlation of each column with its prediction, 0 for a prediction that does not vary.

    Summed over delays this is the memory or parity capacity of a trained readout.
    """
    truth, predicted = paired_columns(y_true, y_pred)
    truth = truth - truth.mean(axis=0)
    predicted = predicted - predicted.mean(axis=0)
    power = _varying(np.mean(truth**2, axis=0)) * np.mean(predicted**2, axis=0)
    shared = np.mean(truth * predicted, axis=0) ** 2
    value: Floats = np.divide(shared, power, out=np.zeros_like(shared), where=power > 0)
    return value


@dataclass(frozen=True, slots=True)
class Scores:
    """Every normalisation of the same errors, with what they were normalised by."""

    nrmse: float
    nmse: float
    nrmse_range: float
    nrmse_variance: float
    rmse: float
    target_variance: float
    target_range: float
    n: int

    def as_json(self) -> dict[str, float | int]:
        return asdict(self)


def scores(y_true: ArrayLike, y_pred: ArrayLike) -> Scores:
    """All scores of one prediction; variance and range are means over columns."""
    truth, predicted = paired_columns(y_true, y_pred)
    squared = nmse(truth, predicted)
    return Scores(
        nrmse=float(np.sqrt(squared)),
        nmse=squared,
        nrmse_range=nrmse_range(truth, predicted),
        nrmse_variance=nrmse_variance(truth, predicted),
        rmse=rmse(truth, predicted),
        target_variance=float(truth.var(axis=0).mean()),
        target_range=float(np.ptp(truth, axis=0).mean()),
        n=len(truth),
    )


def nrmse_estimate(
    y_true: ArrayLike, y_pred: ArrayLike, seed: int = 0, *, replicates: int = 999, level: float = 0.95
) -> Estimate:
    """NRMSE of one target with its interval over the test steps, by a block bootstrap.

    It says how far the test steps resolve the score of this one readout; the spread over seeds and captures
    comes on top. Raises NoAnswer for a target that does not vary or fewer than 50 steps.
    """
    truth, predicted = paired_columns(y_true, y_pred)
    if truth.shape[1] != 1:
        raise NoAnswer(f"an interval is for one target, not for {truth.shape[1]}", "take a column at a time")
    if len(truth) < _LEAST_STEPS:
        raise NoAnswer(f"{len(truth)} test steps give no interval", f"test on {_LEAST_STEPS} steps or more")
    spread = float(_varying(truth.var(axis=0))[0])
    # centred and scaled first, so that the variance is no small difference of large moments
    y = (truth[:, 0] - truth.mean()) / np.sqrt(spread)
    squared = (predicted[:, 0] - truth[:, 0]) ** 2 / spread
    if not squared.any():
        return Estimate(0.0, 0.0, 0.0, len(y), level, method="no error in any step")
    return block_bootstrap_interval(
        np.stack([squared, y, y**2], axis=1),
        _nrmse_of_moments,
        _nrmse_gradient,
        np.random.default_rng(seed),
        replicates=replicates,
        level=level,
    )


_LEAST_STEPS = 50


def _nrmse_of_moments(moments: Floats) -> Floats:
    error, mean, square = np.moveaxis(moments, -1, 0)
    value: Floats = np.sqrt(error / (square - mean**2))
    return value


def _nrmse_gradient(moments: Floats) -> Floats:
    error, mean, square = np.moveaxis(moments, -1, 0)
    value, variance = _nrmse_of_moments(moments), square - mean**2
    parts = [0.5 * value / error, value * mean / variance, -0.5 * value / variance]
    return np.stack(parts, axis=-1)


def _rms(truth: Floats, predicted: Floats) -> Floats:
    value: Floats = np.sqrt(np.mean((predicted - truth) ** 2, axis=0))
    return value


def _varying(scale: Floats) -> Floats:
    """Raises NoAnswer where the target does not vary."""
    if not (scale > 0).all():
        raise NoAnswer(
            f"the target does not vary in column {int(np.argmin(scale))}: nothing to normalise errors by",
            "test on more steps, or leave that column out",
        )
    return scale
