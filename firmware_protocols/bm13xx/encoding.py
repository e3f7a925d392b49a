"""Frames to bytes, for both ends of the line.

Layouts: 256foundation/mujina:mujina-miner/src/asic/bm13xx/REFERENCE.md, bitaxeorg/ESP-Miner:components/asic,
checked byte for byte against captured traffic.
"""

from __future__ import annotations

import struct

from firmware_protocols.bm13xx.crc import crc5, crc16, response_tail
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
from firmware_protocols.errors import LocalProtocolError

TYPE_JOB = 0x21
"""Type byte of a job on every chip; those of commands are in `ChipModel.framing`."""

# Type of a chip frame, bits 7..5 of its last byte.
RESPONSE_REGISTER = 0
RESPONSE_NONCE = 4

LONG_RESPONSE = 11
"""Bytes of a response with version bits."""

FULL_JOB_SIZE = 88
FULL_JOB_LENGTH_BYTES = (0x36, 0x56)
FULL_JOB = struct.Struct("<BBBBIII32s32sI")
MIDSTATE_JOB_HEAD = struct.Struct("<BBBBIII4s")


def encode(frame: Command | Response, model: ChipModel, *, short: bool = False) -> bytes:
    """The bytes of a frame, with the preamble that the model has, and the checksum.

    `short` asks for the 9-byte form that the responses of version-rolling chips have until rolling is
    enabled; a register response without `extra` has that form anyway, and the BM1387 and BM1397 know no
    other than their own. Raises LocalProtocolError for a field out of range and for a frame that the model
    does not know.
    """
    framing = model.framing
    match frame:
        case ChainInactive():
            return _command(framing, framing.chain_inactive, bytes(2))
        case SetAddress(address):
            return _command(framing, framing.set_address, bytes((_byte("address", address), 0)))
        case ReadRegister(register, address):
            kind = framing.read_all if address is None else framing.read_one
            return _command(framing, kind, _place(address, register))
        case WriteRegister(register, value, address):
            kind = framing.write_all if address is None else framing.write_one
            value_bytes = _word("value", value).to_bytes(4, "big")
            return _command(framing, kind, _place(address, register) + value_bytes)
        case FullJob():
            return _full_job(frame, model)
        case MidstateJob():
            return _midstate_job(frame, model)
        case RegisterResponse():
            return _register_response(frame, model, short or model.response_size < LONG_RESPONSE)
    return _nonce_response(frame, model, short or model.response_size < LONG_RESPONSE)


def midstate_job_length_byte(count: int) -> int:
    """Length byte of a job with `count` midstates: everything after the preamble, checksum included."""
    return 22 + 32 * count


def reverse_words(data: bytes) -> bytes:
    """The 4-byte words of `data` in reverse order, the bytes of each as they were. Its own inverse."""
    return struct.pack("<8I", *struct.unpack("<8I", data)[::-1])


def _command(framing: Framing, kind: int, payload: bytes) -> bytes:
    body = bytes((kind, len(payload) + 3)) + payload
    return framing.host_preamble + body + bytes((crc5(body),))


def _place(address: int | None, register: int) -> bytes:
    return bytes((0 if address is None else _byte("address", address), _byte("register", register)))


def _full_job(job: FullJob, model: ChipModel) -> bytes:
    if model.job_format != "full":
        raise LocalProtocolError(f"the {model.name} takes midstates (MidstateJob), not whole headers")
    if job.length_byte not in FULL_JOB_LENGTH_BYTES:
        raise LocalProtocolError(f"the length byte of a job is 0x36 or 0x56, not {job.length_byte:#04x}")
    body = FULL_JOB.pack(
        TYPE_JOB,
        job.length_byte,
        _byte("job_header", job.job_header),
        _byte("midstates", job.midstates),
        _word("starting_nonce", job.starting_nonce),
        _word("nbits", job.nbits),
        _word("ntime", job.ntime),
        reverse_words(_sized("merkle_root", job.merkle_root, 32)),
        reverse_words(_sized("prev_hash", job.prev_hash, 32)),
        _word("version", job.version),
    )
    return model.framing.host_preamble + body + crc16(body).to_bytes(2, "big")


def _midstate_job(job: MidstateJob, model: ChipModel) -> bytes:
    if model.job_format != "midstate":
        raise LocalProtocolError(f"the {model.name} takes whole headers (FullJob), not midstates")
    if len(job.midstates) not in MIDSTATE_COUNTS:
        raise LocalProtocolError(f"a job has 1, 2 or 4 midstates, not {len(job.midstates)}")
    body = MIDSTATE_JOB_HEAD.pack(
        TYPE_JOB,
        midstate_job_length_byte(len(job.midstates)),
        _byte("job_header", job.job_header),
        len(job.midstates),
        _word("starting_nonce", job.starting_nonce),
        _word("nbits", job.nbits),
        _word("ntime", job.ntime),
        _sized("merkle_tail", job.merkle_tail, 4),
    )
    body += b"".join(reverse_words(_sized("midstate", state, 32)) for state in job.midstates)
    return model.framing.host_preamble + body + crc16(body).to_bytes(2, "big")


def _register_response(frame: RegisterResponse, model: ChipModel, short: bool) -> bytes:
    if len(frame.extra) not in (0, 2):
        raise LocalProtocolError(f"extra has two bytes or none, not {len(frame.extra)}")
    if short and any(frame.extra):
        raise LocalProtocolError("the short form has no room for extra bytes that are not zero")
    place = bytes(2)
    if model.echoes_register:
        if frame.address is None or frame.register is None:
            raise LocalProtocolError(f"a {model.name} says which chip and which register answers")
        place = _place(frame.address, frame.register)
    body = _word("value", frame.value).to_bytes(4, "big") + place
    return _response(model, body if short else body + frame.extra, RESPONSE_REGISTER)


def _nonce_response(frame: NonceResponse, model: ChipModel, short: bool) -> bytes:
    if not 0 <= frame.version_bits <= 0xFFFF:
        raise LocalProtocolError(f"version_bits has 16 bits, not {frame.version_bits:#x}")
    if short and frame.version_bits:
        raise LocalProtocolError("the short form has no room for version bits")
    body = _word("nonce", frame.nonce).to_bytes(4, "little")
    body += bytes((_byte("midstate_or_excess", frame.midstate_or_excess), _byte("header", frame.header)))
    body = body if short else body + frame.version_bits.to_bytes(2, "big")
    return _response(model, body, RESPONSE_NONCE)


def _response(model: ChipModel, body: bytes, kind: int) -> bytes:
    return model.framing.chip_preamble + body + bytes((response_tail(body, kind),))


def _byte(name: str, value: int) -> int:
    if not 0 <= value <= 0xFF:
        raise LocalProtocolError(f"{name} has 8 bits, not {value:#x}")
    return value


def _word(name: str, value: int) -> int:
    if not 0 <= value <= 0xFFFFFFFF:
        raise LocalProtocolError(f"{name} has 32 bits, not {value:#x}")
    return value


def _sized(name: str, value: bytes, size: int) -> bytes:
    if len(value) != size:
        raise LocalProtocolError(f"{name} has {size} bytes, not {len(value)}")
    return value
