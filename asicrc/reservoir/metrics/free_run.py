"""How long a readout that feeds on its own output follows a chaotic series."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence import Estimate
from asicrc.reservoir.metrics.checking import Floats, require_finite


def valid_prediction_times(
    truth: ArrayLike, free_runs: ArrayLike, *, dt: float, lyapunov_exponent: float, threshold: float
) -> Floats:
    """(m,) Lyapunov times until the error passes `threshold` (Pathak et al. 2018), of m starts.

    truth, free_runs : (m, L) or (m, L, k), the first step is one `dt` after the start

    The error is the distance to the truth over the root mean square of the truth about its mean. Thresholds
    of 0.2 and of 0.4 are both in use, so there is no default. A run that never passes it counts with its
    whole length. Raises UsageError for shapes that differ and settings that are not above 0.
    """
    a, b = _runs(truth, free_runs)
    if not (dt > 0 and lyapunov_exponent > 0 and threshold > 0):
        raise UsageError(
            f"dt {dt:g}, Lyapunov exponent {lyapunov_exponent:g}, threshold {threshold:g}", "all are above 0"
        )
    scale = np.sqrt(np.mean(np.sum((a - a.mean(axis=(0, 1))) ** 2, axis=2)))
    if not scale > 0:
        raise NoAnswer("the truth does not vary", "free runs are judged against a series that moves")
    lost = np.sqrt(np.sum((b - a) ** 2, axis=2)) / scale > threshold
    steps = np.where(lost.any(axis=1), lost.argmax(axis=1), a.shape[1])
    times: Floats = steps * dt * lyapunov_exponent
    return times


def nrmse_at_horizon(truth: ArrayLike, predicted: ArrayLike) -> Estimate:
    """NRMSE, over m independent starts, of what stands one horizon after each: NRMSE_84 of Mackey-Glass.

    truth, predicted : (m,) values at the horizon. The interval is that of the mean square over the starts
    (log-t); the variance is that of `truth`. Raises NoAnswer for fewer than 10 starts.
    """
    a, b = (np.asarray(values, dtype=np.float64).ravel() for values in (truth, predicted))
    if a.shape != b.shape:
        raise UsageError(f"{a.size} true values and {b.size} predicted ones", "one of each for every start")
    require_finite(a, "truth")
    require_finite(b, "prediction")
    if len(a) < 10 or not a.std() > 0:
        raise NoAnswer(f"{len(a)} starts, or a truth that does not vary", "use 10 starts or more")
    squared = (b - a) ** 2 / a.var()
    value = float(np.sqrt(squared.mean()))
    if value == 0.0:
        return Estimate(0.0, 0.0, 0.0, len(a), method="no error in any start")
    half = float(stats.t.ppf(0.975, len(a) - 1) * squared.std(ddof=1) / np.sqrt(len(a)) / squared.mean() / 2)
    return Estimate(
        value, value * np.exp(-half), value * np.exp(half), len(a), method="log-t interval over starts"
    )


def _runs(truth: ArrayLike, free_runs: ArrayLike) -> tuple[Floats, Floats]:
    a, b = (np.asarray(values, dtype=np.float64) for values in (truth, free_runs))
    if a.shape != b.shape or a.ndim not in (2, 3) or not a.size:
        raise UsageError(
            f"the truth has shape {a.shape}, the free runs {b.shape}", "both are (m, L) or (m, L, k)"
        )
    require_finite(a, "truth")
    # a run that blew up is lost from there on, which is an answer and no fault of the data
    b = np.where(np.isfinite(b), b, np.finfo(np.float64).max ** 0.25)
    return a.reshape(*a.shape[:2], -1), b.reshape(*a.shape[:2], -1)
