"""A twin as a device: implements `DeviceProtocol` on a virtual clock, without hashing.

Time goes on inside `read` alone, in pieces of constant rate: they end where the physics is looked at again,
where the chips turn to another job, and at the moment asked for. Nothing random depends on how time is cut.
"""

from __future__ import annotations

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
    Verdict,
    WorkForm,
)
from simulators.models import DevicePhysics, Effects
from simulators.twins.boards import Board
from simulators.twins.clock import VirtualClock
from simulators.twins.confounds import Confounds
from simulators.twins.flow import FAR_NS, NonceFlow
from simulators.twins.randomness import Streams, point_seed
from simulators.twins.telemetry import READING_S, Telemetry
from simulators.twins.work import DriveMemory, WorkInHand

TICK_NS = 100_000_000
"""How often the physics is looked at, at least."""
SETTABLE = ("frequency_mhz", "voltage_mv", "fan_percent", "difficulty")


class TwinDevice:
    """Made by `simulators.twins.named`. What it is made of is its own from then on."""

    def __init__(
        self,
        board: Board,
        identity: DeviceIdentity,
        physics: DevicePhysics,
        *,
        seed: int,
        effects: Effects,
        confounds: Confounds,
    ) -> None:
        self.identity = identity
        self._board = board
        self._physics = physics
        self._seed = seed
        self._effects = effects
        self._confounds = confounds
        self._clock = VirtualClock()
        self._work = WorkInHand(board.machine, board.version_mask)
        self._usual = {name: held.usual for name, held in board.settings.items()}
        self._settings = dict(self._usual)
        machine = board.machine
        self._set_physics("frequency_mhz", machine.nominal_mhz)
        self._set_physics("voltage_mv", machine.nominal_mv)
        self._set_physics("fan_percent", machine.nominal_fan_percent)
        self._seq = 0
        self._rate_hz = 0.0
        self._log: list[str] = []
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
        return WorkForm(coinbase=True, algorithm=self._board.machine.algorithm)

    def check(self, requested: dict[str, float]) -> None:
        self._board.check(requested)

    def originals(self) -> list[Setting]:
        now_ns = self._clock.now_ns()
        return [Setting(now_ns, name, None, value, "original") for name, value in self._usual.items()]

    def adopt_originals(self, settings: list[Setting]) -> None:
        """The twin of a killed session is gone with it, and this one is as it was found."""

    def configure(self, requested: dict[str, float]) -> list[Setting]:
        self._board.check(requested)
        return self._set(requested, "set")

    def begin_point(self, key: tuple[int, ...]) -> None:
        """State and randomness from here on depend on the twin's seed, the key, and what is set and sent.

        The chips are found anywhere between cold and as warm as the settings of now make them; what was on
        its way is gone. Raises ValueError for a key that is none.
        """
        if any(part < 0 for part in key):
            raise ValueError(f"the key of a point is of whole numbers from 0 on, not {key}")
        self._begin(key)

    def jitter_floor(self) -> JitterFloor | None:
        return None

    def send(self, job: Job) -> list[Job]:
        now_ns = self._clock.now_ns()
        sent = self._work.send(job, self._settings["difficulty"], now_ns, now_ns + self._pick_up_ns())
        self._look()
        return [sent]

    def read(self, until_ns: int) -> Batch:
        """With a clean job out it returns at the first event, for a handshake; else at `until_ns`."""
        batch = Batch(nonces=_NO_EVENTS)
        newest = self._work.newest
        one_by_one = newest is not None and newest.clean
        while (now_ns := self._clock.now_ns()) <= until_ns:
            if self._work.changes_ns is not None and self._work.changes_ns <= now_ns:
                self._turn_to_next_job()
            if now_ns == until_ns or (one_by_one and self._flow.next_arrival_ns <= now_ns):
                break
            end_ns = min(until_ns, self._tick_ns, self._work.changes_ns or FAR_NS)
            if one_by_one:
                candidate_ns = self._flow.next_candidate_ns(now_ns, self._rate_hz)
                end_ns = min(end_ns, self._flow.next_arrival_ns, candidate_ns)
            self._flow.pass_time(now_ns, end_ns, self._rate_hz, self._work.current)
            self._clock.advance_to(end_ns)
            if end_ns == self._tick_ns:
                self._tick_ns += TICK_NS
                self._look()
                batch.readings += self._said()
        batch.log, self._log = self._log, []
        events = self._flow.take(self._clock.now_ns(), one_by_one=one_by_one)
        if len(events):
            batch.nonces = self._received(events)
        return batch

    def judged(self, events: NonceBatch) -> None:
        """Nobody waits for an answer."""

    def restore(self) -> list[Setting]:
        return self._set(self._usual, "restored")

    def make_safe(self) -> list[Setting]:
        safe = {name: held.low for name, held in self._board.settings.items() if name != "difficulty"}
        if "fan_percent" in safe:
            safe["fan_percent"] = self._board.settings["fan_percent"].high
        return self._set(safe, "made_safe")

    def wire_counters(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        """Nothing is held."""

    # settings and the state that they lead to

    def _set(self, goal: dict[str, float], kind: str) -> list[Setting]:
        self._look()  # what went by until now did so under the settings of before
        for name, value in goal.items():
            self._settings[name] = value
            if name != "difficulty":
                self._set_physics(name, value)
        self._look()
        now_ns = self._clock.now_ns()
        return [Setting(now_ns, name, value, self._settings[name], kind) for name, value in goal.items()]

    def _set_physics(self, name: str, value: float) -> None:
        """A new clock or voltage starts chips anew that hang, as drivers do."""
        self._physics.set(name, value)
        if name in ("frequency_mhz", "voltage_mv") and (self._physics.hung or self._physics.browned_out):
            self._physics.restart()

    def _begin(self, key: tuple[int, ...]) -> None:
        streams = Streams(point_seed(self._seed, key))
        now_ns = self._clock.now_ns()
        self._physics.reset(streams.generator("physics"))
        self._pick_ups = streams.generator("pick_up")
        self._flow = NonceFlow(
            self._board, self._physics.variation, self._effects, self._confounds, streams, now_ns
        )
        self._memory = DriveMemory(self._effects)
        has_fan = "fan_percent" in self._settings
        self._telemetry = Telemetry(self._physics, self._confounds.telemetry_s, has_fan)
        self._looked_ns = now_ns
        self._tick_ns = now_ns + TICK_NS
        self._next_reading_ns = self._last_reading_ns = now_ns
        self._faults: tuple[str, ...] = ()
        self._log.clear()
        self._look()

    def _look(self) -> None:
        """Let heat and memory catch up with the clock; the rate from now on."""
        now_ns = self._clock.now_ns()
        if now_ns > self._looked_ns:
            since_s = (now_ns - self._looked_ns) / 1e9
            self._looked_ns = now_ns
            self._physics.step(since_s)
            self._memory.pass_time(since_s)
            if self._physics.faults != self._faults:
                self._faults = self._physics.faults
                self._log.append(f"the chips: {', '.join(self._faults) or 'well again'}")
        held = self._work.current
        self._rate_hz = 0.0
        if held is not None:
            self._rate_hz = self._physics.hash_rate_ghs * 1e9 / held.hashes * self._memory.rate_factor

    def _said(self) -> list[Reading]:
        now_ns = self._clock.now_ns()
        if now_ns < self._next_reading_ns:
            return []
        since_s = (now_ns - self._last_reading_ns) / 1e9
        self._last_reading_ns, self._next_reading_ns = now_ns, now_ns + round(READING_S * 1e9)
        return self._telemetry.readings(now_ns, since_s)

    # work

    def _pick_up_ns(self) -> int:
        c = self._confounds
        if not c.pick_up_spread_s:
            return round(c.pick_up_s * 1e9)
        return round(max(0.0, c.pick_up_s + c.pick_up_spread_s * self._pick_ups.standard_normal()) * 1e9)

    def _turn_to_next_job(self) -> None:
        held = self._work.change()
        self._look()
        self._memory.begin_step(held.job)
        self._look()

    def _received(self, events: NonceBatch) -> NonceBatch:
        """What is known only when they have come: numbers, the newest job, how many came at once."""
        events["seq"] = np.arange(self._seq, self._seq + len(events))
        self._seq += len(events)
        newest = self._work.newest
        if newest is not None:
            events["t_sent_ns"] = newest.sent_ns
            if newest.clean:
                late = events["job"] != newest.number
                events["verdict"][late] = Verdict.STALE
                events["reason"][late] = Reason.CLEANED
        events["n_in_read"] = np.minimum(_run_lengths(events["t_ns"]), 0xFFFF)
        return events


def _run_lengths(stamps: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each of ascending stamps, how many are the same."""
    starts = np.flatnonzero(np.concatenate([[True], stamps[1:] != stamps[:-1]]))
    lengths = np.diff(np.append(starts, len(stamps)))
    return np.repeat(lengths, lengths)


_NO_EVENTS = Batch().nonces
