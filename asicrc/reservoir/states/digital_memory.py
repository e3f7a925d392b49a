"""Features that reach back beyond their own step: memory of the analysis, not of the device.

Scores with them stand beside scores without, and the baselines get the same taps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asicrc.errors import UsageError
from asicrc.reservoir.states.step_events import StepEvents
from asicrc.reservoir.states.table import Floats, StateTable


def lagged(table: StateTable, lags: int) -> StateTable:
    """The table with `lags` delayed copies of each column, `name@-1` .. ; missing before the first row."""
    if lags < 0 or lags >= len(table):
        raise UsageError(f"{lags} lags in {len(table)} steps", "give 0 lags or more, fewer than steps")
    names = list(table.names)
    copies = [table.values]
    for lag in range(1, lags + 1):
        delayed = np.full_like(table.values, np.nan)
        delayed[lag:] = table.values[:-lag]
        copies.append(delayed)
        names += [f"{name}@-{lag}" for name in table.names]
    return StateTable.of(names, np.hstack(copies))


def filtered_counts(steps: StepEvents, taus_s: Sequence[float]) -> StateTable:
    """One column for each time constant: sum of exp(-(end - t) / tau) / tau over the events up to the end.

    Columns `rate_TAUs`; the end is that of the step, and each is a rate per second.
    """
    taus = np.asarray(taus_s, dtype=np.float64)
    if not len(taus) or not (taus > 0).all() or len(set(taus_s)) != len(taus):
        raise UsageError(f"time constants {list(taus_s)}", "give different ones above 0 s")
    ends = steps.starts_ns[1:]
    values = np.empty((len(steps), len(taus)))
    left_s = (ends[steps.step] - steps.t_ns) / 1e9
    for column, tau in enumerate(taus):
        added: Floats = np.bincount(steps.step, np.exp(-left_s / tau), len(steps)).astype(np.float64)
        decay = np.exp(-np.diff(steps.starts_ns) / 1e9 / tau)
        values[:, column] = leaky_sum(added, decay) / tau
    return StateTable.of([f"rate_{tau:g}s" for tau in taus], values)


def leaky_sum(added: Floats, decay: Floats) -> Floats:
    """(T,) x[t] = decay[t] x[t-1] + added[t], from 0."""
    held = np.empty(len(added))
    total = 0.0
    for t, (kept, more) in enumerate(zip(decay.tolist(), added.tolist(), strict=True)):
        total = kept * total + more
        held[t] = total
    return held
