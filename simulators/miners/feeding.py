"""How a firmware hands a pool's jobs to its chips: at once, at the next tick, or behind what is queued."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from simulators.miners.hasher import Hasher, Hit
from simulators.miners.jobs import PoolJob, deposited
from simulators.miners.reactor import Reactor, Timer
from simulators.miners.scaling import ShareScale
from simulators.miners.truth import Truth
from simulators.miners.work import NONCES, Work

_PER_VERSION = 16_384
"""Candidates of a version that firmware gives out work by work: more than of silicon, which at this scale has
a few hundred, since each new header costs an emulator its time."""
_NO_END = 1 << 40
_SLOTS = 16  # numbers that the chip tells works apart by


class Feed(Protocol):
    def job_came(self, job: PoolJob) -> None: ...

    def clear(self) -> None:
        """The connection is gone: nothing more is given out until a job comes."""

    def holds(self, hit: Hit) -> bool:
        """Whether the firmware still knows the work of a proof."""


WorkMaker = Callable[[PoolJob, int], Work]
"""Of a job and the first extranonce2."""


def esp_work(scale: ShareScale) -> WorkMaker:
    """One extranonce2, and all versions that the chip rolls: (job version | bits), as the BM1366 forms it."""
    per_version = max(1, round(NONCES / scale.hash_rate_scale))

    def make(job: PoolJob, extranonce2: int) -> Work:
        versions = _Versions(job.version, job.version_mask)
        return Work(job, extranonce2, 1, versions, per_version, scale.ticket_target, scale.proof)

    return make


def cgminer_work(scale: ShareScale, midstates: int) -> WorkMaker:
    """One extranonce2 after the other, with so many versions of each where they may be rolled."""

    def make(job: PoolJob, extranonce2: int) -> Work:
        versions = _Versions(job.version, job.version_mask).first(midstates)
        return Work(job, extranonce2, _NO_END, versions, _PER_VERSION, scale.ticket_target, scale.proof)

    return make


class _Versions(Sequence[int]):
    """A version with every pattern of a mask's bits, in order."""

    def __init__(self, version: int, mask: int) -> None:
        self._version = version
        self._mask = mask

    def __len__(self) -> int:
        return 1 << self._mask.bit_count()

    def __getitem__(self, number: int) -> int:  # type: ignore[override]  # nobody slices it
        return self._version | deposited(range(len(self))[number], self._mask)

    def first(self, count: int) -> list[int]:
        return [self[number] for number in range(min(count, len(self)))]


class _ChipFeed:
    """What all firmwares have in common: the chips, and a record of what they are given when.

    `pickup_s` is how long a new job takes to reach the chips.
    """

    def __init__(
        self, reactor: Reactor, hasher: Hasher, truth: Truth, make: WorkMaker, pickup_s: float
    ) -> None:
        self._reactor = reactor
        self._make = make
        self._pickup_s = pickup_s
        self._hasher = hasher
        self._truth = truth

    def holds(self, hit: Hit) -> bool:
        return True

    def _give(self, work: Work) -> None:
        now_ns = time.monotonic_ns()
        self._hasher.assign(work, now_ns)
        self._truth.noted("taken_up", now_ns, work.job.job_id)

    def _give_nothing(self) -> None:
        self._hasher.assign(None, time.monotonic_ns())


