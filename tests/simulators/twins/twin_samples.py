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
