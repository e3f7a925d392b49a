"""The control channel of bitaxe-raw: bytes as published, replies out of any split, junk that ends."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_protocols.bitaxe_raw import (
    MAX_I2C_DATA,
    MAX_REQUEST,
    PROBE_ID,
    AdcRead,
    Answer,
    Damaged,
    DeviceDecoder,
    ErrorCode,
    GpioGet,
    GpioSet,
    HostChannel,
    I2cRead,
    I2cSetFrequency,
    I2cWrite,
    I2cWriteRead,
    LedSet,
    Received,
    Refused,
    ReplyVersion,
    Request,
    SystemBootloader,
    SystemReboot,
    answer_sizes,
    decode_request,
    encode,
    encode_answer,
    encode_refusal,
    probe,
    probe_answer,
)
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

V0, V1 = ReplyVersion.V0, ReplyVersion.V1

byte = st.integers(0, 255)
addresses = st.integers(0, 0x7F)
payloads = st.binary(max_size=MAX_I2C_DATA)
sizes = st.integers(1, MAX_I2C_DATA)
answered: st.SearchStrategy[Request] = st.one_of(
    st.builds(I2cSetFrequency, st.integers(0, 2**32 - 1)),
    st.builds(I2cWrite, addresses, payloads),
    st.builds(I2cRead, addresses, sizes),
    st.builds(I2cWriteRead, addresses, payloads, sizes),
    st.builds(GpioSet, byte, st.booleans()),
    st.builds(GpioGet, byte),
    st.builds(AdcRead, byte),
    st.builds(LedSet, byte, byte, byte),
)
requests = answered | st.just(SystemReboot()) | st.just(SystemBootloader())
versions = st.sampled_from(ReplyVersion)
cuts = st.lists(st.integers(0, 1 << 12), max_size=20)


def cut(data: bytes, points: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(point % (len(data) + 1) for point in points), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize(
    ("request_", "request_id", "hex_"),
    [
        (LedSet(0xFF, 0x80, 0x00), 5, "09 00 05 00 08 10 FF 80 00"),  # 256foundation/mujina:led.rs
        (
            I2cSetFrequency(400_000),
            1,
            "0A 00 01 00 05 10 80 1A 06 00",
        ),  # the next six: README.md
        (I2cWrite(0x4F, b"\xde"), 1, "08 00 01 00 05 20 4F DE"),
        (I2cRead(0x4C, 1), 1, "08 00 01 00 05 30 4C 01"),
        (I2cWriteRead(0x32, b"\xfe", 2), 1, "09 00 01 00 05 40 32 FE 02"),
        (GpioSet(0, False), 0, "07 00 00 00 06 00 00"),
        (GpioGet(3), 0, "06 00 00 00 06 03"),
        (AdcRead(), 0, "06 00 00 00 07 50"),
        (SystemReboot(), 2, "0A 00 02 00 09 01 DE AD BE EF"),  # 256foundation/mujina:system.rs
        (SystemBootloader(), 2, "0A 00 02 00 09 02 B0 07 10 AD"),
    ],
)
def test_requests_have_the_published_bytes(request_: Request, request_id: int, hex_: str) -> None:
    raw = bytes.fromhex(hex_)
    assert encode(request_, request_id) == raw
    assert decode_request(raw) == request_


@given(requests, st.integers(0, 254))
def test_requests_go_there_and_back(request_: Request, request_id: int) -> None:
    raw = encode(request_, request_id)
    assert decode_request(raw) == request_
    assert (raw[2], len(raw)) == (request_id, int.from_bytes(raw[:2], "little"))
    assert len(raw) <= MAX_REQUEST


@pytest.mark.parametrize(
    "wrong",
    [
        I2cSetFrequency(2**32),
        I2cWrite(0x80, b""),
        I2cWrite(0x40, bytes(MAX_I2C_DATA + 1)),
        I2cRead(0x40, 0),
        I2cRead(0x40, MAX_I2C_DATA + 1),
        GpioGet(256),
        AdcRead(-1),
        LedSet(0, 0, 256),
    ],
)
def test_what_no_field_holds_is_not_sent(wrong: Request) -> None:
    with pytest.raises(LocalProtocolError):
        encode(wrong, 1)


@pytest.mark.parametrize("request_id", [-1, 255])
def test_ids_that_mean_something_else_are_not_used(request_id: int) -> None:
    with pytest.raises(LocalProtocolError, match="between 0 and 254"):
        encode(GpioGet(0), request_id)


@pytest.mark.parametrize(
    "hex_",
    [
        "",
        "06 00",
        "07 00 01 00 06 00",  # a length that is not its own
        "06 00 01 00 0A 00",  # no such page
        "08 00 01 00 06 00 01 01",
        "07 00 01 00 07 50 00",
        "08 00 01 00 08 10 FF 80",
        "0A 00 01 00 09 01 DE AD BE EE",
        "0A 00 01 00 09 02 DE AD BE EF",
        "09 00 01 00 05 10 80 1A 06",
        "06 00 01 00 05 20",
        "07 00 01 00 05 20 80",
        "07 00 01 00 05 30 4C",
        "08 00 01 00 05 30 4C 00",
        "09 00 01 00 05 30 4C 01 01",
        "08 00 01 00 05 50 4C 01",
    ],
)
def test_what_is_no_request_says_so(hex_: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_request(bytes.fromhex(hex_))


@given(st.data(), answered, versions, cuts)
def test_an_answer_in_any_split(
    data: st.DataObject, request_: Request, version: ReplyVersion, points: list[int]
) -> None:
    size = data.draw(st.sampled_from(answer_sizes(request_)))
    payload = data.draw(st.binary(min_size=size, max_size=size))
    channel = HostChannel(version)
    request_id = channel.request(request_)[2]
    replies = [
        channel.receive_data(part) for part in cut(encode_answer(payload, request_id, version), points)
    ]
    assert [reply for reply in replies if reply] == [Answer(request_id, request_, payload)]
    assert channel.pending is None
    assert channel.fell_silent() is None
    assert channel.skipped_bytes == 0


messages = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=250)


@given(
    answered,
    versions,
    st.tuples(st.sampled_from((0x10, 0x11, 0x12)), st.just("")) | st.tuples(st.just(0xFF), messages),
    cuts,
)
def test_a_refusal_in_any_split(
    request_: Request, version: ReplyVersion, error: tuple[int, str], points: list[int]
) -> None:
    channel = HostChannel(version)
    request_id = channel.request(request_)[2]
    raw = encode_refusal(*error, request_id)
    replies = [channel.receive_data(part) for part in cut(raw, points)]
    replies.append(reply if not isinstance(reply := channel.fell_silent(), Damaged) else None)
    assert [reply for reply in replies if reply] == [Refused(request_id, request_, *error)]
    assert channel.skipped_bytes == 0


fragments = [
    *(encode_answer(bytes(size), 1, version) for size in (0, 1, 2, 4) for version in ReplyVersion),
    *(encode_refusal(code, "no", number) for code in (0x11, 0x13, 0xFF) for number in (1, 2, 255)),
    b"\x01\x00",
    b"\x04\x00\x01",
]
streams = st.lists(st.binary(max_size=20) | st.sampled_from(fragments), max_size=12).map(b"".join)


@settings(max_examples=500)
@given(answered | st.just(I2cRead(0x40, 4)) | st.just(GpioGet(0)), versions, streams, cuts, st.booleans())
def test_any_split_of_anything_gives_the_same(
    request_: Request, version: ReplyVersion, junk: bytes, points: list[int], with_answer: bool
) -> None:
    outcomes = []
    for pieces in ([junk], cut(junk, points)):
        channel = HostChannel(version)
        request_id = channel.request(request_)[2]
        replies = [channel.receive_data(piece) for piece in pieces]
        if with_answer:
            answer = encode_answer(bytes(answer_sizes(request_)[-1]), request_id, version)
            replies += [channel.receive_data(answer[i : i + 1]) for i in range(len(answer))]
        replies.append(channel.fell_silent())  # type: ignore[arg-type]
        outcomes.append(([reply for reply in replies if reply], channel.skipped_bytes))
        assert channel.pending is None or not junk
    assert outcomes[0] == outcomes[1]


@given(versions, st.integers(0, 3), st.binary(max_size=40))
def test_an_answer_is_found_behind_junk(version: ReplyVersion, level: int, junk: bytes) -> None:
    """Junk cannot name the id, so nothing in it can be taken for a reply, nor reach into one for long."""
    junk = junk.replace(b"\x01", b"").replace(b"\xff", b"")
    channel = HostChannel(version)
    assert channel.request(GpioGet(0))[2] == 1
    found = channel.receive_data(junk + encode_answer(bytes((level,)), 1, version)) or channel.fell_silent()
    assert found == Answer(1, GpioGet(0), bytes((level,)))
    assert channel.skipped_bytes == len(junk)


def test_an_error_of_version_0_that_looks_like_the_beginning_of_data() -> None:
    """`04 00 id 11`: the length of the whole error, or of four bytes of data of which one is there."""
    error = bytes.fromhex("04 00 01 11")
    channel = HostChannel(V0)
    channel.request(I2cRead(0x40, 4))
    assert channel.receive_data(error) is None
    assert channel.fell_silent() == Refused(1, I2cRead(0x40, 4), 0x11)
    channel.request(I2cRead(0x40, 4))
    assert channel.receive_data(bytes.fromhex("04 00 02 11 22 33 44")) == Answer(
        2, I2cRead(0x40, 4), bytes.fromhex("11223344")
    )
    channel.request(I2cRead(0x40, 4))
    assert channel.receive_data(bytes.fromhex("04 00 03 11 22")) is None
    assert channel.fell_silent() == Damaged(
        bytes.fromhex("04 00 03 11 22"), "not a reply to request 3 in version 0"
    )
    channel.request(I2cRead(0x40, 3))
    assert channel.receive_data(bytes.fromhex("04 00 04 11")) == Refused(4, I2cRead(0x40, 3), 0x11)


def test_what_the_firmware_could_not_read_is_refused_under_an_id_of_its_own() -> None:
    for version in ReplyVersion:
        channel = HostChannel(version)
        channel.request(LedSet(1, 2, 3))
        reply = channel.receive_data(bytes.fromhex("04 00 FF 11"))
        assert reply == Refused(1, LedSet(1, 2, 3), ErrorCode.INVALID)


def test_codes_that_are_not_known_are_taken_where_they_have_a_place() -> None:
    channel = HostChannel(V1)
    channel.request(GpioGet(0))
    reply = channel.receive_data(bytes.fromhex("04 00 01 13"))
    assert str(reply) == "the board refused GpioGet(pin=0): error 13"
    channel = HostChannel(V0)
    channel.request(GpioGet(0))
    assert channel.receive_data(bytes.fromhex("04 00 01 13")) is None


def test_a_refusal_says_why() -> None:
    assert str(Refused(1, GpioGet(0), 0x10)) == "the board refused GpioGet(pin=0): timeout"
    refused = Refused(1, I2cRead(0x4C, 1), 0xFF, "I2C Read Error")
    assert str(refused) == "the board refused I2cRead(address=76, size=1): I2C Read Error"


def test_a_late_reply_is_not_the_next_one() -> None:
    channel = HostChannel(V1)
    channel.request(GpioGet(0))
    with pytest.raises(LocalProtocolError, match="has no reply yet"):
        channel.request(GpioGet(0))
    assert channel.fell_silent() is None
    assert channel.pending == GpioGet(0)
    channel.forget()
    assert channel.request(AdcRead())[2] == 2
    late = encode_answer(b"\x01", 1, V1)
    reply = channel.receive_data(late + encode_answer(b"\x34\x12", 2, V1))
    assert isinstance(reply, Answer)
    assert (reply.request, reply.value) == (AdcRead(), 0x1234)
    assert channel.skipped_bytes == len(late)
    assert channel.heard == late + bytes.fromhex("06 00 02 00 34 12")


def test_bytes_that_nobody_asked_for_are_skipped() -> None:
    channel = HostChannel(V0)
    assert channel.receive_data(b"hello") is None
    assert channel.fell_silent() is None
    assert channel.skipped_bytes == 5
    channel.request(GpioGet(0))
    channel.receive_data(b"\x01")
    channel.forget()
    assert channel.skipped_bytes == 6


def test_what_is_never_answered_is_not_waited_for() -> None:
    channel = HostChannel(V0)
    assert channel.request(SystemReboot())[2] == 1
    assert channel.pending is None
    channel.request(GpioGet(0))
    assert channel.pending == GpioGet(0)


def test_ids_go_round_without_those_that_are_taken() -> None:
    channel, ids = HostChannel(V0), []
    for _ in range(600):
        ids.append(channel.request(GpioGet(0))[2])
        channel.forget()
    assert set(ids) == set(range(1, 255))
    assert all(b == a % 254 + 1 for a, b in pairwise(ids))


def test_levels() -> None:
    assert Answer(1, GpioGet(0), b"\x01").level
    assert not Answer(1, GpioGet(0), b"\x00").level


@given(st.lists(st.tuples(requests, st.integers(0, 254)), max_size=6), cuts)
def test_requests_in_any_split(sent: list[tuple[Request, int]], points: list[int]) -> None:
    decoder = DeviceDecoder()
    received: list[Received] = []
    for part in cut(b"".join(encode(*one) for one in sent), points):
        received += decoder.receive_data(part)
        assert decoder.buffered_bytes < MAX_REQUEST
    assert [(one.request, one.request_id) for one in received] == sent
    assert decoder.fell_silent() == []
    assert decoder.skipped_bytes == 0


@settings(max_examples=300)
@given(st.binary(max_size=900), cuts)
def test_junk_ends_with_the_silence(junk: bytes, points: list[int]) -> None:
    outcomes = []
    for pieces in ([junk], cut(junk, points)):
        decoder = DeviceDecoder()
        received: list[Received] = []
        for piece in pieces:
            received += decoder.receive_data(piece)
            assert decoder.buffered_bytes < MAX_REQUEST
        received += decoder.fell_silent()
        good = [one for one in received if not isinstance(one.request, Damaged)]
        assert decoder.skipped_bytes + sum(len(one.raw) for one in good) == len(junk)
        outcomes.append(received)
        assert [one.request for one in decoder.receive_data(encode(GpioGet(7), 9))] == [GpioGet(7)]
    assert outcomes[0] == outcomes[1]


def test_a_request_that_was_cut_does_not_spoil_the_next() -> None:
    decoder = DeviceDecoder()
    assert decoder.receive_data(encode(I2cRead(0x4C, 1), 3)[:5]) == []
    cut_short = decoder.fell_silent()
    assert [(one.request_id, one.request) for one in cut_short] == [
        (3, Damaged(bytes.fromhex("08 00 03 00 05"), "cut"))
    ]
    assert decoder.receive_data(b"\x08") == []
    assert decoder.fell_silent()[0].request_id is None
    assert [one.request for one in decoder.receive_data(encode(GpioGet(0), 4))] == [GpioGet(0)]


def test_what_cannot_be_read_keeps_its_id() -> None:
    decoder = DeviceDecoder()
    (received,) = decoder.receive_data(bytes.fromhex("06 00 21 00 77 01"))
    assert isinstance(received.request, Damaged)
    assert "page 77" in received.request.reason
    assert received.request_id == 0x21
    assert decoder.receive_data(encode(GpioGet(0), 4))[0].request == GpioGet(0)


@pytest.mark.parametrize("version", ReplyVersion)
@pytest.mark.parametrize("level", [b"\x00", b"\x01"])
@given(junk=st.binary(max_size=30))
def test_the_probe_tells_the_versions_apart(version: ReplyVersion, level: bytes, junk: bytes) -> None:
    assert decode_request(probe()) == GpioGet(0)
    answer = encode_answer(level, PROBE_ID, version)
    junk = junk.replace(bytes((PROBE_ID,)), b"")
    for size in range(len(junk + answer)):
        assert probe_answer((junk + answer)[:size]) is None
    assert probe_answer(junk + answer) is version


@pytest.mark.parametrize("raw", [encode_refusal(0x11, "", PROBE_ID), encode_refusal(0xFF, "no", PROBE_ID)])
def test_a_refused_probe_shows_nothing(raw: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="refuses to read the reset pin"):
        probe_answer(raw)


def test_the_third_form_is_named() -> None:
    with pytest.raises(RemoteProtocolError, match="bonanza"):
        probe_answer(bytes((4, 0, PROBE_ID, 1)))
