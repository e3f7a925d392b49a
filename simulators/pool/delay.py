"""One direction of a long line: what goes in comes out later, in the same order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from simulators.miners.reactor import Reactor, Timer


class DelayLine:
    """`delay_s` gives each message's own delay; none overtakes another."""

    def __init__(self, reactor: Reactor, delay_s: Callable[[], float], out: Callable[[bytes], None]) -> None:
        self._reactor = reactor
        self._delay_s = delay_s
        self._out = out
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._timer: Timer | None = None

    def put(self, data: bytes, further_s: float = 0.0) -> None:
        due_ns = time.monotonic_ns() + round((self._delay_s() + further_s) * 1e9)
        if self._waiting:
            due_ns = max(due_ns, self._waiting[-1][0])
        self._waiting.append((due_ns, data))
        if self._timer is None:
            self._due()

    def stop(self) -> None:
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _due(self) -> None:
        """Hand out what is due, and come back for the rest."""
        self._timer = None
        now_ns = time.monotonic_ns()
        while self._waiting and self._waiting[0][0] <= now_ns:
            self._out(self._waiting.popleft()[1])
        if self._waiting:
            self._timer = self._reactor.at(self._waiting[0][0], self._due)
