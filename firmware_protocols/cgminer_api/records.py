"""The reports that every miner of the family has: summary, pools, devices, version. Both ways.

A member is None where the miner did not say. Members that are not understood are in `extra`, as they came.
Names from ckolivas/cgminer: API-README; of bmminer, Goldshell's intminer and LuxOS from their replies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from firmware_protocols.cgminer_api.record_fields import (
    Kind,
    LooseFields,
    RecordField,
    read_members,
    write_members,
)
from firmware_protocols.cgminer_api.reply import Code, CommandRefused, Reply, Severity, Status
from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.json_values import JsonObject, JsonValue
from firmware_protocols.redaction import redacted as redacted_tree

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NO_SENSOR_C = -100.0
"""Below this a temperature is none: Goldshell's boards say -150 while they have lost a sensor."""


@dataclass(frozen=True, slots=True)
class Summary:
    elapsed_s: int | None = None
    rate_5s_ghs: float | None = None
    rate_20s_ghs: float | None = None
    rate_average_ghs: float | None = None
    accepted: int | None = None
    rejected: int | None = None
    stale: int | None = None
    discarded: int | None = None
    hardware_errors: int | None = None
    hardware_percent: float | None = None
    pool_rejected_percent: float | None = None
    pool_stale_percent: float | None = None
    utility_per_min: float | None = None
    """Accepted shares a minute."""
    work_utility_per_min: float | None = None
    """Shares of difficulty 1 a minute."""
    difficulty_accepted: float | None = None
    difficulty_rejected: float | None = None
    difficulty_stale: float | None = None
    best_share: float | None = None
    found_blocks: int | None = None
    extra: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Pool:
    number: int | None = None
    url: str | None = None
    user: str | None = field(default=None, repr=False)
    status: str | None = None
    """`Alive`, `Dead`, `Disabled`, `Rejecting`."""
    priority: int | None = None
    stratum_active: bool | None = None
    stratum_url: str | None = None
    difficulty: float | None = None
    accepted: int | None = None
    rejected: int | None = None
    stale: int | None = None
    last_share_time: str | None = None
    """Seconds since 1970, or an interval such as `0:00:12`, as the miner has it."""
    last_share_difficulty: float | None = None
    extra: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Device:
    """A board. `kind` is ASC, PGA or GPU."""

    kind: str
    number: int
    name: str | None = None
    board_id: int | None = None
    enabled: bool | None = None
    status: str | None = None
    elapsed_s: int | None = None
    temperature_c: float | None = None
    rate_5s_ghs: float | None = None
    rate_20s_ghs: float | None = None
    rate_average_ghs: float | None = None
    nominal_rate_ghs: float | None = None
    accepted: int | None = None
    rejected: int | None = None
    hardware_errors: int | None = None
    hardware_percent: float | None = None
    last_share_difficulty: float | None = None
    is_ramping: bool | None = None
    """LuxOS: the frequency is on its way to what was set."""
    connector: str | None = None
    profile: str | None = None
    clock_mhz: float | None = None
    """Goldshell; not a number of its own for `voltage`, whose unit differs between models: see `extra`."""
    overheat: bool | None = None
    restarts: int | None = None
    temperatures_c: tuple[float | None, ...] = ()
    """Goldshell's `tstemp-0` and on; the last is the board's, which the fans are steered by."""
    fans_rpm: tuple[float, ...] = ()
    extra: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Version:
    """`software` is the first of LUXminer, BMMiner, BOSminer, CGMiner, BFGMiner and Miner that is there."""

    api: str | None = None
    software: str | None = None
    software_version: str | None = None
    miner_type: str | None = None
    compile_time: str | None = None
    extra: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class CommandAccess:
    """Answer to `check`."""

    exists: bool
    allowed: bool


def read_summary(reply: Reply) -> Summary | CommandRefused:
    """Raises RemoteProtocolError, as all readers here do, for a reply that is another one."""
    if (refused := reply.refusal) is not None:
        return refused
    fields = LooseFields(reply.records("SUMMARY")[0], "summary")
    return Summary(**read_members(_SUMMARY, fields), extra=fields.rest)


def read_pools(reply: Reply) -> tuple[Pool, ...] | CommandRefused:
    """In the miner's order; none for a miner that has no pools, which it reports as an error."""
    if reply.status.code == Code.NO_POOLS:
        return ()
    if (refused := reply.refusal) is not None:
        return refused
    pools = []
    for i, record in enumerate(reply.records("POOLS")):
        fields = LooseFields(record, f"pools[{i}]")
        pools.append(Pool(**read_members(_POOL, fields), extra=fields.rest))
    return tuple(pools)


