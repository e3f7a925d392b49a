"""Frames to bytes and back, one at a time."""

from __future__ import annotations

import pytest
from bm13xx_frames import (
    BM1366,
    BM1397,
    FULL_MODELS,
    GOLDEN,
    HEADER_HEX,
    JOB,
    NONCE,
    full_jobs,
    midstate_jobs,
    nonce_responses,
    register_responses,
    short_responses,
    small_commands,
)
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols.bitcoin import hash_value, target_from_zero_bits
from firmware_protocols.bm13xx import (
    MODELS,
    ChecksumError,
    ChipModel,
    Command,
    FullJob,
    MidstateJob,
    NonceResponse,
    ReadRegister,
    RegisterResponse,
    Response,
    SetAddress,
    WriteRegister,
    crc5,
    crc16,
    decode_command,
    decode_response,
    encode,
    header_of,
    model_by_chip_id,
    model_by_name,
)
from firmware_protocols.bm13xx.crc import response_tail
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

MIDSTATES = MidstateJob(24, 1, 2, bytes(4), (bytes(32),))


def decoded(raw: bytes, model: ChipModel) -> Command | Response:
    return decode_command(raw, model) if raw[:1] == b"\x55" else decode_response(raw, model)


@pytest.mark.parametrize(("model", "text", "frame"), GOLDEN)
def test_captured_frames(model: ChipModel, text: str, frame: Command | Response) -> None:
    raw = bytes.fromhex(text)
    assert decoded(raw, model) == frame
    assert encode(frame, model, short=len(raw) == 9) == raw


def test_a_captured_nonce_hashes_in_the_header_of_its_job() -> None:
    header = header_of(JOB, NONCE.nonce, NONCE.version_bits)
    assert header.hex() == HEADER_HEX
    assert hash_value(header) <= target_from_zero_bits(40)


def test_checksums_of_the_published_examples() -> None:
    assert crc5(bytes.fromhex("52050000")) == 0x0A
    assert crc5(bytes.fromhex("40050400")) == 0x03  # REFERENCE.md of mujina prints 15 in one place
    assert crc5(bytes.fromhex("137000000000000010")) == 0
    assert crc16(bytes.fromhex("21360001") + bytes(48)) == 0x9899


@given(st.binary(max_size=200))
def test_crc5_is_the_bitwise_division(data: bytes) -> None:
    state = 0x1F
    for octet in data:
        for bit in range(7, -1, -1):
            carry = state >> 4 ^ octet >> bit & 1
            state = (state << 1 & 0x1F) ^ 5 * carry
    assert crc5(data) == state


@given(st.binary(max_size=9), st.integers(0, 7))
def test_a_response_divides_to_zero(body: bytes, kind: int) -> None:
    tail = response_tail(body, kind)
    assert tail >> 5 == kind
    assert crc5(body + bytes((tail,))) == 0


@given(small_commands | full_jobs | register_responses | nonce_responses, st.sampled_from(FULL_MODELS))
def test_round_trip(frame: Command | Response, model: ChipModel) -> None:
    assert decoded(encode(frame, model), model) == frame


@given(small_commands | midstate_jobs | short_responses)
def test_round_trip_with_midstates(frame: Command | Response) -> None:
    assert decoded(encode(frame, BM1397), BM1397) == frame


@given(short_responses, st.sampled_from(FULL_MODELS))
def test_round_trip_of_the_short_form(frame: Response, model: ChipModel) -> None:
    raw = encode(frame, model, short=True)
    assert len(raw) == 9
    assert decode_response(raw, model) == frame


def test_the_short_form_drops_extra_bytes_only_if_they_are_zero() -> None:
    frame = RegisterResponse(1, 2, 3)
    assert encode(frame, BM1366, short=True) == encode(RegisterResponse(1, 2, 3, b""), BM1366)
    assert len(encode(frame, BM1366)) == 11
    assert len(encode(frame, BM1397)) == 9


@pytest.mark.parametrize(
    ("frame", "model", "short", "text"),
    [
        (SetAddress(256), BM1366, False, "address has 8 bits"),
        (ReadRegister(-1), BM1366, False, "register has 8 bits"),
        (ReadRegister(0, 256), BM1366, False, "address has 8 bits"),
        (WriteRegister(0, 1 << 32), BM1366, False, "value has 32 bits"),
        (FullJob(0, 0, 0, bytes(31), bytes(32), 0), BM1366, False, "merkle_root has 32 bytes, not 31"),
        (FullJob(0, 0, 0, bytes(32), bytes(33), 0), BM1366, False, "prev_hash has 32 bytes, not 33"),
        (FullJob(0, 0, 0, bytes(32), bytes(32), 0, length_byte=0x58), BM1366, False, "0x36 or 0x56"),
        (JOB, BM1397, False, "takes midstates"),
        (MIDSTATES, BM1366, False, "takes whole headers"),
        (MidstateJob(0, 0, 0, bytes(4), (bytes(32),) * 3), BM1397, False, "1, 2 or 4 midstates"),
        (MidstateJob(0, 0, 0, bytes(4), (bytes(31),)), BM1397, False, "midstate has 32 bytes"),
        (RegisterResponse(0, 0, 0, b"\0"), BM1366, False, "two bytes or none"),
        (RegisterResponse(0, 0, 0, b"\0\1"), BM1366, True, "no room for extra"),
        (NonceResponse(0, 0, 0, 1 << 16), BM1366, False, "16 bits"),
        (NonceResponse(0, 0, 0, 1), BM1397, False, "no room for version bits"),
    ],
)
def test_what_the_line_cannot_carry_is_refused(
    frame: Command | Response, model: ChipModel, short: bool, text: str
) -> None:
    with pytest.raises(LocalProtocolError, match=text):
        encode(frame, model, short=short)


