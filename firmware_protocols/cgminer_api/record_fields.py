"""How members of a record are read and written: numbers that may be text, empty text that means nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.json_values import (
    Fields,
    JsonObject,
    JsonValue,
    as_flag,
    as_integer,
    as_number,
    as_text,
)
from firmware_protocols.suffixed_numbers import read_suffixed, write_suffixed

_NUMBER = re.compile(r"[+-]?\d{1,25}(?:\.\d{1,25})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_WORDS = {"y": True, "n": False, "true": True, "false": False, "1": True, "0": False}


class Kind(Enum):
    NUMBER = auto()
    COUNT = auto()
    TEXT = auto()
    FLAG = auto()
    """Written true or false."""
    SWITCH = auto()
    """Written 1 or 0."""
    YES_NO = auto()
    """Written Y or N."""
    RATE = auto()
    """A hash rate; the name says whether in MH/s or GH/s. In GH/s here."""
    DIFFICULTY = auto()
    """Written as text such as `2.05K`."""


@dataclass(frozen=True, slots=True)
class RecordField:
    """A member of one of our types and the names that it has in a record, the one that is written first."""

    member: str
    kind: Kind
    names: tuple[str, ...]


class LooseFields(Fields):
    """Numbers may be text, as bmminer's `"GHS 5s":"13709.27"`; empty text is None, as for absent chains."""

    def take(self, key: str) -> JsonValue:
        value = super().take(key)
        return None if isinstance(value, str) and not value.strip() else value

    def number(self, key: str) -> float | None:
        value = self.take(key)
        return None if value is None else as_number(_parsed(value), self.at(key))

    def integer(self, key: str) -> int | None:
        value = self.take(key)
        return None if value is None else as_integer(_parsed(value), self.at(key))

    def flag(self, key: str) -> bool | None:
        value = self.take(key)
        if isinstance(value, str):
            value = _WORDS.get(value.lower(), value)
        return None if value is None else as_flag(value, self.at(key))

    def text(self, key: str) -> str | None:
        value = self.take(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        return None if value is None else as_text(value, self.at(key))


def read_members(table: tuple[RecordField, ...], fields: LooseFields) -> dict[str, Any]:
    """The members that the table names, taken out of `fields`. Raises RemoteProtocolError."""
    return {entry.member: _read(entry, fields) for entry in table}


def write_members(table: tuple[RecordField, ...], record: object, *, in_mhs: bool = False) -> JsonObject:
    """The record's members that are not None; `in_mhs` writes hash rates in MH/s under those names."""
    members: JsonObject = {}
    for entry in table:
        value = getattr(record, entry.member)
        if value is not None:
            name, written = _written(entry, value, in_mhs)
            members[name] = written
    return members


def _read(entry: RecordField, fields: LooseFields) -> object:
    for name in entry.names:
        value = _typed(entry.kind, name, fields)
        if value is not None:
            return value
    return None


def _typed(kind: Kind, name: str, fields: LooseFields) -> object:
    match kind:
        case Kind.NUMBER:
            return fields.number(name)
        case Kind.COUNT:
            return fields.integer(name)
        case Kind.TEXT:
            return fields.text(name)
        case Kind.RATE:
            rate = fields.number(name)
            return rate / 1000 if rate is not None and "MHS" in name else rate
        case Kind.DIFFICULTY:
            value = fields.take(name)
            return None if value is None else read_suffixed(value, fields.at(name))
    return fields.flag(name)


def _written(entry: RecordField, value: Any, in_mhs: bool) -> tuple[str, JsonValue]:
    name = entry.names[0]
    match entry.kind:
        case Kind.RATE if in_mhs or "MHS" in name:
            return next(name for name in entry.names if "MHS" in name), value * 1000
        case Kind.DIFFICULTY:
            return name, write_suffixed(value)
        case Kind.SWITCH:
            return name, int(value)
        case Kind.YES_NO:
            return name, "Y" if value else "N"
    return name, value


def _parsed(value: JsonValue) -> JsonValue:
    """The number that a text is; any other value as it is, for the error that names its kind."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not _NUMBER.fullmatch(text):
        return value
    number = float(text)
    if abs(number) > 1e300:
        raise RemoteProtocolError("a number too large to be one")
    return int(text) if text.lstrip("+-").isdigit() else number
