"""Frames that wait for their moment, shared by the thread that mines and the one that sends."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count

END_OF_TIME_NS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Bytes for the host. `proofs` are the (nonce, version) pairs in them, none for a register response."""

    due_ns: int
    """When the chip has it."""
    offered_ns: int
    """When it can be put on the line: later than due when it was found too late."""
    data: bytes
    proofs: tuple[tuple[int, int], ...] = ()
    paced: bool = True
    """Whether the line takes its time over it; a flood's frames go out at once."""
    stretch: Stretch | None = None
    fault: str = ""
    """What went wrong with its proof; one that is lost has no bytes."""
    found: tuple[int, int] | None = None
    """The nonce and version that the chip had found, where others are sent."""


@dataclass(slots=True, eq=False)
class Stretch:
    """A time in which the chain worked under one job and one setting; it ends when either changes."""

    end_ns: int = END_OF_TIME_NS


@dataclass(slots=True)
class Outbox:
    """A queue by due time. `wake` is called, from any thread, when what is due next has changed."""

    wake: Callable[[], None]
    _heap: list[tuple[int, int, Outgoing]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, items: Iterable[Outgoing]) -> int:
        """Queue frames, but for those due after their stretch has ended; return how many were queued."""
        with self._lock:
            first = self._heap[0][0] if self._heap else END_OF_TIME_NS
            taken = [item for item in items if item.stretch is None or item.due_ns < item.stretch.end_ns]
            for item in taken:
                heapq.heappush(self._heap, (item.due_ns, next(self._order), item))
            sooner = bool(self._heap) and self._heap[0][0] < first
        if sooner:
            self.wake()
        return len(taken)

    def end(self, stretch: Stretch, at_ns: int) -> None:
        """End a stretch: what it would have found from `at_ns` on is never sent."""
        with self._lock:
            stretch.end_ns = at_ns
            kept = [entry for entry in self._heap if entry[2].stretch is not stretch or entry[0] < at_ns]
            heapq.heapify(kept)
            self._heap = kept

    def head(self) -> Outgoing | None:
        """What is due next."""
        heap = self._heap
        return heap[0][2] if heap else None

    def take(self, item: Outgoing) -> bool:
        """Remove `item` if it is still next, and say whether it was."""
        with self._lock:
            if not self._heap or self._heap[0][2] is not item:
                return False
            heapq.heappop(self._heap)
            return True

    def __len__(self) -> int:
        return len(self._heap)
