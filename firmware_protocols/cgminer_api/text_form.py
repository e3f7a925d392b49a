"""Replies in text, as a miner answers a command in text:

    STATUS=S,When=1700000000,Code=11,Msg=Summary,Description=cgminer 4.9.0|SUMMARY,Elapsed=5,GHS av=13.5|

Records end with a bar, members with a comma; bar, comma, equals sign and backslash in a value are escaped.
A section of several records does not name itself: the name of their first member tells it.
"""

from __future__ import annotations

from typing import Any

from firmware_protocols.cgminer_api.reply import Reply, Status, status_from
from firmware_protocols.cgminer_api.streams import MAX_REPLY
from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.json_values import JsonObject

_SECTIONS = {"POOL": "POOLS", "ASC": "DEVS", "PGA": "DEVS", "GPU": "DEVS", "STATS": "STATS"}
_SPECIAL = "|,=\\"


def read_text_reply(data: bytes, what: str = "a reply") -> Reply:
    """The reply; every value of a record is text. Raises RemoteProtocolError."""
    if len(data) > MAX_REPLY:
        raise RemoteProtocolError(f"{what}: {len(data)} bytes, more than the {MAX_REPLY} that are read")
    try:
        text = data.rstrip(b"\0\r\n").decode("utf-8")
    except UnicodeDecodeError as error:
        raise RemoteProtocolError(f"{what}: byte {error.start} is not UTF-8") from None
    *records, rest = _split(text, "|")
    if rest:
        raise RemoteProtocolError(f"{what}: cut short after {len(text)} characters")
    status: Status | None = None
    sections: dict[str, list[JsonObject]] = {}
    for record in records:
        name, members = _record(record)
        if name == "STATUS" and status is None:
            status = _status(members, what)
        else:
            sections.setdefault(_SECTIONS.get(name, name), []).append(members)
    if status is None:
        raise RemoteProtocolError(f"{what}: no STATUS")
    return Reply(status, sections)


def write_text_reply(reply: Reply) -> bytes:
    """The bytes of a miner."""
    status = reply.status
    head = {
        "STATUS": str(status.severity),
        "When": status.when_s,
        "Code": status.code,
        "Msg": status.message,
        "Description": status.description,
    }
    parts = [_members({key: value for key, value in head.items() if value is not None})]
    for name, records in reply.sections.items():
        for record in records:
            first = next(iter(record), "")
            parts.append(_members(record) if _SECTIONS.get(first) == name else f"{name},{_members(record)}")
    return "".join(f"{part}|" for part in parts).encode("utf-8", "replace") + b"\0"


def _status(members: JsonObject, what: str) -> Status:
    numbers: JsonObject = {
        key: int(value)
        for key in ("Code", "When")
        if isinstance(value := members.get(key), str)
        and value.isascii()
        and value.isdigit()
        and len(value) < 19
    }
    return status_from(members | numbers, f"{what}: STATUS")


def _record(text: str) -> tuple[str, JsonObject]:
    """What the record is called, and its members."""
    items = _split(text, ",")
    pairs = [_split(item, "=") for item in items]
    members: JsonObject = {
        _unescaped(pair[0]): _unescaped("=".join(pair[1:])) for pair in pairs if len(pair) > 1
    }
    return _unescaped(pairs[0][0]), members


def _split(text: str, mark: str) -> list[str]:
    """The parts between unescaped marks, still escaped."""
    parts, start, position = [], 0, 0
    while position < len(text):
        if text[position] == "\\":
            position += 1
        elif text[position] == mark:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    return [*parts, text[start:]]


def _unescaped(text: str) -> str:
    characters = iter(text)
    return "".join(next(characters, "") if character == "\\" else character for character in characters)


def _members(record: JsonObject | dict[str, Any]) -> str:
    return ",".join(f"{_escaped(key)}={_escaped(_shown(value))}" for key, value in record.items())


def _shown(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else "" if value is None else str(value)


def _escaped(text: str) -> str:
    return "".join(f"\\{character}" if character in _SPECIAL else character for character in text)
