"""The twin's telemetry: its rate of the moment, seen through the filter that the device's firmware has."""

from __future__ import annotations

import numpy as np

from asicrc.reservoir.driven_run import DrivenRun
from asicrc.reservoir.states import StateTable
from asicrc.reservoir.states.digital_memory import leaky_sum
from asicrc.reservoir.states.table import Floats

TAUS_IN_STEPS = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 40.0, 80.0)


def telemetry_twin(run: DrivenRun, sensors: StateTable) -> StateTable | None:
    """(T, k) what a memoryless device would show on the sensors that are no thermometers; None without any.

    Each is fitted as offset + gain * exponential filter of the drive, with the time constant that fits best:
    the filter is measured on the device, and so is its noise left out. Temperatures are left out: a filter
    would explain heat away.
    """
    names, columns = [], []
    for name in sensors.names:
        if name.endswith("_c"):
            continue
        names.append(name)
        columns.append(_filtered(run, sensors.column(name)))
    return StateTable.of(names, np.column_stack(columns)) if columns else None


def _filtered(run: DrivenRun, said: Floats) -> Floats:
    nodes = run.encoder.nodes
    drive = run.node_inputs.reshape(-1, nodes).mean(axis=1)
    known = np.isfinite(said)
    best, least = np.full(len(said), np.nan), np.inf
    for tau in TAUS_IN_STEPS:
        kept = np.exp(-1 / tau) if tau > 0 else 0.0
        filtered = leaky_sum((1 - kept) * (drive - drive.mean()), np.full(len(drive), kept))
        design = np.column_stack([np.ones(len(filtered)), filtered])
        weights = np.linalg.lstsq(design[known], said[known], rcond=None)[0]
        fitted = design @ weights
        error = float(((fitted - said)[known] ** 2).sum())
        if error < least:
            best, least = fitted, error
    return best