def read_devices(reply: Reply) -> tuple[Device, ...] | CommandRefused:
    """Of `devs`, `edevs` and `asc`; none for a miner that has lost all its boards."""
    if reply.status.code == Code.NO_DEVICES:
        return ()
    if (refused := reply.refusal) is not None:
        return refused
    name = "ASC" if "ASC" in reply.sections else "DEVS"
    return tuple(_device(record, f"devs[{i}]") for i, record in enumerate(reply.records(name)))


def read_version(reply: Reply) -> Version | CommandRefused:
    if (refused := reply.refusal) is not None:
        return refused
    fields = LooseFields(reply.records("VERSION")[0], "version")
    members = read_members(_VERSION, fields)
    software = next((name for name in _SOFTWARE if name in fields.rest), None)
    version = fields.text(software) if software else None
    return Version(**members, software=software, software_version=version, extra=fields.rest)


def is_privileged(reply: Reply) -> bool | None:
    """Whether commands that change something are allowed; None for a miner that does not know to say."""
    if reply.refusal is None:
        return True
    return None if reply.refusal.unknown_command else False


def read_check(reply: Reply) -> CommandAccess | CommandRefused:
    """Of `check`. Raises RemoteProtocolError for another reply."""
    if (refused := reply.refusal) is not None:
        return refused
    fields = LooseFields(reply.records("CHECK")[0], "check")
    exists, allowed = fields.flag("Exists"), fields.flag("Access")
    if exists is None or allowed is None:
        raise RemoteProtocolError("check: without Exists or Access")
    return CommandAccess(exists, allowed)


HARMLESS = frozenset(
    {
        "api",
        "compile_time",
        "connector",
        "firmware",
        "kind",
        "miner_type",
        "name",
        "profile",
        "slow_chips",
        "software",
        "software_version",
        "status",
    }
)
SECRET = frozenset({"user", "url", "stratum_url", "session_id"})


def redacted(report: DataclassInstance) -> dict[str, JsonValue]:
    """What may be stored of a report of this package: numbers, flags, and texts that name no one."""
    return redacted_tree(asdict(report), HARMLESS, SECRET)


def success(
    code: int, message: str, description: str = "cgminer 4.11.1", when_s: int | None = None
) -> Status:
    """A status as a miner puts before what was asked for."""
    return Status(Severity.SUCCESS, code, message, description, when_s)


def refuse(code: int, message: str, description: str = "cgminer 4.11.1", when_s: int | None = None) -> Reply:
    """A miner's refusal: `Invalid command`, `Access denied to 'addpool' command`."""
    return Reply(Status(Severity.ERROR, code, message, description, when_s))


def write_summary(summary: Summary, status: Status, *, in_mhs: bool = False) -> Reply:
    return Reply(status, {"SUMMARY": [_record(_SUMMARY, summary, summary.extra, in_mhs)]})


def write_pools(pools: Sequence[Pool], status: Status) -> Reply:
    return Reply(status, {"POOLS": [_record(_POOL, pool, pool.extra) for pool in pools]})


def write_devices(devices: Sequence[Device], status: Status, *, in_mhs: bool = True) -> Reply:
    return Reply(status, {"DEVS": [_device_record(device, in_mhs) for device in devices]})


def write_version(version: Version, status: Status) -> Reply:
    software: JsonObject = {version.software: version.software_version} if version.software else {}
    return Reply(status, {"VERSION": [software | _record(_VERSION, version, version.extra)]})


def write_check(access: CommandAccess, status: Status) -> Reply:
    letters: JsonObject = {"Exists": "NY"[access.exists], "Access": "NY"[access.allowed]}
    return Reply(status, {"CHECK": [letters]})


_SOFTWARE = ("LUXminer", "BMMiner", "BOSminer+", "BOSminer", "CGMiner", "BFGMiner", "Miner")
_FANS = re.compile(r"fan(\d{1,2})", re.ASCII)
_TEMPERATURES = re.compile(r"tstemp-(\d{1,2})", re.ASCII)

_C, _N, _T, _R = Kind.COUNT, Kind.NUMBER, Kind.TEXT, Kind.RATE

