"""A twin's own time: it goes on when the twin is read, and at no other moment."""

from __future__ import annotations

REALTIME_EPOCH_NS = 1_767_225_600_000_000_000
"""Wall time at the start of a twin: 2026-01-01 00:00:00 UTC. Its monotonic clock starts at 0."""


class VirtualClock:
    """Implements `Clock` of the seam. Wall time goes exactly as the monotonic one does."""

    def __init__(self) -> None:
        self._now_ns = 0

    def now_ns(self) -> int:
        return self._now_ns

    def realtime_ns(self) -> int:
        return REALTIME_EPOCH_NS + self._now_ns

    def advance_to(self, t_ns: int) -> None:
        """Never backwards: an earlier moment is left out."""
        self._now_ns = max(self._now_ns, t_ns)
