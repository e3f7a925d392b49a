"""Arrivals of an exact chip on a host that is busy in spells: only the clock in them is of the chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from asicrc.analysis.jitter_floor import floor_of_reads
from asicrc.errors import NoAnswer

BATCH_S = 0.0874
READ_INTERVAL_S = 0.1
ROUND_TRIP_S = 200e-6
CORES = 112


def latency_s(rng: np.random.Generator, t_s: np.ndarray, *, busy: bool = True) -> np.ndarray:
    """How late the host is at these times: never early.

    15 us and three in a hundred by a millisecond; in a busy spell, one in some seconds that lasts for 0.2 to
    5 s, up to 95 % of the stamps by a Pareto law of 0.1 to 5 ms without a variance, and all by up to 50 us.
    """
    late_s = np.abs(rng.normal(0, 15e-6, len(t_s)))
    late_s += (rng.random(len(t_s)) < 0.03) * rng.exponential(1e-3, len(t_s))
    begin_s = rng.exponential(4.0) - 5
    while busy and begin_s < t_s.max():
        lasts_s = 0.2 * 25 ** rng.random()
        share, size_s, shift_s = rng.uniform(0.2, 0.95), 1e-4 * 50 ** rng.random(), rng.uniform(0, 50e-6)
        within = np.flatnonzero((t_s >= begin_s) & (t_s < begin_s + lasts_s))
        hit = rng.random(len(within)) < share
        late_s[within] += shift_s + hit * size_s * rng.pareto(2.0, len(within))
        begin_s += lasts_s + rng.exponential(4.0)
    return late_s


@dataclass(frozen=True)
class Arrivals:
    """Events by time: `due_s` and `arrived_s` after the load of their job; and the measured floor."""

    due_s: np.ndarray
    arrived_s: np.ndarray
    job: np.ndarray
    core: np.ndarray
    subcore: np.ndarray
    floor_s: float | None

    def as_arguments(self) -> dict[str, Any]:
        """Of `scan_order_residuals`."""
        batch = self.due_s // BATCH_S
        return {
            "t_ns": np.round(self.arrived_s * 1e9).astype(np.int64),
            "expected_s": self.due_s,
            "period_s": 1e6,
            "batch": batch,
            "core": self.core,
            "version": batch * 8 + self.subcore,
            "position_s": self.due_s - batch * BATCH_S,
            "job": self.job,
            "jitter_floor_s": self.floor_s,
        }


def arrivals(
    rng: np.random.Generator,
    n: int,
    jobs: int,
    life_s: float,
    *,
    ppm: float = 0.0,
    busy: bool = True,
    chip_jitter_s: float = 0.0,
) -> Arrivals:
    """`n` events of `jobs` that last for `life_s` each. Load, events and reads meet the same host."""
    at_s = np.sort(rng.uniform(0, jobs * life_s, n))
    job = (at_s // life_s).astype(np.int64)
    loads_s, reads_s = np.arange(jobs) * life_s, np.arange(0, jobs * life_s, READ_INTERVAL_S)
    late_s = latency_s(rng, np.concatenate([at_s, loads_s, reads_s]), busy=busy)
    late, load, read = np.split(late_s, [n, n + jobs])
    due_s = at_s - job * life_s
    arrived_s = due_s * (1 + ppm * 1e-6) + 1e-3 + load[job] + late + rng.normal(0, chip_jitter_s, n)
    try:
        reads_ns, events_ns = (np.round(t * 1e9).astype(np.int64) for t in (reads_s, at_s))
        floor_s: float | None = floor_of_reads(reads_ns, ROUND_TRIP_S + read, events_ns, seed=1).high
    except NoAnswer:
        floor_s = None
    cores, subcores = rng.integers(0, CORES, n), rng.integers(0, 8, n)
    return Arrivals(due_s, arrived_s, job, cores, subcores, floor_s)
