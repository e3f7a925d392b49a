"""Records of arrivals of which the truth is known."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.event_stream import EventStream

Floats = NDArray[np.float64]


def stream_of(intervals_s: Floats, **known: object) -> EventStream:
    """Events with these intervals, in one segment."""
    return EventStream.of(stamps_of(intervals_s), **known)  # type: ignore[arg-type]


def stamps_of(intervals_s: Floats) -> NDArray[np.int64]:
    return np.round(np.concatenate([[0.0], np.cumsum(intervals_s)]) * 1e9).astype(np.int64)


def modulated(n: int, depth: float, frequency_hz: float, rate_hz: float, rng: np.random.Generator) -> Floats:
    """(n,) times of a Poisson process of rate 1 + depth sin(2 pi f t + random phase)."""
    drawn = int(n * (1 + depth) * 1.3) + 100
    t = np.cumsum(rng.exponential(1 / (rate_hz * (1 + depth)), drawn))
    rate = 1 + depth * np.sin(2 * np.pi * (frequency_hz * t + rng.random()))
    kept = t[rng.random(drawn) * (1 + depth) < rate]
    return kept[:n]


def stream_at(times_s: Floats, **known: object) -> EventStream:
    return EventStream.of(np.round(times_s * 1e9).astype(np.int64), **known)  # type: ignore[arg-type]


def published_times(path: Path, column: str = "t_ns", unit_s: float = 1e-9) -> Floats:
    """Stamps of a published table, s since the first."""
    with path.open(encoding="utf-8", newline="") as file:
        t = np.array([float(row[column]) for row in csv.DictReader(file)])
    return (t - t[0]) * unit_s
