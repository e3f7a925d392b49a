"""Lines to messages, for either direction: the part that both have in common.

`decode_from_client` and `decode_from_server` raise RemoteProtocolError for a line that is no JSON object, and
return `Malformed` for an object that is no message; nothing else can come of any bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias, TypeVar

from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.stratum_v1.json_lines import JsonValue, parse_object
from firmware_protocols.stratum_v1.replies import (
    ErrorCode,
    Id,
    Malformed,
    Reply,
    StratumError,
    UnknownMethod,
)

MAX_ID_LENGTH = 128
"""Characters of an id, which has to be sent back."""

_MessageT = TypeVar("_MessageT")
Params: TypeAlias = list[JsonValue]
Readers: TypeAlias = Mapping[str, Callable[[Params, Id], _MessageT]]


def decode(line: bytes, readers: Readers[_MessageT]) -> _MessageT | Reply | UnknownMethod | Malformed:
    """One message by the readers of its method's parameters, which raise RemoteProtocolError."""
    value = parse_object(line)
    method, message_id = value.get("method"), value.get("id")
    if isinstance(message_id, (bool, list, dict)) or (
        isinstance(message_id, str) and len(message_id) > MAX_ID_LENGTH
    ):
        return Malformed(method if isinstance(method, str) else "", "the id is neither number nor string")
    if method is None:
        if "result" not in value and "error" not in value:
            return Malformed("", "neither method nor result nor error", message_id)
        return Reply(message_id, value.get("result"), _error(value))
    if not isinstance(method, str):
        return Malformed("", "the method is not a string", message_id)
    params = value.get("params")
    reader = readers.get(method)
    if reader is None:
        return UnknownMethod(method, params, message_id)
    if params is not None and not isinstance(params, list):
        return Malformed(method, "params is not a list", message_id)
    try:
        return reader(params or [], message_id)
    except RemoteProtocolError as error:
        return Malformed(method, str(error), message_id)


def at_least(params: Params, count: int) -> None:
    """Raises RemoteProtocolError for fewer parameters."""
    if len(params) < count:
        raise RemoteProtocolError(f"{len(params)} parameters, where {count} are needed")


def text(value: JsonValue, name: str) -> str:
    if not isinstance(value, str):
        raise RemoteProtocolError(f"{name} is not a string")
    return value


def difficulty(value: JsonValue) -> float:
    """A number above 0, also as a string: cpuminer-opt suggests its difficulty so."""
    if isinstance(value, str) and len(value) <= MAX_ID_LENGTH:
        try:
            value = float(value)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise RemoteProtocolError("the difficulty is not a number above 0")
    return value


def whole(value: JsonValue, name: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise RemoteProtocolError(f"{name} is not a whole number from {low} to {high}")
    return value


def _error(value: dict[str, JsonValue]) -> StratumError | None:
    """The error in any of its forms: a list, a string, an object, or `reject-reason` beside it."""
    error = value.get("error")
    code: JsonValue = None
    message: JsonValue = None
    traceback: JsonValue = None
    if isinstance(error, list) and error:
        code, message, traceback = (*error, None, None)[:3]
    elif isinstance(error, dict) and error:
        code, message, traceback = error.get("code"), error.get("message"), error.get("traceback")
    elif isinstance(error, str) and error:
        message = error
    elif error:
        code = error
    elif not (reason := value.get("reject-reason")):
        return None
    else:
        message = reason
    if isinstance(code, bool) or not isinstance(code, int):
        code = int(ErrorCode.OTHER)
    return StratumError(code, message if isinstance(message, str) else "", traceback)
