"""The memoryless twin of a handshake: each step lasts until its share has come, or its time is over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicrc.errors import NoAnswer
from asicrc.reservoir.baselines.measured_delivery import measure_delivery, nodes_of_jobs
from asicrc.reservoir.baselines.rate_response import RateResponse
from asicrc.reservoir.driven_run import DrivenRun
from asicrc.reservoir.states import StepEvents

Floats = NDArray[np.float64]
LEAST_ANSWERS = 20


@dataclass(frozen=True, slots=True)
class HandshakeTwin:
    """waits : (m,) measured waits for a first share, less `shortest_s`, times the rate; mean 1 where the
        process has no memory, whatever its law
    gaps_s : (m,) from the end of a wait to the next dispatch
    late_s : (l,) shares of the job before, s after the dispatch; `late_per_rate` of them for each 1/s of rate
    """

    run: DrivenRun
    x: Floats
    response: RateResponse
    waits: Floats
    shortest_s: float
    gaps_s: Floats
    late_s: Floats
    late_per_rate: float

    def draw(self, rng: np.random.Generator) -> StepEvents:
        rate = self.response.rate_hz(self.x)
        wait_s = self.shortest_s + rng.choice(self.waits, len(rate)) / rate
        timeout_s = self.run.handshake_timeout_s
        answered = wait_s < timeout_s
        wait_s = np.minimum(wait_s, timeout_s)
        length_ns = np.maximum(np.rint((wait_s + rng.choice(self.gaps_s, len(rate))) * 1e9), 2).astype(
            np.int64
        )
        starts_ns = np.concatenate([[0], np.cumsum(length_ns)]) + self.run.nodes.starts_ns[0]
        t_ns = starts_ns[:-1] + np.clip(np.rint(wait_s * 1e9).astype(np.int64), 1, length_ns)
        late_ns = self._late_ns(rate, starts_ns, rng)
        nodes = self.run.encoder.nodes
        return StepEvents.of_times(np.concatenate([t_ns[answered], late_ns]), starts_ns[::nodes])

    def deaf(self) -> HandshakeTwin:
        """The rate no longer depends on the drive; neither does how long a step lasts."""
        return replace(self, response=self.response.flat(self.x))

    def as_json(self) -> dict[str, Any]:
        return self.response.as_json() | {
            "shortest_wait_s": self.shortest_s,
            "gap_s": float(self.gaps_s.mean()),
            "late_shares": len(self.late_s),
        }

    def _late_ns(
        self, rate: Floats, starts_ns: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        if not len(self.late_s):
            return np.empty(0, np.int64)
        counts = rng.poisson(rate * self.late_per_rate)
        after = np.repeat(starts_ns[1:], counts)
        return after + np.rint(rng.choice(self.late_s, len(after)) * 1e9).astype(np.int64)


def measure_handshake_twin(run: DrivenRun) -> HandshakeTwin:
    """Raises NoAnswer where fewer than 20 steps were answered."""
    x = run.node_inputs
    starts_ns = run.nodes.starts_ns
    first_ns = _first_answers_ns(run)
    answered = first_ns > 0
    if answered.sum() < LEAST_ANSWERS:
        raise NoAnswer(
            f"{int(answered.sum())} of {len(x)} steps of the handshake were answered",
            "capture with a lower difficulty, or a longer time-out",
        )
    end_ns = np.where(answered, first_ns, np.minimum(starts_ns[1:], _timed_out_ns(run)))
    wait_s = (end_ns - starts_ns[:-1]) / 1e9
    waited = wait_s[answered]
    shortest_s = max(0.0, float(waited.min() - waited.mean() / len(waited)))
    response = RateResponse.fit(x, answered.astype(np.float64), np.maximum(wait_s - shortest_s, 0.0))
    rate = response.rate_hz(x)
    delivery = measure_delivery(run)
    return HandshakeTwin(
        run,
        x,
        replace(response, excess=0.0),  # one share a step says nothing of a spread of the rate
        (waited - shortest_s) * rate[answered],
        shortest_s,
        np.maximum((starts_ns[1:] - end_ns) / 1e9, 0.0),
        delivery.late_s,
        len(delivery.late_s) / float(rate.sum()),
    )


def _first_answers_ns(run: DrivenRun) -> NDArray[np.int64]:
    """(T * nodes,) the first share of the job that was sent in each node; 0 where there is none."""
    node_of_job = nodes_of_jobs(run)
    at = run.jobs_of_events
    node = np.where(at >= 0, node_of_job[at], -1) if len(node_of_job) else np.full(len(at), -1)
    never = np.iinfo(np.int64).max
    first = np.full(len(run.nodes), never)
    np.minimum.at(first, node[node >= 0], run.steps.t_ns[node >= 0])
    in_time = (first > run.nodes.starts_ns[:-1]) & (first <= run.nodes.starts_ns[1:])
    return np.where(in_time, first, 0)


def _timed_out_ns(run: DrivenRun) -> NDArray[np.int64]:
    timed_out: NDArray[np.int64] = run.nodes.starts_ns[:-1] + round(run.handshake_timeout_s * 1e9)
    return timed_out
