"""What a server reads: the requests of miners."""

from __future__ import annotations

from typing import TypeAlias

from firmware_protocols.errors import RemoteProtocolError
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
from firmware_protocols.stratum_v1.decoding import Params, Readers, at_least, decode, difficulty, text, whole
from firmware_protocols.stratum_v1.hex_fields import hex_digits, hex_u32
from firmware_protocols.stratum_v1.json_lines import JsonValue
from firmware_protocols.stratum_v1.replies import Id, Malformed, Reply, UnknownMethod
from firmware_protocols.stratum_v1.server_messages import MAX_EXTRANONCE2_SIZE

MAX_EXTENSIONS = 32
MAX_EXTENSION_LENGTH = 64
"""Of what mining.configure asks for: every name goes into the answer, which has to fit a line."""

ClientMessage: TypeAlias = ClientRequest | Pong | Reply | UnknownMethod | Malformed


def decode_from_client(line: bytes) -> ClientMessage:
    """One line without its end. Raises RemoteProtocolError where it is no JSON object."""
    return decode(line, _READERS)


def _configure(params: Params, message_id: Id) -> Configure:
    at_least(params, 1)
    extensions, parameters = params[0], params[1] if len(params) > 1 else None
    if not isinstance(extensions, list) or not isinstance(parameters, dict | None):
        raise RemoteProtocolError("the parameters are not a list of extensions and an object")
    if len(extensions) > MAX_EXTENSIONS:
        raise RemoteProtocolError(f"{len(extensions)} extensions, more than {MAX_EXTENSIONS}")
    message = Configure(tuple(_extension(name) for name in extensions), parameters or {}, message_id)
    _ = message.version_mask, message.min_bit_count  # raise where they are malformed
    return message


def _extension(value: JsonValue) -> str:
    name = text(value, "an extension")
    if len(name) > MAX_EXTENSION_LENGTH or not (name.isascii() and name.isprintable()):
        raise RemoteProtocolError(f"an extension is not up to {MAX_EXTENSION_LENGTH} letters")
    return name


def _subscribe(params: Params, message_id: Id) -> Subscribe:
    """Nothing in it decides anything, so what is not understood counts as not said."""
    agent, session, host, port = (*params, None, None, None, None)[:4]
    if isinstance(port, str) and port.isascii() and port.isdigit() and len(port) <= 5:
        port = int(port)
    return Subscribe(
        agent if isinstance(agent, str) else None,
        session if isinstance(session, str) else None,
        host if isinstance(host, str) else None,
        port if isinstance(port, int) and not isinstance(port, bool) and 0 < port < 65536 else None,
        message_id,
    )


def _authorize(params: Params, message_id: Id) -> Authorize:
    at_least(params, 1)
    password = params[1] if len(params) > 1 else None
    return Authorize(text(params[0], "the worker"), password if isinstance(password, str) else "", message_id)


def _submit(params: Params, message_id: Id) -> Submit:
    at_least(params, 5)
    bits = params[5] if len(params) > 5 else None
    return Submit(
        text(params[0], "the worker"),
        text(params[1], "the job id"),
        hex_digits(params[2], "extranonce2", 2 * MAX_EXTRANONCE2_SIZE),
        hex_u32(params[3], "ntime"),
        hex_u32(params[4], "nonce"),
        None if bits is None else hex_u32(bits, "version_bits"),
        message_id,
    )


def _suggest_difficulty(params: Params, message_id: Id) -> SuggestDifficulty:
    at_least(params, 1)
    return SuggestDifficulty(difficulty(params[0]), message_id)


def _suggest_target(params: Params, message_id: Id) -> SuggestTarget:
    at_least(params, 1)
    digits = hex_digits(params[0], "the target", 64)
    if not digits:
        raise RemoteProtocolError("the target is empty")
    return SuggestTarget(int(digits, 16), message_id)


def _get_transactions(params: Params, message_id: Id) -> GetTransactions:
    at_least(params, 1)
    return GetTransactions(text(params[0], "the job id"), message_id)


def _multi_version(params: Params, message_id: Id) -> MultiVersion:
    number: JsonValue = params[0] if params else 1
    return MultiVersion(whole(number, "the number of versions", 0, 65_536), message_id)


_READERS: Readers[ClientRequest | Pong] = {
    "mining.submit": _submit,
    "mining.subscribe": _subscribe,
    "mining.authorize": _authorize,
    "mining.configure": _configure,
    "mining.suggest_difficulty": _suggest_difficulty,
    "mining.suggest_target": _suggest_target,
    "mining.extranonce.subscribe": lambda params, message_id: ExtranonceSubscribe(message_id),
    "mining.get_transactions": _get_transactions,
    "mining.multi_version": _multi_version,
    "pong": lambda params, message_id: Pong(message_id),
}
