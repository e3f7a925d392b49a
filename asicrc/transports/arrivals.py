"""The bounded hand-over between a reader thread and the session."""

from __future__ import annotations

import threading
from collections import deque

from firmware_protocols.device import Clock, DeviceLost, WireChunk

MAX_WAITING_CHUNKS = 200_000
"""Reads that may wait for the session: 10 s of a saturated 3 Mbaud line with one frame in each read."""
MAX_WAITING_BYTES = 3_000_000
"""The same 10 s in bytes: a line that is none (a pty, a network) can bring as much in a moment."""


class Arrivals:
    """A queue that never drops: when it is full the line counts as lost, with that reason."""

    def __init__(self, clock: Clock, capacity: int = MAX_WAITING_CHUNKS) -> None:
        self._clock = clock
        self._capacity = capacity
        self._chunks: deque[WireChunk] = deque()
        self._waiting_bytes = 0
        self._ready = threading.Condition()
        self._lost: str | None = None

    def put(self, chunk: WireChunk) -> bool:
        """Hand a chunk over. False once the queue has overflowed: the reader should stop."""
        with self._ready:
            self._waiting_bytes += len(chunk.data)
            if len(self._chunks) >= self._capacity or self._waiting_bytes > MAX_WAITING_BYTES:
                self._lost = (
                    f"the reader queue overflowed with {len(self._chunks)} reads waiting: "
                    "the session cannot keep up with the line; ask for a higher difficulty"
                )
                self._ready.notify()
                return False
            self._chunks.append(chunk)
            self._ready.notify()
            return True

    def lose(self, reason: str) -> None:
        """The line is gone. What has arrived is still handed out first."""
        with self._ready:
            self._lost = self._lost or reason
            self._ready.notify()

    def take(self, until_ns: int) -> list[WireChunk]:
        """All that has arrived, waiting until `until_ns` for the first. Raises DeviceLost when gone."""
        with self._ready:
            while not self._chunks and self._lost is None:
                wait_ns = until_ns - self._clock.now_ns()
                if wait_ns <= 0:
                    return []
                self._ready.wait(wait_ns / 1e9)
            if self._chunks:
                taken = list(self._chunks)
                self._chunks.clear()
                self._waiting_bytes = 0
                return taken
            raise DeviceLost(self._lost or "")
