"""Where a publisher stands with those who gather its rows: what has been sent, and what each of them has."""

from __future__ import annotations

from dataclasses import dataclass, field

from asicrc.telemetry.mqtt.messages import Acknowledgement
from asicrc.telemetry.mqtt.outbox import Cursors
from asicrc.telemetry.mqtt.rows import ADDED
from firmware_protocols.device import Clock

SILENT_NS = 60 * 10**9
"""A collector not heard of for so long is not waited for any more; it acknowledges every few seconds."""
STUCK_NS = 5 * 10**9
"""Without progress for so long what is not acknowledged is sent again."""
GO_BACK_NS = 2 * 10**9
"""Between two times that what a collector misses is sent again at its word."""
MOST_COLLECTORS = 8
WINDOW_ROWS = 20_000
"""Rows sent beyond those that the slowest collector has."""


@dataclass(slots=True)
class _Collector:
    committed: Cursors
    session: str | None
    change: int
    sealed: str | None
    trouble: str | None
    heard_ns: int
    progress_ns: int


@dataclass(slots=True)
class Sending:
    """Positions in the file, and in the changes of this session. No I/O; the clock is the caller's."""

    clock: Clock
    session: str
    sent: Cursors = field(default_factory=lambda: dict.fromkeys(ADDED))
    change: int = 0
    _collectors: dict[str, _Collector] = field(default_factory=dict)
    _went_back_ns: int = 0

    @property
    def has_collector(self) -> bool:
        return bool(self._active())

    @property
    def trouble(self) -> str | None:
        return next((c.trouble for c in self._active() if c.trouble), None)

    def new_session(self, session: str) -> None:
        """All changes are to be sent again, under new numbers."""
        self.session, self.change = session, 0
        for collector in self._active():
            collector.change, collector.trouble = 0, None

    def connection_lost(self) -> None:
        """Nobody is known to be there until heard again."""
        self._collectors.clear()

    def hear(self, name: str, said: Acknowledgement) -> None:
        """Take an acknowledgement up, and go back where it says that something is missing."""
        now = self.clock.now_ns()
        before = self._collectors.get(name)
        if before is None and len(self._collectors) >= MOST_COLLECTORS:
            return
        committed = {table: said.committed.get(table) for table in ADDED}
        change = said.change if said.session == self.session else 0
        moved = before is None or (committed, change) != (before.committed, before.change)
        self._collectors[name] = _Collector(
            committed,
            said.session,
            change,
            said.sealed,
            said.trouble if said.session in (self.session, None) else None,
            now,
            now if moved or before is None else before.progress_ns,
        )
        if before is None:
            # Whoever is new may have less than was sent, and one that comes back more than we remember.
            self._go_to_base(now)
        elif _behind(committed, before.committed) or (said.missing and now - self._went_back_ns > GO_BACK_NS):
            self._go_to_base(now)

    def tick(self) -> None:
        """Go back where the slowest has not moved for a while: something was lost on the way."""
        now = self.clock.now_ns()
        for name in [n for n, c in self._collectors.items() if now - c.heard_ns > SILENT_NS]:
            del self._collectors[name]
        active = self._active()
        if not active or self._is_all_there(active):
            return
        newest = max(max(c.progress_ns for c in active), self._went_back_ns)
        if now - newest > STUCK_NS:
            self._go_to_base(now)

    def has_room(self) -> bool:
        """Whether more may be sent before somebody acknowledges."""
        active = self._active()
        if not active:
            return True
        base = _base(active)
        return all(_position(self.sent[t]) - _position(base[t]) < WINDOW_ROWS for t in ADDED)

    def acknowledged_change(self) -> int:
        """Up to which everybody has the changes; all that were sent where nobody gathers."""
        active = self._active()
        return min((c.change for c in active), default=self.change)

    def collected(self, table: str) -> int | None:
        """The last row of a table that every collector has; None without a collector, or before a first."""
        active = self._active()
        return _base(active)[table] if active else None

    def is_all_there(self) -> bool:
        """Whether every collector has all that was sent."""
        return self._is_all_there(self._active())

    def sealed_by_all(self, digest: str) -> bool:
        active = self._active()
        return bool(active) and all(c.sealed == digest for c in active)

    def _active(self) -> list[_Collector]:
        return list(self._collectors.values())

    def _is_all_there(self, active: list[_Collector]) -> bool:
        return _base(active) == self.sent and all(c.change >= self.change for c in active)

    def _go_to_base(self, now: int) -> None:
        active = self._active()
        self.sent = _base(active)
        self.change = min(c.change for c in active)
        self._went_back_ns = now


def _base(active: list[_Collector]) -> Cursors:
    base: Cursors = {}
    for table in ADDED:
        rows = [c.committed[table] for c in active]
        known = [row for row in rows if row is not None]
        base[table] = None if len(known) < len(rows) else min(known)
    return base


def _behind(now: Cursors, before: Cursors) -> bool:
    return any(_position(now[table]) < _position(before[table]) for table in ADDED)


def _position(row: int | None) -> int:
    return -1 if row is None else row
