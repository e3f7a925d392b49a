"""Counts of events: of a step, of its parts, of groups of cores. An empty window is a count of 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asicrc.errors import UsageError
from asicrc.reservoir.states.step_events import StepEvents
from asicrc.reservoir.states.table import Floats, StateTable

ANSCOMBE = 3 / 8


def counts(steps: StepEvents) -> StateTable:
    """One column `count`: sqrt(n + 3/8), of which the variance hardly depends on the rate (Anscombe 1948)."""
    return StateTable.of(("count",), anscombe(steps.counts)[:, None])


def virtual_nodes(steps: StepEvents, nodes: int) -> StateTable:
    """`nodes` columns `node_00` ..: the count of each part of the step, all parts of equal length."""
    if nodes < 2:
        raise UsageError(f"{nodes} virtual nodes", "divide a step into 2 parts or more")
    start = steps.starts_ns[steps.step]
    length = np.diff(steps.starts_ns)[steps.step]
    part = np.minimum((steps.t_ns - start) * nodes // length, nodes - 1)
    return StateTable.of(_numbered("node", nodes), _cells(steps, part, nodes))


def core_counts(steps: StepEvents, cores: int, groups: int) -> StateTable:
    """`groups` columns `cores_00` ..: the count of each group of neighbouring cores.

    `cores` is how many the chip has, as its type says, so that the width never depends on the data; events
    whose core is not known, or is beyond it, count in none.
    """
    if not 1 <= groups <= cores:
        raise UsageError(f"{groups} groups of {cores} cores", "give at least 1 group, and no more than cores")
    known = (steps.core >= 0) & (steps.core < cores)
    group = np.where(known, steps.core * groups // cores, groups)
    return StateTable.of(_numbered("cores", groups), _cells(steps, group, groups + 1)[:, :groups])


def anscombe(counted: NDArray[np.int64]) -> Floats:
    transformed: Floats = np.sqrt(counted + ANSCOMBE)
    return transformed


def _cells(steps: StepEvents, cell: NDArray[np.int64], cells: int) -> Floats:
    """(T, cells) transformed counts by step and cell."""
    counted = np.bincount(steps.step * cells + cell, minlength=len(steps) * cells)
    return anscombe(counted.reshape(len(steps), cells))


def _numbered(name: str, number: int) -> list[str]:
    return [f"{name}_{i:02d}" for i in range(number)]
