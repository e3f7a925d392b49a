"""Both ends of a connection talking to each other in memory, and to what other people wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stratum_samples import EASY, a_job, cut, cuts, from_clients, from_servers, replies

from firmware_protocols.bitcoin import hash_value
from firmware_protocols.errors import LocalProtocolError
from firmware_protocols.stratum_v1 import (
    BIP320_MASK,
    MAX_PENDING,
    Answer,
    Authorize,
    ClientConnection,
    Configure,
    ConfigureResult,
    Damaged,
    ErrorCode,
    ExtranonceSubscribe,
    GetTransactions,
    GetVersion,
    JobBook,
    Judgement,
    Malformed,
    Message,
    MultiVersion,
    Ping,
    Pong,
    Received,
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
    SubscribeResult,
    SuggestDifficulty,
    SuggestTarget,
    UnknownMethod,
    encode,
)
from firmware_protocols.stratum_v1.server import MAX_WORKERS


def messages(received: list[Received[Any]]) -> list[Any]:
    return [one.message for one in received]


def answers(pool: ServerConnection, line: bytes) -> bytes:
    """What a server of ours answers to these lines."""
    out = b""
    for message in messages(pool.receive_data(line, 0)):
        match message:
            case Subscribe():
                out += pool.answer_subscribe(message, b"\x41\x28\x06\x4f", 4, session="s1")
            case Authorize():
                out += pool.answer_authorize(message)
            case Configure():
                out += pool.answer_configure(message)[0]
            case Submit():
                out += pool.answer_submit(message, pool.judge(message))
            case _:
                out += pool.routine_answer(message) or b""
    return out


def acquainted(**options: Any) -> tuple[ServerConnection, ClientConnection, StratumJob]:
    """A pool and a miner with their first job, after the whole ceremony."""
    pool, miner = ServerConnection(**options), ClientConnection()
    configure = Configure(("version-rolling",), {"version-rolling.mask": "ffffffff"})
    miner.receive_data(answers(pool, miner.send(configure) + miner.send(Subscribe("esp"))), 0)
    miner.receive_data(answers(pool, miner.send(Authorize("w", "x"))), 0)
    (_, job) = messages(miner.receive_data(pool.set_difficulty(EASY) + pool.notify(a_job())[0], 7))
    return pool, miner, job


def test_from_the_first_line_to_the_first_share() -> None:
    pool, miner = ServerConnection(), ClientConnection()
    configure = Configure(("version-rolling",), {"version-rolling.mask": "ffffffff"})
    greeting = [miner.send(configure), miner.send(Subscribe("esp")), miner.send(Authorize("w", "x"))]
    assert miner.pending == 3
    assert not miner.subscribed
    received = pool.receive_data(b"".join(greeting), 100)
    assert [(one.t_ns, one.n_in_read) for one in received] == [(100, 3)] * 3
    asked = messages(received)
    assert [message.id for message in asked] == [1, 2, 3]
    line, agreed = pool.answer_configure(asked[0])
    assert agreed.version_mask == BIP320_MASK == pool.jobs.version_mask
    told = miner.receive_data(line, 1)
    assert told[0].message == Answer(
        miner_request := told[0].message.request,
        Reply(1, agreed.result),
        ConfigureResult(BIP320_MASK, agreed.result),
    )
    assert isinstance(miner_request, Configure)
    assert miner.jobs.version_mask == BIP320_MASK
    (subscribed,) = messages(
        miner.receive_data(pool.answer_subscribe(asked[1], b"\xaa\xbb", 8, session="s"), 2)
    )
    assert subscribed.accepted
    assert subscribed.result == SubscribeResult(b"\xaa\xbb", 8, "s")
    assert (miner.session, miner.subscribed, pool.subscribed) == ("s", True, True)
    (authorized,) = messages(miner.receive_data(pool.answer_authorize(asked[2]), 3))
    assert (authorized.accepted, authorized.error, authorized.result) == (True, None, True)
    assert miner.workers == pool.workers == {"w"}
    assert miner.pending == 0
    difficulty = pool.set_difficulty(EASY)
    line, bound = pool.notify(a_job(), number=12, at_ns=50)
    told = miner.receive_data(difficulty + line, 60)
    assert told[0].message == SetDifficulty(EASY)
    job = told[1].message
    assert (job.number, job.t_ns, bound.number, bound.t_ns) == (1, 60, 12, 50)
    assert (job.notify, job.difficulty, job.version_mask) == (bound.notify, EASY, BIP320_MASK)
    share = miner.submit(job, "w", bytes(8), 5, version_bits=0x2000)
    (submit,) = messages(pool.receive_data(share, 70))
    assert submit == Submit("w", "1", "00" * 8, job.notify.ntime, 5, 0x2000, 4)
    verdict = pool.judge(submit)
    assert verdict.accepted
    assert verdict.hash_value == hash_value(job.header(bytes(8), 5, version_bits=0x2000))
    (answer,) = messages(miner.receive_data(pool.answer_submit(submit, verdict), 80))
    assert answer.accepted
    assert answer.request == submit
    assert (pool.frames, pool.damaged_frames, pool.skipped_bytes) == (4, 0, 0)


def test_each_code_reaches_the_miner() -> None:
    pool, miner, job = acquainted()

    def code(line: bytes) -> int | None:
        (answer,) = messages(miner.receive_data(answers(pool, line), 0))
        assert answer.accepted == (answer.error is None)
        return answer.error.code if answer.error else None

    assert code(miner.submit(job, "w", bytes(4), 1)) is None
    assert code(miner.submit(job, "w", bytes(4), 1)) == ErrorCode.DUPLICATE
    assert code(miner.submit(job, "nobody", bytes(4), 2)) == ErrorCode.UNAUTHORIZED
    assert code(miner.submit(job, "w", bytes(5), 2)) == ErrorCode.OTHER
    assert code(miner.submit(job, "w", bytes(4), 2, ntime=5)) == ErrorCode.OTHER
    assert code(miner.send(MultiVersion(1))) == ErrorCode.OTHER
    pool.set_difficulty(1e12)
    for number in (2, 3):
        miner.receive_data(pool.notify(a_job(str(number), clean=False))[0], 0)
    assert miner.jobs.current is not None
    assert code(miner.submit(miner.jobs.current, "w", bytes(4), 3)) == ErrorCode.LOW_DIFFICULTY
    miner.receive_data(pool.notify(a_job("4"))[0], 0)
    assert code(miner.submit(job, "w", bytes(4), 4)) == ErrorCode.JOB_NOT_FOUND
    pool.subscribed = False
    assert code(miner.submit(job, "w", bytes(4), 5)) == ErrorCode.NOT_SUBSCRIBED


def test_a_share_before_anything_else() -> None:
    pool = ServerConnection()
    share = encode(Submit("w", "1", "00", 0, 0, id=1))
    assert json.loads(answers(pool, share))["error"] == [24, "Unauthorized worker", None]
    pool.workers.add("w")
    assert json.loads(answers(pool, share))["error"] == [25, "Not subscribed", None]


def test_routine_answers() -> None:
    pool = ServerConnection()
    asked: list[tuple[Any, Any, Any]] = [
        (SuggestDifficulty(1000, 1), True, None),
        (SuggestTarget(5, 2), True, None),
        (ExtranonceSubscribe(3), True, None),
        (GetTransactions("1", "txlist1"), [], None),
        (MultiVersion(1, 5), None, [20, "Method not supported", None]),
        (UnknownMethod("mining.set_frequency", [], 6), None, [20, "Method not supported", None]),
        (Malformed("mining.submit", "nonce is empty", 7), None, [20, "Malformed: nonce is empty", None]),
    ]
    for message, result, error in asked:
        assert json.loads(pool.routine_answer(message) or b"") == {
            "id": message.id,
            "result": result,
            "error": error,
        }
    for message in (
        Submit("w", "1", "", 0, 0),
        Subscribe(),
        Authorize("w"),
        Configure(()),
        Pong(1),
        Reply(1),
        Damaged("cut"),
    ):
        assert pool.routine_answer(message) is None
    assert json.loads(pool.refuse(Subscribe(id=4), 77))["error"] == [77, "", None]
    assert json.loads(pool.refuse(Subscribe(id=4), 25, traceback="t"))["error"] == [25, "Not subscribed", "t"]


def test_a_miners_routine_answers() -> None:
    miner = ClientConnection()
    asked: list[tuple[Any, Any]] = [
        (GetVersion(5), {"id": 5, "result": "asicrc/1", "error": None}),
        (Ping(6), {"id": 6, "result": "pong", "error": None}),
        (UnknownMethod("x", None, 7), {"id": 7, "result": None, "error": [20, "Method not supported", None]}),
        (Malformed("x", "y", 8), {"id": 8, "result": None, "error": [20, "Method not supported", None]}),
    ]
    for message, answer in asked:
        assert json.loads(miner.routine_answer(message, user_agent="asicrc/1") or b"") == answer
    ping = miner.routine_answer(Ping(6), user_agent="esp", pong=True)
    assert ping == encode(Pong(6))
    for message in (UnknownMethod("x"), Malformed("x", "y"), ShowMessage("hello"), Reply(1)):
        assert miner.routine_answer(message, user_agent="x") is None


def test_what_a_pool_asks_of_a_miner() -> None:
    pool, miner, _ = acquainted()
    lines = pool.request(GetVersion()) + pool.request(Ping()) + pool.request(Ping(id=77))
    assert pool.pending == 3
    asked = messages(miner.receive_data(lines, 0))
    assert asked == [GetVersion(1), Ping(2), Ping(77)]
    out = b"".join(miner.routine_answer(one, user_agent="esp", pong=one.id == 77) or b"" for one in asked)
    assert messages(pool.receive_data(out, 0)) == [Reply(1, "esp"), Reply(2, "pong"), Pong(77)]
    assert pool.pending == 0
    lines = pool.reconnect() + pool.reconnect("a.b", 5, 2) + pool.show_message("hello")
    assert messages(miner.receive_data(lines, 0)) == [
        Reconnect(),
        Reconnect("a.b", 5, 2),
        ShowMessage("hello"),
    ]


def test_settings_hold_for_the_jobs_after_them() -> None:
    pool, miner, first = acquainted()
    lines = (
        pool.set_difficulty(2.0**-39) + pool.set_extranonce(b"\x77", 6) + pool.set_version_mask(0x00018000)
    )
    told = messages(miner.receive_data(lines, 0))
    assert told == [SetDifficulty(2.0**-39), SetExtranonce(b"\x77", 6), SetVersionMask(0x00018000)]
    assert (first.difficulty, first.extranonce1, first.version_mask) == (
        EASY,
        b"\x41\x28\x06\x4f",
        BIP320_MASK,
    )
    assert miner.jobs.find("1") == first
    (second,) = messages(miner.receive_data(pool.notify(a_job("2", clean=False))[0], 0))
    assert (second.difficulty, second.extranonce1, second.extranonce2_size) == (2.0**-39, b"\x77", 6)
    assert second.version_mask == 0x00018000
    line = miner.submit(first, "w", bytes(4), 9) + miner.submit(second, "w", bytes(6), 9)
    assert all(answer.accepted for answer in messages(miner.receive_data(answers(pool, line), 0)))


def test_whatever_a_miner_asks_has_an_answer_that_fits_a_line() -> None:
    pool = ServerConnection()
    longest_id = "\U0001f600" * 128
    names = tuple('"' * 63 + chr(33 + number) for number in range(32))
    for asked in (
        Configure(names, {}, longest_id),
        Subscribe(id=longest_id),
        Authorize("w", "x", longest_id),
    ):
        answer = json.loads(answers(pool, encode(asked)))
        assert answer["id"] == longest_id
        assert answer["error"] is None
    asked_all = json.loads(answers(pool, encode(Configure(names, {}, 1))))["result"]
    assert asked_all == dict.fromkeys(names, False)


def test_a_mask_is_never_wider_than_the_miners() -> None:
    pool = ServerConnection(version_mask=0x18000000)
    with pytest.raises(LocalProtocolError, match="has not asked for version rolling"):
        pool.set_version_mask(0x6000)
    refused = pool.answer_configure(Configure(("version-rolling",), {"version-rolling.mask": "00000001"}, 1))
    assert json.loads(refused[0])["result"] == {"version-rolling": False}
    assert (pool.miner_mask, pool.jobs.version_mask) == (None, 0)
    pool.answer_configure(Configure(("version-rolling",), {"version-rolling.mask": "1fffe000"}, 1))
    assert json.loads(pool.set_version_mask(0xFFFFFFFF))["params"] == ["1fffe000"]
    assert pool.jobs.version_mask == 0x1FFFE000


def test_what_cannot_be_sent_changes_nothing() -> None:
    pool, _, first = acquainted()
    calls: list[Callable[[], object]] = [
        lambda: pool.set_difficulty(-1),
        lambda: pool.set_extranonce(b"", 0),
        lambda: pool.set_extranonce(bytes(65), 4),
        lambda: pool.notify(a_job("1")),
        lambda: pool.notify(a_job("2", version=0x20006000)),
        lambda: pool.answer_subscribe(Subscribe(id=9), b"", 17),
        lambda: pool.answer_subscribe(Subscribe(id=9), b"", 33),
        lambda: pool.answer_authorize(Authorize("other", id=1 << 20_000)),
    ]
    before = (EASY, b"\x41\x28\x06\x4f", 4, BIP320_MASK, 1)
    for call in calls:
        with pytest.raises(LocalProtocolError):
            call()
    jobs = pool.jobs
    after = (jobs.difficulty, jobs.extranonce1, jobs.extranonce2_size, jobs.version_mask, jobs.generation)
    assert after == before
    assert pool.workers == {"w"}
    assert jobs.current is not None
    assert jobs.current.notify == first.notify


def test_jobs_come_after_the_subscription() -> None:
    pool, miner = ServerConnection(), ClientConnection()
    pool.set_difficulty(1)
    with pytest.raises(LocalProtocolError, match=r"answer mining.subscribe first"):
        pool.notify(a_job())
    with pytest.raises(LocalProtocolError, match="the first extranonce goes into the answer"):
        pool.set_extranonce(b"", 4)
    (early,) = messages(miner.receive_data(encode(a_job()), 0))
    assert early == Malformed("mining.notify", "a job before the reply to mining.subscribe")
    assert miner.jobs.current is None


def test_ids_as_miners_use_them() -> None:
    """pooler's cpuminer gives every share id 4; some servers make strings of numbers."""
    miner = ClientConnection()
    first, second = Submit("w", "1", "", 0, 1, id=4), Submit("w", "1", "", 0, 2, id=4)
    miner.send(first)
    miner.send(second)
    miner.send(Subscribe(id="auth"))
    miner.send(Authorize("w"))
    replied = [Reply("4", True), Reply(4, None, StratumError(23, "low")), Reply(4, True), Reply("1", True)]
    told = messages(miner.receive_data(b"".join(map(encode, replied)), 0))
    assert told[0] == Answer(first, replied[0], True)
    assert told[1] == Answer(second, replied[1], None)
    assert told[2] == replied[2]  # nobody waits for it
    assert told[3].request == Authorize("w", id=1)
    strange = [Reply("1" * 30, True), Reply(None, True), Reply(1.5, True), Reply("auth", False)]
    told = messages(miner.receive_data(b"".join(map(encode, strange)), 0))
    assert told[:3] == strange[:3]
    assert (told[3].accepted, miner.subscribed, miner.pending) == (False, False, 0)


