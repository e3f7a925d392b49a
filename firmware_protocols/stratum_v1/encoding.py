"""Messages to lines. What no miner could read raises LocalProtocolError."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.stratum_v1.client_messages import (
    Authorize,
    ClientRequest,
    Configure,
    ExtranonceSubscribe,
    GetTransactions,
    MultiVersion,
    Pong,
    Submit,
    Subscribe,
    SuggestDifficulty,
    SuggestTarget,
)
from firmware_protocols.stratum_v1.hex_fields import hex_digits, swapped_words, u32_hex
from firmware_protocols.stratum_v1.json_lines import JsonValue, format_line
from firmware_protocols.stratum_v1.replies import Reply, UnknownMethod
from firmware_protocols.stratum_v1.server_messages import (
    MAX_BRANCHES,
    MAX_EXTRANONCE1_SIZE,
    MAX_EXTRANONCE2_SIZE,
    GetVersion,
    Notify,
    Ping,
    Reconnect,
    ServerNotification,
    ServerRequest,
    SetDifficulty,
    SetExtranonce,
    SetVersionMask,
    ShowMessage,
)

Message = ClientRequest | Pong | ServerRequest | ServerNotification | UnknownMethod | Reply


def encode(message: Message) -> bytes:
    """The line of any message, its end included. Raises LocalProtocolError for what cannot be sent."""
    if isinstance(message, Reply):
        error = message.error
        # All three keys, always: parsers as old as ESP-Miner 2.1.8 take a missing `error` for one.
        return format_line(
            {
                "id": message.id,
                "result": message.result,
                "error": None if error is None else [int(error.code), error.message, error.traceback],
            }
        )
    if isinstance(message, UnknownMethod):
        return format_line({"id": message.id, "method": message.method, "params": message.params})
    method, params = _WRITERS[type(message)]
    return format_line({"id": message.id, "method": method, "params": params(message)})


def subscription(extranonce1: bytes, extranonce2_size: int, session: str) -> list[JsonValue]:
    """The result of mining.subscribe. Raises LocalProtocolError."""
    _check_extranonce(extranonce1, extranonce2_size)
    topics: list[JsonValue] = [["mining.set_difficulty", session], ["mining.notify", session]]
    return [topics, extranonce1.hex(), extranonce2_size]


def _configure(message: Configure) -> list[JsonValue]:
    try:
        _ = message.version_mask, message.min_bit_count
    except RemoteProtocolError as error:
        raise LocalProtocolError(str(error)) from None
    return [list(message.extensions), dict(message.parameters)]


def _subscribe(message: Subscribe) -> list[JsonValue]:
    params: list[JsonValue] = [message.user_agent, message.session, message.host, message.port]
    while params and params[-1] is None:
        params.pop()
    return params


def _submit(message: Submit) -> list[JsonValue]:
    try:
        extranonce2 = hex_digits(message.extranonce2, "extranonce2", 2 * MAX_EXTRANONCE2_SIZE)
    except RemoteProtocolError as error:
        raise LocalProtocolError(str(error)) from None
    params: list[JsonValue] = [
        message.worker,
        message.job_id,
        extranonce2,
        u32_hex(message.ntime, "ntime"),
        u32_hex(message.nonce, "nonce"),
    ]
    if message.version_bits is not None:
        params.append(u32_hex(message.version_bits, "version_bits"))
    return params


def _suggest_target(message: SuggestTarget) -> list[JsonValue]:
    if not 0 <= message.target < 1 << 256:
        raise LocalProtocolError("a target has 0 to 256 bits")
    return [f"{message.target:064x}"]


def _difficulty(message: SetDifficulty | SuggestDifficulty) -> list[JsonValue]:
    value = message.difficulty
    if not 0 < value < float("inf"):
        raise LocalProtocolError(f"a difficulty is above 0 and finite, not {value}")
    # ESP-Miner read an integer here up to version 2.12: "512.0" must not become something else.
    return [int(value) if value == int(value) and value < 2**53 else value]


def _notify(message: Notify) -> list[JsonValue]:
    if not message.job_id:
        raise LocalProtocolError("a job needs an id")
    if len(message.branch) > MAX_BRANCHES:
        raise LocalProtocolError(
            f"{len(message.branch)} merkle branches are above the {MAX_BRANCHES} allowed"
        )
    prev_hash = _words(message.prev_hash, "prev_hash")
    claimtrie = [] if message.claimtrie is None else [_words(message.claimtrie, "claimtrie")]
    for sibling in message.branch:
        _check_hash(sibling, "a merkle branch")
    return [
        message.job_id,
        prev_hash,
        *claimtrie,
        message.coinbase1.hex(),
        message.coinbase2.hex(),
        [sibling.hex() for sibling in message.branch],
        u32_hex(message.version, "version"),
        u32_hex(message.nbits, "nbits"),
        u32_hex(message.ntime, "ntime"),
        message.clean_jobs,
    ]


def _words(value: bytes, name: str) -> str:
    _check_hash(value, name)
    return swapped_words(value).hex()


def _check_hash(value: bytes, name: str) -> None:
    if len(value) != 32:
        raise LocalProtocolError(f"{name} has {len(value)} bytes, not 32")


def _set_extranonce(message: SetExtranonce) -> list[JsonValue]:
    _check_extranonce(message.extranonce1, message.extranonce2_size)
    return [message.extranonce1.hex(), message.extranonce2_size]


def _check_extranonce(extranonce1: bytes, extranonce2_size: int) -> None:
    if len(extranonce1) > MAX_EXTRANONCE1_SIZE:
        raise LocalProtocolError(
            f"extranonce1 has {len(extranonce1)} bytes, more than {MAX_EXTRANONCE1_SIZE}"
        )
    if not 0 <= extranonce2_size <= MAX_EXTRANONCE2_SIZE:
        raise LocalProtocolError(f"extranonce2 has 0 to {MAX_EXTRANONCE2_SIZE} bytes, not {extranonce2_size}")


def _reconnect(message: Reconnect) -> list[JsonValue]:
    if message.host is None:
        if (message.port, message.wait_s) != (None, None):
            raise LocalProtocolError("client.reconnect says host, port and wait, or nothing at all")
        return []
    if not message.host or message.port is None or not 0 < message.port < 65536:
        raise LocalProtocolError("client.reconnect needs a host and a port from 1 to 65535")
    params: list[JsonValue] = [message.host, message.port]
    return params if message.wait_s is None else [*params, message.wait_s]


def _nothing(_: object) -> list[JsonValue]:
    return []


_WRITERS: dict[type, tuple[str, Callable[[Any], list[JsonValue]]]] = {
    Configure: ("mining.configure", _configure),
    Subscribe: ("mining.subscribe", _subscribe),
    Authorize: ("mining.authorize", lambda message: [message.worker, message.password]),
    Submit: ("mining.submit", _submit),
    SuggestDifficulty: ("mining.suggest_difficulty", _difficulty),
    SuggestTarget: ("mining.suggest_target", _suggest_target),
    ExtranonceSubscribe: ("mining.extranonce.subscribe", _nothing),
    GetTransactions: ("mining.get_transactions", lambda message: [message.job_id]),
    MultiVersion: ("mining.multi_version", lambda message: [message.number]),
    Pong: ("pong", _nothing),
    Notify: ("mining.notify", _notify),
    SetDifficulty: ("mining.set_difficulty", _difficulty),
    SetExtranonce: ("mining.set_extranonce", _set_extranonce),
    SetVersionMask: ("mining.set_version_mask", lambda message: [u32_hex(message.mask, "mask")]),
    Reconnect: ("client.reconnect", _reconnect),
    GetVersion: ("client.get_version", _nothing),
    ShowMessage: ("client.show_message", lambda message: [message.text]),
    Ping: ("mining.ping", _nothing),
}
