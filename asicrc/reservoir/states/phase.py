"""Where within its step the last event came."""

from __future__ import annotations

import numpy as np

from asicrc.reservoir.states.step_events import StepEvents
from asicrc.reservoir.states.table import StateTable


def phase(steps: StepEvents) -> StateTable:
    """`phase_cos`, `phase_sin` of the last event, a turn being the step. Missing for an empty step."""
    values = np.full((len(steps), 2), np.nan)
    filled = np.flatnonzero(steps.counts > 0)
    since = steps.t_ns[steps.bounds[filled + 1] - 1] - steps.starts_ns[filled]
    turn = 2 * np.pi * since / np.diff(steps.starts_ns)[filled]
    values[filled] = np.column_stack([np.cos(turn), np.sin(turn)])
    return StateTable.of(("phase_cos", "phase_sin"), values)
