"""Linear memory capacity of the features of one capture, and of what they are held against."""

from __future__ import annotations

import numpy as np

from asicrc.errors import NoAnswer
from asicrc.reservoir.benchmark.scoring import filled
from asicrc.reservoir.metrics.memory_capacity import memory_capacity
from asicrc.reservoir.states import StateTable
from asicrc.reservoir.states.table import Floats


def memory_curve(table: StateTable, u: Floats, max_delay: int, washout: int) -> Floats | None:
    """(max_delay + 1,) corrected capacities of u[t-k], k = 0 ..; zeros for features that never change.

    Without their bias they may be below 0. None where the input is not white: then no capacity adds up.
    Raises NoAnswer for too few steps.
    """
    states = filled(table)[washout:]
    if not (np.ptp(states[max_delay:], axis=0) > 0).any():
        return np.zeros(max_delay + 1)
    if not is_white(u[washout:], max_delay):
        return None
    return memory_capacity(states, u[washout:], max_delay).table.corrected


def total(curve: Floats) -> float:
    """Sum over the delays from 1 on; the present is no memory."""
    return float(curve[1:].sum())


def is_white(u: Floats, lags: int) -> bool:
    from asicrc.reservoir.metrics.input_law import require_white

    try:
        require_white(u, min(lags, len(u) - 1))
    except NoAnswer:
        return False
    return True
