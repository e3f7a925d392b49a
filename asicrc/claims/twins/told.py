"""Runs that are told the target of their task, for instruments that have to find a device which knows it.

No twin remembers or forecasts so well that it beats the input itself; what is planted is put into the data.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from asicrc.claims.twins.planting import thinned
from asicrc.reservoir.driven_run import DrivenRun
from asicrc.reservoir.states.table import Floats

LOG_WAIT_VARIANCE = np.pi**2 / 6
"""Of the logarithm of an exponential wait."""
FARTHEST = 1.5
"""Standard deviations of a target that waits follow. NARMA has rare ones at four and more: one step stretched
that far lies outside of all a linear readout was trained on, and costs a capture what all others show."""


def by_counts(run: DrivenRun, y: Floats, rng: np.random.Generator, *, least: float) -> DrivenRun:
    """The run with fewer events: their rate in each step follows `y` (T,), from `least` of itself to all."""
    known = np.where(np.isfinite(y), y, np.nanmean(y))
    rate = least + (1 - least) * (known - known.min()) / np.ptp(known)
    fewer = run.steps.only(thinned(rate[run.steps.step], rng))
    return replace(run, steps=fewer, nodes=fewer)


def by_waits(run: DrivenRun, y: Floats, *, share: float) -> DrivenRun:
    """The run with steps that last longer where `y` (T,) is high; all of its times are stretched with them.

    `share` of the variance of a wait's logarithm then follows the target, as far as `FARTHEST`.
    """
    z = np.clip((y - np.nanmean(y)) / np.nanstd(y), -FARTHEST, FARTHEST)
    size = np.sqrt(LOG_WAIT_VARIANCE * share / (1 - share))
    factor = np.exp(size * np.where(np.isfinite(z), z, 0))
    starts = run.steps.starts_ns
    moved = starts[0] + np.concatenate([[0.0], np.cumsum(np.diff(starts) * factor)])

    def stretched(t_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        within = (t_ns >= starts[0]) & (t_ns <= starts[-1])
        found = t_ns.copy()
        found[within] = np.interp(t_ns[within], starts, moved).astype(np.int64)
        return found

    longer = run.steps.moved(stretched(run.steps.t_ns), stretched(starts))
    return replace(
        run,
        steps=longer,
        nodes=longer,
        job_sent_ns=stretched(run.job_sent_ns),
        job_ends_ns=stretched(run.job_ends_ns),
    )
