"""Which pool to try and which to mine for: the first that works, and back to a better one when it does."""

from __future__ import annotations

from dataclasses import dataclass

from asicrc.work.proxy.limits import ProxyLimits


@dataclass(slots=True)
class _Standing:
    tried_since_ns: int | None = None
    """While it is tried, or works."""
    ready_since_ns: int | None = None
    not_before_ns: int | None = None
    failures: int = 0
    has_failed: bool = False
    """Since it worked for the last time."""


class FailOver:
    """Knows pools by their place, 0 the preferred one. No clock of its own, no connection."""

    def __init__(self, pools: int, limits: ProxyLimits) -> None:
        self.active: int | None = None
        self._pools = [_Standing() for _ in range(pools)]
        self._limits = limits

    def to_try(self, now_ns: int) -> list[int]:
        """Those that should be connected to now: better ones than the active, each after those before it."""
        wanted: list[int] = []
        for place, pool in enumerate(self._pools):
            if self.active is not None and place >= self.active:
                break
            due = pool.not_before_ns is None or now_ns >= pool.not_before_ns
            if pool.tried_since_ns is None and due:
                wanted.append(place)
            if not (pool.has_failed or self._is_slow(pool, now_ns)):
                break
        return wanted

    def trying(self, place: int, now_ns: int) -> None:
        self._pools[place].tried_since_ns = now_ns

    def works(self, place: int, now_ns: int) -> None:
        """It has sent a job that can be worked on."""
        pool = self._pools[place]
        if pool.ready_since_ns is None:
            pool.ready_since_ns, pool.has_failed = now_ns, False

    def failed(self, place: int, now_ns: int, *, wait_s: float | None = None) -> float:
        """It is not to be had, or was left. Returns for how long it is not tried, s."""
        limits, pool = self._limits, self._pools[place]
        since_ns = pool.ready_since_ns
        if since_ns is not None and now_ns - since_ns >= limits.steady_s * 1e9:
            pool.failures = 0
        pool.failures += 1
        if wait_s is None:
            wait_s = min(limits.retry_s * 2.0 ** min(pool.failures - 1, 30), limits.longest_retry_s)
        pool.not_before_ns = now_ns + round(wait_s * 1e9)
        pool.tried_since_ns = pool.ready_since_ns = None
        pool.has_failed = True
        if self.active == place:
            self.active = None
        return wait_s

    def retired(self, place: int) -> None:
        """It was left for a better one, through no fault of its own."""
        pool = self._pools[place]
        pool.tried_since_ns = pool.ready_since_ns = pool.not_before_ns = None
        pool.has_failed = False

    def choice(self, now_ns: int) -> int | None:
        """The pool to mine for: the best one that works, but a better one than now only once it is steady."""
        for place, pool in enumerate(self._pools):
            if place == self.active:
                return place
            if pool.ready_since_ns is None:
                continue
            if self.active is None or now_ns - pool.ready_since_ns >= self._limits.return_after_s * 1e9:
                return place
        return None

    def is_ready(self, place: int) -> bool:
        return self._pools[place].ready_since_ns is not None

    def _is_slow(self, pool: _Standing, now_ns: int) -> bool:
        return (
            pool.ready_since_ns is None
            and pool.tried_since_ns is not None
            and now_ns - pool.tried_since_ns > self._limits.patience_s * 1e9
        )
