"""The BM1366 on a serial line, one chip or a chain of equal ones.

The initialisation sequence and the register values come from `firmware_protocols.bm13xx`; here they meet
the limits, the read-back and the way home. This driver has been run against the emulator and recorded
bytes only: no board has been attached to it yet.
"""

from __future__ import annotations

from dataclasses import dataclass

from asicrc.devices.chip_line import ChipLine
from asicrc.devices.chip_settings import FAST_BAUD, ChipSettings
from asicrc.devices.jitter import floor_of
from asicrc.devices.limits import DEFAULT_FREQUENCY_MHZ, ENVELOPES
from asicrc.devices.scale import Scale
from firmware_protocols.bm13xx import (
    ChipModel,
    ExpectChips,
    FullJob,
    PulseReset,
    ReadRegister,
    Register,
    Send,
    SetHostBaud,
    Step,
    Wait,
    floor_ticket_difficulty,
    full_coverage_hcn,
    initialisation,
    next_job_header,
    solve_pll,
    ticket_mask_register,
)
from firmware_protocols.device import (
    Batch,
    Capability,
    Clock,
    DeviceIdentity,
    DeviceLost,
    JitterFloor,
    Job,
    Setting,
    SettingRefused,
)
from firmware_protocols.errors import ProtocolError

EVENTS_PER_S_ASKED = 200.0
"""Where no difficulty is given, the ticket mask is chosen so that about this many nonces come."""
HIGHEST_DIFFICULTY = 2.0**32
PROBES_AT_REST = 32
PROBE_INTERVAL_NS = 100_000_000
PROBE = ReadRegister(Register.CHIP_ID, address=0)
"""Chip 0 alone answers once the chain is addressed: 18 bytes, 0.2 ms of the line, ten times a second."""


@dataclass(frozen=True, slots=True)
class _Goal:
    frequency_mhz: float
    difficulty: float
    ticket_difficulty: int
    hcn: int


