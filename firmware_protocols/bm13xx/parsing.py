"""One whole frame of bytes to its value, strictly: the checksum and every fixed byte must be right."""

from __future__ import annotations

import struct

from firmware_protocols.bm13xx.crc import crc5, crc16
from firmware_protocols.bm13xx.encoding import (
    FULL_JOB,
    FULL_JOB_LENGTH_BYTES,
    FULL_JOB_SIZE,
    MIDSTATE_JOB_HEAD,
    RESPONSE_NONCE,
    RESPONSE_REGISTER,
    TYPE_JOB,
    midstate_job_length_byte,
    reverse_words,
)
from firmware_protocols.bm13xx.frames import (
    ChainInactive,
    Command,
    FullJob,
    MidstateJob,
    NonceResponse,
    ReadRegister,
    RegisterResponse,
    Response,
    SetAddress,
    WriteRegister,
)
from firmware_protocols.bm13xx.midstate_chips import MIDSTATE_COUNTS
from firmware_protocols.bm13xx.models import ChipModel, Framing
from firmware_protocols.errors import RemoteProtocolError

MIDSTATE_JOB_LENGTH_BYTES = frozenset(midstate_job_length_byte(count) for count in MIDSTATE_COUNTS)


class ChecksumError(RemoteProtocolError):
    """The frame has the right shape, and its checksum says that it was damaged on the way."""


def decode_command(frame: bytes, model: ChipModel) -> Command:
    """The value of one whole host frame. Raises RemoteProtocolError (ChecksumError for the checksum)."""
    preamble = model.framing.host_preamble
    if not frame.startswith(preamble):
        raise RemoteProtocolError(
            f"a host frame starts {preamble.hex()}, not {frame[:2].hex()}: {_shown(frame)}"
        )
    body = frame[len(preamble) :]
    if len(body) < 2:
        raise RemoteProtocolError(f"a host frame ends before its length: {_shown(frame)}")
    size = command_size(body[0], body[1], model)
    if size is None:
        raise RemoteProtocolError(
            f"a {model.name} knows no such type and length: {body[0]:#04x}, {body[1]} in {_shown(frame)}"
        )
    if len(frame) != size:
        raise RemoteProtocolError(f"the frame has {size} bytes, not {len(frame)}: {_shown(frame)}")
    if body[0] == TYPE_JOB:
        if crc16(body[:-2]) != int.from_bytes(body[-2:], "big"):
            raise ChecksumError(f"job with a wrong CRC16: {_shown(frame)}")
        return _full_job(body) if model.job_format == "full" else _midstate_job(body)
    if crc5(body[:-1]) != body[-1]:
        raise ChecksumError(f"command with a wrong CRC5: {_shown(frame)}")
    return _command(body, model.framing)


def decode_response(frame: bytes, model: ChipModel) -> Response:
    """The value of one whole chip frame, in any length the model uses. Raises RemoteProtocolError
    (ChecksumError for the checksum)."""
    preamble = model.framing.chip_preamble
    if not frame.startswith(preamble):
        raise RemoteProtocolError(
            f"a chip frame starts {preamble.hex()}, not {frame[:2].hex()}: {_shown(frame)}"
        )
    if len(frame) not in model.register_response_sizes:
        sizes = " or ".join(map(str, model.register_response_sizes))
        raise RemoteProtocolError(
            f"a {model.name} answers in {sizes} bytes, not {len(frame)}: {_shown(frame)}"
        )
    body = frame[len(preamble) :]
    if crc5(body):
        raise ChecksumError(f"response with a wrong CRC5: {_shown(frame)}")
    kind = body[-1] >> 5
    if kind == RESPONSE_NONCE:
        nonce, excess, header = _NONCE.unpack_from(body)
        return NonceResponse(nonce, excess, header, int.from_bytes(body[6:-1], "big"))
    if kind != RESPONSE_REGISTER:
        raise RemoteProtocolError(f"a response has type 0 or 4, not {kind}: {_shown(frame)}")
    value, address, register = _REGISTER.unpack_from(body)
    if model.echoes_register:
        return RegisterResponse(value, address, register, body[6:-1])
    if address or register:
        raise RemoteProtocolError(f"a {model.name} has two zero bytes behind the value: {_shown(frame)}")
    return RegisterResponse(value, None, None, b"")


def command_size(kind: int, length_byte: int, model: ChipModel) -> int | None:
    """Bytes of a host frame, preamble included, or None for a type and length that the chip does not know.

    The length byte of a full-format job does not say its length: the model does.
    """
    if kind == TYPE_JOB:
        if model.job_format == "full":
            return FULL_JOB_SIZE if length_byte in FULL_JOB_LENGTH_BYTES else None
        known = length_byte in MIDSTATE_JOB_LENGTH_BYTES
    else:
        known = model.framing.command_lengths.get(kind) == length_byte
    return len(model.framing.host_preamble) + length_byte if known else None


_NONCE = struct.Struct("<IBB")
_REGISTER = struct.Struct(">IBB")


def _command(body: bytes, framing: Framing) -> Command:
    kind, address, last = body[0], body[2], body[3]
    if kind == framing.write_one:
        return WriteRegister(last, int.from_bytes(body[4:8], "big"), address)
    if kind == framing.read_one:
        return ReadRegister(last, address)
    if kind == framing.set_address:
        _must_be_zero(body, last)
        return SetAddress(address)
    _must_be_zero(body, address)
    if kind == framing.write_all:
        return WriteRegister(last, int.from_bytes(body[4:8], "big"))
    if kind == framing.read_all:
        return ReadRegister(last)
    _must_be_zero(body, last)
    return ChainInactive()


def _full_job(body: bytes) -> FullJob:
    _, length_byte, header, midstates, start, nbits, ntime, merkle, prev, version = FULL_JOB.unpack_from(body)
    return FullJob(
        header,
        nbits,
        ntime,
        reverse_words(merkle),
        reverse_words(prev),
        version,
        start,
        midstates,
        length_byte,
    )


def _midstate_job(body: bytes) -> MidstateJob:
    _, length_byte, header, count, start, nbits, ntime, tail = MIDSTATE_JOB_HEAD.unpack_from(body)
    if length_byte != midstate_job_length_byte(count):
        raise RemoteProtocolError(f"the length does not fit {count} midstates: {_shown(body)}")
    first = MIDSTATE_JOB_HEAD.size
    states = tuple(reverse_words(body[i : i + 32]) for i in range(first, first + 32 * count, 32))
    return MidstateJob(header, nbits, ntime, tail, states, start)


def _must_be_zero(body: bytes, value: int) -> None:
    if value:
        raise RemoteProtocolError(f"a byte that is always zero is {value:#04x}: {_shown(body)}")


def _shown(frame: bytes) -> str:
    return frame.hex() if len(frame) <= 16 else f"{frame[:16].hex()}... ({len(frame)} bytes)"
