"""Between one thread that looks at the capture and those that talk to browsers.

Only the newest snapshot is kept: whoever is slow misses some, and nobody waits for him.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class TooMany(Exception):
    """As many are watching as may."""


class Hub:
    """All methods may be called from any thread."""

    def __init__(self, most_watchers: int) -> None:
        self._most = most_watchers
        self._changed = threading.Condition()
        self._watchers = 0
        self._number = 0
        self._newest: bytes | None = None
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    @property
    def watchers(self) -> int:
        return self._watchers

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Raises TooMany."""
        with self._changed:
            if self._watchers >= self._most:
                raise TooMany
            self._watchers += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._watchers -= 1
                if not self._watchers:
                    self._newest = None  # it would be old by the time that somebody looks again
                self._changed.notify_all()

    def newer(self, number: int, wait_s: float) -> tuple[int, bytes] | None:
        """A snapshot with a higher number than the one that was seen last; None if none comes in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._has_newer(number), wait_s)
            if self._newest is None or not self._has_newer(number):
                return None
            return self._number, self._newest

    def publish(self, snapshot: bytes) -> None:
        with self._changed:
            if snapshot == self._newest:
                return
            self._number += 1
            self._newest = snapshot
            self._changed.notify_all()

    def wait_for_watchers(self) -> bool:
        """Return once somebody watches; False when it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._watchers > 0)
            return not self._is_closed

    def pause(self, seconds: float) -> None:
        """Ends early where it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed, seconds)

    def close(self, wait_s: float = 0.0) -> None:
        """Everybody who waits is told; those who watch have so long to leave."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._watchers, wait_s)

    def _has_newer(self, number: int) -> bool:
        return self._newest is not None and self._number > number
