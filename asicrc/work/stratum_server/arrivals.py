"""The bounded hand-over between the receiver's thread and the session."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from asicrc.work.stratum_server.rows import unpacked
from firmware_protocols.device import (
    Batch,
    Clock,
    DeviceLost,
    Job,
    NonceBatch,
    SegmentStart,
    empty_events,
)

if TYPE_CHECKING:
    from asicrc.work.stratum_server.miner import MinerConnection

MOST_WAITING = 200_000
"""Shares that may wait for the session, some 20 MB."""


@dataclass(slots=True)
class Arrived:
    """What came since the last `take`. With a `segment` all of it belongs to the new one.

    `jobs` are those that the server sent by itself, to miners that came between two dispatches.
    """

    events: NonceBatch = field(default_factory=empty_events)
    jobs: list[Job] = field(default_factory=list)
    came: list[MinerConnection] = field(default_factory=list)
    went: list[MinerConnection] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    segment: SegmentStart | None = None

    def as_batch(self) -> Batch:
        """The same for the session."""
        return Batch(nonces=self.events, jobs=self.jobs, log=self.log, meta=self.meta, segment=self.segment)


@dataclass(slots=True)
class Gathered:
    """An `Arrived` that is being filled."""

    rows: list[bytes] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    came: list[MinerConnection] = field(default_factory=list)
    went: list[MinerConnection] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    segment: SegmentStart | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.rows or self.jobs or self.came or self.went or self.log or self.segment)

    def add(self, later: Gathered) -> None:
        self.rows += later.rows
        self.jobs += later.jobs
        self.came += later.came
        self.went += later.went
        self.log += later.log

    def arrived(self) -> Arrived:
        events = unpacked(self.rows) if self.rows else empty_events()
        return Arrived(events, self.jobs, self.came, self.went, self.log, segment=self.segment)


class ArrivalQueue:
    """Never drops: when it is full the server counts as lost, with that reason."""

    def __init__(self, clock: Clock, capacity: int = MOST_WAITING) -> None:
        self._clock = clock
        self._capacity = capacity
        self._waiting: deque[Gathered] = deque()
        self._rows = 0
        self._ready = threading.Condition()
        self._lost: BaseException | None = None

    def put(self, gathered: Gathered) -> None:
        """Hand over what was gathered; what begins a segment is kept apart from what came before."""
        with self._ready:
            self._rows += len(gathered.rows)
            if self._waiting and gathered.segment is None:
                self._waiting[-1].add(gathered)
            else:
                self._waiting.append(gathered)
            if self._rows > self._capacity and self._lost is None:
                self._lost = DeviceLost(
                    f"{self._rows} shares wait for the session, which cannot keep up: "
                    "ask for a higher difficulty"
                )
            self._ready.notify()

    def lose(self, error: BaseException) -> None:
        """Nothing more will come. What has arrived is still handed out first."""
        with self._ready:
            self._lost = self._lost or error
            self._ready.notify()

    def take(self, until_ns: int) -> Arrived:
        """What has arrived up to the next segment; waits until `until_ns` for the first. Raises the loss."""
        with self._ready:
            while not self._waiting and self._lost is None:
                wait_ns = until_ns - self._clock.now_ns()
                if wait_ns <= 0:
                    return Arrived()
                self._ready.wait(wait_ns / 1e9)
            if not self._waiting and self._lost is not None:
                raise self._lost
            gathered = self._waiting.popleft()
            self._rows -= len(gathered.rows)
        return gathered.arrived()
