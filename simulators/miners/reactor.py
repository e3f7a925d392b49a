"""The one loop of an emulated miner: sockets and timers, each with a function to call."""

from __future__ import annotations

import heapq
import os
import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_LONGEST_WAIT_S = 0.5  # the death of the parent is noticed this soon


class HasFileno(Protocol):
    def fileno(self) -> int: ...


@dataclass(slots=True, eq=False)
class Timer:
    """A call at a moment of CLOCK_MONOTONIC."""

    due_ns: int
    call: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass(slots=True)
class Reactor:
    """Not for several threads; another one may write to the pipe whose end `woken` is, to end a wait."""

    woken: int
    on_wake: Callable[[], None] = lambda: None
    ended: str | None = None
    """Why the loop ends, once it does."""
    # select and not epoll: its waits are exact to microseconds, and stdin may be anything at all
    _selector: selectors.BaseSelector = field(default_factory=selectors.SelectSelector)
    _timers: list[tuple[int, int, Timer]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)

    def watch(self, what: int | HasFileno, events: int, call: Callable[[int], None]) -> None:
        """Call with the events that came, from now on; a second time changes what was asked for."""
        try:
            self._selector.modify(what, events, call)
        except KeyError:
            self._selector.register(what, events, call)

    def forget(self, what: int | HasFileno) -> None:
        """Also for what is not watched."""
        if what in self._selector.get_map():
            self._selector.unregister(what)

    def at(self, due_ns: int, call: Callable[[], None]) -> Timer:
        timer = Timer(due_ns, call)
        heapq.heappush(self._timers, (due_ns, next(self._order), timer))
        return timer

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        return self.at(time.monotonic_ns() + round(seconds * 1e9), call)

    def end(self, reason: str) -> None:
        """End the loop; the first reason counts."""
        self.ended = self.ended or reason

    def run(self) -> str:
        """Serve until something ends it: stdin, the death of the parent, or a call of `end`."""
        parent = os.getppid()
        self.watch(0, READ, lambda _: self._hear_stdin())
        self.watch(self.woken, READ, lambda _: self._hear_pipe())
        while self.ended is None:
            for key, events in self._selector.select(self._wait_s()):
                if key.fd in self._selector.get_map():  # not closed by a call before it
                    key.data(events)
            self._call_due()
            if os.getppid() != parent:
                self.end("parent")
        return self.ended

    def _wait_s(self) -> float:
        if not self._timers:
            return _LONGEST_WAIT_S
        return min(max(0.0, (self._timers[0][0] - time.monotonic_ns()) / 1e9), _LONGEST_WAIT_S)

    def _call_due(self) -> None:
        now_ns = time.monotonic_ns()
        while self._timers and self._timers[0][0] <= now_ns and self.ended is None:
            timer = heapq.heappop(self._timers)[2]
            if not timer.cancelled:
                timer.call()

    def _hear_stdin(self) -> None:
        if not os.read(0, 4096):
            self.end("stdin")

    def _hear_pipe(self) -> None:
        os.read(self.woken, 4096)
        self.on_wake()
