"""The replies of a Goldshell box, both ways.

A member is None where the box did not say. What is not understood is in `extra`, as it came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.goldshell.requests import valid_token
from firmware_protocols.goldshell.setting import Setting, setting_from, setting_members
from firmware_protocols.http_messages import Done, HttpReply, Refused, plain_message, refusal
from firmware_protocols.json_values import (
    Fields,
    JsonValue,
    as_list,
    as_object,
    read_json,
    read_object,
    write_json,
)
from firmware_protocols.redaction import redacted as redacted_tree

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

TOKEN_KEY = "JWT Token"
_TEMPERATURE = re.compile(r"(-?\d{1,4}(?:\.\d{1,4})?) ?\W{0,2}C?", re.ASCII)
_FAN = re.compile(r"(\d{1,5}) ?rpm", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """Of a login. It never ends, and is the same after every login: as good as the password."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BoxStatus:
    """GET /mcb/status: `model` such as `Goldshell-SCBox`."""

    model: str | None = None
    hardware: str | None = None
    mcb_version: str | None = None
    firmware: str | None = None
    extra: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class BoxPool:
    url: str
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    active: bool | None = None
    legal: bool | None = None
    drag_id: int | None = None
    priority: int | None = None
    extra: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class BoxBoard:
    """Telemetry of one hash board, as the web interface tells it; port 4028 tells more."""

    board_id: int | None = None
    rate_ghs: float | None = None
    rate_average_ghs: float | None = None
    accepted: int | None = None
    rejected: int | None = None
    hardware_errors: int | None = None
    hardware_ratio: float | None = None
    nonces: int | None = None
    elapsed_s: int | None = None
    temperature_c: float | None = None
    fans_rpm: tuple[int, ...] = ()
    plan: int | None = None
    miner_status: int | None = None
    extra: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)


def read_login(reply: HttpReply) -> Token | Refused:
    """Refused for a wrong password, and by firmware that takes the encrypted form only.

    Raises RemoteProtocolError, as all readers here do, for a body that is none of this.
    """
    refused = refusal(reply)
    if refused is not None:
        return refused
    token = Fields(read_object(reply.body, "/user/login"), "/user/login").text(TOKEN_KEY)
    if not token:
        return Refused(200, plain_message(reply.body) or "no token")
    if not valid_token(token):
        raise RemoteProtocolError("/user/login: a token with characters that no token has")
    return Token(token)


def read_status(reply: HttpReply) -> BoxStatus | Refused:
    refused = refusal(reply)
    if refused is not None:
        return refused
    fields = Fields(read_object(reply.body, "/mcb/status"), "/mcb/status")
    return BoxStatus(
        model=fields.text("model"),
        hardware=fields.text("hardware"),
        mcb_version=fields.text("mcbversion"),
        firmware=fields.text("firmware"),
        extra=fields.rest,
    )


def read_setting(reply: HttpReply) -> Setting | Refused:
    return refusal(reply) or setting_from(read_object(reply.body, "/mcb/setting"), "/mcb/setting")


def read_pools(reply: HttpReply) -> tuple[BoxPool, ...] | Refused:
    """Of GET /mcb/pools, and of the requests that add or delete one."""
    refused = refusal(reply)
    if refused is not None:
        return refused
    pools = as_list(read_json(reply.body, "/mcb/pools"), "/mcb/pools")
    return tuple(_pool(pool, f"/mcb/pools[{i}]") for i, pool in enumerate(pools))


def read_boards(reply: HttpReply) -> tuple[BoxBoard, ...] | Refused:
    refused = refusal(reply)
    if refused is not None:
        return refused
    where = "/mcb/cgminer"
    boards = as_list(read_object(reply.body, where).get("data"), f"{where}: data")
    return tuple(_board(board, f"{where}: data[{i}]") for i, board in enumerate(boards))


def read_done(reply: HttpReply) -> Done | Refused:
    """Of what changes something. A 200 without a body is done; one with a `code` other than 0 is not."""
    refused = refusal(reply)
    if refused is not None or not reply.body:
        return refused or Done()
    value = read_json(reply.body, "a reply")
    code = value.get("code", 0) if isinstance(value, dict) else 0
    return Done() if code == 0 else Refused(200, plain_message(reply.body))


HARMLESS = frozenset({"model", "hardware", "mcb_version", "firmware", "info", "manual_plan", "version"})
SECRET = frozenset({"name", "user", "password", "url", "value"})


def redacted(report: DataclassInstance) -> dict[str, JsonValue]:
    """What may be stored of a reply: numbers, flags, plans, models and versions."""
    return redacted_tree(asdict(report), HARMLESS, SECRET)


def write_login(token: Token) -> HttpReply:
    return HttpReply(200, write_json({TOKEN_KEY: token.value}))


