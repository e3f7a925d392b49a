"""Hexadecimal as it stands in messages: numbers, bytes, and hashes with their words turned round.

Numbers are 32-bit, most significant digit first. Reading is lenient where no meaning can be lost: `0x`
before, capitals, missing zeros in front of a number.
"""

from __future__ import annotations

import re

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.stratum_v1.json_lines import JsonValue

_DIGITS = re.compile(r"(?:0[xX])?([0-9a-fA-F]*)")


def hex_digits(value: JsonValue, name: str, longest: int) -> str:
    """The digits, in small letters and without `0x`. Raises RemoteProtocolError."""
    match = _DIGITS.fullmatch(value) if isinstance(value, str) and len(value) <= longest + 2 else None
    if match is None or len(match[1]) > longest:
        raise RemoteProtocolError(f"{name} is not hexadecimal of at most {longest} digits")
    return match[1].lower()


def hex_u32(value: JsonValue, name: str) -> int:
    """A 32-bit number of 1 to 8 digits. Raises RemoteProtocolError."""
    digits = hex_digits(value, name, 8)
    if not digits:
        raise RemoteProtocolError(f"{name} is empty")
    return int(digits, 16)


def hex_bytes(value: JsonValue, name: str, longest: int, size: int | None = None) -> bytes:
    """At most `longest` bytes, or exactly `size`. Raises RemoteProtocolError."""
    digits = hex_digits(value, name, 2 * longest)
    if len(digits) % 2:
        raise RemoteProtocolError(f"{name} has an odd number of digits")
    data = bytes.fromhex(digits)
    if size is not None and len(data) != size:
        raise RemoteProtocolError(f"{name} has {len(data)} bytes, not {size}")
    return data


def u32_hex(value: int, name: str) -> str:
    """Eight digits. Raises LocalProtocolError beyond 32 bits."""
    if not 0 <= value <= 0xFFFFFFFF:
        raise LocalProtocolError(f"{name} {value} does not fit 32 bits")
    return f"{value:08x}"


def swapped_words(data: bytes) -> bytes:
    """The bytes of each 4-byte word the other way round: header order to Stratum's and back.

    Not a full reversal: the words keep their places. Raises ValueError unless they are whole.
    """
    if len(data) % 4:
        raise ValueError(f"{len(data)} bytes are not whole 4-byte words")
    return b"".join(data[i : i + 4][::-1] for i in range(0, len(data), 4))
