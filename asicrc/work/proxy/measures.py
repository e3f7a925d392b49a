"""What is measured while miners work: their idle time, what their shares are worth, how slow a pool is."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np

from asicrc.evidence import Estimate
from firmware_protocols.stratum_v1 import Algorithm

SAMPLES_KEPT = 10_000


class IdleMeter:
    """From the moment when a miner has no valid work to the moment when it is sent some, once for each job.

    Seen from the proxy: the way between it and the miner comes on top, and with a direct pool would too.
    """

    def __init__(self, durations_ns: deque[int]) -> None:
        self.jobs = 0
        self.idle_ns = 0
        self._durations_ns = durations_ns
        self._since_ns: int | None = None

    @property
    def is_idle(self) -> bool:
        return self._since_ns is not None

    def without_work(self, t_ns: int) -> None:
        """From now on, unless it is already."""
        if self._since_ns is None:
            self._since_ns = t_ns

    def with_work(self, t_ns: int) -> None:
        """A job was sent; where it had valid work all along, its idle time was 0."""
        idle_ns = 0 if self._since_ns is None else max(0, t_ns - self._since_ns)
        self._since_ns = None
        self.jobs += 1
        self.idle_ns += idle_ns
        self._durations_ns.append(idle_ns)

    def total_ns(self, now_ns: int) -> int:
        """What is still going on included."""
        return self.idle_ns + (0 if self._since_ns is None else max(0, now_ns - self._since_ns))


class WorkDone:
    """Hashes that accepted shares stand for: each for as many as its target takes on average."""

    def __init__(self) -> None:
        self.shares = 0
        self.hashes = 0.0
        self._squares = 0.0

    def add(self, hashes: float) -> None:
        self.shares += 1
        self.hashes += hashes
        self._squares += hashes * hashes

    def rate_ghs(self, seconds: float) -> Estimate:
        """With the interval that the counting of shares leaves: 1/sqrt(N) relative, times 1.96.

        Shares of several difficulties count by their weights: N is (sum w)^2 / sum w^2 then (Kish 1965).
        """
        if self.shares == 0 or seconds <= 0:
            return Estimate(0.0, 0.0, math.inf, 0, method="no share")
        rate = self.hashes / seconds / 1e9
        effective = self.hashes**2 / self._squares
        half = 1.96 / math.sqrt(effective)
        return Estimate(
            rate, max(0.0, rate * (1 - half)), rate * (1 + half), self.shares, method="1/sqrt(N) of a count"
        )


def hashes_of(algorithm: Algorithm, difficulty: float) -> float:
    """How many hashes a share of this difficulty takes on average."""
    return 2.0**256 / (algorithm.target(difficulty) + 1)


def milliseconds(durations_ns: deque[int]) -> dict[str, Any]:
    """Median, 99th percentile, maximum and number; None where there is none."""
    if not durations_ns:
        return {"p50": None, "p99": None, "max": None, "n": 0}
    found = np.asarray(list(durations_ns), dtype=float) / 1e6
    p50, p99 = np.percentile(found, [50, 99])
    return {"p50": float(p50), "p99": float(p99), "max": float(found.max()), "n": len(found)}