def test_results_that_cannot_be() -> None:
    miner = ClientConnection()
    miner.send(Subscribe())
    miner.send(Configure(("version-rolling",)))
    miner.send(Configure(("version-rolling",)))
    told = messages(
        miner.receive_data(
            encode(Reply(1, [[], "zz", 4]))
            + encode(Reply(2, []))
            + encode(Reply(3, {"version-rolling": False})),
            0,
        )
    )
    assert told[0] == Malformed(
        "reply to mining.subscribe", "extranonce1 is not hexadecimal of at most 128 digits"
    )
    assert told[1] == Malformed("reply to mining.configure", "the result is not an object")
    assert [miner.routine_answer(one, user_agent="x") for one in told[:2]] == [None, None]  # replies
    assert told[2].result == ConfigureResult(None, {"version-rolling": False})
    assert (miner.subscribed, miner.jobs.version_mask) == (False, 0)


def test_a_side_that_answers_nothing() -> None:
    miner, pool = ClientConnection(), ServerConnection()
    for _ in range(MAX_PENDING):
        miner.send(Subscribe())
        pool.request(Ping())
    for call in (lambda: miner.send(Subscribe()), lambda: pool.request(Ping())):
        with pytest.raises(LocalProtocolError, match="4096 requests have no reply"):
            call()


