"""Chips on a serial line, one or a chain of equal ones: BM1362, BM1366, BM1368, BM1370, BM1387, BM1397.

The initialisation sequence and the register values come from `firmware_protocols.bm13xx`; here they meet
the limits, the read-back and the way home. This driver has been run against the emulators and recorded
bytes only: no board has been attached to it yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from asicrc.bench.limits import DEFAULT_FREQUENCY_MHZ, Envelope
from asicrc.devices.chain_goals import ChainGoals
from asicrc.devices.chain_retuning import ChainGoal, can_retune, retuning
from asicrc.devices.chip_line import ChipLine
from asicrc.devices.chip_settings import RESET_BAUD, ChipSettings, fast_baud
from asicrc.devices.jitter import floor_of
from asicrc.devices.safe_line import steps_to_halt
from asicrc.devices.scale import Scale
from asicrc.devices.watch import Watch
from firmware_protocols.bm13xx import (
    ChipModel,
    ExpectChips,
    FullJob,
    PulseReset,
    ReadRegister,
    Send,
    SetHostBaud,
    Step,
    Wait,
    WriteRegister,
    midstate_job,
    next_job_header,
    scan_order,
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
    NonceBatch,
    Setting,
    SettingRefused,
    WorkForm,
)
from firmware_protocols.errors import ProtocolError

PROBES_AT_REST = 32
PROBES_UNANSWERED = 4
"""Then nobody is there who could be timed."""
PROBE_INTERVAL_NS = 100_000_000
SILENT_NS = 5_000_000_000
"""Of a line whose chip is asked ten times a second: hosts and adapters stall for less."""
USUAL_JOB_INTERVAL_S = 2.0
"""For chips that roll versions, whose work lasts for minutes (bitaxeorg/ESP-Miner:components/asic)."""
BEFORE_THE_END = 0.9
"""Midstate work is renewed after this share of its time (xertSuns1/braiins:bosminer-am1-s9)."""
MIDSTATE_SPACE = 1 << 24
"""Cycles until a BM1397 wants other work, 41.9 ms at 400 MHz (ESP-Miner:components/asic/bm1397.c)."""


class ResetLine(Protocol):
    """A board that can reset its chips."""

    def pulse_reset(self) -> None:
        """Hold the chips in reset, release them, wait until they speak. Raises DeviceLost."""


class ChainDevice:
    """Implements `DeviceProtocol`. Made by `asicrc.devices.open_device`.

    `board` resets the chips where something can; `watch` is None where the board has a guardian of its own.
    `takes_work` is False for the recording of a bring-up.
    """

    def __init__(
        self,
        line: ChipLine,
        identity: DeviceIdentity,
        scale: Scale,
        envelope: Envelope,
        *,
        board: ResetLine | None = None,
        watch: Watch | None = None,
        takes_work: bool = True,
        log: Sequence[str] = (),
    ) -> None:
        self.identity = identity
        self.line = line
        self._scale = scale
        self._envelope = envelope
        self._board = board
        self._watch = watch
        if watch is not None:
            line.attend = watch.check
        self._takes_work = takes_work
        self._job_header: int | None = None
        self._in_force: ChainGoal | None = None
        """Of a chain that is up, and can go to other settings as it is."""
        self._next_probe_ns = 0
        self._log = list(log)
        self._goals = ChainGoals(line.model, identity.chips, scale, envelope)
        self._settings = ChipSettings(line, identity.chips, envelope, scale.waits, self._log)
        self._probe = ReadRegister(line.model.registers.chip_id, address=0)
        """Chip 0 alone answers once the chain is addressed: about 0.2 ms of the line, ten times a second."""
        self._pll_mhz = solve_pll(line.model, DEFAULT_FREQUENCY_MHZ).mhz

    @property
    def capabilities(self) -> dict[str, Capability]:
        hcn = Capability.LIVE if self._model.hcn_halts else Capability.NONE
        return {
            "frequency_mhz": Capability.LIVE,
            "difficulty": Capability.LIVE,
            "hash_counting_number": hcn,
            "voltage_mv": Capability.NONE,
            "work": Capability.LIVE if self._takes_work else Capability.NONE,
        }

    @property
    def clock(self) -> Clock:
        return self.line.clock

    @property
    def limits(self) -> dict[str, Any]:
        return self._envelope.as_json()

    @property
    def stamps(self) -> dict[str, str]:
        return {"t_ns": "CLOCK_MONOTONIC of the host", "stamped": "after each read of the serial port"}

    @property
    def job_interval_s(self) -> float:
        """Short enough that the chips do not run out of work at the clock last asked for."""
        if self._model.job_format == "full":
            return USUAL_JOB_INTERVAL_S
        try:
            order = scan_order(
                self._model,
                self._pll_mhz * 1e6,
                None,
                subcores=self._model.subcores,
                chips=self.identity.chips,
            )
            lasts_s = order.scan_period_s
        except ProtocolError:  # no order is known for the chip
            lasts_s = MIDSTATE_SPACE / (self._pll_mhz * 1e6)
        return BEFORE_THE_END * lasts_s * self._scale.time_scale

    def originals(self) -> list[Setting]:
        return self._settings.originals()

    def adopt_originals(self, settings: list[Setting]) -> None:
        self._settings.adopt_originals(settings)

    def check(self, requested: dict[str, float]) -> None:
        self._pll_mhz = self._goal(requested).pll_mhz

    def configure(self, requested: dict[str, float]) -> list[Setting]:
        goal = self._goal(requested)
        self._pll_mhz = goal.pll_mhz
        if goal.ticket_difficulty != goal.difficulty:
            self._log.append(
                f"difficulty {goal.difficulty:g} is no power of two: "
                f"the ticket mask is set to {goal.ticket_difficulty}"
            )
        if self._watch is not None:
            self._watch.arm(steps_to_halt(self.line, self._envelope))
        in_force, self._in_force = self._in_force, None  # nobody knows where it is if a step fails
        for step in self._steps(in_force, goal):
            self._carry_out(step)
        registers, confirmed = self._model.registers, self._settings.confirmed
        pll_register = solve_pll(self._model, goal.frequency_mhz).register
        mask_register = ticket_mask_register(goal.ticket_difficulty)
        settings = [
            confirmed("frequency_mhz", goal.frequency_mhz, registers.pll0, pll_register),
            confirmed("difficulty", goal.difficulty, registers.ticket_mask, mask_register),
        ]
        if goal.hcn is not None:
            hcn = confirmed("hash_counting_number", goal.hcn, registers.hash_counting_number, goal.hcn)
            settings.append(hcn)
        if can_retune(self._model):
            self._in_force = goal
        baud = float(self.line.transport.baud)
        return [*settings, Setting(self.clock.now_ns(), "host_baud", float(fast_baud(self._model)), baud)]

    def begin_point(self, key: tuple[int, ...]) -> None:
        pass  # silicon has no seed

    def jitter_floor(self) -> JitterFloor | None:
        """Spread of the round trips of register reads, some before the work and ten a second during it.

        A nonce has the same way to the host as such an answer, under the same load: reader, bus, scheduler.
        What it says of the nonces of a capture, `analysis.jitter_floor` reads from the recorded line: the
        reads between them, and no others.
        """
        round_trips = self.line.round_trips_ns
        unanswered = 0
        for _ in range(PROBES_AT_REST - len(round_trips)):
            self.line.probe(self._probe)
            unanswered += not self.line.answers(self._probe.register, expect=1)
            if unanswered > PROBES_UNANSWERED:
                return None
        if len(round_trips) < PROBES_AT_REST // 2:
            return None
        when = "before the work" if self._job_header is None else "before and during the work"
        return floor_of(round_trips, f"round trips of register reads, {when}")

    @property
    def work_form(self) -> WorkForm:
        return WorkForm()

    def send(self, job: Job) -> list[Job]:
        if job.merkle_root is None:
            raise SettingRefused(f"job {job.number} has no merkle root: a chip takes whole headers")
        self._job_header = 0 if self._job_header is None else next_job_header(self._model, self._job_header)
        if self._model.job_format == "full":
            sent = self.line.send_job(
                FullJob(
                    job_header=self._job_header,
                    nbits=job.nbits,
                    ntime=job.ntime,
                    merkle_root=job.merkle_root,
                    prev_hash=job.prev_hash,
                    version=job.version,
                )
            )
            return [sent]
        frame = midstate_job(
            self._model,
            self._job_header,
            version=job.version,
            prev_hash=job.prev_hash,
            merkle_root=job.merkle_root,
            ntime=job.ntime,
            nbits=job.nbits,
        )
        self.line.observer.expect_job(job)
        return [self.line.send_job(frame)]

    def judged(self, events: NonceBatch) -> None:
        """A chip waits for no answer."""

    def read(self, until_ns: int) -> Batch:
        self.line.attend()
        if self._job_header is not None and self.clock.now_ns() >= self._next_probe_ns:
            self._next_probe_ns = self.clock.now_ns() + PROBE_INTERVAL_NS
            self.line.probe(self._probe)
            self.line.collect()  # what waits in the queue has come, however long this program stood still
            silent_ns = self.clock.now_ns() - self.line.heard_ns
            if silent_ns > SILENT_NS:
                raise DeviceLost(
                    f"{self.line.transport.path}: nothing has come for {silent_ns / 1e9:.0f} s, though chip "
                    "0 is asked ten times a second; is it without power, or in reset?"
                )
        batch = self.line.take(until_ns)
        batch.log = self._log.copy()
        self._log.clear()
        return batch

    def wire_counters(self) -> dict[str, int]:
        return self.line.observer.wire_counters()

    def restore(self) -> list[Setting]:
        self._job_header = None
        return self._go_back(self._settings.restore)

    def make_safe(self) -> list[Setting]:
        return self._go_back(self._settings.make_safe)

    def halt(self) -> None:
        """Stop hashing at once, without asking anything. Raises DeviceLost."""
        self._job_header = self._in_force = None
        if self._model.hcn_halts:
            self.line.send(WriteRegister(self._model.registers.hash_counting_number, 0))

    def put_to_reset(self) -> None:
        """The board holds the chips in reset: they have to be brought up again."""
        self._in_force = None

    def was_reset(self) -> None:
        """The board has reset the chips: they speak at the rate after reset, and know nothing any more."""
        self._in_force = None
        self.line.set_baud(RESET_BAUD)
        self.line.observer.was_reset(RESET_BAUD)

    def _go_back(self, way: Callable[[], list[Setting]]) -> list[Setting]:
        self._in_force = None
        if self._watch is None:
            return way()
        self._watch.arm_for_the_way_back(steps_to_halt(self.line, self._envelope), self._log)
        settings = way()
        self._watch.finish(self._log, came_back=all(setting.came_true for setting in settings))
        return settings

    def close(self) -> None:
        try:
            if self._watch is not None:
                self._watch.close()
        finally:
            self.line.transport.close()

    @property
    def _model(self) -> ChipModel:
        return self.line.model

    def _goal(self, requested: dict[str, float]) -> ChainGoal:
        settable = [name for name, how in self.capabilities.items() if how is not Capability.NONE]
        return self._goals.goal(requested, settable)

    def _steps(self, in_force: ChainGoal | None, goal: ChainGoal) -> Iterable[Step]:
        """A bring-up goes from the clock of now, which a reset takes away."""
        if in_force is not None:
            return retuning(self._model, in_force, goal, self._envelope)
        now_mhz = None if self._board is not None else self._settings.frequency_now_mhz()
        return self._goals.bring_up(goal, now_mhz)

    def _carry_out(self, step: Step) -> None:
        match step:
            case Send(frame):
                self.line.forget_answers()
                self.line.send(frame)
            case Wait(seconds):
                self.line.wait(seconds * self._scale.waits)
            case SetHostBaud(baud):
                self.line.set_baud(round(baud))
            case ExpectChips(chip_id, count):
                register = self._model.registers.chip_id
                answers = self.line.answers(register, expect=count)
                if len(answers) < (count or 1):
                    answers = self.line.ask_again(ReadRegister(register), expect=count)
                if any(answer.value >> 16 != chip_id for answer in answers) or len(answers) < (count or 1):
                    raise DeviceLost(
                        f"{self.line.transport.path}: {len(answers)} of {count or 1} chips answered "
                        "during initialisation; check power and reset of the board"
                    )
            case PulseReset():
                self._reset()

    def _reset(self) -> None:
        if self._board is None:
            self._log.append("no reset line on a bare serial port: the chip was not reset")
            return
        self._board.pulse_reset()
        self.was_reset()
