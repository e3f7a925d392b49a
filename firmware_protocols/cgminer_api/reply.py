"""A reply of the cgminer family: a status and sections of records; both ways, with real ones' defects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from firmware_protocols.cgminer_api.repair import read_defective_object
from firmware_protocols.cgminer_api.streams import MAX_REPLY
from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.json_values import (
    Fields,
    JsonObject,
    JsonValue,
    as_list,
    as_object,
    write_json,
)


class Severity(StrEnum):
    SUCCESS = "S"
    INFO = "I"
    WARNING = "W"
    ERROR = "E"
    FATAL = "F"


class Code(IntEnum):
    """Codes that matter here; a status may have any other. From cgminer's api.c; from 201 on Luxor's."""

    POOLS = 7
    NO_POOLS = 8
    DEVICES = 9
    NO_DEVICES = 10
    SUMMARY = 11
    INVALID_COMMAND = 14
    VERSION = 22
    INVALID_JSON = 23
    MISSING_COMMAND = 24
    SWITCHED_POOL = 27
    CONFIG = 33
    ACCESS_DENIED = 45
    PRIVILEGED = 46
    ENABLED_POOL = 47
    DISABLED_POOL = 48
    INVALID_POOL = 53
    ADDED_POOL = 55
    REMOVED_POOL = 68
    STATS = 70
    CHECK = 72
    POOL_ORDER = 73
    COIN = 78
    TEMPERATURES = 201
    SET_FREQUENCY = 302
    GET_VOLTAGE = 307
    CHIP_HEALTH = 314
    SESSION_CREATED = 316
    SESSION = 319


@dataclass(frozen=True, slots=True)
class Status:
    severity: Severity
    code: int | None
    message: str = ""
    description: str = ""
    """The miner's name and version, unless its owner wrote something else."""
    when_s: int | None = None
    """Of the miner's clock, seconds since 1970."""


@dataclass(frozen=True, slots=True)
class CommandRefused:
    """The miner did not do it."""

    code: int | None
    message: str

    @property
    def access_denied(self) -> bool:
        """The command exists, and this host may not use it."""
        return self.code == Code.ACCESS_DENIED

    @property
    def unknown_command(self) -> bool:
        return self.code == Code.INVALID_COMMAND


@dataclass(frozen=True, slots=True)
class Reply:
    """`sections` by name, such as SUMMARY, each a list of records. `repairs` says what JSON needed."""

    status: Status
    sections: Mapping[str, Sequence[JsonObject]] = field(default_factory=dict, repr=False)
    repairs: tuple[str, ...] = ()

    @property
    def refusal(self) -> CommandRefused | None:
        """None where the command was done; a warning or an information is done too."""
        if self.status.severity not in (Severity.ERROR, Severity.FATAL):
            return None
        return CommandRefused(self.status.code, self.status.message)

    def records(self, name: str) -> Sequence[JsonObject]:
        """Raises RemoteProtocolError where there is no such section, or nothing in it."""
        records = self.sections.get(name)
        if not records:
            raise RemoteProtocolError(f"a reply with code {self.status.code} and without {name}")
        return records


@dataclass(frozen=True, slots=True)
class Defects:
    """What a miner does wrong when it writes JSON."""

    missing_commas: bool = False
    """Between the records of a section: `}{`."""
    leading_commas: bool = False
    """Before the first record of a section: `[,{`."""
    ends_with_nul: bool = True
    cut_at: int | None = None
    """Bytes after which the buffer of the miner is full."""


AS_IT_SHOULD = Defects()
BMMINER = Defects(missing_commas=True)


def read_reply(data: bytes, what: str = "a reply") -> Reply:
    """The reply to one command. Raises RemoteProtocolError; for one that was cut short it says where."""
    document, repairs = read_defective_object(data, what, MAX_REPLY)
    return _reply(document, what, repairs)


def read_joined(data: bytes) -> dict[str, Reply] | CommandRefused:
    """The replies to joined commands by name; a miner that does not join refuses as a whole."""
    document, repairs = read_defective_object(data, "a joined reply", MAX_REPLY)
    if "STATUS" in document:
        whole = _reply(document, "a joined reply", repairs)
        refused = whole.refusal
        if refused is None:
            raise RemoteProtocolError("a joined reply: one reply where one for each command belongs")
        return refused
    replies = {}
    for name, value in document.items():
        if name == "id":
            continue
        where = f"a joined reply: {name[:40]}"
        parts = as_list(value, where) if isinstance(value, list) else [value]
        if len(parts) != 1:
            raise RemoteProtocolError(f"{where}: {len(parts)} replies where one belongs")
        replies[name] = _reply(as_object(parts[0], where), where, repairs)
    return replies


def write_reply(reply: Reply, defects: Defects = AS_IT_SHOULD) -> bytes:
    """The bytes of a miner. Raises LocalProtocolError for what JSON cannot express."""
    return _ended(_written(reply, defects), defects)


def write_joined(replies: Mapping[str, Reply], defects: Defects = AS_IT_SHOULD) -> bytes:
    parts = [
        write_json([name])[1:-1] + b":[" + _written(reply, defects) + b"]" for name, reply in replies.items()
    ]
    return _ended(b"{" + b",".join([*parts, b'"id":1']) + b"}", defects)


def _written(reply: Reply, defects: Defects) -> bytes:
    members = [b'"STATUS":' + write_json([_status_members(reply.status)])]
    for name, records in reply.sections.items():
        comma = b"" if defects.missing_commas else b","
        start = b"," if defects.leading_commas else b""
        listed = start + comma.join(write_json(record) for record in records)
        members.append(write_json([name])[1:-1] + b":[" + listed + b"]")
    return b"{" + b",".join([*members, b'"id":1']) + b"}"


def _ended(data: bytes, defects: Defects) -> bytes:
    return data[: defects.cut_at] + (b"\0" if defects.ends_with_nul else b"")


def _status_members(status: Status) -> dict[str, Any]:
    members = {
        "STATUS": str(status.severity),
        "When": status.when_s,
        "Code": status.code,
        "Msg": status.message,
        "Description": status.description,
    }
    return {key: value for key, value in members.items() if value is not None}


def _reply(document: JsonObject, what: str, repairs: tuple[str, ...]) -> Reply:
    statuses = as_list(document.get("STATUS"), f"{what}: STATUS")
    if not statuses:
        raise RemoteProtocolError(f"{what}: an empty STATUS")
    status = status_from(as_object(statuses[0], f"{what}: STATUS"), f"{what}: STATUS")
    sections = {
        name: _section(value, f"{what}: {name[:40]}")
        for name, value in document.items()
        if name != "STATUS" and isinstance(value, list)
    }
    return Reply(status, sections, repairs)


def status_from(members: JsonObject, where: str) -> Status:
    """One element of `STATUS`. Raises RemoteProtocolError for a severity that is none."""
    fields = Fields(members, where)
    severity = fields.text("STATUS")
    if severity not in tuple(Severity):
        raise RemoteProtocolError(f"{where}: a severity that is none of S, I, W, E and F")
    return Status(
        severity=Severity(severity),
        code=fields.integer("Code"),
        message=fields.text("Msg") or "",
        description=fields.text("Description") or "",
        when_s=fields.integer("When"),
    )


def _section(value: list[JsonValue], where: str) -> list[JsonObject]:
    return [as_object(record, f"{where}[{i}]") for i, record in enumerate(value)]
