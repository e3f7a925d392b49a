"""What a host asks of the board's microcontroller, and what it may hear back.

Sizes and meanings of the replies are those of the firmware (korbin/bitaxe-raw:src/control): setting something
answers with an echo, an I2C write with the number of bytes written, a read with what was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

ASIC_RESET_PIN = 0
"""The chip's reset line, active low: False holds the chip in reset. Low from the start of the firmware on."""

ADC_VDD = 0x50

MAX_I2C_DATA = 254
"""Bytes of one I2C transfer, a register's number included; the firmware keeps 256 and counts in a byte."""


class ErrorCode(IntEnum):
    """Why the firmware refuses. `Refused.code` may be another number, of a firmware not known here."""

    TIMEOUT = 0x10
    INVALID = 0x11
    OVERFLOW = 0x12
    CUSTOM = 0xFF


@dataclass(frozen=True, slots=True)
class I2cSetFrequency:
    """Clock of the bus, Hz. Echoed as four bytes."""

    hz: int


@dataclass(frozen=True, slots=True)
class I2cWrite:
    """Bytes to the part at a 7-bit address. Answered with their number."""

    address: int
    data: bytes


@dataclass(frozen=True, slots=True)
class I2cRead:
    """`size` bytes from the part."""

    address: int
    size: int


@dataclass(frozen=True, slots=True)
class I2cWriteRead:
    """Bytes to the part, a repeated start, and `size` bytes from it: how a register is read."""

    address: int
    data: bytes
    size: int


@dataclass(frozen=True, slots=True)
class GpioSet:
    """Drive a pin. Echoed as one byte."""

    pin: int
    level: bool


@dataclass(frozen=True, slots=True)
class GpioGet:
    """Level of a pin, one byte, 0 or 1."""

    pin: int


@dataclass(frozen=True, slots=True)
class AdcRead:
    """A raw conversion, two bytes, little-endian."""

    channel: int = ADC_VDD


@dataclass(frozen=True, slots=True)
class LedSet:
    """Colour of the board's light, echoed. Not in the firmware of the Bitaxe itself."""

    red: int
    green: int
    blue: int


@dataclass(frozen=True, slots=True)
class SystemReboot:
    """Restart the microcontroller. Never answered: the USB device goes away."""


@dataclass(frozen=True, slots=True)
class SystemBootloader:
    """Restart it as a USB drive that takes firmware. Never answered."""


Request = (
    I2cSetFrequency
    | I2cWrite
    | I2cRead
    | I2cWriteRead
    | GpioSet
    | GpioGet
    | AdcRead
    | LedSet
    | SystemReboot
    | SystemBootloader
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The request was done. `data` has one of the sizes of `answer_sizes(request)`."""

    request_id: int
    request: Request
    data: bytes

    @property
    def level(self) -> bool:
        """Of a pin that was read or set. Raises IndexError where the firmware echoes nothing."""
        return self.data[0] != 0

    @property
    def value(self) -> int:
        """The bytes as a little-endian number: of an ADC, or of a PMBus word."""
        return int.from_bytes(self.data, "little")


@dataclass(frozen=True, slots=True)
class Refused:
    """The firmware could not do it; a part that does not answer on I2C is CUSTOM with a message."""

    request_id: int
    request: Request
    code: int
    message: str = ""

    def __str__(self) -> str:
        known = {code.value: code.name.lower() for code in ErrorCode}
        reason = self.message or known.get(self.code, f"error {self.code:02x}")
        return f"the board refused {self.request}: {reason}"


def answer_sizes(request: Request) -> tuple[int, ...]:
    """Data bytes that an answer may have; none for what is never answered.

    An echo may be left out (version 1 is known from its hosts only, and they do not look at it).
    """
    match request:
        case I2cRead(_, size) | I2cWriteRead(_, _, size):
            return (size,)
        case GpioGet():
            return (1,)
        case AdcRead():
            return (2,)
        case I2cWrite() | GpioSet():
            return (0, 1)
        case LedSet():
            return (0, 3)
        case I2cSetFrequency():
            return (0, 4)
    return ()
