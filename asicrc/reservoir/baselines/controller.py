"""What the host's controller did, without the device's answers to the input."""

from __future__ import annotations

import numpy as np

from asicrc.capture.plan import DUTY_CHANNEL
from asicrc.reservoir.driven_run import DrivenRun
from asicrc.reservoir.states import StateTable, StepEvents
from asicrc.reservoir.states.table import Floats


def controller_states(run: DrivenRun, deaf: StepEvents) -> StateTable | None:
    """(T, k) of what a controller changed; None where it changed nothing.

    `step_log_s` is how long the steps of a handshake last with a device that does not listen (`deaf`). The
    other columns are settings beside the drive that were written while it ran, such as a fan's, as they were
    read back: there the controller answered to the real device, by way of its temperature.
    """
    names: list[str] = []
    columns: list[Floats] = []
    if run.is_handshake:
        names.append("step_log_s")
        columns.append(np.log(np.diff(deaf.starts_ns) / 1e9))
    driven = {run.encoder.channel}
    if run.encoder.channel == DUTY_CHANNEL:
        driven.add(run.encoder.duty_setting)
    ends = run.steps.starts_ns[1:]
    during = [s for s in run.settings if run.steps.starts_ns[0] < s.t_ns <= ends[-1] and s.kind == "set"]
    for name in sorted({setting.name for setting in during} - driven):
        written = [
            (s.t_ns, s.read_back)
            for s in run.settings
            if s.name == name and s.read_back is not None and s.t_ns <= ends[-1]
        ]
        if len({value for _, value in written}) < 2:
            continue
        t_ns, values = (np.array(column) for column in zip(*sorted(written), strict=True))
        newest = np.searchsorted(t_ns, ends, side="right") - 1
        names.append(f"set_{name}")
        columns.append(np.where(newest >= 0, values[np.maximum(newest, 0)], np.nan))
    return StateTable.of(names, np.column_stack(columns)) if columns else None