def test_workers_are_bounded() -> None:
    pool = ServerConnection()
    for number in range(MAX_WORKERS):
        assert json.loads(pool.answer_authorize(Authorize(f"w{number}", id=1)))["result"] is True
    assert json.loads(pool.answer_authorize(Authorize("one more", id=1)))["error"][0] == 24
    assert json.loads(pool.answer_authorize(Authorize("w0", id=1)))["result"] is True
    assert len(pool.workers) == MAX_WORKERS


def test_damaged_lines_are_counted_and_passed_over() -> None:
    pool = ServerConnection(max_line_bytes=100)
    lines = b"\xff\xfe\n" + b"x" * 500 + b"\n" + encode(Pong(1)) + b'{"id": 1, "method"'
    received = pool.receive_data(lines, 9)
    assert [one.n_in_read for one in received] == [3, 3, 3]
    assert messages(received)[2] == Pong(1)
    damaged = messages(received)[:2]
    assert [one.reason for one in damaged] == [
        "not UTF-8: invalid start byte at byte 0",
        "longer than 100 bytes",
    ]
    assert [one.raw for one in damaged] == [b"\xff\xfe", b"x" * 100]
    assert pool.receive_eof(10) == [
        Received(Damaged("the connection ended within the line", b'{"id": 1, "method"'), 10, 1)
    ]
    assert pool.receive_eof(11) == []
    assert (pool.frames, pool.damaged_frames, pool.skipped_bytes) == (1, 3, 120)
    big = ServerConnection().receive_data(b"y" * 1000 + b"\n", 0)
    assert messages(big)[0].raw == b"y" * 256


