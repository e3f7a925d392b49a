"""From a series that is observed to the task of saying what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from asicrc.errors import UsageError
from asicrc.reservoir.tasks.task import Floats, Task

Horizon = int | Sequence[int]


def forecast_task(
    name: str,
    observed: Floats,
    predicted: Floats,
    horizon: Horizon,
    details: dict[str, Any],
    *,
    symbol: str = "x",
) -> Task:
    """Row t of y is `predicted[t + h]`; several horizons, and several columns, stand side by side.

    observed : (n + largest horizon,); predicted : (n + largest horizon,) or with columns
    """
    steps = checked_horizons(horizon)
    n = len(observed) - max(steps)
    columns = [predicted[h : h + n].reshape(n, -1) for h in steps]
    y = np.concatenate(columns, axis=1)
    single = isinstance(horizon, int) and predicted.ndim == 1
    alignment = ", ".join(f"{symbol}[t+{h}]" for h in steps)
    return Task(
        name,
        np.ascontiguousarray(observed[:n]),
        np.ascontiguousarray(y[:, 0] if single else y),
        alignment,
        {"kind": "regression", "horizons": list(steps), **details},
    )


def checked_horizons(horizon: Horizon) -> tuple[int, ...]:
    """Raises UsageError for none, and for a horizon below 1."""
    steps = (horizon,) if isinstance(horizon, int) else tuple(int(h) for h in horizon)
    if not steps or min(steps) < 1:
        raise UsageError(f"the horizon is {horizon}", "a horizon is 1 step or more ahead")
    return steps
