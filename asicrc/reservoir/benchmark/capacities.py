"""Linear memory capacity of the features of one capture, and of what they are held against."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asicrc.errors import NoAnswer
from asicrc.reservoir.benchmark.scoring import filled
from asicrc.reservoir.metrics.input_law import require_white
from asicrc.reservoir.metrics.memory_capacity import corrected_curve
from asicrc.reservoir.states import StateTable
from asicrc.reservoir.states.table import Floats


def memory_curves(
    tables: Mapping[str, StateTable], u: Floats, max_delay: int, washout: int
) -> tuple[dict[str, Floats], str | None]:
    """The curve of each table, (max_delay + 1,), or none at all and why: what is compared has to be there
    together. An input that is not white has none, for then no capacity adds up."""
    known = slice(washout, None)
    try:
        require_white(u[known], max_delay)
        return {name: memory_curve(t.rows(known), u[known], max_delay) for name, t in tables.items()}, None
    except NoAnswer as error:
        return {}, f"no memory capacity: {error.message}"


def memory_curve(table: StateTable, u: Floats, max_delay: int) -> Floats:
    """(max_delay + 1,) corrected capacities of u[t-k], k = 0 ..; zeros for features that never change.

    Without their bias they may be below 0. Raises NoAnswer for too few steps.
    """
    states = filled(table)
    if not (np.ptp(states[max_delay:], axis=0) > 0).any():
        return np.zeros(max_delay + 1)
    return corrected_curve(states, u, max_delay)


def total(curve: Floats) -> float:
    """Sum over the delays from 1 on; the present is no memory."""
    return float(curve[1:].sum())
