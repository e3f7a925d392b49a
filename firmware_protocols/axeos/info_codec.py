"""AxeosInfo from the bytes of a reply, and the bytes that a device of some generation would send."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from firmware_protocols.axeos.info import AxeosInfo, ChipHashRate, RejectedReason
from firmware_protocols.axeos.info_fields import INFO_FIELDS, InfoField, Kind
from firmware_protocols.axeos.pools import (
    AxeosPool,
    listed_pool_members,
    pool_members,
    read_listed_pool,
    read_pool,
)
from firmware_protocols.axeos.profiles import Generation, Profile
from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.http_messages import HttpReply, Refused, refusal
from firmware_protocols.json_values import (
    Fields,
    JsonObject,
    JsonValue,
    as_integer,
    as_list,
    as_number,
    as_object,
    as_text,
    read_object,
    write_json,
)
from firmware_protocols.redaction import redacted as redacted_tree
from firmware_protocols.suffixed_numbers import read_suffixed, write_suffixed

WHERE = "/api/system/info"
NO_READING = -1


def read_info(reply: HttpReply) -> AxeosInfo | Refused:
    """What the device says of itself. Raises RemoteProtocolError for a body that is no such thing."""
    return refusal(reply) or info_from(read_object(reply.body, WHERE))


def info_from(document: JsonObject) -> AxeosInfo:
    """The same, of members that are read already. Raises RemoteProtocolError as well."""
    fields = Fields(document, WHERE)
    members: dict[str, Any] = {entry.member: _read(entry, fields) for entry in INFO_FIELDS}
    if members["asic_model"] is None and members["frequency_mhz"] is None:
        raise RemoteProtocolError(f"{WHERE}: neither ASICModel nor frequency; is this an AxeOS device?")
    members["primary_pool"] = read_pool(fields)
    members["fallback_pool"] = read_pool(fields, "fallback")
    members["pools"] = _pools(fields)
    members["chips"] = _chips(fields)
    members["rejected_reasons"] = _reasons(fields)
    return AxeosInfo(**members, extra=fields.rest)


def write_info(info: AxeosInfo, profile: Profile) -> HttpReply:
    """The reply of a device of this generation: as v2.1.8, and as the last version of the later ones.

    Members that the generation does not report are left out; a sensor without a reading says -1. `extra` is
    written as it is. Raises LocalProtocolError for a number that is not finite.
    """
    generation = profile.generation
    document: dict[str, Any] = {}
    for entry in INFO_FIELDS:
        name = entry.name_in(generation)
        value = _written(entry, getattr(info, entry.member), generation)
        if name is not None and value is not None:
            document[name] = value
    if info.primary_pool is not None and generation is Generation.OLD:
        document |= pool_members(
            AxeosPool(info.primary_pool.url, info.primary_pool.port, info.primary_pool.user)
        )
    elif info.primary_pool is not None:
        document |= pool_members(info.primary_pool)
    if info.fallback_pool is not None and generation >= Generation.LIVE:
        document |= pool_members(info.fallback_pool, "fallback")
    if profile.lists_pools:
        document["pools"] = [listed_pool_members(pool) for pool in info.pools or ()]
    if info.chips is not None and generation >= Generation.FAN:
        document["hashrateMonitor"] = {"asics": [_chip_members(chip) for chip in info.chips]}
    if info.rejected_reasons is not None and generation >= Generation.LIVE:
        reasons = [{"message": reason.message, "count": reason.count} for reason in info.rejected_reasons]
        document["sharesRejectedReasons"] = reasons
    return HttpReply(200, write_json(document | dict(info.extra)))


HARMLESS = frozenset(
    {
        "power_fault",
        "hardware_fault",
        "reset_reason",
        "version",
        "axeos_version",
        "board_version",
        "running_partition",
        "asic_model",
        "miner_model",
        "device_model",
        "protocol",
    }
)
SECRET = frozenset({"mac", "ssid", "wifi_password", "user", "password", "certificate", "ipv4"})


def redacted(info: AxeosInfo) -> dict[str, JsonValue]:
    """What may be stored of it, under the names of AxeosInfo: numbers, flags, and texts that name no one.

    The host of a pool is among what is not kept, since it may carry a user; its port is.
    """
    return redacted_tree(asdict(info), HARMLESS, SECRET)


def _read(entry: InfoField, fields: Fields) -> object:
    for name in entry.names:
        value = fields.take(name)
        if value is not None:
            return _typed(entry.kind, value, fields.at(name))
    return None


def _typed(kind: Kind, value: JsonValue, where: str) -> object:
    match kind:
        case Kind.NUMBER:
            return as_number(value, where)
        case Kind.SENSOR:
            reading = as_number(value, where)
            return None if reading == NO_READING else reading
        case Kind.COUNT:
            return as_integer(value, where)
        case Kind.TEXT:
            return as_text(value, where)
        case Kind.DIFFICULTY:
            return read_suffixed(value, where)
    return Fields({where: value}, where).flag(where)


def _written(entry: InfoField, value: Any, generation: Generation) -> Any:
    if entry.kind is Kind.SENSOR:
        return NO_READING if value is None else value
    if value is not None and entry.kind is Kind.SWITCH:
        return int(value)
    if value is not None and entry.kind is Kind.DIFFICULTY and generation < Generation.FAN:
        return write_suffixed(value)
    return value


def _pools(fields: Fields) -> tuple[AxeosPool, ...] | None:
    listed = fields.members("pools")
    if listed is None:
        return None
    return tuple(read_listed_pool(pool, f"{fields.at('pools')}[{i}]") for i, pool in enumerate(listed))


def _chips(fields: Fields) -> tuple[ChipHashRate, ...] | None:
    monitor = fields.take("hashrateMonitor")
    if monitor is None:
        return None
    where = fields.at("hashrateMonitor")
    chips = as_object(monitor, where).get("asics")
    return tuple(_chip(chip, f"{where}[{i}]") for i, chip in enumerate(as_list(chips, f"{where}: asics")))


def _chip(value: JsonValue, where: str) -> ChipHashRate:
    fields = Fields(as_object(value, where), where)
    domains = fields.members("domains") or []
    return ChipHashRate(
        total_ghs=fields.number("total"),
        domains_ghs=tuple(as_number(rate, f"{where}: domains[{i}]") for i, rate in enumerate(domains)),
        errors=fields.number("errorCount"),
    )


def _chip_members(chip: ChipHashRate) -> JsonObject:
    return {"total": chip.total_ghs, "errorCount": chip.errors, "domains": list(chip.domains_ghs)}


def _reasons(fields: Fields) -> tuple[RejectedReason, ...] | None:
    listed = fields.members("sharesRejectedReasons")
    if listed is None:
        return None
    return tuple(
        _reason(reason, f"{fields.at('sharesRejectedReasons')}[{i}]") for i, reason in enumerate(listed)
    )


def _reason(value: JsonValue, where: str) -> RejectedReason:
    members = as_object(value, where)
    return RejectedReason(
        message=as_text(members.get("message"), f"{where}: message"),
        count=as_integer(members.get("count"), f"{where}: count"),
    )
