"""Events that have been found and are still on their way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmware_protocols.device import NonceBatch, empty_events, joined_events

FAR_NS = 1 << 62


class Arrivals:
    """In the order of arrival. Times are ns of the twin's clock."""

    def __init__(self) -> None:
        self.count = 0
        self._parts: list[tuple[NDArray[np.int64], NonceBatch]] = []

    @property
    def next_ns(self) -> int:
        """When the first of them arrives."""
        return int(self._parts[0][0][0]) if self._parts else FAR_NS

    def add(self, arrive_ns: NDArray[np.int64], events: NonceBatch) -> None:
        """Ascending, and not before those that were added before."""
        if len(events):
            self._parts.append((arrive_ns, events))
            self.count += len(events)

    def take(self, now_ns: int, *, one_by_one: bool) -> NonceBatch:
        """What has arrived; `one_by_one` only what came first, with all that came at the same moment."""
        if self.next_ns > now_ns:
            return _NO_EVENTS
        limit_ns = self.next_ns if one_by_one else now_ns
        arrived: list[NonceBatch] = []
        while self._parts and self.next_ns <= limit_ns:
            arrive_ns, events = self._parts.pop(0)
            count = int(arrive_ns.searchsorted(limit_ns, side="right"))
            arrived.append(events[:count])
            self.count -= count
            if count < len(events):
                self._parts.insert(0, (arrive_ns[count:], events[count:]))
        return arrived[0] if len(arrived) == 1 else joined_events(arrived)


_NO_EVENTS = empty_events()
