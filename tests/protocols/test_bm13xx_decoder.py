"""Frames out of a stream: any split, any junk."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from bm13xx_frames import (
    BM1366,
    BM1397,
    JOB_HEX,
    NONCE,
    NONCE_HEX,
    commands,
    nonce_responses,
    register_responses,
    short_responses,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_protocols.bm13xx import (
    MODELS,
    ChipDecoder,
    Command,
    Damaged,
    FullJob,
    HostDecoder,
    NonceResponse,
    Received,
    RegisterResponse,
    Response,
    SetAddress,
    WriteRegister,
    crc5,
    encode,
)
from firmware_protocols.errors import LocalProtocolError

Decoder = HostDecoder | ChipDecoder
AnyReceived = Received[Response] | Received[Command]
JOB_BYTES, NONCE_BYTES = bytes.fromhex(JOB_HEX), bytes.fromhex(NONCE_HEX)
LONGEST = {"full": {HostDecoder: 11, ChipDecoder: 88}, "midstate": {HostDecoder: 14, ChipDecoder: 152}}

kinds = st.sampled_from((HostDecoder, ChipDecoder))
preambles = st.sampled_from((b"\xaa\x55", b"\x55\xaa", b"\x55\xaa\x21\x36", b"\x55\xaa\x51\x09", b"\xaa"))
streams = st.lists(st.binary(max_size=20) | preambles | st.just(NONCE_BYTES) | st.just(JOB_BYTES)).map(
    b"".join
)


def cut(data: bytes, points: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(point % (len(data) + 1) for point in points), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def feed(decoder: Decoder, reads: Sequence[bytes]) -> list[AnyReceived]:
    longest = LONGEST[decoder.model.job_format][type(decoder)]
    found: list[AnyReceived] = []
    for t_ns, data in enumerate(reads):
        found += decoder.receive_data(data, t_ns)
        assert decoder.buffered_bytes < longest
    found += decoder.flush(len(reads))
    assert decoder.buffered_bytes == 0
    return found


def account(decoder: Decoder, found: Sequence[AnyReceived], data: bytes) -> None:
    good = [item for item in found if not isinstance(item.frame, Damaged)]
    assert decoder.frames == len(good)
    assert decoder.damaged_frames == len(found) - len(good)
    assert decoder.skipped_bytes + sum(len(item.raw) for item in good) == len(data)


@settings(max_examples=300)
@given(kinds, streams, st.lists(st.integers(0, 1 << 16), max_size=30), st.sampled_from(sorted(MODELS)))
def test_any_split_of_anything_gives_the_same(
    kind: type[Decoder], data: bytes, points: list[int], name: str
) -> None:
    whole, split = kind(MODELS[name]), kind(MODELS[name])
    at_once = feed(whole, [data])
    in_parts = feed(split, cut(data, points))
    assert [(a.frame, a.raw) for a in at_once] == [(b.frame, b.raw) for b in in_parts]
    assert whole.skipped_bytes == split.skipped_bytes
    account(whole, at_once, data)
    account(split, in_parts, data)


@given(st.sampled_from(sorted(MODELS)), st.data())
def test_commands_in_any_split(name: str, data: st.DataObject) -> None:
    model = MODELS[name]
    frames = data.draw(st.lists(commands(model), max_size=8))
    stream = b"".join(encode(frame, model) for frame in frames)  # type: ignore[arg-type]
    decoder = ChipDecoder(model)
    found = feed(decoder, cut(stream, data.draw(st.lists(st.integers(0, 4096), max_size=20))))
    assert [item.frame for item in found] == frames
    assert decoder.skipped_bytes == 0


@given(
    st.lists(register_responses | nonce_responses, max_size=12), st.lists(st.integers(0, 200), max_size=20)
)
def test_responses_in_any_split(frames: list[Response], points: list[int]) -> None:
    decoder = HostDecoder(BM1366)
    found = feed(decoder, cut(b"".join(encode(frame, BM1366) for frame in frames), points))
    assert [item.frame for item in found] == frames
    assert decoder.skipped_bytes == 0


@given(st.lists(short_responses, max_size=12), st.lists(st.integers(0, 200), max_size=20), st.booleans())
def test_short_responses_in_any_split(frames: list[Response], points: list[int], midstates: bool) -> None:
    model = BM1397 if midstates else BM1366
    decoder = HostDecoder(model)
    decoder.response_size = 9
    stream = b"".join(encode(frame, model, short=True) for frame in frames)
    assert [item.frame for item in feed(decoder, cut(stream, points))] == frames


@given(
    st.lists(
        register_responses.map(lambda r: RegisterResponse(r.value, r.address, r.register, b"")), min_size=1
    )
)
def test_short_register_responses_are_recognised_among_long_ones(frames: list[RegisterResponse]) -> None:
    decoder = HostDecoder(BM1366)
    stream = b"".join(encode(frame, BM1366) for frame in frames) + NONCE_BYTES + encode(frames[0], BM1366)
    found = decoder.receive_data(stream, 1)
    assert [item.frame for item in found] == [*frames, NONCE]
    assert decoder.buffered_bytes == 9
    assert [item.frame for item in decoder.flush(2)] == [frames[0]]
    assert decoder.skipped_bytes == 0


# Junk without a preamble's first byte: nothing in it can mislead the search.
harmless = st.binary(max_size=30).map(lambda data: data.replace(b"\xaa", b"").replace(b"\x55", b""))


@given(st.lists(st.tuples(harmless, nonce_responses | register_responses), max_size=10), harmless)
def test_junk_without_a_preamble_costs_no_response(parts: list[tuple[bytes, Response]], last: bytes) -> None:
    decoder = HostDecoder(BM1366)
    stream = b"".join(junk + encode(frame, BM1366) for junk, frame in parts) + last
    assert [item.frame for item in feed(decoder, [stream])] == [frame for _, frame in parts]
    assert decoder.skipped_bytes == len(last) + sum(len(junk) for junk, _ in parts)
    assert decoder.damaged_frames == 0


@given(st.lists(st.tuples(harmless, commands(BM1366)), max_size=6))
def test_junk_without_a_preamble_costs_no_command(parts: list[tuple[bytes, Command]]) -> None:
    decoder = ChipDecoder(BM1366)
    stream = b"".join(junk + encode(frame, BM1366) for junk, frame in parts)
    assert [item.frame for item in feed(decoder, [stream])] == [frame for _, frame in parts]
    assert decoder.skipped_bytes == sum(len(junk) for junk, _ in parts)


@given(st.binary(max_size=9), nonce_responses)
def test_a_false_preamble_costs_a_frame_only_if_it_begins_a_right_one(
    junk: bytes, frame: NonceResponse
) -> None:
    raw = encode(frame, BM1366)
    decoder = HostDecoder(BM1366)
    found = feed(decoder, [b"\xaa\x55" + junk + raw])
    good = [item.raw for item in found if not isinstance(item.frame, Damaged)]
    # A right frame found before the true one would have to overlap it: no other reason may lose it.
    assert raw in good or any(crc5(item[2:]) == 0 and not raw.startswith(item) for item in good)


def test_a_damaged_response_is_reported_and_the_next_one_is_not_lost() -> None:
    broken = bytearray(NONCE_BYTES)
    broken[4] ^= 0x10
    decoder = HostDecoder(BM1366)
    found = decoder.receive_data(bytes(broken) + NONCE_BYTES, 5)
    assert found == [
        Received(Damaged("response", bytes(broken)), 5, 2, bytes(broken)),
        Received(NONCE, 5, 2, NONCE_BYTES),
    ]
    assert (decoder.frames, decoder.damaged_frames, decoder.skipped_bytes) == (1, 1, 11)
    assert found[0].frame.job_header is None  # type: ignore[union-attr]


def test_a_true_frame_inside_a_damaged_one_is_found() -> None:
    decoder = HostDecoder(BM1366)
    found = decoder.receive_data(b"\xaa\x55\x00\x00\x00" + NONCE_BYTES, 0)
    assert [item.frame for item in found if not isinstance(item.frame, Damaged)] == [NONCE]


def test_a_damaged_job_says_which_id_is_unknown_now() -> None:
    broken = bytearray(JOB_BYTES)
    broken[4], broken[50] = 0xD0, broken[50] ^ 1
    found = ChipDecoder(BM1366).receive_data(bytes(broken), 0)
    frame = found[0].frame
    assert isinstance(frame, Damaged)
    assert (frame.kind, frame.reason, frame.job_header) == ("job", "checksum", 0xD0)


def test_a_damaged_command() -> None:
    raw = encode(SetAddress(4), BM1366)
    found = ChipDecoder(BM1366).receive_data(raw[:-1] + bytes((raw[-1] ^ 1,)), 0)
    assert [item.frame for item in found] == [Damaged("command", found[0].raw, "checksum")]
    body = bytes.fromhex("40050001")
    found = ChipDecoder(BM1366).receive_data(b"\x55\xaa" + body + bytes((crc5(body),)), 0)
    assert [item.frame for item in found] == [Damaged("command", found[0].raw, "fields")]


def test_a_preamble_before_no_known_type_is_junk() -> None:
    decoder = ChipDecoder(BM1366)
    assert decoder.receive_data(bytes.fromhex("55aa0102030405"), 0) == []
    assert (decoder.skipped_bytes, decoder.damaged_frames, decoder.buffered_bytes) == (7, 0, 0)
    assert decoder.receive_data(b"\x55\xaa\x21", 0) == decoder.flush(0) == []
    assert (decoder.skipped_bytes, decoder.damaged_frames, decoder.buffered_bytes) == (10, 0, 0)


def test_a_cut_job_is_reported_when_the_line_falls_silent() -> None:
    write = encode(WriteRegister(0x10, 0x151C), BM1366)
    decoder = ChipDecoder(BM1366)
    assert decoder.receive_data(JOB_BYTES[:40] + write, 0) == []
    found = decoder.flush(9)
    assert [item.frame for item in found] == [
        Damaged("job", JOB_BYTES[:40] + write, "cut"),
        WriteRegister(0x10, 0x151C),
    ]
    assert found[0].frame.job_header == 0  # type: ignore[union-attr]
    assert found[0].t_ns == 9
    assert Damaged("job", JOB_BYTES[:4], "cut").job_header is None


def test_the_stamp_is_that_of_the_completing_read() -> None:
    decoder = HostDecoder(BM1366)
    assert decoder.receive_data(NONCE_BYTES[:5], 100) == []
    assert decoder.buffered_bytes == 5
    found = decoder.receive_data(NONCE_BYTES[5:] + NONCE_BYTES, 200)
    assert [(item.t_ns, item.n_in_read) for item in found] == [(200, 2), (200, 2)]


def test_response_size_is_one_that_the_model_has() -> None:
    decoder = HostDecoder(BM1366)
    assert decoder.response_size == 11
    with pytest.raises(LocalProtocolError, match="9 or 11 bytes, not 10"):
        decoder.response_size = 10
    with pytest.raises(LocalProtocolError, match="in 9 bytes, not 11"):
        HostDecoder(BM1397).response_size = 11


@pytest.mark.skipif(sys.gettrace() is not None, reason="a tracer (coverage, debugger) takes most of the time")
def test_20000_nonces_a_second_take_less_than_a_quarter_of_a_core() -> None:
    stream = b"".join(
        encode(NonceResponse(n * 2654435761 % 2**32, 0, n % 256, n % 65536), BM1366) for n in range(20000)
    )
    reads = [stream[i : i + 352] for i in range(0, len(stream), 352)]  # 32 frames a read
    seconds = []
    for _ in range(3):
        decoder = HostDecoder(BM1366)
        start = time.process_time()
        received = sum(len(decoder.receive_data(data, 0)) for data in reads)
        seconds.append(time.process_time() - start)
        assert received == 20000
    print(f"offered 20000 nonce frames, decoded at {20000 / min(seconds):.0f} a second of CPU")
    assert min(seconds) < 0.25


def test_every_frame_of_a_hash_board(s19kpro_wire: Path) -> None:
    """77 BM1366 from reset to mining: 3 of its 199 jobs are cut in the log."""
    lines = [line.split() for line in s19kpro_wire.read_text().splitlines() if line[:2] in ("tx", "rx")]
    sent = b"".join(bytes.fromhex(text) for way, text in lines if way == "tx")
    came = b"".join(bytes.fromhex(text) for way, text in lines if way == "rx")
    host, chips = HostDecoder(BM1366), ChipDecoder(BM1366)
    responses = feed(host, [came[i : i + 64] for i in range(0, len(came), 64)])
    orders = feed(chips, [sent[i : i + 64] for i in range(0, len(sent), 64)])
    assert sum(isinstance(item.frame, NonceResponse) for item in responses) == 13824
    assert sum(isinstance(item.frame, RegisterResponse) for item in responses) == 77
    assert sum(isinstance(item.frame, FullJob) for item in orders) == 196
    damaged = [item.frame for item in orders if isinstance(item.frame, Damaged)]
    assert [frame.job_header for frame in damaged] == [72, 128, 208]
    assert (host.damaged_frames, host.skipped_bytes) == (0, 22)
    account(host, responses, came)
    account(chips, orders, sent)
