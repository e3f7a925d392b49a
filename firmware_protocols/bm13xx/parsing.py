"""One whole frame of bytes to its value, strictly: the checksum and every fixed byte must be right."""

from __future__ import annotations

import struct

from firmware_protocols.bm13xx.crc import crc5, crc16
from firmware_protocols.bm13xx.encoding import (
    CHIP_PREAMBLE,
    FULL_JOB,
    FULL_JOB_LENGTH_BYTES,
    FULL_JOB_SIZE,
    HOST_PREAMBLE,
    MIDSTATE_COUNTS,
    MIDSTATE_JOB_HEAD,
    RESPONSE_NONCE,
    RESPONSE_REGISTER,
    TYPE_CHAIN_INACTIVE,
    TYPE_JOB,
    TYPE_READ_ALL,
    TYPE_READ_ONE,
    TYPE_SET_ADDRESS,
    TYPE_WRITE_ALL,
    TYPE_WRITE_ONE,
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
from firmware_protocols.bm13xx.models import ChipModel
from firmware_protocols.errors import RemoteProtocolError

_COMMAND_LENGTH_BYTES = {
    TYPE_SET_ADDRESS: 5,
    TYPE_WRITE_ONE: 9,
    TYPE_WRITE_ALL: 9,
    TYPE_READ_ONE: 5,
    TYPE_READ_ALL: 5,
    TYPE_CHAIN_INACTIVE: 5,
}
_MIDSTATE_JOB_SIZES = {midstate_job_length_byte(n): midstate_job_length_byte(n) + 2 for n in MIDSTATE_COUNTS}


class ChecksumError(RemoteProtocolError):
    """The frame has the right shape, and its checksum says that it was damaged on the way."""


def decode_command(frame: bytes, model: ChipModel) -> Command:
    """The value of one whole host frame. Raises RemoteProtocolError (ChecksumError for the checksum)."""
    if frame[:2] != HOST_PREAMBLE:
        raise RemoteProtocolError(f"a host frame starts 55aa, not {frame[:2].hex()}: {_shown(frame)}")
    if len(frame) < 4:
        raise RemoteProtocolError(
            f"a host frame has a type and a length, this one ends before: {_shown(frame)}"
        )
    size = command_size(frame[2], frame[3], model)
    if size is None:
        raise RemoteProtocolError(f"the {model.name} knows no such type and length: {_shown(frame)}")
    if len(frame) != size:
        raise RemoteProtocolError(f"this frame has {size} bytes, not {len(frame)}: {_shown(frame)}")
    if frame[2] == TYPE_JOB:
        if crc16(frame[2:-2]) != int.from_bytes(frame[-2:], "big"):
            raise ChecksumError(f"job with a wrong CRC16: {_shown(frame)}")
        return _full_job(frame) if model.job_format == "full" else _midstate_job(frame)
    if crc5(frame[2:-1]) != frame[-1]:
        raise ChecksumError(f"command with a wrong CRC5: {_shown(frame)}")
    return _command(frame)


def decode_response(frame: bytes, model: ChipModel) -> Response:
    """The value of one whole chip frame, in any length the model uses. Raises RemoteProtocolError
    (ChecksumError for the checksum)."""
    if frame[:2] != CHIP_PREAMBLE:
        raise RemoteProtocolError(f"a chip frame starts aa55, not {frame[:2].hex()}: {_shown(frame)}")
    if len(frame) not in model.register_response_sizes:
        sizes = " or ".join(map(str, model.register_response_sizes))
        raise RemoteProtocolError(
            f"a {model.name} answers in {sizes} bytes, not {len(frame)}: {_shown(frame)}"
        )
    if crc5(frame[2:]):
        raise ChecksumError(f"response with a wrong CRC5: {_shown(frame)}")
    kind = frame[-1] >> 5
    if kind == RESPONSE_NONCE:
        nonce, excess, header = _NONCE.unpack_from(frame, 2)
        return NonceResponse(nonce, excess, header, int.from_bytes(frame[8:-1], "big"))
    if kind == RESPONSE_REGISTER:
        value, address, register = _REGISTER.unpack_from(frame, 2)
        return RegisterResponse(value, address, register, frame[8:-1])
    raise RemoteProtocolError(f"a response has type 0 or 4, not {kind}: {_shown(frame)}")


def command_size(kind: int, length_byte: int, model: ChipModel) -> int | None:
    """Bytes of a host frame, preamble included, or None for a type and length that the chip does not know.

    The length byte of a full-format job does not say its length: the model does.
    """
    if kind == TYPE_JOB:
        if model.job_format == "full":
            return FULL_JOB_SIZE if length_byte in FULL_JOB_LENGTH_BYTES else None
        return _MIDSTATE_JOB_SIZES.get(length_byte)
    return length_byte + 2 if _COMMAND_LENGTH_BYTES.get(kind) == length_byte else None


_NONCE = struct.Struct("<IBB")
_REGISTER = struct.Struct(">IBB")


def _command(frame: bytes) -> Command:
    kind, address, last = frame[2], frame[4], frame[5]
    if kind == TYPE_WRITE_ONE:
        return WriteRegister(last, int.from_bytes(frame[6:10], "big"), address)
    if kind == TYPE_READ_ONE:
        return ReadRegister(last, address)
    if kind == TYPE_SET_ADDRESS:
        _must_be_zero(frame, last)
        return SetAddress(address)
    _must_be_zero(frame, address)
    if kind == TYPE_WRITE_ALL:
        return WriteRegister(last, int.from_bytes(frame[6:10], "big"))
    if kind == TYPE_READ_ALL:
        return ReadRegister(last)
    _must_be_zero(frame, last)
    return ChainInactive()


def _full_job(frame: bytes) -> FullJob:
    _, length_byte, header, midstates, start, nbits, ntime, merkle, prev, version = FULL_JOB.unpack_from(
        frame, 2
    )
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


def _midstate_job(frame: bytes) -> MidstateJob:
    _, length_byte, header, count, start, nbits, ntime, tail = MIDSTATE_JOB_HEAD.unpack_from(frame, 2)
    if length_byte != midstate_job_length_byte(count):
        raise RemoteProtocolError(f"the length does not fit {count} midstates: {_shown(frame)}")
    first = 2 + MIDSTATE_JOB_HEAD.size
    states = tuple(reverse_words(frame[i : i + 32]) for i in range(first, first + 32 * count, 32))
    return MidstateJob(header, nbits, ntime, tail, states, start)


def _must_be_zero(frame: bytes, value: int) -> None:
    if value:
        raise RemoteProtocolError(f"a byte that is always zero is {value:#04x}: {_shown(frame)}")


def _shown(frame: bytes) -> str:
    return frame.hex() if len(frame) <= 16 else f"{frame[:16].hex()}... ({len(frame)} bytes)"
