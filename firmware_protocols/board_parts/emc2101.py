"""EMC2101: fan controller with two thermometers, its own and a diode that may sit in the chip.

Every register has one byte: write its number, read one byte. Registers and scale:
256foundation/mujina:peripheral/emc2101.rs and bitaxeorg/ESP-Miner:main/thermal/EMC2101.c.
"""

from __future__ import annotations

import math
from enum import Enum, IntEnum

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

ADDRESS = 0x4C


class Register(IntEnum):
    INTERNAL_TEMPERATURE = 0x00
    EXTERNAL_HIGH = 0x01
    STATUS = 0x02
    CONFIG = 0x03
    CONVERSION_RATE = 0x04
    EXTERNAL_LOW = 0x10
    IDEALITY = 0x17
    BETA = 0x18
    TACH_LOW = 0x46
    """Read first: it keeps the high byte of the same measurement."""
    TACH_HIGH = 0x47
    FAN_CONFIG = 0x4A
    FAN_SETTING = 0x4C
    PRODUCT = 0xFD
    MAKER = 0xFE
    REVISION = 0xFF


class DiodeFault(Enum):
    """What the external reading says instead of a temperature."""

    OPEN = 0x3F8
    SHORT = 0x3FF


PRODUCTS = {0x16: "EMC2101", 0x28: "EMC2101-R"}
MAKER_SMSC = 0x5D

TACH_INPUT = 0x04
"""Bit of CONFIG: the pin is the fan's tachometer, not an alert."""
DIRECT_FAN = 0x23
"""FAN_CONFIG of a fan that turns as FAN_SETTING says, not by the table in the part."""

HIGHEST_DUTY = 63
TACH_CLOCK = 5_400_000
"""Rotations a minute times counts."""
TACH_STOPPED = 0xFFFF

LOWEST_C, HIGHEST_C = -64.0, 126.875
"""Of the external diode: 127 degC and above are its fault codes."""


def write_register(register: int, value: int) -> bytes:
    """I2C bytes that set a register. Raises LocalProtocolError for a value that is no byte."""
    if not 0 <= value <= 0xFF:
        raise LocalProtocolError(f"an EMC2101 register has 8 bits: {value} is none")
    return bytes((register, value))


def initialisation(*, ideality: int | None = None, beta: int | None = None) -> tuple[bytes, ...]:
    """I2C writes, in order, after which the tachometer counts and FAN_SETTING is obeyed.

    `ideality` and `beta` fit the diode of the board; None leaves the part's own.
    """
    writes = [
        write_register(Register.CONFIG, TACH_INPUT),
        write_register(Register.FAN_CONFIG, DIRECT_FAN),
    ]
    if ideality is not None:
        writes.append(write_register(Register.IDEALITY, ideality))
    if beta is not None:
        writes.append(write_register(Register.BETA, beta))
    return tuple(writes)


def identify(product: int, maker: int) -> str:
    """Name of the part. Raises RemoteProtocolError when it is another."""
    if maker != MAKER_SMSC or product not in PRODUCTS:
        raise RemoteProtocolError(
            f"the part at {ADDRESS:#x} says product {product:02x}, maker {maker:02x}: not an EMC2101"
        )
    return PRODUCTS[product]


def duty_for(percent: float) -> int:
    """FAN_SETTING of at least `percent` of full duty: rounded up.

    Raises LocalProtocolError outside 0 to 100.
    """
    if not 0 <= percent <= 100:
        raise LocalProtocolError(f"a fan runs at 0 to 100 %, not at {percent:g}")
    return math.ceil(percent * HIGHEST_DUTY / 100 - _EXACT)


def percent_of(duty: int) -> float:
    """Share of full duty that a FAN_SETTING means; its two highest bits mean nothing."""
    return (duty & HIGHEST_DUTY) * 100 / HIGHEST_DUTY


def internal_c(value: int) -> float:
    """degC of INTERNAL_TEMPERATURE, in whole degrees."""
    return float(value - 256 if value >= 128 else value)


def external_c(high: int, low: int) -> float | DiodeFault:
    """degC of EXTERNAL_HIGH and EXTERNAL_LOW in steps of 0.125, or what is wrong with the diode."""
    raw = (high << 8 | low) >> 5
    if raw in (DiodeFault.OPEN.value, DiodeFault.SHORT.value):
        return DiodeFault(raw)
    return (raw - 2048 if raw >= 1024 else raw) * 0.125


def rpm_of(low: int, high: int) -> float | None:
    """Rotations a minute of TACH_LOW and TACH_HIGH: 0 for a standing fan, None where nothing was counted."""
    count = high << 8 | low
    if count == TACH_STOPPED:
        return 0.0
    return TACH_CLOCK / count if count else None


def register_from(data: bytes) -> int:
    """A register as it was read. Raises RemoteProtocolError for anything but one byte."""
    if len(data) != 1:
        raise RemoteProtocolError(f"an EMC2101 register has one byte, not {len(data)}")
    return data[0]


_EXACT = 1e-9
"""Steps: the percentage of a duty leads back to it whatever its last bits say."""
