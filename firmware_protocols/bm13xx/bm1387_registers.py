"""Registers of the BM1387, 32 bits each: numbers, and the two that have fields of their own.

Layouts: xertSuns1/braiins:open/bosminer/bosminer-am1-s9/src/bm1387.rs. CHIP_ID is `registers.ChipId` (its
revision byte is 0x90), the clock is in `pll`, the ticket mask in `ticket_mask`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError


class Bm1387Register(IntEnum):
    """Register numbers. `ChipModel.registers` has them by what they do."""

    CHIP_ID = 0x00
    HASH_RATE = 0x08
    """In units of 2**24 hashes a second."""
    PLL = 0x0C
    HASH_COUNTING_NUMBER = 0x14
    """The factory firmware writes 0; what it does is not known."""
    TICKET_MASK = 0x18
    MISC_CONTROL = 0x1C
    I2C_CONTROL = 0x20


class TfPin(IntEnum):
    """What the TF pin carries."""

    HASHING = 0
    UART_RECEIVING = 1
    UART_TRANSMITTING = 2
    I2C_CLOCK = 3


@dataclass(frozen=True, slots=True)
class MiscControl:
    """MISC_CONTROL; 40209A80 is a gated chain at the reset baud rate.

    `baud_divider` always has to be the one in use, even where `keep_baud` says not to change it.
    """

    baud_divider: int
    """baud = 25 MHz / (8 (divider + 1)); at most 26."""
    keep_baud: bool = False
    invert_clock: bool = True
    """Set on every S9."""
    middle_i2c_bus: bool = False
    gate_block: bool = False
    """Cores ignore work until opened: each work whose nbits have bit 0 set opens one more of every chip."""
    rf_is_i2c_data: bool = False
    multi_midstate: bool = True
    """Set by every known firmware, also for jobs with one midstate."""
    tf_pin: TfPin = TfPin.HASHING

    def pack(self) -> int:
        """Register value. Raises LocalProtocolError for a divider out of range."""
        if not 0 <= self.baud_divider <= _DIVIDER_MOST:
            raise LocalProtocolError(f"a baud divider is 0 to {_DIVIDER_MOST}, not {self.baud_divider}")
        flags = sum(1 << bit for name, bit in _MISC_FLAGS.items() if getattr(self, name))
        return flags | self.baud_divider << 8 | self.tf_pin << 5

    @classmethod
    def unpack(cls, value: int) -> MiscControl:
        """Raises RemoteProtocolError for a value with bits that have no known meaning."""
        known = sum(1 << bit for bit in _MISC_FLAGS.values()) | 0x1F << 8 | 3 << 5
        if value & ~known or (value >> 8 & 0x1F) > _DIVIDER_MOST:
            raise RemoteProtocolError(f"{value:08x} is no MISC_CONTROL of a BM1387")
        flags = {name: bool(value >> bit & 1) for name, bit in _MISC_FLAGS.items()}
        return cls(baud_divider=value >> 8 & 0x1F, tf_pin=TfPin(value >> 5 & 3), **flags)


_DIVIDER_MOST = 26
_MISC_FLAGS = {
    "keep_baud": 30,
    "invert_clock": 21,
    "middle_i2c_bus": 16,
    "gate_block": 15,
    "rf_is_i2c_data": 14,
    "multi_midstate": 7,
}


@dataclass(frozen=True, slots=True)
class I2cControl:
    """I2C_CONTROL: the chip as I2C master of the sensors on its board.

    On an S9 they hang on chip number 61 (address 244), whose MISC_CONTROL then has TF and RF as clock and
    data, and the gate open. A transfer is written with `go`, and over when a read shows `busy` clear.
    """

    i2c_address: int
    """8-bit form: the device's address doubled, and odd to write."""
    register: int
    data: int = 0
    go: bool = False
    busy: bool = False

    def pack(self) -> int:
        """Register value. Raises LocalProtocolError for a field out of range."""
        for name, field in (
            ("i2c_address", self.i2c_address),
            ("register", self.register),
            ("data", self.data),
        ):
            if not 0 <= field <= 0xFF:
                raise LocalProtocolError(f"{name} has 8 bits, not {field:#x}")
        return self.busy << 31 | self.go << 24 | self.i2c_address << 16 | self.register << 8 | self.data

    @classmethod
    def unpack(cls, value: int) -> I2cControl:
        """Raises RemoteProtocolError for a value with bits that have no known meaning."""
        if value & ~0x81FFFFFF:
            raise RemoteProtocolError(f"{value:08x} is no I2C_CONTROL of a BM1387")
        return cls(
            value >> 16 & 0xFF, value >> 8 & 0xFF, value & 0xFF, bool(value >> 24 & 1), bool(value >> 31)
        )
