"""A twin as a device: implements `DeviceProtocol` on a virtual clock, without hashing.

Time goes on inside `read` alone. It is passed through in pieces of constant rate, which end where the physics
is looked at again, where the chips turn to another job, and at the moment asked for; what is found in a piece
goes through the confounds and waits until its stamp has come. Nothing depends on how time is cut into reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_protocols.device import (
    Batch,
    Capability,
    Clock,
    DeviceIdentity,
    JitterFloor,
    Job,
    NonceBatch,
    Reading,
    Reason,
    Setting,
    SettingRefused,
    Verdict,
    WorkForm,
    empty_events,
)
from simulators.twins.boards import Board
from simulators.twins.clock import VirtualClock
from simulators.twins.confounds import Confounds, Delivery
from simulators.twins.nonce_process import NonceProcess
from simulators.twins.randomness import CandidateColumns, Streams, point_seed
from simulators.twins.work import WorkInHand, shares_of

TICK_NS = 100_000_000
"""How often the physics is looked at."""
READING_NS = 1_000_000_000
"""How often the device reports of itself."""
SETTABLE = ("frequency_mhz", "voltage_mv", "fan_percent", "difficulty")


class TwinDevice:
    """Made by `simulators.twins.opening.open_twin` and the functions of `simulators.twins.named`."""

    def __init__(
        self,
        board: Board,
        identity: DeviceIdentity,
        *,
        seed: int,
        confounds: Confounds,
        rate_ghs: Callable[[Mapping[str, float]], float],
    ) -> None:
        self.identity = identity
        self._board = board
        self._seed = seed
        self._confounds = confounds
        self._rate_ghs = rate_ghs
        self._clock = VirtualClock()
        self._settings = {name: held.usual for name, held in board.settings.items()}
        self._work = WorkInHand(board)
        self._seq = 0
        self._begin(())

    @property
    def capabilities(self) -> dict[str, Capability]:
        settable = {
            name: Capability.LIVE if name in self._board.settings else Capability.NONE for name in SETTABLE
        }
        return settable | {"hash_counting_number": Capability.NONE, "work": Capability.LIVE}

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def limits(self) -> dict[str, Any]:
        return {"limits": self._board.limits(), "beyond_built_in": {}}

    @property
    def stamps(self) -> dict[str, str]:
        return {
            "t_ns": "virtual clock of the twin, from 0",
            "stamped": "where a host would read, after the delays that the twin was asked for",
        }

    @property
    def job_interval_s(self) -> float:
        return self._board.job_interval_s

    @property
    def work_form(self) -> WorkForm:
        return WorkForm(coinbase=True, algorithm=self._board.algorithm)

    def check(self, requested: dict[str, float]) -> None:
        whose = f"a {self.identity.model}"
        for name, value in requested.items():
            held = self._board.settings.get(name)
            if held is None:
                raise SettingRefused(
                    f"{whose} has no setting {name}; it has {', '.join(sorted(self._board.settings))}"
                )
            held.check(name, value, whose)

    def originals(self) -> list[Setting]:
        now_ns = self._clock.now_ns()
        return [Setting(now_ns, name, None, value, "original") for name, value in self._originals().items()]

    def adopt_originals(self, settings: list[Setting]) -> None:
        """A twin of a killed session is gone with it; another one is at its usual settings already."""

    def configure(self, requested: dict[str, float]) -> list[Setting]:
        self.check(requested)
        self._settings.update(requested)
        self._look()
        now_ns = self._clock.now_ns()
        return [Setting(now_ns, name, value, self._settings[name]) for name, value in requested.items()]

    def begin_point(self, key: tuple[int, ...]) -> None:
        """State and randomness from here on depend on the twin's seed, the key and what is set and sent."""
        if any(part < 0 for part in key):
            raise ValueError(f"the key of a point is of whole numbers from 0 on, not {key}")
        self._begin(key)

    def jitter_floor(self) -> JitterFloor | None:
        return None

    def send(self, job: Job) -> list[Job]:
        now_ns = self._clock.now_ns()
        pick_up_ns = round(self._confounds.pick_up_s * 1e9)
        sent = self._work.send(job, self._settings["difficulty"], now_ns, now_ns + pick_up_ns)
        self._work.change(now_ns)
        self._look()
        return [sent]

    def read(self, until_ns: int) -> Batch:
        """With a clean job out it returns at the first event, for a handshake; else at `until_ns`."""
        readings: list[Reading] = []
        one_by_one = self._work.newest is not None and self._work.newest.clean
        while (now_ns := self._clock.now_ns()) < until_ns:
            end_ns = min(until_ns, self._tick_ns, self._work.changes_ns or until_ns)
            if one_by_one:
                if self._waits.next_ns <= now_ns:
                    break
                end_ns = min(end_ns, self._waits.next_ns, self._next_found_ns())
            self._pass(now_ns, end_ns)
            self._clock.advance_to(end_ns)
            if end_ns == self._tick_ns:
                self._tick_ns += TICK_NS
                readings += self._tick()
            if self._work.changes_ns is not None and self._work.changes_ns <= end_ns:
                self._work.change(end_ns)
                self._look()
        events = self._waits.due(self._clock.now_ns(), one_by_one=one_by_one)
        return Batch(nonces=self._stated(events), readings=readings)

    def judged(self, events: NonceBatch) -> None:
        """Nobody waits for an answer."""

    def restore(self) -> list[Setting]:
        return self._go_to(self._originals(), "restored")

    def make_safe(self) -> list[Setting]:
        safe = {name: held.low for name, held in self._board.settings.items() if name != "difficulty"}
        if "fan_percent" in safe:
            safe["fan_percent"] = self._board.settings["fan_percent"].high
        return self._go_to(safe, "made_safe")

    def wire_counters(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        """Nothing is held."""

    def _begin(self, key: tuple[int, ...]) -> None:
        streams = Streams(point_seed(self._seed, key))
        self._origin_ns = self._clock.now_ns()
        self._columns = CandidateColumns(streams)
        self._found = NonceProcess(streams)
        self._delivery = Delivery(self._confounds, streams, self._columns)
        self._waits = _OnTheWay()
        self._tick_ns = self._origin_ns + TICK_NS
        self._reading_ns = self._origin_ns
        self._look()

    def _originals(self) -> dict[str, float]:
        return {name: held.usual for name, held in self._board.settings.items()}

    def _go_to(self, goal: dict[str, float], kind: str) -> list[Setting]:
        self._settings.update(goal)
        self._look()
        now_ns = self._clock.now_ns()
        return [Setting(now_ns, name, value, self._settings[name], kind) for name, value in goal.items()]

    def _look(self) -> None:
        """The rate from now on."""
        held = self._work.current
        self._rate_hz = 0.0
        if held is not None:
            hashes = self._rate_ghs(self._settings) * 1e9
            self._rate_hz = hashes / (held.difficulty * 2.0**32)

    def _tick(self) -> list[Reading]:
        now_ns = self._clock.now_ns()
        self._look()
        if now_ns < self._reading_ns:
            return []
        self._reading_ns = now_ns + READING_NS
        return [Reading(now_ns, "hash_rate_ghs", self._rate_ghs(self._settings))]

    def _next_found_ns(self) -> int:
        at_s = (self._clock.now_ns() - self._origin_ns) / 1e9
        next_s = self._found.next_s(at_s, self._rate_hz)
        return _FAR_NS if next_s > 1e9 else self._origin_ns + int(next_s * 1e9) + 1

    def _pass(self, start_ns: int, end_ns: int) -> None:
        """Let the time up to `end_ns` go by at the present rate."""
        first = self._found.count
        start_s, end_s = (start_ns - self._origin_ns) / 1e9, (end_ns - self._origin_ns) / 1e9
        times = self._found.advance(start_s, self._rate_hz, end_s)
        held = self._work.current
        if not len(times) or held is None:
            return
        numbers = np.arange(first, self._found.count)
        arrived, keep = self._delivery.deliver(times, numbers, first)
        arrived, numbers = arrived[keep], numbers[keep]
        if len(numbers):
            events = shares_of(held, self._columns, numbers, first, 0.0)
            events["t_ns"] = self._delivery.stamp_ns(arrived) + self._origin_ns
            due_ns = np.rint(arrived * 1e9).astype(np.int64) + self._origin_ns
            self._waits.add(due_ns, events)

    def _stated(self, events: NonceBatch) -> NonceBatch:
        """What is known only when they have come: numbers, the newest job, how many came at once."""
        if not len(events):
            return events
        newest = self._work.newest
        events["seq"] = np.arange(self._seq, self._seq + len(events))
        self._seq += len(events)
        if newest is not None:
            events["t_sent_ns"] = newest.sent_ns
            if newest.clean:
                late = (events["job"] != newest.number) & (events["verdict"] == Verdict.VALID)
                events["verdict"][late] = Verdict.STALE
                events["reason"][late] = Reason.CLEANED
        events["n_in_read"] = np.minimum(_run_lengths(events["t_ns"]), 0xFFFF)
        return events


class _OnTheWay:
    """Events that have been found and not yet arrived, in the order of arrival."""

    def __init__(self) -> None:
        self._parts: list[tuple[NDArray[np.int64], NonceBatch]] = []

    @property
    def next_ns(self) -> int:
        """When the next one arrives."""
        return int(self._parts[0][0][0]) if self._parts else _FAR_NS

    def add(self, due_ns: NDArray[np.int64], events: NonceBatch) -> None:
        if len(events):
            self._parts.append((due_ns, events))

    def due(self, now_ns: int, *, one_by_one: bool) -> NonceBatch:
        """Take what has arrived; `one_by_one` only what came first, and all that came at the same moment."""
        if self.next_ns > now_ns:
            return _NO_EVENTS
        limit_ns = self.next_ns if one_by_one else now_ns
        arrived: list[NonceBatch] = []
        while self._parts and self.next_ns <= limit_ns:
            due_ns, events = self._parts.pop(0)
            count = int(np.searchsorted(due_ns, limit_ns, side="right"))
            arrived.append(events[:count])
            if count < len(events):
                self._parts.insert(0, (due_ns[count:], events[count:]))
        return arrived[0] if len(arrived) == 1 else np.concatenate(arrived)


def _run_lengths(stamps: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each of ascending stamps, how many are the same."""
    starts = np.flatnonzero(np.concatenate([[True], stamps[1:] != stamps[:-1]]))
    lengths = np.diff(np.append(starts, len(stamps)))
    return np.repeat(lengths, lengths)


_FAR_NS = 1 << 62
_NO_EVENTS = empty_events()
