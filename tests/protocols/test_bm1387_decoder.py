"""Frames of a BM1387 out of a stream: nothing stands in front of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from bm13xx_frames import BM1387, byte, word
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_protocols.bm13xx import (
    ChipDecoder,
    Damaged,
    HostDecoder,
    MidstateJob,
    NonceResponse,
    Received,
    RegisterResponse,
    Response,
    SetAddress,
    crc5,
    encode,
    open_core_job,
)
from firmware_protocols.errors import LocalProtocolError

SIZE = 7
answers = st.one_of(
    st.builds(RegisterResponse, word, st.none(), st.none(), st.just(b"")),
    st.builds(NonceResponse, word, byte, byte),
)
NONCES = [encode(NonceResponse(n * 2654435761 % 2**32, 0, n % 128), BM1387) for n in range(1, 9)]


def good_window(window: bytes) -> bool:
    """The rule, written again: checksum, a nonce, or a register with two zero bytes behind its value."""
    kind = window[-1] >> 5
    return len(window) == SIZE and crc5(window) == 0 and (kind == 4 or (kind == 0 and window[4:6] == b"\0\0"))


def received(decoder: HostDecoder, reads: Sequence[bytes]) -> list[Received[Response]]:
    found = []
    for t_ns, data in enumerate(reads):
        found += decoder.receive_data(data, t_ns)
        assert decoder.buffered_bytes < 2 * SIZE
    found += decoder.flush(len(reads))
    assert decoder.buffered_bytes == 0
    return found


def good(found: Sequence[Received[Response]]) -> list[bytes]:
    return [item.raw for item in found if not isinstance(item.frame, Damaged)]


def cut(data: bytes, points: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(point % (len(data) + 1) for point in points), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


points = st.lists(st.integers(0, 1 << 12), max_size=30)


@given(st.lists(answers, max_size=15), points)
def test_answers_in_any_split(frames: list[Response], at: list[int]) -> None:
    decoder = HostDecoder(BM1387)
    found = received(decoder, cut(b"".join(encode(frame, BM1387) for frame in frames), at))
    assert [item.frame for item in found] == frames
    assert (decoder.frames, decoder.damaged_frames, decoder.skipped_bytes) == (len(frames), 0, 0)


pieces = st.one_of(
    answers.map(lambda frame: encode(frame, BM1387)),
    st.binary(max_size=12),
    st.tuples(st.sampled_from(NONCES), st.integers(0, 6)).map(lambda pair: pair[0][: pair[1]]),
)


@settings(max_examples=300)
@given(st.lists(pieces, max_size=12).map(b"".join), points)
def test_any_split_of_anything_gives_the_same_frames_and_stamps(data: bytes, at: list[int]) -> None:
    whole, split = HostDecoder(BM1387), HostDecoder(BM1387)
    reads = cut(data, at)
    at_once, in_parts = received(whole, [data]), received(split, reads)
    assert [(a.frame, a.raw) for a in at_once] == [(b.frame, b.raw) for b in in_parts]
    for decoder in (whole, split):
        assert decoder.frames == len(good(at_once))
        assert decoder.damaged_frames == len(at_once) - decoder.frames
        assert decoder.skipped_bytes + SIZE * decoder.frames == len(data)
    ends = [sum(map(len, reads[: n + 1])) for n in range(len(reads))]
    position = 0
    for item in in_parts:
        position = data.index(item.raw, position)
        assert item.t_ns >= next(t for t, end in enumerate(ends) if end >= position + SIZE)


@given(st.lists(answers, min_size=1, max_size=12), st.data())
def test_a_lost_or_added_byte_costs_its_frame_alone(frames: list[Response], data: st.DataObject) -> None:
    raws = [encode(frame, BM1387) for frame in frames]
    stream = b"".join(raws)
    where = data.draw(st.integers(0, len(stream) - 1))
    hit, added = where // SIZE, data.draw(st.none() | st.binary(min_size=1, max_size=1))
    broken = stream[:where] + (added or b"") + stream[where + (added is None) :]
    shift = -1 if added is None else 1
    true = {SIZE * n for n in range(hit)} | {SIZE * n + shift for n in range(hit + 1, len(raws))}
    true |= {at for at in (SIZE * hit, SIZE * hit + shift) if broken[at : at + SIZE] == raws[hit]}
    windows = {at for at in range(len(broken)) if good_window(broken[at : at + SIZE])}
    if windows == true:  # else one is out of step and passes all the same: 1 of 256 does
        found = good(received(HostDecoder(BM1387), [broken]))
        assert found == [broken[at : at + SIZE] for at in sorted(true)]
        assert len(found) >= len(raws) - 1


@given(st.lists(answers, min_size=1, max_size=12), st.data())
def test_a_flipped_bit_costs_its_frame_and_is_reported_once(
    frames: list[Response], data: st.DataObject
) -> None:
    raws = [encode(frame, BM1387) for frame in frames]
    broken = bytearray(b"".join(raws))
    bit = data.draw(st.integers(0, 8 * len(broken) - 1))
    broken[bit // 8] ^= 1 << bit % 8
    hit = bit // (8 * SIZE)
    decoder = HostDecoder(BM1387)
    found = received(decoder, [bytes(broken)])
    false = any(
        good_window(bytes(broken[i : i + SIZE]))
        for i in range(SIZE * hit + 1, min(SIZE * (hit + 1), len(broken)))
    )
    if not false:
        assert good(found) == raws[:hit] + raws[hit + 1 :]
        assert decoder.damaged_frames == 1
        assert found[hit].raw == broken[SIZE * hit : SIZE * (hit + 1)]


@given(st.binary(max_size=400), points)
def test_junk_never_raises_and_what_passes_has_the_form_of_a_frame(junk: bytes, at: list[int]) -> None:
    found = received(HostDecoder(BM1387), cut(junk, at))
    assert all(good_window(raw) for raw in good(found))


def test_how_often_junk_passes() -> None:
    junk = random.Random(1387).randbytes(300_000)
    windows = sum(good_window(junk[i : i + SIZE]) for i in range(len(junk)))
    assert windows == pytest.approx(len(junk) / 256, rel=0.1)
    decoder = HostDecoder(BM1387)
    received(decoder, [junk[i : i + 4096] for i in range(0, len(junk), 4096)])
    assert decoder.frames <= 2 * 3 * len(junk) / 65536
    assert decoder.damaged_frames <= 1 + decoder.frames


def test_what_is_not_the_frame_that_is_due_is_damaged_once_and_then_searched() -> None:
    decoder = HostDecoder(BM1387)
    found = decoder.receive_data(NONCES[0] + b"\x01\x02" + NONCES[1] + NONCES[2], 5)
    assert good(found) == NONCES[:3]
    assert found[1].frame == Damaged("response", b"\x01\x02" + NONCES[1][:5])
    assert [item.n_in_read for item in found] == [4, 4, 4, 4]
    assert (decoder.frames, decoder.damaged_frames, decoder.skipped_bytes) == (3, 1, 2)


def test_a_register_answer_has_two_zero_bytes() -> None:
    body = bytes.fromhex("138790040001")
    raw = next(body + bytes((tail,)) for tail in range(32) if crc5(body + bytes((tail,))) == 0)
    found = HostDecoder(BM1387).receive_data(raw, 0)
    assert [item.frame for item in found] == [Damaged("response", raw, "fields")]


def test_out_of_step_a_frame_waits_for_the_next_one_and_keeps_its_stamp() -> None:
    decoder = HostDecoder(BM1387)
    assert good(decoder.receive_data(b"\xff" * 8 + NONCES[0][:3], 10)) == []
    assert decoder.receive_data(NONCES[0][3:], 20) == []
    for t_ns in range(21, 60):  # reads that bring nothing take no room
        assert decoder.receive_data(b"", t_ns) == []
    assert decoder.receive_data(NONCES[1][:6], 60) == []
    assert decoder.buffered_bytes == 13
    found = decoder.receive_data(NONCES[1][6:] + NONCES[2], 70)
    assert [(item.raw, item.t_ns, item.n_in_read) for item in found] == [
        (NONCES[0], 20, 1),
        (NONCES[1], 70, 2),
        (NONCES[2], 70, 2),
    ]


def test_silence_confirms_a_frame_and_brings_the_line_into_step() -> None:
    decoder = HostDecoder(BM1387)
    assert good(decoder.receive_data(b"\xff" * 9 + NONCES[0], 1)) == []
    assert [(item.raw, item.t_ns) for item in decoder.flush(2)] == [(NONCES[0], 1)]
    assert [item.raw for item in decoder.receive_data(NONCES[1], 3)] == [NONCES[1]]
    # A frame with the beginning of something else behind it is not confirmed.
    assert good(decoder.receive_data(b"\xff" * 9 + NONCES[0] + b"\x01", 4)) == []
    assert decoder.flush(5) == []
    assert decoder.buffered_bytes == 0


def test_the_answers_have_one_size() -> None:
    decoder = HostDecoder(BM1387)
    assert decoder.response_size == 7
    with pytest.raises(LocalProtocolError, match="in 7 bytes, not 9"):
        decoder.response_size = 9


def test_a_damaged_job_says_which_id_is_unknown_now() -> None:
    job = bytearray(encode(open_core_job(0x34, 2), BM1387))
    job[40] ^= 1
    (found,) = ChipDecoder(BM1387).receive_data(bytes(job), 0)
    assert isinstance(found.frame, Damaged)
    assert (found.frame.kind, found.frame.reason, found.frame.job_header) == ("job", "checksum", 0x34)


def test_a_cut_job_is_reported_and_the_command_in_it_is_found() -> None:
    job, command = encode(open_core_job(1, 1), BM1387), encode(SetAddress(8), BM1387)
    decoder = ChipDecoder(BM1387)
    assert decoder.receive_data(job[:20] + command, 0) == []
    found = decoder.flush(3)
    assert [item.frame for item in found] == [Damaged("job", job[:20] + command, "cut"), SetAddress(8)]
    assert found[0].frame.job_header == 1  # type: ignore[union-attr]
    assert decoder.receive_data(job[:2], 4) == []
    (only,) = decoder.flush(5)
    assert only.frame == Damaged("job", job[:2], "cut")
    assert only.frame.job_header is None
    assert decoder.receive_data(job[:1], 6) == []
    assert decoder.buffered_bytes == 1
    assert decoder.flush(7) == []


def test_a_command_with_a_byte_that_should_be_zero() -> None:
    body = bytes.fromhex("41050401")
    raw = body + bytes((crc5(body),))
    assert [item.frame for item in ChipDecoder(BM1387).receive_data(raw, 0)] == [
        Damaged("command", raw, "fields")
    ]


harmless = st.binary(max_size=30).map(lambda data: bytes(octet | 0x80 for octet in data))
jobs = st.builds(
    MidstateJob,
    byte,
    word,
    word,
    st.binary(min_size=4, max_size=4),
    st.sampled_from((1, 2, 4)).flatmap(lambda n: st.tuples(*[st.binary(min_size=32, max_size=32)] * n)),
)


@given(st.lists(st.tuples(harmless, jobs | st.builds(SetAddress, byte)), max_size=5), points)
def test_junk_without_a_type_byte_costs_no_command(
    parts: list[tuple[bytes, MidstateJob | SetAddress]], at: list[int]
) -> None:
    stream = b"".join(junk + encode(frame, BM1387) for junk, frame in parts)
    decoder = ChipDecoder(BM1387)
    found = [item for n, read in enumerate(cut(stream, at)) for item in decoder.receive_data(read, n)]
    assert [item.frame for item in found] == [frame for _, frame in parts]
    assert decoder.skipped_bytes == sum(len(junk) for junk, _ in parts)