_SUMMARY = (
    RecordField("elapsed_s", _C, ("Elapsed",)),
    RecordField("rate_5s_ghs", _R, ("GHS 5s", "MHS 5s")),
    RecordField("rate_20s_ghs", _R, ("MHS 20s",)),
    RecordField("rate_average_ghs", _R, ("GHS av", "MHS av")),
    RecordField("accepted", _C, ("Accepted",)),
    RecordField("rejected", _C, ("Rejected",)),
    RecordField("stale", _C, ("Stale",)),
    RecordField("discarded", _C, ("Discarded",)),
    RecordField("hardware_errors", _C, ("Hardware Errors",)),
    RecordField("hardware_percent", _N, ("Device Hardware%",)),
    RecordField("pool_rejected_percent", _N, ("Pool Rejected%",)),
    RecordField("pool_stale_percent", _N, ("Pool Stale%",)),
    RecordField("utility_per_min", _N, ("Utility",)),
    RecordField("work_utility_per_min", _N, ("Work Utility",)),
    RecordField("difficulty_accepted", _N, ("Difficulty Accepted",)),
    RecordField("difficulty_rejected", _N, ("Difficulty Rejected",)),
    RecordField("difficulty_stale", _N, ("Difficulty Stale",)),
    RecordField("best_share", _N, ("Best Share",)),
    RecordField("found_blocks", _C, ("Found Blocks",)),
)
_POOL = (
    RecordField("number", _C, ("POOL",)),
    RecordField("url", _T, ("URL",)),
    RecordField("status", _T, ("Status",)),
    RecordField("priority", _C, ("Priority",)),
    RecordField("user", _T, ("User",)),
    RecordField("stratum_active", Kind.FLAG, ("Stratum Active",)),
    RecordField("stratum_url", _T, ("Stratum URL",)),
    RecordField("difficulty", Kind.DIFFICULTY, ("Diff",)),
    RecordField("accepted", _C, ("Accepted",)),
    RecordField("rejected", _C, ("Rejected",)),
    RecordField("stale", _C, ("Stale",)),
    RecordField("last_share_time", _T, ("Last Share Time",)),
    RecordField("last_share_difficulty", _N, ("Last Share Difficulty",)),
)
_DEVICE = (
    RecordField("name", _T, ("Name",)),
    RecordField("board_id", _C, ("ID",)),
    RecordField("enabled", Kind.YES_NO, ("Enabled",)),
    RecordField("status", _T, ("Status",)),
    RecordField("elapsed_s", _C, ("Device Elapsed",)),
    RecordField("temperature_c", _N, ("Temperature",)),
    RecordField("rate_5s_ghs", _R, ("GHS 5s", "MHS 5s")),
    RecordField("rate_20s_ghs", _R, ("MHS 20s",)),
    RecordField("rate_average_ghs", _R, ("GHS av", "MHS av")),
    RecordField("nominal_rate_ghs", _R, ("Nominal MHS",)),
    RecordField("accepted", _C, ("Accepted",)),
    RecordField("rejected", _C, ("Rejected",)),
    RecordField("hardware_errors", _C, ("Hardware Errors",)),
    RecordField("hardware_percent", _N, ("Device Hardware%",)),
    RecordField("last_share_difficulty", _N, ("Last Share Difficulty",)),
    RecordField("is_ramping", Kind.FLAG, ("IsRamping",)),
    RecordField("connector", _T, ("Connector",)),
    RecordField("profile", _T, ("Profile",)),
    RecordField("clock_mhz", _N, ("clock",)),
    RecordField("overheat", Kind.SWITCH, ("overheat",)),
    RecordField("restarts", _C, ("rebootcnt",)),
)
_VERSION = (
    RecordField("api", _T, ("API",)),
    RecordField("miner_type", _T, ("Type",)),
    RecordField("compile_time", _T, ("CompileTime",)),
)


def _device(record: JsonObject, where: str) -> Device:
    fields = LooseFields(record, where)
    kind = next((kind for kind in ("ASC", "PGA", "GPU") if kind in record), None)
    number = fields.integer(kind) if kind else None
    if kind is None or number is None:
        raise RemoteProtocolError(f"{where}: a device that is neither an ASC, nor a PGA, nor a GPU")
    members = read_members(_DEVICE, fields)
    temperatures = tuple(None if t < NO_SENSOR_C else t for t in _series(fields, _TEMPERATURES))
    fans = _series(fields, _FANS)
    return Device(kind, number, **members, temperatures_c=temperatures, fans_rpm=fans, extra=fields.rest)


def _series(fields: LooseFields, pattern: re.Pattern[str]) -> tuple[float, ...]:
    """The numbers under names that differ in their last digits, in order, an empty one left out."""
    found = sorted((int(match[1]), name) for name in fields.rest if (match := pattern.fullmatch(name)))
    numbers = (fields.number(name) for _, name in found)
    return tuple(number for number in numbers if number is not None)


def _device_record(device: Device, in_mhs: bool) -> JsonObject:
    members: JsonObject = {device.kind: device.number}
    members |= write_members(_DEVICE, device, in_mhs=in_mhs)
    for i, rpm in enumerate(device.fans_rpm):
        members[f"fan{i}"] = rpm
    for i, temperature in enumerate(device.temperatures_c):
        members[f"tstemp-{i}"] = -150.0 if temperature is None else temperature
    return members | dict(device.extra)


def _record(
    table: tuple[RecordField, ...], record: object, extra: Mapping[str, JsonValue], in_mhs: bool = False
) -> JsonObject:
    return write_members(table, record, in_mhs=in_mhs) | dict(extra)
