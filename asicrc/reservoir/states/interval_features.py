"""Statistics of the intervals within a step. Missing where the step has too few events for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asicrc.reservoir.states.step_events import StepEvents
from asicrc.reservoir.states.table import Floats, StateTable

FLOOR_NS = 1_000
"""Shorter is taken as this: what a read brought together has no interval, and no logarithm of one."""

COLUMNS = (
    "first_log_s",  # from the start of the step to its first event
    "last_log_s",  # from its last event to its end
    "interval_log_mean",
    "interval_log_sd",
    "interval_log_min",
    "interval_log_max",
    "interval_cv",
    "interval_lv",  # local variation: 1 for a Poisson process (Shinomoto et al. 2003)
)


def interval_features(steps: StepEvents) -> StateTable:
    """Eight columns of each step's own intervals, natural logarithms of seconds.

    Only intervals of which both events lie within the step and the segment count: one that reaches back would
    carry the step before into this one. The first two columns need an event, the others an interval, the
    standard deviation, CV and local variation two.
    """
    length = len(steps)
    values = np.full((length, len(COLUMNS)), np.nan)
    filled = np.flatnonzero(steps.counts > 0)
    first = steps.t_ns[steps.bounds[filled]]
    last = steps.t_ns[steps.bounds[filled + 1] - 1]
    values[filled, 0] = _log_s(first - steps.starts_ns[filled])
    values[filled, 1] = _log_s(steps.starts_ns[filled + 1] - last)

    whole = (np.diff(steps.step) == 0) & (np.diff(steps.segment) == 0)
    interval_ns = np.maximum(np.diff(steps.t_ns), FLOOR_NS)[whole]
    step = steps.step[1:][whole]
    n = np.bincount(step, minlength=length)
    log = _log_s(interval_ns)
    mean = _mean(step, log, n)
    values[:, 2] = mean
    values[:, 3] = _sd(step, log, mean, n)
    values[n > 0, 4] = _extreme(np.minimum, step, log)
    values[n > 0, 5] = _extreme(np.maximum, step, log)
    interval_s = interval_ns / 1e9
    mean_s = _mean(step, interval_s, n)
    values[:, 6] = _sd(step, interval_s, mean_s, n) / mean_s
    values[:, 7] = _local_variation(steps, whole, length)
    return StateTable.of(COLUMNS, values)


def _local_variation(steps: StepEvents, whole: NDArray[np.bool_], length: int) -> Floats:
    pair = whole[1:] & whole[:-1]
    interval_s = np.maximum(np.diff(steps.t_ns), FLOOR_NS) / 1e9
    before, after = interval_s[:-1][pair], interval_s[1:][pair]
    step = steps.step[2:][pair]
    return _mean(step, 3 * ((after - before) / (after + before)) ** 2, np.bincount(step, minlength=length))


def _mean(step: NDArray[np.int64], values: Floats, n: NDArray[np.int64]) -> Floats:
    total = np.bincount(step, values, minlength=len(n))
    mean: Floats = np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)
    return mean


def _sd(step: NDArray[np.int64], values: Floats, mean: Floats, n: NDArray[np.int64]) -> Floats:
    squares = np.bincount(step, (values - mean[step]) ** 2, minlength=len(n))
    variance = np.divide(squares, n - 1, out=np.full(len(n), np.nan), where=n > 1)
    deviation: Floats = np.sqrt(variance)
    return deviation


def _extreme(of: np.ufunc, step: NDArray[np.int64], values: Floats) -> Floats:
    """One value for each step that has any, in their order."""
    if not len(step):
        return np.empty(0)
    begins = np.concatenate([[0], np.flatnonzero(np.diff(step)) + 1])
    found: Floats = of.reduceat(values, begins)
    return found


def _log_s(length_ns: NDArray[np.int64]) -> Floats:
    logarithm: Floats = np.log(np.maximum(length_ns, FLOOR_NS) / 1e9)
    return logarithm
