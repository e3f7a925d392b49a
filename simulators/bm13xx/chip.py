"""Registers and commands of one chip: what it answers, and whether and how it hashes.

Register meanings: firmware_protocols/bm13xx. What the sources leave open is settled here so:
- A chip hashes when its PLL is set to a known ratio, HASH_COUNTING_NUMBER is not 0 (0 halts it:
  256foundation/mujina REFERENCE.md) and its cores were enabled by a CORE_MAILBOX write of 0xAA to core
  register 2, as every known bring-up does. A job that comes earlier is lost, and halting ends the work.
- SOFT_RESET disables the cores and leaves the registers: bring-ups write other registers before it and the
  mailbox after it.
- Registers whose reset value is not known, the PLL among them, read 0 until they are written. Registers
  that the emulator does not have (hash counters, temperature, voltage) are not answered at all.
- Midstate jobs (version rolling off, on silicon) are not understood: without version rolling a chip tests
  the version of the job alone, again and again, on its first sub-core.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware_protocols.bm13xx import (
    ReadRegister,
    Register,
    RegisterResponse,
    WriteRegister,
    baud_from_fast_uart,
    difficulty_from_ticket_mask,
    pll_from_register,
)
from firmware_protocols.bm13xx.models import ChipModel
from firmware_protocols.errors import ProtocolError
from simulators.bm13xx.sweep import HashSettings

SHORT_RESPONSE, LONG_RESPONSE = 9, 11

_RESET_VALUES: dict[int, int] = {
    Register.PLL0: 0,
    Register.HASH_COUNTING_NUMBER: 0,
    Register.TICKET_MASK: 0,
    Register.MISC_CONTROL: 0x0000C100,  # skot/BM1397:protocol.md, as FAST_UART's
    Register.FAST_UART: 0x01301A00,
    Register.UART_RELAY: 0,
    Register.CORE_MAILBOX: 0,
    Register.ANALOG_MUX: 0,
    Register.IO_DRIVER: 0,
    Register.VERSION_MASK: 0,
    Register.SOFT_RESET: 0,
}
_MAILBOX_WRITE = 1 << 15
_CORE_ENABLE_REGISTER, _CORE_ENABLE_VALUE = 2, 0xAA
_VERSION_ROLLING = 1 << 31


@dataclass(slots=True)
class Chip:
    """One chip from its reset on. `chip_id` may be another than the model's, for hosts to stumble over."""

    model: ChipModel
    chip_id: int
    addressed: bool = False
    """Whether it was given its address, and passes further addresses on."""
    address: int = 0
    registers: dict[int, int] = field(default_factory=lambda: dict(_RESET_VALUES))
    cores_enabled: bool = False

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
        if command.register == Register.CHIP_ID:
            return RegisterResponse(self.chip_id << 16 | self.address, self.address, command.register)
        value = self.registers.get(command.register)
        return None if value is None else RegisterResponse(value, self.address, command.register)

    def write(self, command: WriteRegister) -> None:
        """Take a value. Writes for other chips and to registers that the chip does not have do nothing."""
        if not self.hears(command.address) or command.register not in self.registers:
            return
        self.registers[command.register] = command.value
        if command.register == Register.SOFT_RESET:
            self.cores_enabled = False
        elif command.register == Register.CORE_MAILBOX and command.value & _MAILBOX_WRITE:
            core_register, value = command.value >> 8 & 0x1F, command.value & 0xFF
            if core_register == _CORE_ENABLE_REGISTER:
                self.cores_enabled = value == _CORE_ENABLE_VALUE

    @property
    def baud(self) -> float:
        """Of the line, as FAST_UART sets it."""
        return baud_from_fast_uart(self.registers[Register.FAST_UART])

    @property
    def rolls_versions(self) -> bool:
        return bool(self.registers[Register.VERSION_MASK] & _VERSION_ROLLING)

    @property
    def response_size(self) -> int:
        """Bytes of its responses: long ones once version rolling is enabled."""
        return LONG_RESPONSE if self.rolls_versions else SHORT_RESPONSE

    def hash_settings(self) -> HashSettings | None:
        """How it hashes, None while it does not: see the module's text for what it needs."""
        registers = self.registers
        if not self.cores_enabled or not registers[Register.HASH_COUNTING_NUMBER]:
            return None
        try:
            pll = pll_from_register(self.model, registers[Register.PLL0])
            difficulty = difficulty_from_ticket_mask(registers[Register.TICKET_MASK])
        except ProtocolError:
            return None  # no clock without a lock; a mask that is no power of two has no known meaning
        return HashSettings(
            frequency_hz=pll.mhz * 1e6,
            hash_counting_number=registers[Register.HASH_COUNTING_NUMBER],
            ticket_bits=difficulty.bit_length() - 1,
            version_mask=registers[Register.VERSION_MASK] & 0xFFFF if self.rolls_versions else None,
        )
