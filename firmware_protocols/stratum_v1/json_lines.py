"""One line of Stratum: a JSON object, read strictly and written in the form that every miner takes.

A line of n bytes costs time in proportion to n, whatever stands in it: nesting and digits are bounded before
Python's own decoder, which would recurse and multiply, sees them.
"""

from __future__ import annotations

import json
import re
from typing import TypeAlias

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

MAX_DEPTH = 32
"""Brackets inside brackets. No message needs more than four."""
MAX_NUMBER_LENGTH = 64
"""Characters of one number."""
MAX_SENT_BYTES = 8_192
"""Longest line that is sent, its end included: what small firmware has room for."""


def parse_object(line: bytes) -> dict[str, JsonValue]:
    """The object that a line holds. Raises RemoteProtocolError, and nothing else, for any other bytes."""
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and _depth(line) > MAX_DEPTH:
        raise RemoteProtocolError(f"nested more than {MAX_DEPTH} deep")
    try:
        value = _DECODER.decode(line.decode())
    except UnicodeDecodeError as error:
        raise RemoteProtocolError(f"not UTF-8: {error.reason} at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise RemoteProtocolError(f"not JSON: {error.msg} at character {error.pos}") from None
    if not isinstance(value, dict):
        raise RemoteProtocolError(f"not a JSON object but a {type(value).__name__}")
    if b"\\u" in line and not _is_text(value):
        raise RemoteProtocolError("half of a surrogate pair in a string")
    return value


def format_line(value: dict[str, JsonValue]) -> bytes:
    """The object as one line of ASCII, its end included.

    Raises LocalProtocolError for what JSON cannot say and for more than `MAX_SENT_BYTES`.
    """
    try:
        line = json.dumps(value, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise LocalProtocolError(f"cannot be written as JSON: {error}") from None
    if b"\\u" in line and not _is_text(value):
        raise LocalProtocolError("half of a surrogate pair cannot be sent")
    if len(line) > MAX_SENT_BYTES:
        raise LocalProtocolError(
            f"a line of {len(line)} bytes is above the {MAX_SENT_BYTES} that may be sent"
        )
    return line


def _depth(line: bytes) -> int:
    """The deepest nesting of brackets outside strings."""
    deepest = depth = 0
    for byte in _STRING.sub(b"", line):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _is_text(value: JsonValue) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _integer(digits: str) -> int:
    if len(digits) > MAX_NUMBER_LENGTH:
        raise RemoteProtocolError(f"a number of {len(digits)} characters")
    return int(digits)


def _fraction(digits: str) -> float:
    if len(digits) > MAX_NUMBER_LENGTH:
        raise RemoteProtocolError(f"a number of {len(digits)} characters")
    value = float(digits)
    if value in (_INF, -_INF):
        raise RemoteProtocolError("a number that no float holds")
    return value


def _no_number(name: str) -> float:
    raise RemoteProtocolError(f"{name} is not JSON")


_INF = float("inf")
_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_fraction, parse_constant=_no_number)
# An unterminated string matches as well: the search would otherwise begin again at each quote within it.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
