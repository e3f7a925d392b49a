"""Settings of a chip line as they were found, read back after each write, and put back at the end."""

from __future__ import annotations

from dataclasses import replace

from asicrc.bench.limits import Envelope
from asicrc.devices.chip_line import SETTLE_S, ChipLine
from asicrc.devices.foreign_originals import checked_originals
from firmware_protocols.bm13xx import (
    ChipModel,
    ReadRegister,
    WriteRegister,
    baud_from_register,
    baud_register_value,
    difficulty_from_ticket_mask,
    frequency_ramp,
    pll_from_register,
    solve_pll,
)
from firmware_protocols.device import DeviceLost, Setting, SettingRefused
from firmware_protocols.errors import ProtocolError

RESET_BAUD = 115_200
"""What adapters call the chip's 115,740 after reset; 0.5 % apart, which 8N1 does not notice."""
FAST_BAUD = 1_000_000
"""11 bytes take 0.11 ms instead of 0.95 ms, which is queueing that the stamps do not need."""
FAST_BAUD_MIDSTATES = 1_562_500
"""A chain of an S9 takes 340 jobs a second of 150 bytes (xertSuns1/braiins:bosminer-am1-s9)."""


def fast_baud(model: ChipModel) -> int:
    """What the chip's divider makes of the rate wanted, and the host follows: 1,041,667 on a BM1366."""
    wanted = FAST_BAUD if model.job_format == "full" else FAST_BAUD_MIDSTATES
    return round(baud_from_register(model, baud_register_value(model, wanted)))


def original_registers(model: ChipModel) -> dict[str, int]:
    """Registers that are put back, by the name that they have in the capture.

    The rest of what a bring-up writes (addresses, core enables, drive strengths, resets) has one value that
    every firmware writes, and none of it lets a chip hash without a clock and work.
    """
    registers = model.registers
    named = {
        "pll0_register": registers.pll0,
        "ticket_mask_register": registers.ticket_mask,
        "hash_counting_number": registers.hash_counting_number if model.hcn_halts else None,
        "version_mask_register": registers.version_mask,
        baud_register_name(model): model.baud.register,
    }
    return {name: register for name, register in named.items() if register is not None}


def baud_register_name(model: ChipModel) -> str:
    """The register that holds the baud rate has other tasks too on the BM1387 and BM1397."""
    misc_control = model.baud.register == model.registers.misc_control
    return "misc_control_register" if misc_control else "fast_uart_register"


