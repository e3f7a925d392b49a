"""Numbers of the PMBus: SLINEAR11, and ULINEAR16 whose exponent stands in VOUT_MODE.

PMBus Power System Management Protocol, part II, section 7; words go out low byte first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

_HIGHEST_EXPONENT = 15
_LOWEST_MANTISSA, _HIGHEST_MANTISSA = -1024, 1023


def slinear11(word: int) -> float:
    """Value of a word: a signed exponent of 5 bits, a signed mantissa of 11."""
    return math.ldexp(_signed(word & 0x7FF, 11), _signed(word >> 11 & 0x1F, 5))


def to_slinear11(value: float, lowest_exponent: int = -16) -> int:
    """The nearest word, with the smallest exponent that holds it. Raises LocalProtocolError out of range."""
    if math.isfinite(value):
        for exponent in range(lowest_exponent, _HIGHEST_EXPONENT + 1):
            mantissa = round(math.ldexp(value, -exponent))
            if _LOWEST_MANTISSA <= mantissa <= _HIGHEST_MANTISSA:
                return (exponent & 0x1F) << 11 | mantissa & 0x7FF
    raise LocalProtocolError(f"{value:g} has no SLINEAR11 form")


@dataclass(frozen=True, slots=True)
class VoutMode:
    """How the words of the output voltage are read: VOUT_MODE, one byte.

    `relative` says that the limits are shares of the commanded voltage, not volts.
    """

    exponent: int
    relative: bool

    @classmethod
    def parse(cls, data: bytes) -> VoutMode:
        """Raises RemoteProtocolError unless it is one byte of linear format."""
        if len(data) != 1 or data[0] & 0x60:
            raise RemoteProtocolError(f"VOUT_MODE {data.hex(' ') or 'of no bytes'} is not linear format")
        return cls(_signed(data[0] & 0x1F, 5), bool(data[0] & 0x80))

    @property
    def byte(self) -> int:
        return (0x80 if self.relative else 0) | self.exponent & 0x1F

    @property
    def step_v(self) -> float:
        return math.ldexp(1.0, self.exponent)

    def volts(self, word: int) -> float:
        return math.ldexp(word, self.exponent)

    def word(self, volts: float) -> int:
        """The highest word that is not above `volts`. Raises LocalProtocolError where there is none."""
        word = math.floor(math.ldexp(volts, -self.exponent)) if math.isfinite(volts) else -1
        if not 0 <= word <= 0xFFFF:
            raise LocalProtocolError(f"{volts:g} V has no word of 16 bits at {self.step_v:g} V a step")
        return word


def word_from(data: bytes) -> int:
    """A word as it was read. Raises RemoteProtocolError for anything but two bytes."""
    if len(data) != 2:
        raise RemoteProtocolError(f"a PMBus word has two bytes, not {len(data)}")
    return int.from_bytes(data, "little")


def byte_from(data: bytes) -> int:
    """A byte as it was read. Raises RemoteProtocolError for anything but one."""
    if len(data) != 1:
        raise RemoteProtocolError(f"this PMBus command has one byte, not {len(data)}")
    return data[0]


def block_from(data: bytes) -> bytes:
    """A block without the count that leads it. Raises RemoteProtocolError where the count is wrong."""
    if not data or data[0] != len(data) - 1:
        raise RemoteProtocolError(f"a PMBus block begins with its size: {data.hex(' ') or 'no bytes'}")
    return data[1:]


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value