class Bm1366Device:
    """Implements `DeviceProtocol`. Made by `asicrc.devices.open_device`."""

    def __init__(self, line: ChipLine, identity: DeviceIdentity, scale: Scale) -> None:
        self.identity = identity
        self._line = line
        self._scale = scale
        self._envelope = ENVELOPES[line.model.name]
        self._job_header: int | None = None
        self._next_probe_ns = 0
        self._log: list[str] = []
        self._settings = ChipSettings(line, identity.chips, self._envelope, scale.waits, self._log)

    @property
    def capabilities(self) -> dict[str, Capability]:
        return {
            "frequency_mhz": Capability.LIVE,
            "difficulty": Capability.LIVE,
            "hash_counting_number": Capability.LIVE,
            "voltage_mv": Capability.NONE,
            "work": Capability.LIVE,
        }

    @property
    def clock(self) -> Clock:
        return self._line.clock

    @property
    def stamps(self) -> dict[str, str]:
        return {"t_ns": "CLOCK_MONOTONIC of the host", "stamped": "after each read of the serial port"}

    @property
    def job_interval_s(self) -> float:
        return 2.0

    def originals(self) -> list[Setting]:
        return self._settings.originals()

    def adopt_originals(self, settings: list[Setting]) -> None:
        self._settings.adopt_originals(settings)

    def check(self, requested: dict[str, float]) -> None:
        self._goal(requested)

    def configure(self, requested: dict[str, float]) -> list[Setting]:
        goal = self._goal(requested)
        if goal.ticket_difficulty != goal.difficulty:
            self._log.append(
                f"difficulty {goal.difficulty:g} is no power of two: "
                f"the ticket mask is set to {goal.ticket_difficulty}"
            )
        for step in self._steps(goal):
            self._carry_out(step)
        confirmed = self._settings.confirmed
        pll_register = solve_pll(self._model, goal.frequency_mhz).register
        mask_register = ticket_mask_register(goal.ticket_difficulty)
        return [
            confirmed("frequency_mhz", goal.frequency_mhz, Register.PLL0, pll_register),
            confirmed("difficulty", goal.difficulty, Register.TICKET_MASK, mask_register),
            confirmed("hash_counting_number", goal.hcn, Register.HASH_COUNTING_NUMBER, goal.hcn),
            Setting(self.clock.now_ns(), "host_baud", FAST_BAUD, float(self._line.transport.baud)),
        ]

    def jitter_floor(self) -> JitterFloor | None:
        """Spread of the round trips of register reads, some before the work and ten a second during it.

        A nonce has the same way to the host as such an answer, under the same load: reader, bus, scheduler.
        """
        round_trips = self._line.round_trips_ns
        for _ in range(PROBES_AT_REST - len(round_trips)):
            self._line.probe(PROBE)
            self._line.answers(PROBE.register, expect=1)
        if len(round_trips) < PROBES_AT_REST // 2:
            return None
        return floor_of(round_trips, "round trips of register reads, before and during the work")

    def send(self, job: Job) -> Job:
        if job.merkle_root is None:
            raise SettingRefused(f"job {job.number} has no merkle root: a chip takes whole headers")
        self._job_header = 0 if self._job_header is None else next_job_header(self._model, self._job_header)
        return self._line.send_job(
            FullJob(
                job_header=self._job_header,
                nbits=job.nbits,
                ntime=job.ntime,
                merkle_root=job.merkle_root,
                prev_hash=job.prev_hash,
                version=job.version,
            )
        )

    def read(self, until_ns: int) -> Batch:
        if self._job_header is not None and self.clock.now_ns() >= self._next_probe_ns:
            self._next_probe_ns = self.clock.now_ns() + PROBE_INTERVAL_NS
            self._line.probe(PROBE)
        batch = self._line.take(until_ns)
        batch.log = self._log.copy()
        self._log.clear()
        return batch

    def wire_counters(self) -> dict[str, int]:
        return self._line.observer.wire_counters()

    def restore(self) -> list[Setting]:
        self._job_header = None
        return self._settings.restore()

    def close(self) -> None:
        self._line.transport.close()

    @property
    def _model(self) -> ChipModel:
        return self._line.model

    def _goal(self, requested: dict[str, float]) -> _Goal:
        unknown = set(requested) - {"frequency_mhz", "difficulty", "hash_counting_number"}
        if unknown:
            names = ", ".join(sorted(unknown))
            raise SettingRefused(f"a bare {self._model.name} on a serial line cannot set {names}")
        frequency_mhz = self._envelope.frequency_mhz.check(
            "frequency_mhz", requested.get("frequency_mhz", DEFAULT_FREQUENCY_MHZ)
        )
        try:
            mhz = solve_pll(self._model, frequency_mhz).mhz
            hcn = int(requested.get("hash_counting_number", self._default_hcn(mhz)))
            difficulty = requested.get("difficulty", self._default_difficulty(mhz))
            if not difficulty <= HIGHEST_DIFFICULTY:
                raise SettingRefused(
                    f"difficulty {difficulty:g} is beyond a ticket mask: it takes 1 to 2**32"
                )
            goal = _Goal(frequency_mhz, difficulty, floor_ticket_difficulty(difficulty), hcn)
            self._steps(goal, start_mhz=frequency_mhz)
            return goal
        except ProtocolError as error:
            raise SettingRefused(str(error)) from None

    def _steps(self, goal: _Goal, start_mhz: float | None = None) -> list[Step]:
        """Bring-up to `goal`; the clock goes there in steps from what it is now, unless `start_mhz` says."""
        limits = self._envelope.frequency_mhz
        if start_mhz is None:
            start_mhz = limits.clamp(self._settings.frequency_now_mhz() or limits.low)
        steps = initialisation(
            self._model,
            chips=self.identity.chips,
            frequency_mhz=goal.frequency_mhz,
            ticket_difficulty=goal.ticket_difficulty,
            hcn=goal.hcn,
            fast_baud=FAST_BAUD,
            start_frequency_mhz=start_mhz,
        )
        return list(steps)

    def _default_hcn(self, mhz: float) -> int:
        """One sweep of a chip's whole share of the nonce space, in host time as on the real board."""
        return max(
            1, round(full_coverage_hcn(self._model, mhz * 1e6, self.identity.chips) / self._scale.time_scale)
        )

    def _default_difficulty(self, mhz: float) -> float:
        hashes_per_s = self.identity.chips * self._scale.hashing_units * mhz * 1e6 / self._scale.time_scale
        return float(
            floor_ticket_difficulty(max(1.0, hashes_per_s / 2.0**self._scale.zero_bits / EVENTS_PER_S_ASKED))
        )

    def _carry_out(self, step: Step) -> None:
        match step:
            case Send(frame):
                self._line.forget_answers()
                self._line.send(frame)
            case Wait(seconds):
                self._line.wait(seconds * self._scale.waits)
            case SetHostBaud(baud):
                self._line.set_baud(round(baud))
            case ExpectChips(chip_id, count):
                answers = self._line.answers(Register.CHIP_ID, expect=count)
                if any(answer.value >> 16 != chip_id for answer in answers) or len(answers) < (count or 1):
                    raise DeviceLost(
                        f"{self._line.transport.path}: {len(answers)} of {count or 1} chips answered "
                        "during initialisation; check power and reset of the board"
                    )
            case PulseReset():
                self._log.append("no reset line on a bare serial port: the chip was not reset")
