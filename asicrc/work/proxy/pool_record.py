"""What the proxy keeps of a pool over all connections to it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from asicrc.work.proxy.measures import SAMPLES_KEPT, milliseconds
from asicrc.work.proxy.pools import Pool

if TYPE_CHECKING:
    from asicrc.work.proxy.upstream import UpstreamLink


class PoolRecord:
    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.connections = 0
        self.failures = 0
        self.last_problem: str | None = None
        self.jobs = 0
        self.coalesced = 0
        """Jobs that were not sent on, because a newer one came so soon."""
        self._connect_ns: deque[int] = deque(maxlen=SAMPLES_KEPT)
        self._answer_ns: deque[int] = deque(maxlen=SAMPLES_KEPT)
        self._link: UpstreamLink | None = None

    def connected(self, link: UpstreamLink) -> None:
        self.connections += 1
        self._connect_ns.append(link.connect_ns)
        self._link = link

    def ended(self, link: UpstreamLink, reason: str) -> None:
        self.last_problem = reason
        self._answer_ns.extend(link.answer_ns)
        if self._link is link:
            self._link = None

    def as_json(self) -> dict[str, Any]:
        answers = self._answer_ns.copy()
        if self._link is not None:
            answers.extend(self._link.answer_ns)
        return {
            "pool": self.pool.name,
            "connected": self._link is not None,
            "connections": self.connections,
            "failures": self.failures,
            "last_problem": self.last_problem,
            "jobs": self.jobs,
            "coalesced": self.coalesced,
            "connect_ms": milliseconds(self._connect_ns),
            "answer_ms": milliseconds(answers),
        }
