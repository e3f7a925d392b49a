"""Registers and commands of one chip: what it answers, and whether and how it hashes.

Which registers there are: `silicon`. What the sources leave open is settled here so:
- A chip hashes when its PLL is set to a ratio that it locks on to. The BM1362, BM1366, BM1368 and BM1370 also
  need a HASH_COUNTING_NUMBER that is not 0 (0 halts them: 256foundation/mujina REFERENCE.md) and cores that
  were enabled by a CORE_MAILBOX write of 0xAA to core register 2, as every known bring-up does. A job that
  comes earlier is lost, and halting ends the work. Nothing of the kind is known of the BM1397.
- A BM1387 hashes with the cores that were opened: while gate_block is set, each work of zero midstates and
  all ones behind them opens one (xertSuns1/braiins: bosminer-am1-s9). They stay open until reset. Such a
  work itself is not hashed (`chain`).
- SOFT_RESET disables the cores and leaves the registers: bring-ups write other registers before it and the
  mailbox after it.
- Registers that the emulator does not have (hash counters, temperature, voltage, the I2C master of the
  BM1387) are not answered at all.
- Midstate jobs on chips that take whole headers (version rolling off, on silicon) are not understood: without
  version rolling such a chip tests the version of the job alone, again and again, on its first sub-core.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from firmware_protocols.bm13xx import FullJob, MidstateJob, ReadRegister, RegisterResponse, WriteRegister
from simulators.bm13xx.silicon import REFERENCE_CLOCK_HZ, Silicon
from simulators.bm13xx.sweep import COUNTER_SIZE, HashSettings

SHORT_RESPONSE, LONG_RESPONSE = 9, 11

_CHIP_ID = 0x00
_MAILBOX_WRITE = 1 << 15
_CORE_ENABLE_REGISTER, _CORE_ENABLE_VALUE = 2, 0xAA
_VERSION_ROLLING = 1 << 31
_OFFSET_ENABLED = 1 << 31
_OFFSET_SHIFT, _ADDRESS_SHIFT = 9, 17
_GATE_BLOCK, _MULTI_MIDSTATE = 1 << 15, 1 << 7
_BUSY_MIDSTATE, _BUSY_WORD, _BUSY_TAIL = bytes(32), 0xFFFFFFFF, b"\xff" * 4


@dataclass(slots=True)
class Chip:
    """One chip from its reset on. `chip_id` may be another than the silicon's, for hosts to stumble over."""

    silicon: Silicon
    chip_id: int
    addressed: bool = False
    """Whether it was given its address, and passes further addresses on."""
    address: int = 0
    registers: dict[int, int] = field(init=False)
    cores_enabled: bool = False
    open_cores: int = 0
    """Of a chip with gated cores."""
    _divider: int = field(init=False)
    _settings: HashSettings | None = field(init=False, default=None)
    _settings_known: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.registers = dict(self.silicon.reset_values)
        self._divider = self._divider_in(self.registers[self.silicon.baud])

    def forget_address(self) -> None:
        """Chain inactive: answer as address 0 until given another."""
        self.addressed, self.address = False, 0

    def take_address(self, address: int) -> None:
        self.addressed, self.address = True, address

    def hears(self, address: int | None) -> bool:
        """Whether a command for this address, or for all (None), is for this chip."""
        return address is None or address == self.address

    def read(self, command: ReadRegister) -> RegisterResponse | None:
        """The answer, or None when it is for another chip or the chip has no such register."""
        if not self.hears(command.address):
            return None
        silicon = self.silicon
        if command.register == _CHIP_ID:
            value: int | None = self.chip_id << 16 | silicon.id_byte << 8 | self.address
        else:
            value = self.registers.get(command.register)
        if value is None:
            return None
        if command.register == silicon.pll:
            value |= silicon.pll_reads_as
        if not silicon.echoes_register:
            return RegisterResponse(value, None, None)
        return RegisterResponse(value, self.address, command.register)

    def write(self, command: WriteRegister) -> None:
        """Take a value. Writes for other chips and to registers that the chip does not have do nothing."""
        if not self.hears(command.address) or command.register not in self.registers:
            return
        silicon, value = self.silicon, command.value
        self.registers[command.register] = value
        self._settings_known = False
        if command.register == silicon.baud and not value & silicon.baud_hold:
            self._divider = self._divider_in(value)
        if command.register == silicon.soft_reset:
            self.cores_enabled = False
        elif command.register == silicon.core_mailbox and value & _MAILBOX_WRITE:
            core_register, core_value = value >> 8 & 0x1F, value & 0xFF
            if core_register == _CORE_ENABLE_REGISTER:
                self.cores_enabled = core_value == _CORE_ENABLE_VALUE

    def see(self, job: MidstateJob) -> None:
        """Let a work pass: a busy one opens a core of a chip whose cores are gated."""
        gate = self.silicon.gated_cores and self.registers[self.silicon.baud] & _GATE_BLOCK
        if gate and is_busy_work(job):
            self.open_cores = min(self.open_cores + 1, self.silicon.cores)
            self._settings_known = False

    @property
    def baud(self) -> float:
        """Of the line."""
        return REFERENCE_CLOCK_HZ / (8 * (self._divider + 1))

    @property
    def rolls_versions(self) -> bool:
        register = self.silicon.version_mask
        return register is not None and bool(self.registers[register] & _VERSION_ROLLING)

    @property
    def response_size(self) -> int:
        """Bytes of its responses: of chips that roll versions long ones once that is enabled."""
        return LONG_RESPONSE if self.rolls_versions else SHORT_RESPONSE

    def midstates_of(self, job: MidstateJob) -> int:
        """How many midstates of a job it tests: on a BM1387 one only, unless mmen is set."""
        if self.silicon.midstates_in_turn and not self.registers[self.silicon.baud] & _MULTI_MIDSTATE:
            return 1
        return len(job.midstates)

    def start_counter(self, random: np.random.Generator) -> int:
        """Where its counter starts with the next job.

        Chips with a CHIP_NONCE_OFFSET start anywhere as long as none is enabled (M).
        """
        register = self.silicon.nonce_offset
        if register is None:
            return self.address << _ADDRESS_SHIFT
        offset = self.registers[register]
        if offset & _OFFSET_ENABLED:
            return (offset & 0xFFFF) << _OFFSET_SHIFT
        return int(random.integers(COUNTER_SIZE))

    def hash_settings(self) -> HashSettings | None:
        """How it hashes, None while it does not: see the module's text for what it needs."""
        if not self._settings_known:
            self._settings, self._settings_known = self._hash_settings(), True
        return self._settings

    def _hash_settings(self) -> HashSettings | None:
        silicon, registers = self.silicon, self.registers
        frequency_hz = clock_hz(silicon, registers[silicon.pll])
        ticket_bits = zero_bits_of_mask(registers[silicon.ticket_mask])
        if frequency_hz is None or ticket_bits is None:
            return None  # no clock without a lock; a mask that is no power of two has no known meaning
        if silicon.gated_cores:
            counting, ready = None, self.open_cores > 0
        elif silicon.hash_counting is None:
            counting, ready = None, True
        else:
            counting = registers[silicon.hash_counting]
            ready = counting > 0 and self.cores_enabled
        if not ready:
            return None
        return HashSettings(
            frequency_hz=frequency_hz,
            hash_counting_number=counting,
            ticket_bits=ticket_bits,
            version_mask=self._version_mask(),
            overrun_ticks=silicon.overrun_ticks,
            cores=self.open_cores if silicon.gated_cores else silicon.cores,
        )

    def _version_mask(self) -> int | None:
        register = self.silicon.version_mask
        return self.registers[register] & 0xFFFF if register is not None and self.rolls_versions else None

    def _divider_in(self, value: int) -> int:
        return value >> 8 & self.silicon.baud_mask


