"""States whose history is taken away while what they owe to the present input is kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asicrc.reservoir.states import StateTable
from asicrc.reservoir.states.table import Floats

NEIGHBOURS = 20


def history_shuffled(
    table: StateTable, u: Floats, parts: Sequence[slice], rng: np.random.Generator
) -> StateTable:
    """Rows of `table` exchanged among steps with nearly the same u[t], within each part of the run.

    In each part the steps are put in order of u and their rows permuted in groups of 20 neighbours: the
    dependence on u[t] stays (to 20 / part in quantiles), everything that a row knew of earlier steps is of
    another one. Rows outside the parts stay where they are.
    """
    order = np.arange(len(table))
    for part in parts:
        rows = np.arange(len(table))[part]
        by_u = rows[np.argsort(u[rows], kind="stable")]
        for first in range(0, len(by_u), NEIGHBOURS):
            group = by_u[first : first + NEIGHBOURS]
            order[group] = rng.permutation(group)
    return table.rows(order)