def test_a_second_connection_takes_the_session_up() -> None:
    pool, miner, _ = acquainted()
    again = ClientConnection(difficulty=8192)
    (asked,) = messages(pool.receive_data(again.send(Subscribe("esp", miner.session)), 0))
    assert asked.session == "s1"
    assert again.jobs.difficulty == 8192


steps = st.lists(
    st.one_of(
        st.tuples(st.just("difficulty"), st.sampled_from([EASY, 2.0**-41, 2.0**-42])),
        st.tuples(st.just("mask"), st.sampled_from([0, 0x6000, BIP320_MASK])),
        st.tuples(st.just("extranonce"), st.sampled_from([(b"", 1), (b"\1\2", 4), (b"\3", 16)])),
        st.tuples(st.just("job"), st.booleans()),
        st.tuples(st.just("share"), st.integers(0, 3)),
    ),
    max_size=40,
)


@settings(max_examples=150)
@given(steps, cuts)
def test_both_ends_bind_alike_in_any_order(script: list[tuple[str, Any]], points: list[int]) -> None:
    pool, miner, first = acquainted()
    known, accepted, answered = [first], set(), []
    for number, (step, value) in enumerate(script, 2):
        line, expected = b"", []
        if step == "difficulty":
            line = pool.set_difficulty(value)
        elif step == "mask":
            line = pool.set_version_mask(value)
        elif step == "extranonce":
            line = pool.set_extranonce(*value)
        elif step == "job":
            line, bound = pool.notify(a_job(f"{number:x}", clean=value), number=number)
            expected = [bound]
        else:
            job = known[max(0, len(known) - 1 - value)]
            bits = job.version_mask or None
            share = miner.submit(job, "w", bytes(job.extranonce2_size), 1, version_bits=bits)
            (submit,) = messages([one for part in cut(share, points) for one in pool.receive_data(part, 0)])
            verdict = pool.judge(submit)
            line = pool.answer_submit(submit, verdict)
            check(pool, verdict, job, accepted)
            answered.append(verdict.accepted)
        told = messages([one for part in cut(line, points) for one in miner.receive_data(part, 0)])
        assert len(told) == 1
        for bound in expected:
            mine = told[0]
            known.append(mine)
            assert mine.notify == bound.notify
            for name in ("extranonce1", "extranonce2_size", "difficulty", "version_mask", "generation"):
                assert getattr(mine, name) == getattr(bound, name)
            assert mine.previous_difficulty == bound.previous_difficulty
        if step == "share":
            assert told[0].accepted == answered[-1]


