"""A twin as a device: implements `DeviceProtocol` on a virtual clock.

Time goes on inside `read` alone, in pieces: they end where the physics is looked at again, where the chips
turn to another job, and at the moment asked for. Nothing random depends on how time is cut.
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
    Setting,
    WorkForm,
)
from simulators.models import DevicePhysics
from simulators.twins.boards import Board
from simulators.twins.clock import VirtualClock
from simulators.twins.confounds import Confounds, measured_floor
from simulators.twins.mining import Mining
from simulators.twins.randomness import Streams, point_seed
from simulators.twins.telemetry import Telemetry

TICK_NS = 100_000_000
"""How often the physics is looked at, at least."""
MOST_AT_ONCE = 1_000_000
"""Events for which a read is cut short."""
SETTABLE = ("frequency_mhz", "voltage_mv", "fan_percent", "difficulty", "hash_counting_number")


class TwinDevice:
    """Made by `simulators.twins.named`.

    `mining_of` makes what mines, from the settings, which the device changes and it only reads.
    """

    def __init__(
        self,
        board: Board,
        identity: DeviceIdentity,
        physics: DevicePhysics,
        confounds: Confounds,
        seed: int,
        mining_of: Callable[[Mapping[str, float]], Mining],
    ) -> None:
        self.identity = identity
        self._board = board
        self._physics = physics
        self._confounds = confounds
        self._seed = seed
        self._floor: JitterFloor | None = None
        self._clock = VirtualClock()
        self._usual = {name: held.usual for name, held in board.settings.items()}
        self._settings = dict(self._usual)
        self._put_in_place({name: self._usual.get(name, value) for name, value in board.fixed.items()})
        self._mining = mining_of(self._settings)
        self._seq = 0
        self._log: list[str] = []
        self._begin(())

    @property
    def capabilities(self) -> dict[str, Capability]:
        settable = {
            name: Capability.LIVE if name in self._board.settings else Capability.NONE for name in SETTABLE
        }
        return settable | {"work": Capability.LIVE}

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
        return self._mining.work_form

    def check(self, requested: dict[str, float]) -> None:
        self._board.goal(requested, self._settings)

    def originals(self) -> list[Setting]:
        return self._stated(self._usual, "original")

    def adopt_originals(self, settings: list[Setting]) -> None:
        """The twin of a killed session is gone with it, and this one is as it was found."""

    def configure(self, requested: dict[str, float]) -> list[Setting]:
        goal = self._board.goal(requested, self._settings)
        self._set({name: value for name, (_, value) in goal.items()})
        now_ns = self._clock.now_ns()
        return [Setting(now_ns, name, asked, self._settings[name]) for name, (asked, _) in goal.items()]

    def begin_point(self, key: tuple[int, ...]) -> None:
        """State and randomness from here on are a function of the twin's seed, the key, and what is set.

        The chips are found without work, and anywhere between cold and as warm as the settings of now make
        them; what was on its way is gone. Raises ValueError for a key that is none.
        """
        if any(part < 0 for part in key):
            raise ValueError(f"the key of a point is of whole numbers from 0 on, not {key}")
        self._begin(key)

    def jitter_floor(self) -> JitterFloor | None:
        """The same whenever it is asked for, so it is measured once."""
        if self._floor is None:
            self._floor = measured_floor(self._confounds, Streams(point_seed(self._seed, (_FLOOR_KEY,))))
        return self._floor

    def send(self, job: Job) -> list[Job]:
        return [self._mining.send(job, self._clock.now_ns())]

    def read(self, until_ns: int) -> Batch:
        """With a clean job out it returns at the first event, for a handshake; else at `until_ns`, or before
        it with `MOST_AT_ONCE` events."""
        batch = Batch(nonces=_NO_EVENTS)
        mining = self._mining
        one_by_one = mining.newest is not None and mining.newest.clean
        while (now_ns := self._clock.now_ns()) <= until_ns:
            if mining.changes_ns <= now_ns:
                mining.turn_to_next_job(now_ns)
                self._look()
            if now_ns == until_ns or (one_by_one and mining.next_arrival_ns <= now_ns):
                break
            if mining.has_on_the_way(MOST_AT_ONCE) and mining.next_arrival_ns <= now_ns:
                break
            end_ns = min(until_ns, self._tick_ns, mining.changes_ns)
            if one_by_one:
                end_ns = min(end_ns, mining.next_event_ns(now_ns))
            mining.pass_time(now_ns, end_ns)
            self._clock.advance_to(end_ns)
            if end_ns == self._tick_ns:
                self._tick_ns += TICK_NS
                self._look()
                batch.readings += self._telemetry.readings(end_ns)
        if self._log:
            batch.log = self._log.copy()
            self._log.clear()
        events = mining.take(self._clock.now_ns(), one_by_one=one_by_one)
        if len(events):
            batch.nonces = self._received(events)
        return batch

    def judged(self, events: NonceBatch) -> None:
        """Nobody waits for an answer."""

    def restore(self) -> list[Setting]:
        self._set(self._usual)
        return self._stated(self._usual, "restored")

    def make_safe(self) -> list[Setting]:
        safe = self._board.safe()
        self._set(safe)
        return self._stated(safe, "made_safe")

    def wire_counters(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        """Nothing is held."""

    def _stated(self, wanted: Mapping[str, float], kind: str) -> list[Setting]:
        now_ns = self._clock.now_ns()
        asked = {name: None if kind == "original" else value for name, value in wanted.items()}
        return [Setting(now_ns, name, asked[name], self._settings[name], kind) for name in wanted]

    def _set(self, goal: Mapping[str, float]) -> None:
        self._look()  # what went by until now did so under the settings of before
        self._settings.update(goal)
        self._put_in_place(goal)
        self._look()

    def _put_in_place(self, goal: Mapping[str, float]) -> None:
        """A new clock or voltage starts chips anew that hang, as drivers do."""
        for name in self._board.fixed:
            if name in goal:
                self._physics.set(name, goal[name])
        if {"frequency_mhz", "voltage_mv"} & set(goal) and (self._physics.hung or self._physics.browned_out):
            self._physics.restart()

    def _begin(self, key: tuple[int, ...]) -> None:
        streams = Streams(point_seed(self._seed, key))
        now_ns = self._clock.now_ns()
        self._physics.reset(streams.generator("physics"))
        self._mining.begin(streams, now_ns)
        has_fan = "fan_percent" in self._settings
        self._telemetry = Telemetry(self._physics, self._confounds.telemetry_s, has_fan, now_ns)
        self._looked_ns = now_ns
        self._tick_ns = now_ns + TICK_NS
        self._stopped = False
        """Whether the chips hang."""
        self._log.clear()
        self._look()

    def _look(self) -> None:
        """Let heat and memory catch up with the clock."""
        now_ns = self._clock.now_ns()
        since_s = (now_ns - self._looked_ns) / 1e9
        if since_s > 0:
            self._looked_ns = now_ns
            self._physics.step(since_s)
            stopped = self._physics.hung or self._physics.browned_out
            if stopped != self._stopped:
                self._stopped = stopped
                self._log.append(f"the chips: {', '.join(self._physics.faults) or 'at work again'}")
        self._mining.look(now_ns, since_s)

    def _received(self, events: NonceBatch) -> NonceBatch:
        """What is known only when they have come: numbers, the newest job, how many came at once."""
        events["seq"] = np.arange(self._seq, self._seq + len(events))
        self._seq += len(events)
        newest = self._mining.newest
        if newest is not None:
            events["t_sent_ns"] = newest.sent_ns
        events["n_in_read"] = np.minimum(_run_lengths(events["t_ns"]), 0xFFFF)
        return events


def _run_lengths(stamps: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each of ascending stamps, how many are the same."""
    return stamps.searchsorted(stamps, "right") - stamps.searchsorted(stamps, "left")


_NO_EVENTS = Batch().nonces
_FLOOR_KEY = 2**32 - 1
"""No point of a plan has so high a number."""