class ChipSettings:
    """What was found, and the way back to it. `waits` shortens the pauses of a ramp on an emulator."""

    def __init__(self, line: ChipLine, chips: int, envelope: Envelope, waits: float, log: list[str]) -> None:
        self._line = line
        self._chips = chips
        self._envelope = envelope
        self._waits = waits
        self._log = log
        self._registers = original_registers(line.model)
        self._baud_name = baud_register_name(line.model)
        self._originals: dict[str, int | None] = {}
        self._original_baud = line.transport.baud

    def originals(self) -> list[Setting]:
        """Read the registers that will be put back. One that does not answer is kept as None, and said."""
        found = []
        for name, register in self._registers.items():
            answers = self._line.ask_again(ReadRegister(register), expect=self._chips)
            values = [answer.value for answer in answers]
            value = values[0] if values else None
            if value is None:
                self._log.append(f"the chip does not answer for register {register:#04x}: {name} is unknown")
            elif len(set(values)) > 1:
                self._log.append(f"the chips differ in {name}; all will be put back to {value:#010x}")
            self._originals[name] = value
            found.append(Setting(self._now_ns(), name, None, value, kind="original"))
        found.append(Setting(self._now_ns(), "host_baud", None, float(self._original_baud), kind="original"))
        mhz = self._mhz(self._originals["pll0_register"])
        if mhz is not None and self._originals.get("hash_counting_number", 1):
            self._log.append(
                f"the chip was found at work, at {mhz:g} MHz: this is what it is put back to. If a killed "
                "session left it so, run `asicrc restore` on that session's file first"
            )
        return found

    def adopt_originals(self, settings: list[Setting]) -> None:
        """Take the originals from a capture. Raises SettingRefused for values that no such chip holds."""
        values, host_baud = checked_originals(self._line.model, settings, self._registers, self._baud_name)
        self._originals |= values
        self._original_baud = host_baud or self._original_baud

    def frequency_now_mhz(self) -> float | None:
        """The clock that the chips run at, None where they do not say or have none."""
        answers = self._line.ask_again(ReadRegister(self._line.model.registers.pll0), expect=1)
        return self._mhz(answers[0].value) if answers else None

    def confirmed(self, name: str, requested: float, register: int, written: int) -> Setting:
        """Read a register back from every chip. Raises SettingRefused unless all took what was written.

        A reading that is damaged or late is asked for again: what was written does not change by that.
        """
        attempts = 0
        while True:
            try:
                value = self._agreed(name, register, written)
                break
            except (SettingRefused, DeviceLost):
                attempts += 1
                if not self._line.may_ask_again(attempts):
                    raise
                self._line.wait(SETTLE_S)
        return Setting(self._now_ns(), name, requested, self._in_unit(name, value))

    def _agreed(self, name: str, register: int, written: int) -> int:
        """The first chip's value, once all chips have answered with what was written."""
        answers = self._line.ask(ReadRegister(register), expect=self._chips)
        if not answers:
            raise DeviceLost(
                f"{self._line.transport.path}: {name} was written, but no chip answers for register "
                f"{register:#04x} at {self._line.transport.baud} baud"
            )
        echoed = self._line.model.echoes_register
        if (len({answer.address for answer in answers}) if echoed else len(answers)) < self._chips:
            raise SettingRefused(
                f"{name} was written, but {len(answers)} of {self._chips} chips answer "
                f"for register {register:#04x}"
            )
        for answer in answers:
            if not self._same(register, answer.value, written):
                chip = "a chip" if answer.address is None else f"chip {answer.address:#04x}"
                raise SettingRefused(
                    f"{name}: {written:#010x} was written to register {register:#04x}, "
                    f"{chip} reads back {answer.value:#010x}"
                )
        return answers[0].value

    def restore(self) -> list[Setting]:
        """Stop hashing, then put back the clock in steps, the registers, and the baud rate last.

        Limits hold here too. Goes on when one of them fails: a setting that did not come back has
        `read_back` None, or another value than `requested`, and the log says why.
        """
        self._find_again()
        if self._line.model.hcn_halts:
            self._line.send(WriteRegister(self._line.model.registers.hash_counting_number, 0))
        done = [self._restore_frequency()]
        for name in ("ticket_mask_register", "version_mask_register", "hash_counting_number"):
            if name not in self._registers:
                continue
            value = self._originals.get(name)
            if value is None:  # hashing stays stopped where its original could not be read
                done.append(self._unknown(name))
            else:
                self._line.send(WriteRegister(self._registers[name], value))
                done.append(self._restored(name, float(value), self._registers[name], value))
        done.append(self._restore_baud())
        return done

    def make_safe(self) -> list[Setting]:
        """Stop hashing and take the clock to its lowest; the rest stays, for `restore` to put back later."""
        self._find_again()
        registers, kind = self._line.model.registers, "made_safe"
        done = []
        if self._line.model.hcn_halts:
            self._line.send(WriteRegister(registers.hash_counting_number, 0))
            done.append(self._restored("hash_counting_number", 0.0, registers.hash_counting_number, 0, kind))
        lowest_mhz = self._envelope.frequency_mhz.low
        self._ramp_to(lowest_mhz)
        lowest = solve_pll(self._line.model, lowest_mhz)
        return [*done, self._restored("frequency_mhz", lowest.mhz, registers.pll0, lowest.register, kind)]

    def _find_again(self) -> None:
        """Make sure that the chips hear what follows: a session may have ended between two baud rates."""
        model, transport = self._line.model, self._line.transport
        for baud in dict.fromkeys((transport.baud, self._original_baud, fast_baud(model))):
            if baud != transport.baud:
                self._line.set_baud(baud)
            if self._line.ask_again(ReadRegister(model.registers.chip_id), expect=1):
                return
        raise DeviceLost(
            f"{transport.path}: no chip answers any more, at none of the baud rates it was set to"
        )

    def _unknown(self, name: str) -> Setting:
        self._log.append(f"not restored: {name} could not be read before it was changed")
        return Setting(self._now_ns(), name, None, None, kind="restored")

    def _restore_frequency(self) -> Setting:
        raw, limits = self._originals.get("pll0_register"), self._envelope.frequency_mhz
        registers = self._line.model.registers
        original_mhz = self._mhz(raw)
        if original_mhz is None:
            self._log.append("the original clock is none that can be set: the lowest one is set instead")
        goal_mhz = limits.low if original_mhz is None else limits.clamp(original_mhz)
        if original_mhz is not None and goal_mhz != original_mhz:
            self._log.append(
                f"the original clock of {original_mhz:g} MHz is outside the limits: {goal_mhz:g} MHz is set"
            )
        self._ramp_to(goal_mhz)
        as_found = raw is not None and goal_mhz == original_mhz
        final = raw if as_found and raw is not None else solve_pll(self._line.model, goal_mhz).register
        self._line.send(WriteRegister(registers.pll0, final))
        asked_mhz = None if original_mhz is None else goal_mhz
        done = self._restored("frequency_mhz", asked_mhz, registers.pll0, final)
        return self._unknown("frequency_mhz") if raw is None else done

    def _ramp_to(self, goal_mhz: float) -> None:
        limits, model = self._envelope.frequency_mhz, self._line.model
        start_mhz = limits.clamp(self.frequency_now_mhz() or goal_mhz)
        for mhz in frequency_ramp(model, start_mhz, goal_mhz, self._envelope.step_mhz):
            self._line.send(WriteRegister(model.registers.pll0, solve_pll(model, mhz).register))
            self._line.wait(self._envelope.step_interval_s * self._waits)

    def _restore_baud(self) -> Setting:
        raw = self._originals.get(self._baud_name)
        if raw is None:
            return self._unknown("host_baud")
        baud_field = self._line.model.baud
        self._line.send(WriteRegister(baud_field.register, raw & ~baud_field.hold))
        self._line.wait(0.01)
        self._line.set_baud(self._original_baud)
        answers = self._line.ask_again(ReadRegister(self._line.model.registers.chip_id), expect=1)
        if not answers:
            self._log.append(
                f"not restored: the chip does not answer at {self._original_baud} baud after its baud "
                f"register was written ({baud_from_register(self._line.model, raw):.0f} baud by its value)"
            )
        baud = float(self._original_baud)
        return Setting(self._now_ns(), "host_baud", baud, baud if answers else None, "restored")

    def _restored(
        self, name: str, requested: float | None, register: int, written: int, kind: str = "restored"
    ) -> Setting:
        try:
            confirmed = self.confirmed(name, float(written), register, written)
            return replace(confirmed, requested=requested, kind=kind)
        except (SettingRefused, DeviceLost) as error:
            self._log.append(f"not {kind.replace('_', ' ')}: {error}")
            return Setting(self._now_ns(), name, requested, None, kind=kind)

    def _same(self, register: int, read: int, written: int) -> bool:
        if register == self._line.model.registers.pll0:  # the chip adds flag bits of its own
            return self._mhz(read) == self._mhz(written)
        return read == written

    def _mhz(self, pll_register: int | None) -> float | None:
        """The clock that a PLL value stands for, None for one that is none: chips may answer anything."""
        try:
            return None if pll_register is None else pll_from_register(self._line.model, pll_register).mhz
        except ProtocolError:
            return None

    def _in_unit(self, name: str, raw: int) -> float:
        if name == "frequency_mhz":
            return pll_from_register(self._line.model, raw).mhz
        if name == "difficulty":
            return float(difficulty_from_ticket_mask(raw))
        return float(raw)

    def _now_ns(self) -> int:
        return self._line.clock.now_ns()