def write_login_refused() -> HttpReply:
    return HttpReply(200, write_json({"code": 1, "msg": "password error"}))


def write_status(status: BoxStatus) -> HttpReply:
    members = {
        "hardware": status.hardware,
        "model": status.model,
        "mcbversion": status.mcb_version,
        "firmware": status.firmware,
    }
    return _told(members, status.extra)


def write_setting(setting: Setting) -> HttpReply:
    return HttpReply(200, write_json(setting_members(setting)))


def write_pools(pools: Sequence[BoxPool]) -> HttpReply:
    return HttpReply(200, write_json([_pool_members(pool) for pool in pools]))


def write_boards(boards: Sequence[BoxBoard]) -> HttpReply:
    return HttpReply(200, write_json({"status": 2, "data": [_board_members(board) for board in boards]}))


def write_done() -> HttpReply:
    return HttpReply(200, write_json({"code": 0}))


def write_unauthorized() -> HttpReply:
    """For a wrong token, and now and then for a right one when several requests are under way."""
    return HttpReply(401, b"Check Token Error", "text/plain")


def _pool(value: JsonValue, where: str) -> BoxPool:
    fields = Fields(as_object(value, where), where)
    return BoxPool(
        url=fields.text("url") or "",
        user=fields.text("user"),
        password=fields.text("pass"),
        active=fields.flag("active"),
        legal=fields.flag("legal"),
        drag_id=fields.integer("dragid"),
        priority=fields.integer("pool-priority"),
        extra=fields.rest,
    )


def _pool_members(pool: BoxPool) -> dict[str, Any]:
    members = {
        "url": pool.url,
        "active": pool.active,
        "dragid": pool.drag_id,
        "user": pool.user,
        "pool-priority": pool.priority,
        "pass": pool.password,
        "legal": pool.legal,
    }
    return {key: value for key, value in members.items() if value is not None} | dict(pool.extra)


def _board(value: JsonValue, where: str) -> BoxBoard:
    fields = Fields(as_object(value, where), where)
    return BoxBoard(
        board_id=fields.integer("id"),
        rate_ghs=_from_mhs(fields.number("hashrate")),
        rate_average_ghs=_from_mhs(fields.number("av_hashrate")),
        accepted=fields.integer("accepted"),
        rejected=fields.integer("rejected"),
        hardware_errors=fields.integer("hwerrors"),
        hardware_ratio=fields.number("hwerr_ration"),
        nonces=fields.integer("nonces"),
        elapsed_s=fields.integer("time"),
        temperature_c=_temperature(fields),
        fans_rpm=_fans(fields),
        plan=fields.integer("powerplan"),
        miner_status=fields.integer("minerstatus"),
        extra=fields.rest,
    )


def _board_members(board: BoxBoard) -> dict[str, Any]:
    members = {
        "id": board.board_id,
        "hashrate": None if board.rate_ghs is None else board.rate_ghs * 1000,
        "av_hashrate": None if board.rate_average_ghs is None else board.rate_average_ghs * 1000,
        "accepted": board.accepted,
        "rejected": board.rejected,
        "hwerrors": board.hardware_errors,
        "hwerr_ration": board.hardware_ratio,
        "nonces": board.nonces,
        "time": board.elapsed_s,
        "temp": None if board.temperature_c is None else f"{board.temperature_c:.1f} °C",
        "fanspeed": " / ".join(f"{rpm} rpm" for rpm in board.fans_rpm) or None,
        "powerplan": board.plan,
        "minerstatus": board.miner_status,
    }
    return {key: value for key, value in members.items() if value is not None} | dict(board.extra)


def _from_mhs(rate_mhs: float | None) -> float | None:
    return None if rate_mhs is None else rate_mhs / 1000


def _temperature(fields: Fields) -> float | None:
    """From text such as `67.1 °C`."""
    text = fields.text("temp")
    if text is None or not text.strip():
        return None
    match = _TEMPERATURE.fullmatch(text.strip())
    if match is None:
        raise RemoteProtocolError(f"{fields.at('temp')}: text that is no temperature")
    return float(match[1])


def _fans(fields: Fields) -> tuple[int, ...]:
    """From text such as `1500 rpm / 1500 rpm`."""
    text = fields.text("fanspeed")
    if text is None or not text.strip():
        return ()
    matches = [_FAN.fullmatch(part.strip()) for part in text.split("/")]
    if not all(matches):
        raise RemoteProtocolError(f"{fields.at('fanspeed')}: text that is no list of speeds in rpm")
    return tuple(int(match[1]) for match in matches if match is not None)


def _told(members: Mapping[str, Any], extra: Mapping[str, JsonValue]) -> HttpReply:
    return HttpReply(
        200, write_json({key: value for key, value in members.items() if value is not None} | dict(extra))
    )
