"""The memoryless twin of a device whose shares name their job: its own steps, exchanged among like ones.

Each step of the drive gets the shares of the job of another step with nearly the same drive, as many and as
long after the dispatch as they came there. So counts, dead time, batches, pick-up and all delays are the
device's own, and shares that come late fall into the next step as they did; but what a step owed to the steps
before it is of another one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicrc.reservoir.baselines.measured_delivery import MeasuredDelivery, nodes_of_jobs
from asicrc.reservoir.baselines.rate_response import RateResponse
from asicrc.reservoir.driven_run import DrivenRun
from asicrc.reservoir.states import StepEvents

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NEIGHBOURS = 0.05
"""Share of the steps, by their drive, among which steps are exchanged."""
LEAST_NEIGHBOURS = 20


@dataclass(frozen=True, slots=True)
class ExchangeTwin:
    """x : (T * nodes,) the drive as a share of its range
    event : (n,) places of the shares in the run, by the node in which their job was sent
    bounds : (T * nodes + 1,) the shares of node k are bounds[k] .. bounds[k + 1]
    offset_ns : (n,) when they came after the start of that node
    """

    run: DrivenRun
    x: Floats
    response: RateResponse
    delivery: MeasuredDelivery
    event: Ints
    bounds: Ints
    offset_ns: Ints
    listens: bool = True

    def draw(self, rng: np.random.Generator) -> StepEvents:
        donor = self._donors(rng)
        counts = np.diff(self.bounds)[donor]
        first = np.concatenate([[0], np.cumsum(counts)])
        place = np.arange(first[-1]) + np.repeat(self.bounds[:-1][donor] - first[:-1], counts)
        t_ns = np.repeat(self.run.nodes.starts_ns[:-1], counts) + self.offset_ns[place]
        of_run = self.event[place]
        return StepEvents.of_times(
            t_ns,
            self.run.steps.starts_ns,
            chip=self.run.steps.chip[of_run],
            core=self.run.steps.core[of_run],
        )

    def deaf(self) -> ExchangeTwin:
        """Steps are exchanged among all, whatever their drive: a device that does not listen."""
        return replace(self, listens=False)

    def as_json(self) -> dict[str, Any]:
        return self.delivery.as_json() | self.response.as_json()

    def _donors(self, rng: np.random.Generator) -> Ints:
        """(T * nodes,) the node whose shares each node gets."""
        n = len(self.x)
        if not self.listens:
            return rng.integers(0, n, n)
        reach = max(LEAST_NEIGHBOURS, int(NEIGHBOURS * n)) // 2
        order = np.lexsort((rng.random(n), self.x))  # equal drives in random order
        low = np.clip(np.arange(n) - reach, 0, max(0, n - 2 * reach - 1))
        chosen = low + rng.integers(0, min(2 * reach + 1, n), n)
        donor = np.empty(n, np.int64)
        donor[order] = order[chosen]
        return donor


def exchange_twin(
    run: DrivenRun, x: Floats, response: RateResponse, delivery: MeasuredDelivery
) -> ExchangeTwin:
    """From the shares of jobs that were sent within the run."""
    node_of_job = nodes_of_jobs(run)
    at = run.jobs_of_events
    node = np.where(at >= 0, node_of_job[at], -1)
    offset_ns = run.steps.t_ns - run.nodes.starts_ns[np.maximum(node, 0)]
    known = np.flatnonzero((node >= 0) & (offset_ns > 0))
    known = known[np.argsort(node[known], kind="stable")]
    bounds = np.searchsorted(node[known], np.arange(len(x) + 1))
    return ExchangeTwin(run, x, response, delivery, known, bounds, offset_ns[known])
