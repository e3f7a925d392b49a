"""Lines that nobody should send, to either end: no exception, no growth, no slowness; good lines go on."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stratum_samples import EASY, a_job

from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.stratum_v1 import (
    Answer,
    Authorize,
    ClientConnection,
    Configure,
    Damaged,
    GetTransactions,
    GetVersion,
    Malformed,
    Message,
    MultiVersion,
    Ping,
    Pong,
    Reconnect,
    Reply,
    ServerConnection,
    SetDifficulty,
    SetExtranonce,
    SetVersionMask,
    ShowMessage,
    StratumError,
    StratumJob,
    Submit,
    Subscribe,
    SuggestDifficulty,
    SuggestTarget,
    UnknownMethod,
    decode_from_client,
    decode_from_server,
    encode,
)

SEEDS: list[Message] = [
    Configure(
        ("version-rolling",), {"version-rolling.mask": "1fffe000", "version-rolling.min-bit-count": 2}, 1
    ),
    Subscribe("asicrc", "s", "h", 3333, 2),
    Authorize("w", "x", 3),
    Submit("w", "1", "00000000", 1_700_000_000, 5, 0x2000, 4),
    Submit("w", "1", "00000000", 1_700_000_000, 6, None, 4),
    SuggestDifficulty(1000, 5),
    SuggestTarget(5, 6),
    GetTransactions("1", "txlist1"),
    MultiVersion(1, 7),
    Pong(8),
    a_job("2"),
    replace(a_job("3", clean=False), claimtrie=bytes(32)),
    SetDifficulty(0.5),
    SetExtranonce(b"\1\2\3\4", 4),
    SetVersionMask(0x1FFFE000),
    Reconnect("a.b", 5, 1),
    ShowMessage("hello"),
    GetVersion(9),
    Ping(10),
    Reply(1, [[["mining.notify", "s"]], "4128064f", 4]),
    Reply(2, {"version-rolling": True, "version-rolling.mask": "1fffe000"}),
    Reply(3, None, StratumError(23, "low")),
]
TOKENS = (
    *(
        b"null",
        b"true",
        b"-1",
        b"1e999",
        b"0.5",
        b"[]",
        b"{}",
        b'""',
        b'"0x"',
        b"NaN",
        b"1e-400",
        b'"\\ud800"',
    ),
    *(
        b"9" * 80,
        b"[" * 40,
        b'{"id":' * 8,
        b'"' + b"f" * 70 + b'"',
        b"\xff",
        b"\x00",
        b"\\u0000",
        b"\r",
        b"\n",
    ),
    *(b'"params"', b'"id"', b'"method"', b'"result"', b'"error"', b'"reject-reason"', b'"mining.submit"'),
)


def fuzzed(count: int, seed: int) -> Iterator[bytes]:
    """Good lines with bytes changed, dropped, doubled and put in, now and then nothing but junk."""
    rng = random.Random(seed)
    lines = [encode(message)[:-1] for message in SEEDS]
    for _ in range(count):
        if rng.random() < 0.05:
            yield rng.randbytes(rng.randrange(80))
            continue
        line = bytearray(rng.choice(lines))
        for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
            start = rng.randrange(len(line) + 1)
            end = min(len(line), start + rng.choice((0, 1, 1, 2, 8, 40)))
            match rng.randrange(4):
                case 0:
                    line[start:end] = rng.choice(TOKENS)
                case 1:
                    line[start:end] = rng.randbytes(end - start)
                case 2:
                    line[start:end] = b""
                case _:
                    line[start:end] = line[start:end] * 2
        yield bytes(line)


FROM_CLIENT = (
    *(
        Configure,
        Subscribe,
        Authorize,
        Submit,
        SuggestDifficulty,
        SuggestTarget,
        GetTransactions,
        MultiVersion,
    ),
    *(Pong, Reply, UnknownMethod, Malformed, Damaged),
)
FROM_SERVER = (
    *(
        StratumJob,
        Answer,
        SetDifficulty,
        SetExtranonce,
        SetVersionMask,
        Reconnect,
        ShowMessage,
        GetVersion,
        Ping,
    ),
    *(Reply, UnknownMethod, Malformed, Damaged),
)


def drive(count: int, seed: int) -> tuple[set[type], set[type]]:
    """Send fuzzed lines to both ends, as a work server and an emulator would take them."""
    pool, miner = ServerConnection(), ClientConnection()
    pool.answer_subscribe(Subscribe(id=1), b"\1\2\3\4", 4)
    pool.answer_configure(Configure(("version-rolling",)))
    pool.answer_authorize(Authorize("w", id=1))
    pool.set_difficulty(EASY)
    pool.notify(a_job("1"))
    heard: set[type] = set()
    told: set[type] = set()
    for number, line in enumerate(fuzzed(count, seed)):
        if not number % 50:
            miner.receive_data(b"\n", 0)
            if miner.pending < 1000:
                miner.send(Subscribe(id=1))
                miner.send(Configure(("version-rolling",), id=2))
                miner.send(Submit("w", "1", "", 0, 0, id=3))
        for received in pool.receive_data(line + b"\n", number):
            message = received.message
            heard.add(type(message))
            answer = pool.routine_answer(message)
            match message:
                case Submit():
                    answer = pool.answer_submit(message, pool.judge(message))
                case Configure():
                    answer, _ = pool.answer_configure(message)
                case Subscribe():
                    answer = pool.answer_subscribe(message, b"\1\2\3\4", 4)
                case Authorize():
                    answer = pool.answer_authorize(message)
            assert answer is None or answer.endswith(b"\n")
        for event in miner.receive_data(line + b"\n", number):
            told.add(type(event.message))
            if not isinstance(event.message, Damaged):
                miner.routine_answer(event.message, user_agent="x")
    assert pool.frames > count / 20
    assert pool.damaged_frames > count / 20
    (ping,) = miner.receive_data(b"\n" + encode(Ping(5)), 1)[-1:]
    (pong,) = pool.receive_data(b"\n" + encode(Pong(5)), 1)[-1:]
    assert (ping.message, pong.message) == (Ping(5), Pong(5))
    assert len(pool.shares._seen) <= count
    return heard, told


def test_ten_thousand_lines_to_both_ends() -> None:
    heard, told = drive(10_000, seed=1)
    assert heard == set(FROM_CLIENT)  # so that no kind of message escaped
    assert told == set(FROM_SERVER)


@pytest.mark.soak
def test_a_million_lines_to_both_ends() -> None:
    """Without sockets; the long tests have a server read as many."""
    begun = time.perf_counter()
    drive(1_000_000, seed=2)
    print(f"a million fuzzed lines to both ends in {time.perf_counter() - begun:.0f} s")


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_no_object(line: bytes) -> None:
    for decode in (decode_from_client, decode_from_server):
        try:
            decode(line)
        except RemoteProtocolError:
            continue


@pytest.mark.parametrize(
    "unit",
    [
        b"x",
        b"\n",
        b" ",
        b"{",
        b"[",
        b'"',
        b"\\",
        b'{"id":',
        b"\r\n",
        b"{}\n",
        b"\xff\n",
        b'{"id":1,"result":1}\n',
    ],
)
def test_floods_take_linear_time_and_no_room(unit: bytes) -> None:
    """30,000 bytes of each, in one read and in many."""
    flood = unit * (30_000 // len(unit))
    for end in (ServerConnection(), ClientConnection()):
        begun = time.process_time()
        at_once = end.receive_data(flood, 0)
        assert all(one.n_in_read == len(at_once) for one in at_once)
        for start in range(0, len(flood), 7):
            end.receive_data(flood[start : start + 7], 1)
        assert time.process_time() - begun < 5
        held: Any = end._lines
        assert len(held._held) <= held.longest


def test_deep_and_long_lines_of_every_method() -> None:
    """What a bounded line can still hold: the deepest nesting and the longest numbers, in every place."""
    nasty = [b"[" * 30 + b"]" * 30, b"1" * 64, b'"' + b"0" * 8000 + b'"', b"1e308", b"-0.0", b"1e-320"]
    for message in SEEDS:
        line = encode(message)[:-1]
        head, _, params = line.partition(b'"params": [')
        for value in nasty:
            for count in range(12):
                one = head + b'"params": [' + b", ".join([value] * count) + b"]}"
                for decode in (decode_from_client, decode_from_server):
                    decode(one) if params else None