def clock_hz(silicon: Silicon, register: int) -> float | None:
    """Hash clock of a PLL value, None for one on which the chip would not lock."""
    fbdiv, reference = register >> 16 & 0xFF, register >> 8 & 0xFF
    less = 1 if silicon.pll_minus_one else 0
    post1, post2 = (register >> 4 & 0xF) + less, (register & 0xF) + less
    if not (fbdiv and 1 <= reference <= silicon.pll_reference_most and 1 <= post1 <= 7 and 1 <= post2 <= 7):
        return None
    vco_hz = REFERENCE_CLOCK_HZ * fbdiv / reference
    low, high = silicon.pll_flags
    if register >> 24 != (high if vco_hz >= 2.4e9 else low):
        return None
    return vco_hz / (post1 * post2)


def zero_bits_of_mask(ticket_mask: int) -> int | None:
    """Leading zero bits that a mask asks for beyond the chip's threshold; None for no run of ones.

    The bits of each byte stand in reverse (M).
    """
    mask = int.from_bytes(
        bytes(int(f"{byte:08b}"[::-1], 2) for byte in ticket_mask.to_bytes(4, "big")), "big"
    )
    return None if mask & (mask + 1) else mask.bit_length()


def is_busy_work(job: FullJob | MidstateJob) -> bool:
    """Whether a job is one of those that open the cores of a BM1387, and no work of the host's."""
    if isinstance(job, FullJob):
        return False
    ones = (job.nbits, job.ntime) == (_BUSY_WORD, _BUSY_WORD) and job.merkle_tail == _BUSY_TAIL
    return ones and all(midstate == _BUSY_MIDSTATE for midstate in job.midstates)
