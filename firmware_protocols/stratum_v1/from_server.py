"""What a miner reads: jobs and settings of a pool, and the results of its own requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.stratum_v1.decoding import Params, Readers, at_least, decode, difficulty, text, whole
from firmware_protocols.stratum_v1.hex_fields import hex_bytes, hex_u32, swapped_words
from firmware_protocols.stratum_v1.json_lines import JsonValue
from firmware_protocols.stratum_v1.replies import Id, Malformed, Reply, UnknownMethod
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

MAX_COINBASE_BYTES = 1 << 20
"""Of either half; the length of a line is what bounds it really."""

ServerMessage: TypeAlias = ServerNotification | ServerRequest | Reply | UnknownMethod | Malformed


def decode_from_server(line: bytes) -> ServerMessage:
    """One line without its end. Raises RemoteProtocolError where it is no JSON object."""
    return decode(line, _READERS)


@dataclass(frozen=True, slots=True)
class SubscribeResult:
    """Of mining.subscribe. `session` is the id of the subscription to mining.notify, where there is one."""

    extranonce1: bytes
    extranonce2_size: int
    session: str | None = None


@dataclass(frozen=True, slots=True)
class ConfigureResult:
    """Of mining.configure. `version_mask` is None unless version rolling was granted."""

    version_mask: int | None
    results: Mapping[str, JsonValue] = field(default_factory=dict)


def subscribe_result(result: JsonValue) -> SubscribeResult:
    """Raises RemoteProtocolError."""
    if not isinstance(result, list) or len(result) < 3:
        raise RemoteProtocolError("the result is not a list of subscriptions, extranonce1 and its size")
    extranonce1 = hex_bytes(result[1], "extranonce1", MAX_EXTRANONCE1_SIZE)
    size = whole(result[2], "the size of extranonce2", 0, MAX_EXTRANONCE2_SIZE)
    return SubscribeResult(extranonce1, size, _session(result[0]))


def configure_result(result: JsonValue) -> ConfigureResult:
    """Raises RemoteProtocolError."""
    if not isinstance(result, dict):
        raise RemoteProtocolError("the result is not an object")
    mask = None
    if result.get("version-rolling") is True:
        mask = hex_u32(result.get("version-rolling.mask"), "version-rolling.mask")
    return ConfigureResult(mask, result)


def _session(subscriptions: JsonValue) -> str | None:
    """[[topic, id], ...], or where there is only one, [topic, id]."""
    if not isinstance(subscriptions, list):
        return None
    for pair in (*subscriptions, subscriptions):
        if isinstance(pair, list) and len(pair) == 2 and pair[0] == "mining.notify":
            return pair[1] if isinstance(pair[1], str) else None
    return None


def _notify(params: Params, message_id: Id) -> Notify:
    """The branches tell whether there is a claim trie before them; `clean` is the last, whatever else is."""
    at_least(params, 8)
    job_id, prev_hash, *rest = params
    claimtrie = None
    if not isinstance(rest[2], list):
        claimtrie = _hash(rest.pop(0), "claimtrie")
    at_least(rest, 6)
    coinbase1, coinbase2, branches, version, nbits, ntime, *flags = rest
    if not isinstance(branches, list) or len(branches) > MAX_BRANCHES:
        raise RemoteProtocolError(f"the merkle branches are not a list of at most {MAX_BRANCHES}")
    clean = flags[-1] if flags else False
    if not isinstance(clean, bool):
        raise RemoteProtocolError("clean_jobs is neither true nor false")
    job_id = text(job_id, "the job id")
    if not job_id:
        raise RemoteProtocolError("the job id is empty")
    return Notify(
        job_id,
        _hash(prev_hash, "prevhash"),
        hex_bytes(coinbase1, "coinb1", MAX_COINBASE_BYTES),
        hex_bytes(coinbase2, "coinb2", MAX_COINBASE_BYTES),
        tuple(hex_bytes(branch, "a merkle branch", 32, size=32) for branch in branches),
        hex_u32(version, "version"),
        hex_u32(nbits, "nbits"),
        hex_u32(ntime, "ntime"),
        clean,
        claimtrie,
        message_id,
    )


def _hash(value: JsonValue, name: str) -> bytes:
    return swapped_words(hex_bytes(value, name, 32, size=32))


def _set_difficulty(params: Params, message_id: Id) -> SetDifficulty:
    at_least(params, 1)
    return SetDifficulty(difficulty(params[0]), message_id)


def _set_extranonce(params: Params, message_id: Id) -> SetExtranonce:
    at_least(params, 2)
    return SetExtranonce(
        hex_bytes(params[0], "extranonce1", MAX_EXTRANONCE1_SIZE),
        whole(params[1], "the size of extranonce2", 0, MAX_EXTRANONCE2_SIZE),
        message_id,
    )


def _set_version_mask(params: Params, message_id: Id) -> SetVersionMask:
    at_least(params, 1)
    return SetVersionMask(hex_u32(params[0], "the mask"), message_id)


def _reconnect(params: Params, message_id: Id) -> Reconnect:
    host, port, wait = (*params, None, None, None)[:3]
    if isinstance(port, str) and port.isascii() and port.isdigit() and len(port) <= 5:
        port = int(port)  # some pools say it as a string, and cgminer takes it
    if host in (None, ""):
        return Reconnect(id=message_id)
    wait_s = wait if isinstance(wait, int | float) and not isinstance(wait, bool) and wait >= 0 else None
    return Reconnect(text(host, "the host"), whole(port, "the port", 1, 65_535), wait_s, message_id)


def _show_message(params: Params, message_id: Id) -> ShowMessage:
    at_least(params, 1)
    return ShowMessage(text(params[0], "the message"), message_id)


_READERS: Readers[ServerNotification | ServerRequest] = {
    "mining.notify": _notify,
    "mining.set_difficulty": _set_difficulty,
    "mining.set_extranonce": _set_extranonce,
    "mining.set_version_mask": _set_version_mask,
    "client.reconnect": _reconnect,
    "client.get_version": lambda params, message_id: GetVersion(message_id),
    "client.show_message": _show_message,
    "mining.ping": lambda params, message_id: Ping(message_id),
}
