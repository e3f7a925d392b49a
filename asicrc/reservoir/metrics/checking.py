"""What every metric asks of its arrays, with the message when they do not have it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asicrc.errors import NoAnswer, UsageError

Floats = NDArray[np.float64]


def paired_columns(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Floats, Floats]:
    """Both as (T, k). Raises UsageError for shapes that differ, no rows, or values that are not finite."""
    truth, predicted = (np.asarray(a, dtype=np.float64) for a in (y_true, y_pred))
    if truth.ndim == 2 and truth.shape[1] == 1 and predicted.ndim == 1:
        truth = truth[:, 0]
    elif truth.ndim == 1 and predicted.ndim == 2 and predicted.shape[1] == 1:
        predicted = predicted[:, 0]
    if truth.shape != predicted.shape or truth.ndim not in (1, 2) or not truth.size:
        raise UsageError(
            f"the target has shape {truth.shape} and the prediction {predicted.shape}",
            "both are (T,), or both (T, k), of the same steps",
        )
    for label, values in (("target", truth), ("prediction", predicted)):
        require_finite(values, label)
    return truth.reshape(len(truth), -1), predicted.reshape(len(truth), -1)


def state_matrix(states: ArrayLike) -> Floats:
    """(T, k) states, k >= 1. Raises UsageError for other shapes and values that are not finite."""
    values = np.asarray(states, dtype=np.float64)
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or not values.size:
        raise UsageError(f"the states have shape {values.shape}", "states are (T, k): steps by features")
    require_finite(values, "state matrix")
    return values


def input_series(u: ArrayLike, steps: int) -> Floats:
    """(T,) input of as many steps as the states. Raises UsageError where it is not."""
    values = np.asarray(u, dtype=np.float64)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or len(values) != steps:
        raise UsageError(
            f"the input has shape {values.shape}, the states have {steps} steps",
            "give one input value for each row of the states",
        )
    require_finite(values, "input")
    return values


def replay_stack(replays: ArrayLike, least: int = 2) -> Floats:
    """(R, T, k) states of R >= `least` replays of the same drive; (R, T) is taken for one feature."""
    values = np.asarray(replays, dtype=np.float64)
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or not values.size:
        raise UsageError(
            f"the replays have shape {values.shape}", "replays are (R, T, k): runs, steps, features"
        )
    if len(values) < least:
        raise NoAnswer(f"{len(values)} replay of the drive", f"replay the same drive {least} times or more")
    require_finite(values, "replay")
    return values


def spread_of_features(values: Floats, deviations: Floats | None = None) -> tuple[Floats, NDArray[np.bool_]]:
    """Root mean square deviation of each feature, the last axis, and which features vary at all.

    Deviations are those from the mean over all other axes, unless they are given. What rounding leaves of a
    constant counts as none. Raises NoAnswer where every feature is constant.
    """
    others = tuple(range(values.ndim - 1))
    d = values - values.mean(axis=others) if deviations is None else deviations
    scale: Floats = np.sqrt(np.mean(d**2, axis=others))
    varies: NDArray[np.bool_] = scale > 1e-13 * np.abs(values).max(axis=others)
    if not varies.any():
        raise NoAnswer("every feature of the states is constant", "such states carry no information at all")
    return scale, varies


def require_finite(values: Floats, label: str) -> None:
    """Raises UsageError with where the first missing or infinite value is and how many there are."""
    bad = ~np.isfinite(values)
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        count = f"{int(bad.sum())} of {values.size}"
        raise UsageError(
            f"{count} values of the {label} are missing or infinite, the first at {place}",
            "fill missing values in, or leave their steps or features out, and say so",
        )
