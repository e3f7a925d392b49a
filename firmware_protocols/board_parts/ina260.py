"""INA260: what the whole board draws at its supply, on the boards whose core regulator cannot be asked.

Registers of two bytes, high byte first; 1.25 mA, 1.25 mV and 10 mW a step
(bitaxeorg/ESP-Miner:main/power/INA260.c; the identity is Texas Instruments SBOS656).
"""

from __future__ import annotations

from enum import IntEnum

from firmware_protocols.errors import RemoteProtocolError

ADDRESS = 0x40


class Register(IntEnum):
    CURRENT = 0x01
    VOLTAGE = 0x02
    POWER = 0x03
    MAKER = 0xFE
    DIE = 0xFF


MAKER_TI = 0x5449
DIE_INA260 = 0x2270
"""The lowest four bits are its revision."""

CURRENT_STEP_A, VOLTAGE_STEP_V, POWER_STEP_W = 1.25e-3, 1.25e-3, 0.010


def word_from(data: bytes) -> int:
    """A register as it was read. Raises RemoteProtocolError for anything but two bytes."""
    if len(data) != 2:
        raise RemoteProtocolError(f"an INA260 register has two bytes, not {len(data)}")
    return int.from_bytes(data, "big")


def is_ina260(maker: int, die: int) -> bool:
    """Whether the two identity registers are those of the part."""
    return maker == MAKER_TI and die & 0xFFF0 == DIE_INA260


def current_a(word: int) -> float:
    """Signed: negative is back into the supply."""
    return (word - 0x10000 if word & 0x8000 else word) * CURRENT_STEP_A


def voltage_v(word: int) -> float:
    return word * VOLTAGE_STEP_V


def power_w(word: int) -> float:
    return word * POWER_STEP_W
