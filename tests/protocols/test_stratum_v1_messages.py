"""Every message, both ways: bytes as published, lenient reading, and what is no message."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from stratum_samples import a_job, from_clients, from_servers, replies, unknown

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.stratum_v1 import (
    Authorize,
    Configure,
    ConfigureResult,
    Damaged,
    ErrorCode,
    ExtranonceSubscribe,
    GetTransactions,
    GetVersion,
    Malformed,
    Message,
    MultiVersion,
    Notify,
    Ping,
    Pong,
    Reconnect,
    Reply,
    SetDifficulty,
    SetExtranonce,
    SetVersionMask,
    ShowMessage,
    StratumError,
    Submit,
    Subscribe,
    SubscribeResult,
    SuggestDifficulty,
    SuggestTarget,
    UnknownMethod,
    decode_from_client,
    decode_from_server,
    encode,
    negotiate,
    subscription,
)
from firmware_protocols.stratum_v1.from_server import configure_result, subscribe_result


def request(method: str, *params: object, message_id: object = 1) -> bytes:
    return json.dumps({"id": message_id, "method": method, "params": params}).encode()


@given(from_clients)
def test_what_miners_send_goes_there_and_back(message: Message) -> None:
    assert decode_from_client(encode(message)) == message


@given(from_servers)
def test_what_pools_send_goes_there_and_back(message: Message) -> None:
    assert decode_from_server(encode(message)) == message


@given(unknown)
def test_what_nobody_knows_goes_there_and_back(message: Message) -> None:
    assert decode_from_client(encode(message)) == message == decode_from_server(encode(message))


@given(replies)
def test_replies_go_there_and_back(reply: Message) -> None:
    assert decode_from_client(encode(reply)) == reply == decode_from_server(encode(reply))


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            Submit("slush.miner1", "bf", "00000001", 0x504E86ED, 0xB2957C02, id=4),
            '{"id": 4, "method": "mining.submit", '
            '"params": ["slush.miner1", "bf", "00000001", "504e86ed", "b2957c02"]}',
        ),
        (
            Submit("w", "875b4b7", "17000000", 0x685468D7, 0x7552034C, 0x00B44000, id=9),
            '{"id": 9, "method": "mining.submit", '
            '"params": ["w", "875b4b7", "17000000", "685468d7", "7552034c", "00b44000"]}',
        ),
        (Subscribe(id=1), '{"id": 1, "method": "mining.subscribe", "params": []}'),
        (
            Subscribe("asicrc", None, "pool.example", 3333, id=1),
            '{"id": 1, "method": "mining.subscribe", "params": ["asicrc", null, "pool.example", 3333]}',
        ),
        (SetDifficulty(512.0), '{"id": null, "method": "mining.set_difficulty", "params": [512]}'),
        (SetDifficulty(0.001), '{"id": null, "method": "mining.set_difficulty", "params": [0.001]}'),
        (SetVersionMask(0x3000), '{"id": null, "method": "mining.set_version_mask", "params": ["00003000"]}'),
        (Pong(7), '{"id": 7, "method": "pong", "params": []}'),
        (Reply("auth", True), '{"id": "auth", "result": true, "error": null}'),
        (
            Reply(4, None, StratumError(ErrorCode.DUPLICATE, "Duplicate share")),
            '{"id": 4, "result": null, "error": [22, "Duplicate share", null]}',
        ),
    ],
)
def test_lines_as_published(message: Message, line: str) -> None:
    assert encode(message) == line.encode() + b"\n"


def test_the_previous_hash_has_its_words_turned() -> None:
    job = a_job()
    params = json.loads(encode(job))["params"]
    assert params[1] == "030201000706050" + "40b0a09080f0e0d0c13121110171615140000000000000000"
    assert len(params) == 9
    with_claimtrie = replace(job, claimtrie=bytes(range(32)))
    params = json.loads(encode(with_claimtrie))["params"]
    assert len(params) == 10
    assert params[2].startswith("0302010007060504")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (request("mining.subscribe"), Subscribe(id=1)),
        (b'{"id": 1, "method": "mining.subscribe"}', Subscribe(id=1)),
        (b'{"id": 1, "method": "mining.subscribe", "params": null}', Subscribe(id=1)),
        (request("mining.subscribe", 5, 6, 7, "3333"), Subscribe(port=3333, id=1)),
        (request("mining.subscribe", "a", "s", "h", "0x50", "more"), Subscribe("a", "s", "h", id=1)),
        (request("mining.subscribe", "a", None, "h", True), Subscribe("a", None, "h", id=1)),
        (request("mining.subscribe", "a", None, "h", 65536), Subscribe("a", None, "h", id=1)),
        (request("mining.authorize", "w", message_id="auth"), Authorize("w", "", "auth")),
        (request("mining.authorize", "w", None), Authorize("w", "", 1)),
        (request("mining.configure", ["x"]), Configure(("x",), {}, 1)),
        (request("mining.configure", ["x"], None), Configure(("x",), {}, 1)),
        (request("mining.suggest_difficulty", "64.000000"), SuggestDifficulty(64, 1)),
        (request("mining.suggest_target", "0xFF"), SuggestTarget(255, 1)),
        (request("mining.extranonce.subscribe", message_id=3), ExtranonceSubscribe(3)),
        (request("mining.get_transactions", "5", message_id="txlist1"), GetTransactions("5", "txlist1")),
        (request("mining.multi_version", 1), MultiVersion(1, 1)),
        (request("mining.multi_version"), MultiVersion(1, 1)),
        (request("pong", message_id=8), Pong(8)),
        (
            request("mining.submit", "w", "J1", "0xA", "0X6B03FB17", "1", None, message_id=4),
            Submit("w", "J1", "a", 0x6B03FB17, 1, None, 4),
        ),
        (
            request("mining.submit", "w", "j", "", "0", "0", "1FFFE000", "more", message_id=None),
            Submit("w", "j", "", 0, 0, 0x1FFFE000, None),
        ),
        (request("mining.made_up", 1, message_id=1.5), UnknownMethod("mining.made_up", [1], 1.5)),
        (b'{"method": "x", "params": {"a": 1}}', UnknownMethod("x", {"a": 1})),
        (b'{"id": 5, "result": "1.0", "error": null}', Reply(5, "1.0")),
        (b'{"id": 5, "error": null}', Reply(5)),
    ],
)
def test_what_miners_really_send(line: bytes, message: Message) -> None:
    assert decode_from_client(line) == message


SHARE = ["w", "j", "00000000", "00000000", "00000000"]


@pytest.mark.parametrize(
    ("line", "method", "reason"),
    [
        (b"{}", "", "neither method nor result"),
        (b'{"id": {}, "method": "pong"}', "pong", "the id"),
        (b'{"id": [1], "method": 5}', "", "the id"),
        (b'{"id": true, "method": "pong"}', "pong", "the id"),
        (b'{"id": "' + b"x" * 129 + b'", "method": "pong"}', "pong", "the id"),
        (b'{"id": 1, "method": 5}', "", "not a string"),
        (b'{"id": 1, "method": "pong", "params": {}}', "pong", "not a list"),
        (b'{"id": 1, "method": "pong", "params": "x"}', "pong", "not a list"),
        (request("mining.authorize"), "mining.authorize", "0 parameters, where 1"),
        (request("mining.authorize", 5), "mining.authorize", "the worker is not a string"),
        (request("mining.configure"), "mining.configure", "0 parameters"),
        (request("mining.configure", "version-rolling"), "mining.configure", "list of extensions"),
        (request("mining.configure", [], []), "mining.configure", "list of extensions"),
        (request("mining.configure", [5], {}), "mining.configure", "an extension is not a string"),
        (request("mining.configure", ["x" * 65]), "mining.configure", "up to 64 letters"),
        (request("mining.configure", ["\u20ac"]), "mining.configure", "up to 64 letters"),
        (request("mining.configure", ["\n"]), "mining.configure", "up to 64 letters"),
        (request("mining.configure", ["x"] * 33), "mining.configure", "33 extensions, more than 32"),
        (request("mining.configure", [], {"version-rolling.mask": 5}), "mining.configure", "mask is not hex"),
        (
            request("mining.configure", [], {"version-rolling.min-bit-count": 33}),
            "mining.configure",
            "0 to 32",
        ),
        (
            request("mining.configure", [], {"version-rolling.min-bit-count": True}),
            "mining.configure",
            "0 to 32",
        ),
        (
            request("mining.configure", [], {"version-rolling.min-bit-count": [1]}),
            "mining.configure",
            "0 to 32",
        ),
        (request("mining.submit", *SHARE[:4]), "mining.submit", "4 parameters, where 5"),
        (request("mining.submit", 1, *SHARE[1:]), "mining.submit", "the worker"),
        (request("mining.submit", "w", 1, *SHARE[2:]), "mining.submit", "the job id"),
        (request("mining.submit", "w", "j", "xyz", *SHARE[3:]), "mining.submit", "extranonce2 is not hex"),
        (request("mining.submit", "w", "j", "0" * 65, *SHARE[3:]), "mining.submit", "at most 64 digits"),
        (request("mining.submit", *SHARE[:3], 5, "0"), "mining.submit", "ntime is not hex"),
        (request("mining.submit", *SHARE[:4], ""), "mining.submit", "nonce is empty"),
        (request("mining.submit", *SHARE, "123456789"), "mining.submit", "version_bits is not hex"),
        (request("mining.suggest_difficulty"), "mining.suggest_difficulty", "0 parameters"),
        (request("mining.suggest_difficulty", 0), "mining.suggest_difficulty", "above 0"),
        (request("mining.suggest_difficulty", -1.5), "mining.suggest_difficulty", "above 0"),
        (request("mining.suggest_difficulty", "nan"), "mining.suggest_difficulty", "above 0"),
        (request("mining.suggest_difficulty", "inf"), "mining.suggest_difficulty", "above 0"),
        (request("mining.suggest_difficulty", "many"), "mining.suggest_difficulty", "above 0"),
        (request("mining.suggest_difficulty", "1" * 200), "mining.suggest_difficulty", "above 0"),
        (request("mining.suggest_difficulty", True), "mining.suggest_difficulty", "above 0"),
        (request("mining.suggest_target"), "mining.suggest_target", "0 parameters"),
        (request("mining.suggest_target", ""), "mining.suggest_target", "empty"),
        (request("mining.suggest_target", "f" * 65), "mining.suggest_target", "at most 64"),
        (request("mining.get_transactions"), "mining.get_transactions", "0 parameters"),
        (request("mining.get_transactions", None), "mining.get_transactions", "not a string"),
        (request("mining.multi_version", "1"), "mining.multi_version", "whole number"),
        (request("mining.multi_version", -1), "mining.multi_version", "whole number"),
    ],
)
def test_requests_that_are_none(line: bytes, method: str, reason: str) -> None:
    message = decode_from_client(line)
    assert isinstance(message, Malformed)
    assert message.method == method
    assert reason in message.reason


PREV = "00" * 32
JOB = ["1", PREV, "01", "02", [], "20000000", "1703255b", "6b03fb17"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            request("mining.notify", *JOB, message_id=None),
            Notify("1", bytes(32), b"\1", b"\2", (), 0x20000000, 0x1703255B, 0x6B03FB17, False),
        ),
        (
            request("mining.notify", *JOB, "extra", True, message_id=None),
            Notify("1", bytes(32), b"\1", b"\2", (), 0x20000000, 0x1703255B, 0x6B03FB17, True),
        ),
        (
            request("mining.notify", "1", PREV, "11" * 32, *JOB[2:], True, message_id=None),
            Notify("1", bytes(32), b"\1", b"\2", (), 0x20000000, 0x1703255B, 0x6B03FB17, True, b"\x11" * 32),
        ),
        (request("mining.set_difficulty", 8192), SetDifficulty(8192, 1)),
        (request("mining.set_difficulty", "0.5"), SetDifficulty(0.5, 1)),
        (request("mining.set_extranonce", "", 4), SetExtranonce(b"", 4, 1)),
        (request("mining.set_version_mask", "1FFFE000"), SetVersionMask(0x1FFFE000, 1)),
        (request("client.reconnect"), Reconnect(id=1)),
        (request("client.reconnect", "", 0, 5), Reconnect(id=1)),
        (request("client.reconnect", "a.b", "3333", 2.5), Reconnect("a.b", 3333, 2.5, 1)),
        (request("client.reconnect", "a.b", 3333, "soon"), Reconnect("a.b", 3333, None, 1)),
        (request("client.reconnect", "a.b", 3333, -1), Reconnect("a.b", 3333, None, 1)),
        (request("client.get_version", message_id=6), GetVersion(6)),
        (request("client.show_message", "hello"), ShowMessage("hello", 1)),
        (request("mining.ping", message_id=6), Ping(6)),
        (request("mining.submit", *SHARE), UnknownMethod("mining.submit", SHARE, 1)),
    ],
)
def test_what_pools_really_send(line: bytes, message: Message) -> None:
    assert decode_from_server(line) == message


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (request("mining.notify", *JOB[:7]), "7 parameters, where 8"),
        (request("mining.notify", "1", PREV, PREV, *JOB[2:7]), "5 parameters, where 6"),
        (request("mining.notify", 5, *JOB[1:]), "the job id"),
        (request("mining.notify", "", *JOB[1:]), "the job id is empty"),
        (request("mining.notify", "1", "00", *JOB[2:]), "prevhash has 1 bytes, not 32"),
        (request("mining.notify", "1", PREV, "0", *JOB[3:]), "coinb1 has an odd"),
        (request("mining.notify", *JOB[:3], 7, *JOB[4:]), "coinb2 is not hex"),
        (request("mining.notify", *JOB[:4], [PREV] * 33, *JOB[5:]), "at most 32"),
        (request("mining.notify", *JOB[:4], ["00"], *JOB[5:]), "a merkle branch has 1 bytes"),
        (request("mining.notify", *JOB[:4], "none", *JOB[5:]), "claimtrie"),
        (request("mining.notify", "1", PREV, PREV, "01", "02", "none", *JOB[5:]), "merkle branches are not"),
        (request("mining.notify", *JOB[:5], "x", *JOB[6:]), "version is not hex"),
        (request("mining.notify", *JOB, "true"), "clean_jobs"),
        (request("mining.set_difficulty"), "0 parameters"),
        (request("mining.set_difficulty", None), "above 0"),
        (request("mining.set_extranonce", "00"), "1 parameters"),
        (request("mining.set_extranonce", "0" * 130, 4), "at most 128 digits"),
        (request("mining.set_extranonce", "00", 33), "0 to 32"),
        (request("mining.set_extranonce", "00", "4"), "0 to 32"),
        (request("mining.set_version_mask", 5), "the mask"),
        (request("client.reconnect", 5, 5), "the host"),
        (request("client.reconnect", "a.b", 65536), "the port"),
        (request("client.reconnect", "a.b", "70000"), "the port"),
        (request("client.reconnect", "a.b"), "the port"),
        (request("client.show_message", 5), "the message"),
    ],
)
def test_notifications_that_are_none(line: bytes, reason: str) -> None:
    message = decode_from_server(line)
    assert isinstance(message, Malformed)
    assert reason in message.reason


@pytest.mark.parametrize(
    ("error", "beside", "read"),
    [
        ([21, "Job not found", None], {}, StratumError(21, "Job not found")),
        ([23, "low", {"at": 5}, "more"], {}, StratumError(23, "low", {"at": 5})),
        ([22], {}, StratumError(22, "")),
        (["22", 5], {}, StratumError(20, "")),
        ("stale", {}, StratumError(20, "stale")),
        ({"code": 24, "message": "who"}, {}, StratumError(24, "who")),
        ({"message": "who", "traceback": "t"}, {}, StratumError(20, "who", "t")),
        (21, {}, StratumError(21, "")),
        (True, {}, StratumError(20, "")),
        (None, {"reject-reason": "Above target"}, StratumError(20, "Above target")),
        (None, {"reject-reason": 5}, StratumError(20, "")),
        (None, {"reject-reason": ""}, None),
        (None, {}, None),
        ("", {}, None),
        ([], {}, None),
        ({}, {}, None),
        (False, {}, None),
    ],
)
def test_errors_in_every_form(error: object, beside: dict[str, object], read: StratumError | None) -> None:
    reply = decode_from_server(json.dumps({"id": 4, "result": False, "error": error, **beside}).encode())
    assert reply == Reply(4, False, read)


def test_what_counts_as_accepted() -> None:
    assert Reply(1, True).accepted
    assert Reply(1, []).accepted
    assert not Reply(1).accepted
    assert not Reply(1, False).accepted
    assert not Reply(1, True, StratumError(20, "no")).accepted


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Submit("w", "j", "xyz", 0, 0), "extranonce2 is not hex"),
        (Submit("w", "j", "00", 1 << 32, 0), "ntime"),
        (Submit("w", "j", "00", 0, -1), "nonce"),
        (Submit("w", "j", "00", 0, 0, 1 << 32), "version_bits"),
        (Submit("w" * 9000, "j", "00", 0, 0), "is above the 8192"),
        (SuggestTarget(1 << 256), "0 to 256 bits"),
        (SuggestTarget(-1), "0 to 256 bits"),
        (SetDifficulty(0), "above 0"),
        (SuggestDifficulty(float("nan")), "above 0"),
        (SetDifficulty(float("inf")), "finite"),
        (SetVersionMask(1 << 32), "mask"),
        (SetExtranonce(bytes(65), 4), "extranonce1 has 65"),
        (SetExtranonce(b"", 33), "0 to 32 bytes, not 33"),
        (Configure((), {"version-rolling.mask": "x"}), "mask is not hex"),
        (Reconnect(port=5), "or nothing at all"),
        (Reconnect(wait_s=5), "or nothing at all"),
        (Reconnect("a"), "a host and a port"),
        (Reconnect("", 5), "a host and a port"),
        (Reconnect("a", 65536), "a host and a port"),
        (Reply(1, {1}), "cannot be written"),  # type: ignore[arg-type]
        (replace(a_job(), job_id=""), "needs an id"),
        (replace(a_job(), branch=(bytes(32),) * 33), "33 merkle branches"),
        (replace(a_job(), branch=(bytes(31),)), "a merkle branch has 31 bytes"),
        (replace(a_job(), prev_hash=bytes(36)), "prev_hash has 36 bytes"),
        (replace(a_job(), claimtrie=bytes(33)), "claimtrie has 33 bytes"),
        (replace(a_job(), claimtrie=bytes(28)), "claimtrie has 28 bytes"),
        (replace(a_job(), ntime=1 << 32), "ntime"),
        (replace(a_job(), coinbase1=bytes(5000)), "is above the 8192"),
    ],
)
def test_what_cannot_be_sent(message: Message, reason: str) -> None:
    with pytest.raises(LocalProtocolError, match=reason):
        encode(message)


def test_hashes_of_odd_sizes_are_refused_before_their_words_are_swapped() -> None:
    for size in (0, 1, 31, 33):
        for field in ("prev_hash", "claimtrie"):
            with pytest.raises(LocalProtocolError, match=f"{field} has {size} bytes"):
                encode(replace(a_job(), **{field: bytes(size)}))


def test_nobody_is_named_where_messages_are_printed() -> None:
    printed = repr(
        [
            Authorize("bc1qsomebody", "secret"),
            Submit("bc1qsomebody", "1", "00", 0, 0),
            Damaged("cut", b'["bc1qsomebody", "secret"]'),
            decode_from_client(request("mining.authorize", ["bc1qsomebody"], "secret")),
        ]
    )
    assert "bc1q" not in printed
    assert "secret" not in printed


def test_damaged_lines_raise_for_either_side() -> None:
    for decode in (decode_from_client, decode_from_server):
        with pytest.raises(RemoteProtocolError, match="not JSON"):
            decode(b"GET / HTTP/1.1")


@pytest.mark.parametrize(
    ("request_", "offered", "result", "mask", "enough"),
    [
        (  # the example of BIP 310
            Configure(
                ("minimum-difficulty", "version-rolling"),
                {
                    "minimum-difficulty.value": 2048,
                    "version-rolling.mask": "1fffe000",
                    "version-rolling.min-bit-count": 2,
                },
            ),
            0x18000000,
            {"minimum-difficulty": False, "version-rolling": True, "version-rolling.mask": "18000000"},
            0x18000000,
            True,
        ),
        (
            Configure(("version-rolling",)),
            0x1FFFE000,
            {"version-rolling": True, "version-rolling.mask": "1fffe000"},
            0x1FFFE000,
            True,
        ),
        (
            Configure(("version-rolling",), {"version-rolling.min-bit-count": "00000010"}),
            0x00006000,
            {"version-rolling": True, "version-rolling.mask": "00006000"},
            0x00006000,
            False,
        ),
        (
            Configure(("version-rolling",), {"version-rolling.mask": "00000001"}),
            0x1FFFE000,
            {"version-rolling": False},
            None,
            True,
        ),
        (
            Configure(("version-rolling",), {"version-rolling.min-bit-count": 1}),
            0,
            {"version-rolling": False},
            None,
            False,
        ),
        (
            Configure(("subscribe-extranonce", "info", "made-up"), {"info.hw-version": "x"}),
            0x1FFFE000,
            {"subscribe-extranonce": False, "info": False, "made-up": False},
            None,
            True,
        ),
        (Configure(()), 0x1FFFE000, {}, None, True),
    ],
)
def test_version_rolling_is_negotiated(
    request_: Configure, offered: int, result: dict[str, object], mask: int | None, enough: bool
) -> None:
    agreed = negotiate(request_, offered)
    assert (agreed.result, agreed.version_mask, agreed.enough_bits) == (result, mask, enough)
    assert configure_result(agreed.result) == ConfigureResult(mask, agreed.result)


def test_results_of_requests() -> None:
    assert subscribe_result(subscription(b"\x41\x28", 4, "s7")) == SubscribeResult(b"\x41\x28", 4, "s7")
    assert subscribe_result([["mining.notify", "s"], "ab", 8]).session == "s"
    assert subscribe_result([[["mining.notify", 5]], "ab", 8]).session is None
    assert subscribe_result([[["mining.set_difficulty", "s"]], "ab", 8]).session is None
    assert subscribe_result([[5, ["x"], []], "", 0]) == SubscribeResult(b"", 0)
    assert subscribe_result([None, "AB", 8, "more"]) == SubscribeResult(b"\xab", 8)
    for result in (None, True, [[], "ab"], [[], 5, 4], [[], "ab", "4"], [[], "ab", True], [[], "abc", 4]):
        with pytest.raises(RemoteProtocolError):
            subscribe_result(result)  # type: ignore[arg-type]
    assert configure_result({"version-rolling": "too few bits"}).version_mask is None
    for result in (None, [], {"version-rolling": True}, {"version-rolling": True, "version-rolling.mask": 5}):
        with pytest.raises(RemoteProtocolError):
            configure_result(result)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "destination"),
    [
        (Reconnect(), ("eu.pool.example", 3333)),
        (Reconnect("eu.pool.example", 4444), ("eu.pool.example", 4444)),
        (Reconnect("us.pool.example", 4444), ("us.pool.example", 4444)),
        (Reconnect("us.pool.evil", 4444), None),
        (Reconnect("pool.example", 4444), None),
        (Reconnect("localhost", 4444), None),
        (Reconnect("localhost.", 4444), None),
    ],
)
def test_a_miner_stays_in_its_domain(told: Reconnect, destination: tuple[str, int] | None) -> None:
    assert told.destination("eu.pool.example", 3333) == destination


def test_hosts_without_a_domain() -> None:
    assert Reconnect("localhost", 5).destination("localhost", 1) == ("localhost", 5)
    assert Reconnect("evil.", 5).destination("localhost", 1) is None
    assert Reconnect("10.0.0.2", 5).destination("10.0.0.2", 1) == ("10.0.0.2", 5)
    assert Reconnect("8.0.0.2", 5).destination("10.0.0.2", 1) is None
