"""The BM1366 on a serial line, one chip or a chain of equal ones.

The initialisation sequence and the register values come from `firmware_protocols.bm13xx`; here they meet
the limits, the read-back and the way home. This driver has been run against the emulator and recorded
bytes only: no board has been attached to it yet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from asicrc.devices.chip_line import ChipLine
from asicrc.devices.foreign_originals import checked_originals
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
    WriteRegister,
    baud_from_fast_uart,
    difficulty_from_ticket_mask,
    floor_ticket_difficulty,
    frequency_ramp,
    full_coverage_hcn,
    initialisation,
    next_job_header,
    pll_from_register,
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

FAST_BAUD = 1_000_000
"""11 bytes take 0.11 ms instead of 0.95 ms, which is queueing that the stamps do not need."""
EVENTS_PER_S_ASKED = 200.0
"""Where no difficulty is given, the ticket mask is chosen so that about this many nonces come."""
PROBES_AT_REST = 32
PROBE_INTERVAL_NS = 100_000_000
PROBE = ReadRegister(Register.CHIP_ID, address=0)
"""Chip 0 alone answers once the chain is addressed: 18 bytes, 0.2 ms of the line, ten times a second."""

ORIGINALS = {
    "pll0_register": Register.PLL0,
    "ticket_mask_register": Register.TICKET_MASK,
    "hash_counting_number": Register.HASH_COUNTING_NUMBER,
    "version_mask_register": Register.VERSION_MASK,
    "fast_uart_register": Register.FAST_UART,
}
"""Every register that `configure` changes and `restore` puts back, by the name it has in the capture."""


@dataclass(frozen=True, slots=True)
class _Goal:
    frequency_mhz: float
    difficulty: float
    ticket_difficulty: int
    hcn: int
    steps: tuple[Step, ...]


class Bm1366Device:
    """Implements `DeviceProtocol`. Made by `asicrc.devices.open_device`."""

    def __init__(self, line: ChipLine, identity: DeviceIdentity, scale: Scale) -> None:
        self.identity = identity
        self._line = line
        self._scale = scale
        self._envelope = ENVELOPES[line.model.name]
        self._originals: dict[str, int | None] = {}
        self._original_baud = line.transport.baud
        self._job_header: int | None = None
        self._next_probe_ns = 0
        self._log: list[str] = []

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

    def originals(self) -> list[Setting]:
        """Read the registers of `ORIGINALS`. One that does not answer is kept as None, and said."""
        found = []
        for name, register in ORIGINALS.items():
            answers = self._line.ask(ReadRegister(register), expect=1)
            value = answers[0].value if answers else None
            if value is None:
                self._log.append(f"the chip does not answer for register {register:#04x}: {name} is unknown")
            self._originals[name] = value
            found.append(Setting(self.clock.now_ns(), name, None, value, kind="original"))
        found.append(
            Setting(self.clock.now_ns(), "host_baud", None, float(self._original_baud), kind="original")
        )
        return found

    def adopt_originals(self, settings: list[Setting]) -> None:
        """Take the originals from a capture whose session was killed, instead of reading them.

        Raises SettingRefused for values that no such chip holds: the file may be anybody's.
        """
        values, host_baud = checked_originals(self._model, settings, ORIGINALS)
        self._originals |= values
        self._original_baud = host_baud or self._original_baud

    def check(self, requested: dict[str, float]) -> None:
        self._goal(requested)

    def configure(self, requested: dict[str, float]) -> list[Setting]:
        goal = self._goal(requested)
        if goal.ticket_difficulty != goal.difficulty:
            self._log.append(
                f"difficulty {goal.difficulty:g} is no power of two: "
                f"the ticket mask is set to {goal.ticket_difficulty}"
            )
        for step in goal.steps:
            self._carry_out(step)
        pll_register = solve_pll(self._model, goal.frequency_mhz).register
        mask_register = ticket_mask_register(goal.ticket_difficulty)
        return [
            self._confirmed("frequency_mhz", goal.frequency_mhz, Register.PLL0, pll_register),
            self._confirmed("difficulty", goal.difficulty, Register.TICKET_MASK, mask_register),
            self._confirmed("hash_counting_number", goal.hcn, Register.HASH_COUNTING_NUMBER, goal.hcn),
            Setting(self.clock.now_ns(), "host_baud", FAST_BAUD, float(self._line.transport.baud)),
        ]

    def jitter_floor(self) -> JitterFloor | None:
        """Spread of the round trips of register reads, a few before the work and ten a second during it.

        A nonce has the same way to the host as such an answer, under the same load: reader, bus, scheduler.
        """
        round_trips = self._line.round_trips_ns
        while len(round_trips) < PROBES_AT_REST:
            before = len(round_trips)
            self._line.probe(PROBE)
            self._line.answers(PROBE.register, expect=1)
            if len(round_trips) == before:
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
        batch.log, self._log = self._log, []
        return batch

    def wire_counters(self) -> dict[str, int]:
        return self._line.observer.wire_counters()

    def restore(self) -> list[Setting]:
        """Frequency first (in steps), then the registers, the baud rate last. Limits hold here too.

        Goes on when one of them fails: a setting that did not come back has `read_back` None, and the log
        says why.
        """
        self._job_header = None
        done = [self._restore_frequency()]
        for name in ("hash_counting_number", "ticket_mask_register", "version_mask_register"):
            value = self._originals.get(name)
            if name == "hash_counting_number" and value is None:
                value = 0  # halts hashing: the safe side where the original could not be read
            if value is not None:
                self._line.send(WriteRegister(ORIGINALS[name], value))
                done.append(self._restored(name, float(value), ORIGINALS[name], value))
        done.append(self._restore_baud())
        return done

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
            ticket_difficulty = floor_ticket_difficulty(difficulty)
            steps = initialisation(
                self._model,
                chips=self.identity.chips,
                frequency_mhz=frequency_mhz,
                ticket_difficulty=ticket_difficulty,
                hcn=hcn,
                fast_baud=FAST_BAUD,
            )
            return _Goal(frequency_mhz, difficulty, ticket_difficulty, hcn, tuple(steps))
        except ProtocolError as error:
            raise SettingRefused(str(error)) from None

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

    def _confirmed(self, name: str, requested: float, register: int, written: int) -> Setting:
        """Read a register back from every chip. Raises SettingRefused unless all took what was written."""
        answers = self._line.ask(ReadRegister(register), expect=self.identity.chips)
        if not answers:
            raise SettingRefused(
                f"{name} was written but the chip does not answer for register {register:#04x}"
            )
        for answer in answers:
            if not self._same(register, answer.value, written):
                raise SettingRefused(
                    f"{name}: {written:#010x} was written to register {register:#04x}, "
                    f"chip {answer.address:#04x} reads back {answer.value:#010x}"
                )
        return Setting(self.clock.now_ns(), name, requested, self._in_unit(name, answers[0].value))

    def _restored(self, name: str, requested: float, register: int, written: int) -> Setting:
        try:
            confirmed = self._confirmed(name, requested, register, written)
            return replace(confirmed, kind="restored")
        except SettingRefused as error:
            self._log.append(f"not restored: {error}")
            return Setting(self.clock.now_ns(), name, requested, None, kind="restored")

    def _same(self, register: int, read: int, written: int) -> bool:
        if register == Register.PLL0:  # the chip adds flag bits of its own
            return self._mhz(read) == self._mhz(written)
        return read == written

    def _mhz(self, pll_register: int) -> float | None:
        """The clock that a PLL value stands for, None for one that is none: chips may answer anything."""
        try:
            return pll_from_register(self._model, pll_register).mhz
        except ProtocolError:
            return None

    def _in_unit(self, name: str, raw: int) -> float:
        if name == "frequency_mhz":
            return pll_from_register(self._model, raw).mhz
        if name == "difficulty":
            return float(difficulty_from_ticket_mask(raw))
        return float(raw)

    def _restore_frequency(self) -> Setting:
        raw = self._originals.get("pll0_register")
        limits = self._envelope.frequency_mhz
        original_mhz = limits.low if raw is None else self._mhz(raw)
        if original_mhz is None:
            self._log.append(
                f"the original PLL setting {raw:#010x} is none: the lowest frequency is set instead"
            )
            original_mhz, raw = limits.low, None
        goal_mhz = limits.clamp(original_mhz)
        now = self._line.ask(ReadRegister(Register.PLL0), expect=1)
        start_mhz = limits.clamp((self._mhz(now[0].value) if now else None) or goal_mhz)
        for mhz in frequency_ramp(self._model, start_mhz, goal_mhz, self._envelope.step_mhz):
            self._line.send(WriteRegister(Register.PLL0, solve_pll(self._model, mhz).register))
            self._line.wait(self._envelope.step_interval_s * self._scale.waits)
        final = (
            raw if raw is not None and goal_mhz == original_mhz else solve_pll(self._model, goal_mhz).register
        )
        self._line.send(WriteRegister(Register.PLL0, final))
        return self._restored("frequency_mhz", original_mhz, Register.PLL0, final)

    def _restore_baud(self) -> Setting:
        raw = self._originals.get("fast_uart_register")
        if raw is None:
            stays = self._line.transport.baud
            self._log.append(f"the original baud register is unknown: the line stays at {stays} baud")
            return Setting(self.clock.now_ns(), "host_baud", None, float(stays), kind="restored")
        self._line.send(WriteRegister(Register.FAST_UART, raw))
        self._line.wait(0.01)
        self._line.set_baud(self._original_baud)
        answers = self._line.ask(ReadRegister(Register.CHIP_ID), expect=1)
        if not answers:
            self._log.append(
                f"not restored: the chip does not answer at {self._original_baud} baud after its baud "
                f"register was written ({baud_from_fast_uart(raw):.0f} baud by its value)"
            )
        baud = float(self._original_baud)
        return Setting(self.clock.now_ns(), "host_baud", baud, baud if answers else None, "restored")