def check(pool: ServerConnection, verdict: Judgement, job: StratumJob, accepted: set[str]) -> None:
    """At these difficulties only what is stale or a repetition is refused."""
    current = pool.jobs.find(job.job_id)
    assert current is not None
    if pool.jobs.is_stale(current):
        assert verdict.stale
    elif job.job_id in accepted:
        assert verdict.code is ErrorCode.DUPLICATE
    else:
        assert verdict.accepted
        accepted.add(job.job_id)


@settings(max_examples=200)
@given(
    st.lists(from_clients | from_servers | replies | st.binary(max_size=60), max_size=12), cuts, st.booleans()
)
def test_messages_are_the_same_in_any_split(
    stream: list[Message | bytes], points: list[int], at_the_pool: bool
) -> None:
    lines = b"".join(one if isinstance(one, bytes) else encode(one) for one in stream)
    outcomes = []
    for pieces in ([lines], cut(lines, points)):
        end: Any = ServerConnection() if at_the_pool else ClientConnection()
        received = [one for at_ns, piece in enumerate(pieces) for one in end.receive_data(piece, at_ns)]
        received += end.receive_eof(99)
        for at_ns in {one.t_ns for one in received}:
            in_read = [one for one in received if one.t_ns == at_ns]
            assert all(one.n_in_read == len(in_read) for one in in_read)
        found = [
            (one.number, one.notify) if isinstance(one, StratumJob) else one for one in messages(received)
        ]
        outcomes.append((found, end.frames, end.damaged_frames, end.skipped_bytes))
    assert outcomes[0] == outcomes[1]


def test_the_client_keeps_a_book_of_its_own() -> None:
    assert isinstance(ClientConnection().jobs, JobBook)
