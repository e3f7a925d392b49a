"""The thread that hashes: candidates in the order and at the rate of the device, a little ahead of time."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.miners.scaling import Proof
from simulators.miners.work import SCANS, Found, Work

LOOKAHEAD_NS = 100_000_000
"""How far ahead of real time it hashes. A change of the rate takes this long to show."""
_SLICE_NS = 10_000_000
_BEHIND_NS = 300_000_000
"""A thread that is later than this leaves the time out, and counts it."""


@dataclass(slots=True, eq=False)
class Spell:
    """A time in which the chips did one work. `end_ns` is set when they are given another."""

    work: Work | None
    start_ns: int
    end_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A proof that a chip reports, at `due_ns` (CLOCK_MONOTONIC)."""

    due_ns: int
    spell: Spell
    work: Work
    found: Found


@dataclass(slots=True)
class HashCount:
    hashes: int = 0
    """Tested, up to the lookahead; without what was tested ahead and turned out not to be wanted."""
    abandoned_ns: int = 0
    """Time of which nothing was hashed because this machine was too slow."""


class Hasher(threading.Thread):
    """`hits` are taken from by another thread, which `ring` wakes when there are new ones.

    Candidates come due in steps of 1 / rate seconds, from the moment a work is assigned.
    """

    def __init__(self, proof: Proof, ring: Callable[[], None]) -> None:
        super().__init__(daemon=True, name="hasher")
        self.ready = threading.Event()
        self.failure: BaseException | None = None
        self.hits: deque[Hit] = deque()
        self.count = HashCount()
        self._proof = proof
        self._ring = ring
        self._state = _State()
        self._change = threading.Condition()
        self._stopping = False

    def assign(self, work: Work | None, at_ns: int) -> Spell:
        """Give the chips another work; what they would have found of the old one from then on is void."""
        with self._change:
            self.count.hashes -= self._state.beyond(at_ns)
            self._state.spell.end_ns = at_ns
            self._state.spell = Spell(work, at_ns)
            self._state.place = 0.0
            self._state.horizon_ns = at_ns
            self._change.notify()
            return self._state.spell

    def set_rate(self, hashes_per_s: float) -> None:
        """From the horizon on, `LOOKAHEAD_NS` from now."""
        with self._change:
            self._state.rate = hashes_per_s
            self._change.notify()

    @property
    def rate(self) -> float:
        return self._state.rate

    def stop(self) -> None:
        with self._change:
            self._stopping = True
            self._change.notify()
        self.join(1.0)

    def run(self) -> None:
        try:
            scan = SCANS[self._proof]()
            self.ready.set()
            self._ring()
            while (piece := self._next_slice()) is not None:
                work = piece.spell.work
                if work is None:
                    continue
                for found in work.scan(piece.first, piece.count, scan):
                    due_ns = piece.start_ns + round((found.place - piece.start_place) / piece.rate * 1e9)
                    self.hits.append(Hit(due_ns, piece.spell, work, found))
                self.count.hashes += piece.count
                self._ring()
        except BaseException as error:
            self.failure = error
            self._ring()

    def _next_slice(self) -> _Slice | None:
        """Wait until there is something to hash; None when the thread is to end."""
        with self._change:
            while not self._stopping:
                now_ns = time.monotonic_ns()
                state = self._state
                ahead_ns = state.horizon_ns - now_ns
                if state.spell.work is None or state.rate <= 0:
                    state.horizon_ns = max(state.horizon_ns, now_ns)
                    self._change.wait(_SLICE_NS / 1e9 if state.spell.work else None)
                elif ahead_ns > LOOKAHEAD_NS - _SLICE_NS:
                    self._change.wait((ahead_ns - LOOKAHEAD_NS + _SLICE_NS) / 1e9)
                else:
                    if ahead_ns < -_BEHIND_NS:
                        self.count.abandoned_ns -= ahead_ns
                        state.place += -ahead_ns / 1e9 * state.rate
                        state.horizon_ns = now_ns
                    return state.advance()
        return None


@dataclass(frozen=True, slots=True)
class _Slice:
    spell: Spell
    start_ns: int
    start_place: float
    rate: float
    first: int
    count: int


@dataclass(slots=True)
class _State:
    spell: Spell = field(default_factory=lambda: Spell(None, 0))
    horizon_ns: int = 0
    place: float = 0.0
    """Of the next candidate, at the horizon."""
    rate: float = 0.0

    @property
    def size(self) -> int:
        return self.spell.work.size if self.spell.work else 0

    def advance(self) -> _Slice:
        begin, first = self.place, self._whole(self.place)
        self.place += _SLICE_NS / 1e9 * self.rate
        start_ns = self.horizon_ns
        self.horizon_ns += _SLICE_NS
        return _Slice(self.spell, start_ns, begin, self.rate, first, self._whole(self.place) - first)

    def beyond(self, at_ns: int) -> int:
        """Candidates between a moment and the horizon, at the present rate."""
        ahead_s = max(0, self.horizon_ns - at_ns) / 1e9
        return self._whole(self.place) - self._whole(max(0.0, self.place - ahead_s * self.rate))

    def _whole(self, place: float) -> int:
        """The first candidate at this place or after it."""
        return min(-int(-place // 1), self.size)
