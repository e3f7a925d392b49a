"""Errors of decisions: symbols of a channel, bits, whole periods of a waveform."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence import Estimate
from asicrc.evidence.binomial import clopper_pearson
from asicrc.reservoir.metrics.checking import Floats, paired_columns


def symbol_error_rate(sent: ArrayLike, predicted: ArrayLike, symbols: Sequence[float]) -> Estimate:
    """Share of steps whose prediction lies nearest to another symbol than was sent, Clopper-Pearson interval.

    Both are (T,). The interval takes errors as independent of each other; a readout with memory makes them
    come in groups, and then it is somewhat too narrow. Raises UsageError where `sent` holds anything but
    the symbols.
    """
    truth, guess = _columns(sent, predicted)
    alphabet = np.array(sorted(symbols), dtype=np.float64)
    if not np.isin(truth, alphabet).all():
        raise UsageError(
            f"the target holds values that are none of the symbols {alphabet.tolist()}",
            "hand in the symbols of the task, details['symbols']",
        )
    return clopper_pearson(int(np.count_nonzero(nearest(guess, alphabet) != truth)), len(truth))


def nearest(predicted: Floats, symbols: Floats) -> Floats:
    """(T,) the symbol next to each prediction, the upper one half-way between two; `symbols` are sorted."""
    chosen: Floats = symbols[np.searchsorted((symbols[1:] + symbols[:-1]) / 2, predicted, side="right")]
    return chosen


def bit_error_rate(bits: ArrayLike, predicted: ArrayLike) -> Estimate:
    """Share of steps on the wrong side of 1/2, for bits that are 0 and 1."""
    return symbol_error_rate(bits, predicted, (0.0, 1.0))


def period_accuracy(bits: ArrayLike, predicted: ArrayLike, points_per_period: int) -> Estimate:
    """Share of whole periods whose mean prediction is on the right side of 1/2, Clopper-Pearson interval.

    A period that the end cuts short is left out. Raises UsageError where the target changes inside a period,
    NoAnswer where no period is whole.
    """
    truth, guess = _columns(bits, predicted)
    periods = len(truth) // points_per_period if points_per_period > 0 else 0
    if not periods:
        raise NoAnswer(
            f"{len(truth)} steps hold no whole period of {points_per_period} points",
            "test on whole periods; the first row has to begin one",
        )
    shape = (periods, points_per_period)
    labels = truth[: periods * points_per_period].reshape(shape)
    if np.any(labels != labels[:, :1]):
        raise UsageError("the target changes inside a period", "begin the test rows where a period begins")
    votes = guess[: periods * points_per_period].reshape(shape).mean(axis=1) >= 0.5
    return clopper_pearson(int(np.count_nonzero(votes == (labels[:, 0] >= 0.5))), periods)


def _columns(truth: ArrayLike, predicted: ArrayLike) -> tuple[Floats, Floats]:
    a, b = paired_columns(truth, predicted)
    if a.shape[1] != 1:
        raise UsageError(f"the target has {a.shape[1]} columns", "score one column at a time")
    return a[:, 0], b[:, 0]
