"""JSON that a stranger sent, read strictly: bounded, UTF-8, finite, no deeper than what any device nests.

Every error says what was read and where in it, and never shows a value: replies of devices carry secrets.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]

MAX_JSON_BYTES = 1 << 20
"""Of one document. The longest that is known, AxeOS' settings with eight certificates, has some 30 kB."""

MAX_DEPTH = 32
MAX_INTEGER = 1 << 64


def read_json(data: bytes, what: str, *, limit: int = MAX_JSON_BYTES) -> JsonValue:
    """The document in `data`. `what` names it in errors. Raises RemoteProtocolError."""
    if len(data) > limit:
        raise RemoteProtocolError(f"{what}: {len(data)} bytes, more than the {limit} that are read")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RemoteProtocolError(f"{what}: byte {error.start} is not UTF-8") from None
    return parse_json_text(text, what)


def parse_json_text(text: str, what: str) -> JsonValue:
    """As `read_json`, from text whose length was checked."""
    try:
        value = json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        raise RemoteProtocolError(f"{what}: no JSON at character {error.pos}: {error.msg}") from None
    except (RecursionError, ValueError):  # nested without end, or an integer of thousands of digits
        raise RemoteProtocolError(f"{what}: nested too deep, or a number is too long to be read") from None
    _check(value, what, MAX_DEPTH)
    checked: JsonValue = value
    return checked


def read_object(data: bytes, what: str, *, limit: int = MAX_JSON_BYTES) -> JsonObject:
    """As `read_json`, and it is an object."""
    return as_object(read_json(data, what, limit=limit), what)


def as_object(value: JsonValue, where: str) -> JsonObject:
    if not isinstance(value, dict):
        raise RemoteProtocolError(f"{where}: {kind_of(value)} where an object belongs")
    return value


def as_list(value: JsonValue, where: str) -> list[JsonValue]:
    if not isinstance(value, list):
        raise RemoteProtocolError(f"{where}: {kind_of(value)} where a list belongs")
    return value


def as_number(value: JsonValue, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RemoteProtocolError(f"{where}: {kind_of(value)} where a number belongs")
    return float(value)


def as_integer(value: JsonValue, where: str) -> int:
    """A whole number; one that is written with a point, such as 63.0, is one too."""
    number = as_number(value, where)
    if isinstance(value, int):
        return value
    if not number.is_integer() or abs(number) > MAX_INTEGER:
        raise RemoteProtocolError(f"{where}: a number that is not whole, or too large")
    return int(number)


def as_flag(value: JsonValue, where: str) -> bool:
    """True or false; firmware in C writes 1 and 0."""
    if value not in (True, False):  # 1 and 1.0 equal True
        raise RemoteProtocolError(f"{where}: {kind_of(value)} where true, false, 0 or 1 belongs")
    return bool(value)


def as_text(value: JsonValue, where: str) -> str:
    if not isinstance(value, str):
        raise RemoteProtocolError(f"{where}: {kind_of(value)} where text belongs")
    return value


def kind_of(value: JsonValue) -> str:
    """What a value is, in words, without showing it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
    return "an object"


class Fields:
    """The members of an object, taken one by one; what nobody asked for remains in `rest`.

    An absent member and a null are None.
    """

    def __init__(self, members: JsonObject, where: str) -> None:
        self.where = where
        self.rest = dict(members)

    def number(self, key: str) -> float | None:
        value = self.take(key)
        return None if value is None else as_number(value, self.at(key))

    def integer(self, key: str) -> int | None:
        value = self.take(key)
        return None if value is None else as_integer(value, self.at(key))

    def flag(self, key: str) -> bool | None:
        value = self.take(key)
        return None if value is None else as_flag(value, self.at(key))

    def text(self, key: str) -> str | None:
        value = self.take(key)
        return None if value is None else as_text(value, self.at(key))

    def members(self, key: str) -> list[JsonValue] | None:
        value = self.take(key)
        return None if value is None else as_list(value, self.at(key))

    def take(self, key: str) -> JsonValue:
        return self.rest.pop(key, None)

    def at(self, key: str) -> str:
        return f"{self.where}: {key}"


def write_json(value: Mapping[str, Any] | list[Any]) -> bytes:
    """The document, without white space. Raises LocalProtocolError for what JSON cannot express."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8")
    except (TypeError, ValueError) as error:
        raise LocalProtocolError(f"this cannot be written as JSON: {error}") from None


def _check(value: Any, where: str, depth: int) -> None:
    match value:
        case float() if not math.isfinite(value):
            raise RemoteProtocolError(f"{where}: a number that is not finite")
        case int() if abs(value) > MAX_INTEGER:
            raise RemoteProtocolError(f"{where}: an integer of more than 64 bits")
        case str():
            _check_text(value, where)
        case dict() | list() if depth == 0:
            raise RemoteProtocolError(f"{where}: nested more than {MAX_DEPTH} deep")
        case dict():
            for key, member in value.items():
                _check_text(key, where)
                _check(member, f"{where}: {key[:40]}", depth - 1)
        case list():
            for index, member in enumerate(value):
                _check(member, f"{where}[{index}]", depth - 1)


def _check_text(text: str, where: str) -> None:
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise RemoteProtocolError(f"{where}: half of a surrogate pair")