class _TickingFeed(_ChipFeed):
    """The ESP-Miners: the chip is given work at every tick, of one job with the next extranonce2."""

    def __init__(
        self, reactor: Reactor, hasher: Hasher, truth: Truth, make: WorkMaker, tick_s: float, pickup_s: float
    ) -> None:
        super().__init__(reactor, hasher, truth, make, pickup_s)
        self._tick_s = tick_s
        self._job: PoolJob | None = None
        self._extranonce2 = 0
        self._timer: Timer | None = None

    def clear(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._job = None
        self._give_nothing()


class TickedFeed(_TickingFeed):
    """ESP-Miner at HEAD (main/tasks/create_jobs_task.c): the chip gets the next extranonce2 at every tick; a
    clean job goes to it at once, and begins the ticks anew, any other waits for the tick."""

    def job_came(self, job: PoolJob) -> None:
        self._job, self._extranonce2 = job, 0
        if job.clean:
            self._at(self._pickup_s)
        elif self._timer is None:
            self._at(self._tick_s)

    def _at(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._reactor.after(seconds, self._tick)

    def _tick(self) -> None:
        if self._job is not None:
            self._give(self._make(self._job, self._extranonce2))
            self._extranonce2 += 1
            self._at(self._tick_s)


class QueuedFeed(_TickingFeed):
    """ESP-Miner at v2.1.8 (main/tasks/create_jobs_task.c, asic_task.c, stratum_task.c): jobs are made in
    advance and wait in a queue, from which the chip gets one at every tick, never between. A clean job
    empties the queue and makes the firmware forget what the chip is at: proofs are lost until the next tick.
    Any other job stands behind all that is queued."""

    def __init__(
        self,
        reactor: Reactor,
        hasher: Hasher,
        truth: Truth,
        make: WorkMaker,
        tick_s: float,
        pickup_s: float,
        depth: int,
    ) -> None:
        super().__init__(reactor, hasher, truth, make, tick_s, pickup_s)
        self._depth = depth
        self._waiting: deque[PoolJob] = deque(maxlen=depth)
        self._queue: deque[Work] = deque()
        self._known: deque[Work] = deque(maxlen=_SLOTS)
        """Works that proofs are taken of."""

    def job_came(self, job: PoolJob) -> None:
        if job.clean and self._queue:
            self._queue.clear()
            self._known.clear()
            self._waiting.clear()
            self._job = None
        self._waiting.append(job)
        self._fill()
        if self._timer is None:
            self._timer = self._reactor.after(self._pickup_s, self._tick)

    def clear(self) -> None:
        self._queue.clear()
        self._known.clear()
        self._waiting.clear()
        super().clear()

    def holds(self, hit: Hit) -> bool:
        return any(work is hit.work for work in self._known)

    def _fill(self) -> None:
        while len(self._queue) < self._depth:
            if self._waiting:
                self._job, self._extranonce2 = self._waiting.popleft(), 0
            if self._job is None:
                return
            self._queue.append(self._make(self._job, self._extranonce2))
            self._extranonce2 += 1

    def _tick(self) -> None:
        self._timer = self._reactor.after(self._tick_s, self._tick)
        if self._queue:
            work = self._queue.popleft()
            self._fill()
            self._known.append(work)
            self._give(work)


class FlowingFeed(_ChipFeed):
    """The cgminer family: the chips take work as they need it, of the newest job; it reaches them after a
    delay, in which they go on with the old one. Its proofs are sent, stale or not."""

    def __init__(
        self, reactor: Reactor, hasher: Hasher, truth: Truth, make: WorkMaker, pickup_s: float
    ) -> None:
        super().__init__(reactor, hasher, truth, make, pickup_s)
        self._work: Work | None = None
        self._since_ns = 0
        self._extranonce2 = 0
        self._timers: list[Timer] = []

    def job_came(self, job: PoolJob) -> None:
        self._timers = [timer for timer in self._timers if timer.due_ns > time.monotonic_ns()]
        self._timers.append(self._reactor.after(self._pickup_s, lambda: self._take_up(job)))

    def clear(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._work = None
        self._give_nothing()

    def _take_up(self, job: PoolJob) -> None:
        now_ns = time.monotonic_ns()
        if self._work is not None:  # its extranonce2 counts on, so that nothing is tested twice
            tested = (now_ns - self._since_ns) / 1e9 * self._hasher.rate
            self._extranonce2 += int(tested // self._work.per_extranonce2) + 2
        self._work, self._since_ns = self._make(job, self._extranonce2), now_ns
        self._give(self._work)