def with_crc5(text: str) -> bytes:
    body = bytes.fromhex(text)
    return b"\x55\xaa" + body + bytes((crc5(body),))


def with_crc16(body: bytes) -> bytes:
    return b"\x55\xaa" + body + crc16(body).to_bytes(2, "big")


@pytest.mark.parametrize(
    ("raw", "model", "text"),
    [
        (b"", BM1366, "starts 55aa"),
        (bytes.fromhex("aa555205000a"), BM1366, "starts 55aa"),
        (bytes.fromhex("55aa52"), BM1366, "ends before"),
        (bytes.fromhex("55aa54050000") + b"\x19", BM1366, "no such type"),
        (bytes.fromhex("55aa520600000a"), BM1366, "no such type"),
        (bytes.fromhex("55aa5205000a"), BM1366, "7 bytes, not 6"),
        (bytes.fromhex("55aa2136"), BM1366, "88 bytes, not 4"),
        (bytes.fromhex("55aa2137"), BM1366, "no such type"),
        (with_crc5("40050001"), BM1366, "always zero is 0x01"),
        (with_crc5("53050001"), BM1366, "always zero"),
        (with_crc5("53050100"), BM1366, "always zero"),
        (with_crc5("52050100"), BM1366, "always zero"),
        (with_crc16(bytes.fromhex("21360002") + bytes(48)), BM1397, "does not fit 2 midstates"),
    ],
)
def test_what_is_no_command(raw: bytes, model: ChipModel, text: str) -> None:
    with pytest.raises(RemoteProtocolError, match=text) as caught:
        decode_command(raw, model)
    assert not isinstance(caught.value, ChecksumError)


@pytest.mark.parametrize(
    ("text", "model", "error"),
    [
        ("55aa136600000000000005", BM1366, "starts aa55"),
        ("aa551366000000000005", BM1366, "9 or 11 bytes, not 10"),
        ("aa55136600000000000005", BM1397, "9 bytes, not 11"),
    ],
)
def test_what_is_no_response(text: str, model: ChipModel, error: str) -> None:
    with pytest.raises(RemoteProtocolError, match=error):
        decode_response(bytes.fromhex(text), model)


def test_a_response_of_an_unknown_type() -> None:
    body = bytes(8)
    with pytest.raises(RemoteProtocolError, match="type 0 or 4, not 2"):
        decode_response(b"\xaa\x55" + body + bytes((response_tail(body, 2),)), BM1366)


@pytest.mark.parametrize(("model", "text", "frame"), GOLDEN)
@given(data=st.data())
def test_a_flipped_bit_is_noticed(
    model: ChipModel, text: str, frame: Command | Response, data: st.DataObject
) -> None:
    raw = bytearray(bytes.fromhex(text))
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    decode = decode_command if text.startswith("55") else decode_response
    with pytest.raises(RemoteProtocolError):
        decode(bytes(raw), model)


@given(st.binary(max_size=160), st.sampled_from(sorted(MODELS)))
def test_junk_raises_nothing_else(raw: bytes, name: str) -> None:
    for decode, preamble in ((decode_command, b"\x55\xaa"), (decode_response, b"\xaa\x55")):
        for candidate in (raw, preamble + raw):
            try:
                frame = decode(candidate, MODELS[name])
            except RemoteProtocolError as error:
                assert str(error)
            else:
                assert encode(frame, MODELS[name], short=len(candidate) == 9) == candidate


def test_models_are_found_by_name_and_by_what_the_chip_says() -> None:
    assert model_by_name("bm1366") is MODELS["BM1366"]
    assert model_by_chip_id(0x1368) is MODELS["BM1368"]
    assert model_by_chip_id(0x1387) is MODELS["BM1387"]
    assert model_by_chip_id(0x1384) is None
    with pytest.raises(LocalProtocolError, match="known are BM1362, BM1366"):
        model_by_name("BM9999")


def test_models_do_not_contradict_themselves() -> None:
    for name, model in MODELS.items():
        assert model.name == name
        assert f"{model.chip_id:04X}" == name[2:]
        units = model.cores if name == "BM1387" else model.cores * model.subcores
        assert 0 <= units - model.small_cores < 2 * model.subcores
        assert model.job_id_mask & model.subcore_mask == 0
        low, high = model.frequency_range_mhz
        assert low < model.default_frequency_mhz <= high
        assert model.scan_evidence
