"""What a host asks of an AxeOS device, both ways: typed, and as HTTP.

Paths from bitaxeorg/ESP-Miner: main/http_server/http_server.c. Firmware updates and the change of the
partition to boot are left out on purpose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from firmware_protocols.axeos.pools import SLOTS, AxeosPool, read_listed_pool, written_pool_members
from firmware_protocols.axeos.profiles import Action, Profile
from firmware_protocols.axeos.settings import AxeosSettings
from firmware_protocols.axeos.settings_codec import Update, read_settings, settings_body
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.http_messages import JSON_TYPE, HttpRequest
from firmware_protocols.json_values import read_object, write_json

MAX_BODY = 10239
"""Bytes that the firmware reads of a request; for more it answers 500."""

_JSON_HEADERS = MappingProxyType({"Content-Type": JSON_TYPE})
_PLACE = re.compile(r"/api/system/pools/([0-9]{1,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class GetInfo:
    """Answered with AxeosInfo."""


@dataclass(frozen=True, slots=True)
class GetAsic:
    """Answered with AsicOptions; not by every version."""


@dataclass(frozen=True, slots=True)
class GetStatistics:
    """Answered with Statistics, of all columns where none is named; not by every version."""

    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GetScoreboard:
    """Answered with the best shares since the start; v2.14 on."""


@dataclass(frozen=True, slots=True)
class ChangeSettings:
    """Answered with Done, whatever came of it: see `unmet`."""

    settings: AxeosSettings


@dataclass(frozen=True, slots=True)
class Act:
    """Answered with Done."""

    action: Action


@dataclass(frozen=True, slots=True)
class PutPool:
    """Write the pool of one slot; v2.15 on. Used once the slot is the primary one, and after a restart."""

    pool: AxeosPool


@dataclass(frozen=True, slots=True)
class DeletePool:
    """Empty one slot, which must be neither the primary nor the secondary one; v2.15 on."""

    slot: int


Request: TypeAlias = (
    GetInfo | GetAsic | GetStatistics | GetScoreboard | ChangeSettings | Act | PutPool | DeletePool
)
ReceivedRequest: TypeAlias = (
    GetInfo | GetAsic | GetStatistics | GetScoreboard | Update | Act | PutPool | DeletePool
)


def encode_request(request: Request, profile: Profile) -> HttpRequest:
    """The request for a device of this generation. Raises LocalProtocolError for what it would not take."""
    match request:
        case ChangeSettings(settings):
            body = write_json(settings_body(settings, profile))
            return _with_body("PATCH", "/api/system", body)
        case Act(action):
            return HttpRequest("POST", f"/api/system/{action}", (), _JSON_HEADERS, b"{}")
        case GetStatistics(columns):
            query = (("columns", ",".join(columns)),) if columns else ()
            return HttpRequest("GET", "/api/system/statistics", query)
        case PutPool(pool) if _has_slots(profile, pool.slot):
            members = written_pool_members(pool, "", listed=True)
            return _with_body("PUT", f"/api/system/pools/{pool.slot}", write_json(members))
        case DeletePool(slot) if _has_slots(profile, slot):
            return HttpRequest("DELETE", f"/api/system/pools/{slot}")
        case GetAsic():
            return HttpRequest("GET", "/api/system/asic")
        case GetScoreboard():
            return HttpRequest("GET", "/api/system/scoreboard")
    return HttpRequest("GET", "/api/system/info")


def decode_request(request: HttpRequest, profile: Profile) -> ReceivedRequest:
    """What a device of this generation makes of it; a PATCH becomes an Update.

    Raises RemoteProtocolError for a path that the device does not have (which it answers with 404), and for a
    body that it cannot read or refuses (400).
    """
    if len(request.body) > MAX_BODY:
        raise RemoteProtocolError(f"a body of {len(request.body)} bytes; the firmware reads {MAX_BODY}")
    place = _PLACE.fullmatch(request.path)
    match request.method, request.path:
        case "GET", "/api/system/info":
            return GetInfo()
        case "GET", "/api/system/asic":
            return GetAsic()
        case "GET", "/api/system/scoreboard":
            return GetScoreboard()
        case "GET", "/api/system/statistics":
            named = next((value for key, value in request.query if key == "columns"), "")
            return GetStatistics(tuple(column for column in named.split(",") if column))
        case "PATCH", "/api/system":
            return read_settings(read_object(request.body, "PATCH /api/system", limit=MAX_BODY), profile)
        case "PUT", _ if place and profile.lists_pools:
            members = read_object(request.body, request.path, limit=MAX_BODY)
            return PutPool(read_listed_pool(members | {"id": int(place[1])}, request.path))
        case "DELETE", _ if place and profile.lists_pools and int(place[1]) < SLOTS:
            return DeletePool(int(place[1]))
        case "POST", path:
            for action in Action:
                if path == f"/api/system/{action}":
                    return Act(action)
    raise RemoteProtocolError(
        f"{request.method[:8]} {request.path[:80]!r} is nothing that {profile.name} knows"
    )


def _with_body(method: str, path: str, body: bytes) -> HttpRequest:
    if len(body) > MAX_BODY:
        raise LocalProtocolError(f"a body of {len(body)} bytes; the firmware reads {MAX_BODY}")
    return HttpRequest(method, path, (), _JSON_HEADERS, body)


def _has_slots(profile: Profile, slot: int | None) -> bool:
    if not profile.lists_pools:
        raise LocalProtocolError(f"{profile.name} has no list of pools")
    if slot is None or not 0 <= slot < SLOTS:
        raise LocalProtocolError(f"a pool of a list has a slot from 0 to {SLOTS - 1}, not {slot}")
    return True
