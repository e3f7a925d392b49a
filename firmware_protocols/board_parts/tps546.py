"""TPS546D24A: the core's regulator with a PMBus, which also measures.

Commands and numbers as bitaxeorg/ESP-Miner:main/power/TPS546.c and 256foundation/mujina:peripheral/tps546.rs
use them. A transfer begins with the command's number; to read, that is all that is written. Never here:
storing settings in the part, which is said to be able to ruin it (ESP-Miner).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, IntFlag

from firmware_protocols.board_parts.pmbus import VoutMode, block_from, slinear11, word_from
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

ADDRESS = 0x24


class Command(IntEnum):
    OPERATION = 0x01
    ON_OFF_CONFIG = 0x02
    CLEAR_FAULTS = 0x03
    PHASE = 0x04
    VOUT_MODE = 0x20
    VOUT_COMMAND = 0x21
    VOUT_MAX = 0x24
    VOUT_MARGIN_HIGH = 0x25
    VOUT_MARGIN_LOW = 0x26
    VOUT_SCALE_LOOP = 0x29
    VOUT_MIN = 0x2B
    FREQUENCY_SWITCH = 0x33
    VIN_ON = 0x35
    VIN_OFF = 0x36
    VOUT_OV_FAULT_LIMIT = 0x40
    VOUT_OV_WARN_LIMIT = 0x42
    VOUT_UV_WARN_LIMIT = 0x43
    VOUT_UV_FAULT_LIMIT = 0x44
    IOUT_OC_FAULT_LIMIT = 0x46
    IOUT_OC_FAULT_RESPONSE = 0x47
    IOUT_OC_WARN_LIMIT = 0x4A
    OT_FAULT_LIMIT = 0x4F
    OT_FAULT_RESPONSE = 0x50
    OT_WARN_LIMIT = 0x51
    VIN_OV_FAULT_LIMIT = 0x55
    VIN_OV_FAULT_RESPONSE = 0x56
    VIN_UV_WARN_LIMIT = 0x58
    TON_DELAY = 0x60
    TON_RISE = 0x61
    TON_MAX_FAULT_LIMIT = 0x62
    TON_MAX_FAULT_RESPONSE = 0x63
    TOFF_DELAY = 0x64
    TOFF_FALL = 0x65
    STATUS_WORD = 0x79
    STATUS_VOUT = 0x7A
    STATUS_IOUT = 0x7B
    STATUS_INPUT = 0x7C
    STATUS_TEMPERATURE = 0x7D
    READ_VIN = 0x88
    READ_VOUT = 0x8B
    READ_IOUT = 0x8C
    READ_TEMPERATURE = 0x8D
    IC_DEVICE_ID = 0xAD
    PIN_DETECT_OVERRIDE = 0xEE


class Status(IntFlag):
    """STATUS_WORD. Bits latch until CLEAR_FAULTS, but for OFF, BUSY and POWER_NOT_GOOD."""

    VOUT = 0x8000
    IOUT = 0x4000
    INPUT = 0x2000
    MANUFACTURER = 0x1000
    POWER_NOT_GOOD = 0x0800
    OTHER = 0x0200
    UNKNOWN = 0x0100
    BUSY = 0x0080
    OFF = 0x0040
    VOUT_OVER = 0x0020
    IOUT_OVER = 0x0010
    VIN_UNDER = 0x0008
    TEMPERATURE = 0x0004
    COMMUNICATION = 0x0002
    NONE_OF_THE_ABOVE = 0x0001


FAULTS = Status.VOUT_OVER | Status.IOUT_OVER | Status.VIN_UNDER | Status.TEMPERATURE
"""Of which one ends mining; OFF does too where the output should be on."""

OPERATION_OFF, OPERATION_ON = 0x00, 0x80

ID_SIZE = 7
"""Bytes to read of IC_DEVICE_ID: the size of the block, and six."""

DEVICES = {
    bytes.fromhex("5449546D2441"): "TPS546D24A",
    bytes.fromhex("5449546D2462"): "TPS546D24S",
    bytes.fromhex("5449546B2441"): "TPS546B24A",
}
"""The last is refused by ESP-Miner, as the part for half the current, and taken by mujina as a D24A."""


def write_byte(command: int, value: int) -> bytes:
    """I2C bytes. Raises LocalProtocolError for a value that is no byte."""
    if not 0 <= value <= 0xFF:
        raise LocalProtocolError(f"this PMBus command takes a byte: {value} is none")
    return bytes((command, value))


def write_word(command: int, word: int) -> bytes:
    """I2C bytes. Raises LocalProtocolError for a value that is no word."""
    if not 0 <= word <= 0xFFFF:
        raise LocalProtocolError(f"this PMBus command takes a word of 16 bits: {word} is none")
    return bytes((command,)) + word.to_bytes(2, "little")


CLEAR_FAULTS = bytes((Command.CLEAR_FAULTS,))
TURN_OFF = write_byte(Command.OPERATION, OPERATION_OFF)
TURN_ON = write_byte(Command.OPERATION, OPERATION_ON)
READ_ALL_PHASES = write_byte(Command.PHASE, 0xFF)
"""To be written before the current is read."""


def set_volts(volts: float, mode: VoutMode) -> bytes:
    """I2C bytes that command the highest voltage which is not above `volts`."""
    return write_word(Command.VOUT_COMMAND, mode.word(volts))


def identify(data: bytes) -> str:
    """Name of the part that an answer to IC_DEVICE_ID is of. Raises RemoteProtocolError for others."""
    block = block_from(data)
    if block not in DEVICES:
        raise RemoteProtocolError(f"the part at {ADDRESS:#x} says {block.hex(' ')}: not a TPS546 known here")
    return DEVICES[block]


def status_from(data: bytes) -> Status:
    """Answer to STATUS_WORD."""
    return Status(word_from(data))


def names(status: Status) -> tuple[str, ...]:
    """Of the bits that are set, for a message."""
    return tuple((bit.name or "").lower().replace("_", " ") for bit in _bits(status))


def volts_from(data: bytes, mode: VoutMode) -> float:
    """Answer to READ_VOUT or VOUT_COMMAND, V."""
    return mode.volts(word_from(data))


def reading_from(data: bytes) -> float:
    """Answer to READ_VIN (V), READ_IOUT (A) or READ_TEMPERATURE (degC of the regulator)."""
    return slinear11(word_from(data))


def _bits(status: Status) -> Iterable[Status]:
    return (bit for bit in Status if bit in status)
