"""When nonces are found, without hashing: the law of many cores that each hit with a tiny probability.

A hash meets a target with probability p whatever came before, so the number of hashes up to the next hit is
geometric, and with n hashes a second and p -> 0 the times are a Poisson process of rate n p (Feller 1968, I,
VI.5). A rate that changes is a change of time: the integral of the rate between two nonces is a unit
exponential (Cox and Lewis 1966; Daley and Vere-Jones 2003, theorem 7.4.I). That is how they are made here:
unit exponential waits are passed through piece by piece, each of constant rate; within a piece a modulation
is made by thinning (Lewis and Shedler 1979).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simulators.twins.randomness import BLOCK, Column, Floats, Streams


class NonceProcess:
    """Candidates in the order of time. `count` is how many have been given out.

    `scale_waits(first, waits)` may lengthen or shorten the unit waits before the candidates from number
    `first` on: how a planted leak ties a time to what is hashed.
    """

    def __init__(self, streams: Streams, scale_waits: Callable[[int, Floats], Floats] | None = None) -> None:
        self._waits = Column(streams, "wait")
        self._scale_waits = scale_waits
        self._ends = np.empty(0)
        """Of the waits of this block, as hazard since its start."""
        self._next = 0
        self._passed = 0.0
        """Hazard since the start of the block."""
        self._drawn = 0
        self.count = 0

    def advance(self, start_s: float, rate_hz: float, end_s: float) -> Floats:
        """Times of the candidates in (start, end], at a constant rate."""
        found: list[Floats] = []
        at_s = start_s
        while True:
            if self._next == len(self._ends):
                self._refill()
            goal = self._passed + rate_hz * (end_s - at_s)
            if goal < self._ends[self._next]:
                self._passed = goal
                break
            stop = int(self._ends.searchsorted(goal, side="right"))
            times = at_s + (self._ends[self._next : stop] - self._passed) / rate_hz
            found.append(times)
            self.count += stop - self._next
            if stop < len(self._ends):
                self._passed, self._next = goal, stop
                break
            at_s = float(times[-1])
            self._passed, self._next = float(self._ends[-1]), stop
        if not found:
            return _NONE
        return np.minimum(found[0] if len(found) == 1 else np.concatenate(found), end_s)

    def next_s(self, at_s: float, rate_hz: float) -> float:
        """When the next candidate comes if the rate stays; infinity at rate 0."""
        if self._next == len(self._ends):
            self._refill()
        if rate_hz <= 0:
            return float("inf")
        return at_s + float(self._ends[self._next] - self._passed) / rate_hz

    def _refill(self) -> None:
        waits = self._waits.take(self._drawn, BLOCK)
        if self._scale_waits is not None:
            waits = self._scale_waits(self._drawn, waits)
        self._drawn += len(waits)
        self._ends = np.cumsum(waits)
        self._next, self._passed = 0, 0.0


_NONE = np.empty(0)
