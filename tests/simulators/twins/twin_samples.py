"""Stamps of twins in the quantity that their statistics need, and what theory says of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asicrc.work.pool_work import PoolWork
from firmware_protocols.device import NonceBatch
from simulators.models import MACHINES
from simulators.twins.device import TwinDevice
from simulators.twins.named import ideal

Floats = NDArray[np.float64]


def difficulty_for(rate_hz: float, machine: str = "lv06") -> float:
    """At which a machine at its nominal point finds so many shares a second."""
    return MACHINES[machine].shares_per_s(1.0) / rate_hz


def ideal_events(
    rate_hz: float,
    n: int,
    *,
    seed: int = 1,
    confounds: dict[str, float] | None = None,
    effects: dict[str, float] | None = None,
    machine: str = "lv06",
) -> NonceBatch:
    """About `n` events of an ideal twin that is given one job."""
    twin = ideal(machine, seed=seed, confounds=confounds, effects=effects)
    twin.configure({"difficulty": difficulty_for(rate_hz, machine)})
    twin.send(PoolWork(1, MACHINES[machine].algorithm).next_job(0, clean=False))
    return events_of(twin, n / rate_hz)


def events_of(twin: TwinDevice, seconds: float) -> NonceBatch:
    now_ns = twin.clock.now_ns()
    return twin.read(now_ns + round(seconds * 1e9)).nonces


def intervals_of(events: NonceBatch) -> Floats:
    steps: Floats = np.diff(events["t_ns"]) / 1e9
    return steps


def reference_intervals(sizes: dict[str, float], mean_s: float, n: int, seed: int = 99) -> Floats:
    """The documented steps on a whole process at once, with draws of its own; about n intervals."""
    rng = np.random.default_rng(seed)
    t = _reported(sizes, mean_s, n, rng) + sizes.get("in_flight_s", 0.0)
    n = len(t)
    for name in ("batching_s", "polling_s"):
        t = _up(t, sizes.get(name, 0.0), rng.random())
    t = t + sizes.get("jitter_s", 0.0) * (4 + rng.standard_normal(n))
    if "tail_share" in sizes:
        t = t + sizes["tail_s"] * rng.pareto(2.5, n) * (rng.random(n) < sizes["tail_share"])
    t = np.maximum.accumulate(_up(t, sizes.get("beacon_s", 0.0), rng.random()))
    t = t[rng.random(n) >= sizes.get("loss", 0.0)]
    stamp_s = sizes.get("stamp_s", 0.0)
    steps: Floats = np.diff(np.floor(t / stamp_s) * stamp_s if stamp_s else t)
    return steps


def _reported(sizes: dict[str, float], mean_s: float, n: int, rng: np.random.Generator) -> Floats:
    """When nonces are found, at a rate that is modulated, and reported, with a dead time after each."""
    dead_s, depth = sizes.get("dead_time_s", 0.0), sizes.get("fan_pwm_depth", 0.0)
    renewal_s, gap_s = sizes.get("renewal_s", 0.0), sizes.get("renewal_gap_s", 0.0)
    if not depth and not gap_s:
        return np.cumsum(dead_s + rng.exponential(mean_s, n))
    t = np.cumsum(rng.exponential(mean_s / (1 + depth), round(n * (1 + depth))))
    factor = (1 + depth * np.sin(2 * np.pi * sizes.get("fan_pwm_hz", 0.0) * t)) / (1 + depth)
    t = t[rng.random(len(t)) < factor]
    if gap_s:
        t = t[np.mod(t, renewal_s) >= gap_s]
    if not dead_s:
        return t
    after, at, reported = np.searchsorted(t, t + dead_s).tolist(), 0, []
    while at < len(t):
        reported.append(at)
        at = after[at]
    return t[reported]


def _up(t: Floats, period_s: float, phase: float) -> Floats:
    up: Floats = (np.ceil(t / period_s - phase) + phase) * period_s if period_s else t
    return up


def entropy_of(x: Floats, mean_s: float) -> float:
    """Bits of the intervals in fixed bins of an eighth of a mean, corrected after Miller and Madow."""
    edges = np.append(np.arange(0, 6, 0.125) - 0.0371, np.inf)  # no lattice of the tests falls on an edge
    counts, _ = np.histogram(x / mean_s, edges)
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log2(p)).sum() + (len(p) - 1) / (2 * counts.sum() * np.log(2)))


def cv2_of(x: Floats) -> float:
    """The square of the coefficient of variation."""
    return float(x.var() / x.mean() ** 2)


def lag1_of(x: Floats) -> float:
    return float(np.corrcoef(x[1:], x[:-1])[0, 1])


def fano_of(events: NonceBatch, window_s: float) -> float:
    t_s = (events["t_ns"] - events["t_ns"][0]) / 1e9
    counts = np.bincount((t_s / window_s).astype(np.int64))[:-1]
    return float(counts.var() / counts.mean())


def rayleigh(t_s: Floats, hz: float) -> float:
    """|mean exp(2 pi i f t)|: half the depth of a sinusoidal modulation."""
    return float(abs(np.exp(2j * np.pi * hz * t_s).mean()))
