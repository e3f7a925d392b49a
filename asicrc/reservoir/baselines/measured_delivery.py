"""What lies between a proof and its stamp, as far as the capture itself tells: delays, dead time, batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicrc.reservoir.driven_run import NEVER, DrivenRun

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LEAST_OFFSETS = 50
BATCHED_SHARE = 0.1
"""Share of events with the stamp of another one, from which the stamps are taken to come in batches."""


@dataclass(frozen=True, slots=True)
class MeasuredDelivery:
    """delay_s : mean time for which shares of an earlier job still come after a dispatch: pick-up, work in
        flight, batching and the way to the host together
    late_s : (m,) when those shares came, s after the dispatch
    known_jobs : shares whose job was sent within the run
    batch_s : period of the batches in which stamps come; 0 where they do not
    """

    delay_s: float
    late_s: Floats
    known_jobs: int
    batch_s: float

    def as_json(self) -> dict[str, Any]:
        return {"delay_s": self.delay_s, "late_shares": len(self.late_s), "batch_s": self.batch_s}


def measure_delivery(run: DrivenRun) -> MeasuredDelivery:
    """Of the whole run. The delay is (late shares for each dispatch) / (share rate): it needs no model."""
    late_s = _late_s(run)
    span_s = (run.steps.starts_ns[-1] - run.steps.starts_ns[0]) / 1e9
    rate_hz = len(run.steps.t_ns) / float(span_s)
    within = (run.job_ends_ns > run.steps.starts_ns[0]) & (run.job_ends_ns <= run.steps.starts_ns[-1])
    dispatches = int(within.sum())
    delay_s = len(late_s) / (dispatches * rate_hz) if dispatches and len(late_s) else 0.0
    return MeasuredDelivery(delay_s, late_s, _known_jobs(run), batch_period_s(run.steps.t_ns))


def batch_period_s(t_ns: Ints) -> float:
    """Typical shortest distance between batches of equal stamps, s; 0 where stamps do not come in batches."""
    stamps = np.unique(t_ns)
    if len(stamps) < LEAST_OFFSETS or 1 - len(stamps) / len(t_ns) < BATCHED_SHARE:
        return 0.0
    return float(np.quantile(np.diff(stamps), 0.05)) / 1e9


def _late_s(run: DrivenRun) -> Floats:
    at = run.jobs_of_events
    ends = np.where(at >= 0, run.job_ends_ns[at], NEVER) if len(run.job_ends_ns) else np.full(len(at), NEVER)
    late = run.steps.t_ns > ends
    return np.asarray((run.steps.t_ns[late] - ends[late]) / 1e9, dtype=np.float64)


def _known_jobs(run: DrivenRun) -> int:
    at = run.jobs_of_events
    return int((nodes_of_jobs(run)[at[at >= 0]] >= 0).sum())


def nodes_of_jobs(run: DrivenRun) -> Ints:
    """(J,) virtual node in which each job was sent; -1 for before the first and after the last one."""
    starts = run.nodes.starts_ns
    node = np.searchsorted(starts, run.job_sent_ns, side="right") - 1
    return np.where((node >= 0) & (node < len(starts) - 1), node, -1)
