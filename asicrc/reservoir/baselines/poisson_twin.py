"""A memoryless miner in place of the device: same controller, same measured delays, same drive as read back.

Its rate depends on the drive of the moment alone, as measured on the device; what memory it shows comes from
the delays of pick-up, work in flight and batches, and from the controller. What the device shows beyond it is
not explained by those.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from asicrc.capture.plan import WORK_CHANNEL
from asicrc.reservoir.baselines.exchange_twin import exchange_twin
from asicrc.reservoir.baselines.handshake_twin import measure_handshake_twin
from asicrc.reservoir.baselines.measured_delivery import (
    LEAST_OFFSETS,
    MeasuredDelivery,
    measure_delivery,
    nodes_of_jobs,
)
from asicrc.reservoir.baselines.rate_response import RateResponse
from asicrc.reservoir.driven_run import DrivenRun
from asicrc.reservoir.states import StepEvents

Floats = NDArray[np.float64]

JOB_BORNE = (WORK_CHANNEL, "difficulty")
"""Channels that act through the job: a share has the drive of its job, whenever it comes."""
MOST_DEAD = 0.9
"""Share of the time that dead time may take before the rate of the live time would run away."""


class MemorylessTwin(Protocol):
    """What the benchmark asks of it."""

    def draw(self, rng: np.random.Generator) -> StepEvents:
        """One run, by the steps of the input."""

    def deaf(self) -> MemorylessTwin:
        """The host path: all the same, with a device whose rate does not depend on the drive."""

    def as_json(self) -> dict[str, Any]:
        """What was measured for it."""


def measure_twin(run: DrivenRun) -> MemorylessTwin:
    """The memoryless twin of a run, from that run alone."""
    if run.is_handshake:
        return measure_handshake_twin(run)
    delivery = measure_delivery(run)
    x = run.node_inputs
    length_s = np.diff(run.nodes.starts_ns) / 1e9
    if run.encoder.channel in JOB_BORNE and delivery.known_jobs >= LEAST_OFFSETS:
        response = RateResponse.fit(x, _counts_by_job(run), length_s)
        return exchange_twin(run, x, response, delivery)
    shifted = run.steps.t_ns - round(delivery.delay_s * 1e9)
    counts = StepEvents.of_times(shifted, run.nodes.starts_ns).counts.astype(np.float64)
    response = RateResponse.fit(x, counts, length_s)
    dead_time_s = _dead_time_s(response.excess, response.rate_hz(x), float(length_s.mean()))
    return StreamTwin(run, x, response, delivery, dead_time_s)


@dataclass(frozen=True, slots=True)
class StreamTwin:
    """Steps by the clock, and a drive that acts on what is found while it lasts, whatever the job.

    `x` (T * nodes,) is the drive as a share of its range, `dead_time_s` what follows each share, from how
    little the counts vary. Everything comes later by the mean delay.
    """

    run: DrivenRun
    x: Floats
    response: RateResponse
    delivery: MeasuredDelivery
    dead_time_s: float

    def draw(self, rng: np.random.Generator) -> StepEvents:
        starts_ns = self.run.nodes.starts_ns
        length_s = np.diff(starts_ns) / 1e9
        rate = self.response.rate_hz(self.x)
        live = rate / (1 - np.minimum(rate * self.dead_time_s, MOST_DEAD))
        if self.response.excess > 0:
            live = live * rng.gamma(1 / self.response.excess, self.response.excess, len(live))
        counts = rng.poisson(live * length_s)
        node = np.repeat(np.arange(len(counts)), counts)
        since_s = rng.random(len(node)) * length_s[node]
        t_s = np.sort((starts_ns[node] - starts_ns[0]) / 1e9 + since_s)
        t_s = t_s[outside_dead_time(t_s, self.dead_time_s)] + self.delivery.delay_s
        if self.delivery.batch_s > 0:  # the delay has the mean of the batching already
            t_s = np.rint(t_s / self.delivery.batch_s) * self.delivery.batch_s
        t_ns = starts_ns[0] + np.maximum(np.rint(t_s * 1e9).astype(np.int64), 1)
        return StepEvents.of_times(t_ns, self.run.steps.starts_ns, **cores_like(self.run, len(t_ns), rng))

    def deaf(self) -> StreamTwin:
        return replace(self, response=self.response.flat(self.x))

    def as_json(self) -> dict[str, Any]:
        return self.delivery.as_json() | self.response.as_json() | {"dead_time_s": self.dead_time_s}


def outside_dead_time(t_s: Floats, dead_time_s: float) -> NDArray[np.bool_]:
    """(n,) which of ascending times come after the dead time of the last one that did (non-extending)."""
    kept = np.ones(len(t_s), dtype=np.bool_)
    if not dead_time_s > 0:
        return kept
    while True:
        at = np.flatnonzero(kept)
        close = np.diff(t_s[at]) < dead_time_s
        if not close.any():
            return kept
        # of a run of neighbours that are too close only the first is known to fall
        first = close & ~np.concatenate([[False], close[:-1]])
        kept[at[1:][first]] = False


def cores_like(run: DrivenRun, count: int, rng: np.random.Generator) -> dict[str, NDArray[np.int64]]:
    """Chips and cores of `count` events, drawn from those of the run whatever the drive."""
    if not len(run.steps.core):
        return {}
    drawn = rng.integers(0, len(run.steps.core), count)
    return {"chip": run.steps.chip[drawn], "core": run.steps.core[drawn]}


def _counts_by_job(run: DrivenRun) -> Floats:
    """(T * nodes,) shares of the jobs that were sent in each node, whenever they came."""
    node_of_job = nodes_of_jobs(run)
    at = run.jobs_of_events
    node = node_of_job[at[at >= 0]]
    return np.bincount(node[node >= 0], minlength=len(run.nodes)).astype(np.float64)


def _dead_time_s(excess: float, rate_hz: Floats, step_s: float) -> float:
    """From counts that vary less than a Poisson process: Fano factor (1 - rate * d)^2 (Mueller 1973)."""
    mean = float(rate_hz.mean())
    if excess >= 0 or mean <= 0:
        return 0.0
    fano = max(1 + excess * mean * step_s, 0.0)
    return min(1 - float(np.sqrt(fano)), MOST_DEAD) / mean
