"""Mining for a pool, by its law: a miner on the network that takes coinbases and sends shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from firmware_protocols.device import Job, NonceBatch, Reason, Verdict, WorkForm
from simulators.models import DevicePhysics, Effects
from simulators.twins.arrivals import FAR_NS, Arrivals
from simulators.twins.boards import Board
from simulators.twins.confounds import Confounds, Delivery
from simulators.twins.mining import PickUp
from simulators.twins.modulation import Modulation
from simulators.twins.nonce_process import NonceProcess
from simulators.twins.randomness import CandidateColumns, Column, Floats, Streams
from simulators.twins.shares import Run, Shares
from simulators.twins.work import DriveMemory, WorkInHand

_FAR_S = 1e9
MOST_CANDIDATES_PER_S = 2e7
"""Whatever is planted, the rate goes no higher."""


class PoolMining:
    """Implements `Mining`: the Poisson process of `nonce_process`, its events synthetic."""

    def __init__(
        self,
        board: Board,
        physics: DevicePhysics,
        settings: Mapping[str, float],
        effects: Effects,
        confounds: Confounds,
    ) -> None:
        """`settings` are the device's, as they are at any time."""
        self._board = board
        self._physics = physics
        self._settings = settings
        self._effects = effects
        self._confounds = confounds
        late_s = effects.fingerprint(physics.variation)
        self._late_s = late_s - late_s.min() if effects.has_fingerprint else None
        """Of each core; nothing arrives before it is found."""

    def begin(self, streams: Streams, now_ns: int) -> None:
        columns = CandidateColumns(streams)
        self._origin_ns = now_ns
        self._work = WorkInHand(self._board.machine, self._board.version_mask)
        self._rate_hz: float | None = None
        """None: not known since the last look."""
        self._arrivals = Arrivals()
        self._found: list[Floats] = []
        """When candidates were found that have not been sent on: many at once cost little more than one."""
        self._runs: list[Run] = []
        """The jobs that they were found in."""
        self._sent_on = 0
        """How many candidates before them."""
        self._memory = DriveMemory(self._effects)
        self._pick_up = PickUp(self._confounds, streams)
        self._shares = Shares(self._board, columns)
        self._modulation = Modulation(self._effects, self._confounds, streams, columns)
        self._delivery = Delivery(self._confounds, streams, columns)
        leak = _leak(self._effects, streams) if self._effects.has_leak else None
        self._process = NonceProcess(streams, leak)

    @property
    def work_form(self) -> WorkForm:
        return WorkForm(coinbase=True, algorithm=self._board.machine.algorithm)

    @property
    def newest(self) -> Job | None:
        return self._work.newest

    def send(self, job: Job, now_ns: int) -> Job:
        return self._work.send(job, self._settings["difficulty"], now_ns, now_ns + self._pick_up.next_ns())

    @property
    def changes_ns(self) -> int:
        return self._work.changes_ns

    def turn_to_next_job(self, now_ns: int) -> None:
        held = self._work.change()
        self._memory.begin_step(held.job)

    def look(self, now_ns: int, since_s: float) -> None:
        self._memory.pass_time(since_s)
        self._rate_hz = None

    def _rate(self) -> float:
        """Of candidates, nonces a second at most, as things stood at the last look."""
        if self._rate_hz is None:
            held = self._work.current
            self._rate_hz = 0.0
            if held is not None:
                hashes_per_s = self._physics.hash_rate_ghs * 1e9 * self._memory.rate_factor
                rate_hz = hashes_per_s / held.hashes * self._modulation.most
                self._rate_hz = min(rate_hz, MOST_CANDIDATES_PER_S)
        return self._rate_hz

    def next_event_ns(self, now_ns: int) -> int:
        at_s = (now_ns - self._origin_ns) / 1e9
        next_s = self._process.next_s(at_s, self._rate())
        found_ns = FAR_NS if next_s - at_s > _FAR_S else self._origin_ns + int(next_s * 1e9) + 1
        # seconds as floats are coarser than ns after a while: a moment that is now would never pass
        return min(max(found_ns, now_ns + 1), self.next_arrival_ns)

    @property
    def next_arrival_ns(self) -> int:
        self._send_on()
        return self._arrivals.next_ns

    def has_on_the_way(self, count: int) -> bool:
        if self._arrivals.count + self._process.count - self._sent_on < count:
            return False
        self._send_on()
        return self._arrivals.count >= count

    def pass_time(self, start_ns: int, end_ns: int) -> None:
        held = self._work.current
        if held is None:
            return
        start_s, end_s = (start_ns - self._origin_ns) / 1e9, (end_ns - self._origin_ns) / 1e9
        found_s = self._process.advance(start_s, self._rate(), end_s)
        if not len(found_s):
            return
        self._found.append(found_s)
        if self._runs and self._runs[-1].held is held:
            self._runs.pop()
        self._runs.append(Run(held, self._process.count))

    def _send_on(self) -> None:
        """What was found goes on its way to the stamp."""
        if not self._found:
            return
        found_s = self._found[0] if len(self._found) == 1 else np.concatenate(self._found)
        runs, first = self._runs, self._sent_on
        self._found, self._runs, self._sent_on = [], [], self._process.count
        numbers = np.arange(first, self._sent_on)
        kept = self._modulation.kept(found_s, numbers, first)
        if kept is not None:
            found_s, numbers = found_s[kept], numbers[kept]
            if not len(numbers):
                return
        late_s = None
        if self._late_s is not None:
            late_s = self._late_s[self._shares.places(numbers, first)]
        arrived_s, arrives = self._delivery.deliver(found_s, numbers, first, late_s)
        if not arrives.all():
            arrived_s, numbers = arrived_s[arrives], numbers[arrives]
            if not len(numbers):
                return
        events = self._shares.of(runs, numbers, first)
        events["t_ns"] = self._delivery.stamp_ns(arrived_s) + self._origin_ns
        self._arrivals.add(np.rint(arrived_s * 1e9).astype(np.int64) + self._origin_ns, events)

    def take(self, now_ns: int, *, one_by_one: bool) -> NonceBatch:
        """What comes of an older job after a clean one is stale, as at a pool."""
        self._send_on()
        events = self._arrivals.take(now_ns, one_by_one=one_by_one)
        newest = self._work.newest
        if newest is not None and newest.clean and len(events):
            late = events["job"] != newest.number
            events["verdict"][late] = Verdict.STALE
            events["reason"][late] = Reason.CLEANED
        return events


def _leak(effects: Effects, streams: Streams) -> Callable[[int, Floats], Floats]:
    """Scales the wait before each candidate by the hash that it will have."""
    luck = Column(streams, "luck")  # the numbers that the shares' difficulties are made from, once more

    def scaled(first: int, waits: Floats) -> Floats:
        factors: Floats = effects.interval_factor(1.0 - luck.take(first, len(waits)))
        return waits * factors

    return scaled
