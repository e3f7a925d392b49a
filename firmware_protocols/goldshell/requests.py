"""What a host asks of a Goldshell box, both ways: typed, and as HTTP.

Paths from the stock page's own list and from UpstreamData/pyasic: pyasic/web/goldshell.py. Factory reset,
firmware, network and password are left out on purpose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.goldshell.password_cipher import encrypted_password
from firmware_protocols.goldshell.setting import Setting, setting_from, setting_members
from firmware_protocols.http_messages import JSON_TYPE, HttpRequest
from firmware_protocols.json_values import Fields, JsonObject, read_object, write_json

MAX_BODY = 1 << 16
MAX_TEXT = 255
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,4096}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Login:
    """Answered with a Token. `encrypted` for newer firmware; older takes the plain form."""

    username: str
    password: str = field(repr=False)
    encrypted: bool = False
    """In a request that was received: whether `password` is already in the encrypted form."""


@dataclass(frozen=True, slots=True)
class Logout:
    """Answered with Done. Said to be needed before a login by some firmware."""


@dataclass(frozen=True, slots=True)
class GetStatus:
    """Answered with BoxStatus, without a token too."""


@dataclass(frozen=True, slots=True)
class GetSetting:
    """Answered with Setting."""


@dataclass(frozen=True, slots=True)
class PutSetting:
    """The whole setting; answered with Done. See `changed` and `unmet`."""

    setting: Setting


@dataclass(frozen=True, slots=True)
class GetBoards:
    """Answered with the boards' telemetry; with 500 by some models, whose port 4028 tells it."""


@dataclass(frozen=True, slots=True)
class GetPools:
    """Answered with the pools."""


@dataclass(frozen=True, slots=True)
class NewPool:
    """Adds a pool behind the others; answered with the pools."""

    url: str
    user: str = field(repr=False)
    password: str = field(default="x", repr=False)


@dataclass(frozen=True, slots=True)
class DeletePool:
    """The pool as it was told; answered with the pools."""

    url: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    drag_id: int = 0


@dataclass(frozen=True, slots=True)
class Restart:
    """Of the controller, about a minute; answered with Done, or not at all."""


Request: TypeAlias = (
    Login
    | Logout
    | GetStatus
    | GetSetting
    | PutSetting
    | GetBoards
    | GetPools
    | NewPool
    | DeletePool
    | Restart
)


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    request: Request
    token: str | None = field(default=None, repr=False)
    """As it came, right or wrong."""

    @property
    def needs_token(self) -> bool:
        return not isinstance(self.request, Login | Logout | GetStatus)


def encode_request(request: Request, token: str | None = None) -> HttpRequest:
    """Raises LocalProtocolError where the device needs a token and there is none."""
    if token is None and ReceivedRequest(request).needs_token:
        raise LocalProtocolError(f"{type(request).__name__} needs the token of a login")
    headers = {} if token is None else {"Authorization": f"Bearer {_known(token)}"}
    match request:
        case Login(username, password, encrypted):
            sent = encrypted_password(password) if encrypted else password
            flag = "true" if encrypted else "false"
            query = (("username", username), ("password", sent), ("cipher", flag))
            return HttpRequest("GET", "/user/login", query)
        case Logout():
            return HttpRequest("GET", "/user/logout", (), headers)
        case GetBoards():
            return HttpRequest("GET", "/mcb/cgminer", (("cgminercmd", "devs"),), headers)
        case PutSetting(setting):
            return _put("/mcb/setting", headers, setting_members(setting))
        case NewPool(url, user, password):
            pool: JsonObject = {"url": _text(url), "user": _text(user), "pass": _text(password, least=0)}
            return _put("/mcb/newpool", headers, pool, once=True)
        case DeletePool(url, user, password, drag_id):
            named: JsonObject = {"url": url, "user": user, "pass": password, "dragid": drag_id}
            return _put("/mcb/delpool", headers, named, once=True)
        case Restart():
            return HttpRequest("PUT", "/mcb/restart", (), headers, once=True)
        case GetSetting():
            return HttpRequest("GET", "/mcb/setting", (), headers)
        case GetPools():
            return HttpRequest("GET", "/mcb/pools", (), headers)
    return HttpRequest("GET", "/mcb/status", (), headers)


def decode_request(request: HttpRequest) -> ReceivedRequest:
    """What a box makes of it. Raises RemoteProtocolError for a path or a body that it does not know."""
    header = request.header("Authorization")
    token = None if header is None else header.removeprefix("Bearer ").strip()
    return ReceivedRequest(_request(request), token)


def valid_token(token: str) -> bool:
    """Whether it may stand in a header."""
    return _TOKEN.fullmatch(token) is not None


def _request(request: HttpRequest) -> Request:
    plain = _PLAIN.get((request.method, request.path))
    if plain is not None:
        return plain
    query = dict(request.query)
    match request.method, request.path:
        case "GET", "/user/login" if "username" in query and "password" in query:
            return Login(query["username"], query["password"], query.get("cipher") == "true")
        case "GET", "/mcb/cgminer" if query.get("cgminercmd") == "devs":
            return GetBoards()
        case "PUT", "/mcb/setting":
            return PutSetting(setting_from(_body(request), request.path))
        case "PUT", "/mcb/newpool":
            fields = Fields(_body(request), request.path)
            return NewPool(_required(fields, "url"), _required(fields, "user"), fields.text("pass") or "")
        case "PUT", "/mcb/delpool":
            fields = Fields(_body(request), request.path)
            url, user, password = _required(fields, "url"), fields.text("user"), fields.text("pass")
            return DeletePool(url, user or "", password or "", fields.integer("dragid") or 0)
    raise RemoteProtocolError(f"{request.method[:8]} {request.path[:80]!r} is nothing that a box knows")


_PLAIN: dict[tuple[str, str], Request] = {
    ("GET", "/user/logout"): Logout(),
    ("GET", "/mcb/status"): GetStatus(),
    ("GET", "/mcb/setting"): GetSetting(),
    ("GET", "/mcb/pools"): GetPools(),
    ("PUT", "/mcb/restart"): Restart(),
}


def _body(request: HttpRequest) -> JsonObject:
    return read_object(request.body, request.path, limit=MAX_BODY)


def _required(fields: Fields, key: str) -> str:
    value = fields.text(key)
    if not value:
        raise RemoteProtocolError(f"{fields.at(key)}: missing")
    return value


def _put(path: str, headers: dict[str, str], members: JsonObject, *, once: bool = False) -> HttpRequest:
    return HttpRequest("PUT", path, (), headers | {"Content-Type": JSON_TYPE}, write_json(members), once)


def _text(value: str, least: int = 1) -> str:
    if not least <= len(value) <= MAX_TEXT:
        raise LocalProtocolError(
            f"a pool has an address and a user; none is longer than {MAX_TEXT} characters"
        )
    return value


def _known(token: str) -> str:
    if not valid_token(token):
        raise LocalProtocolError("this is no token of a login")
    return token
