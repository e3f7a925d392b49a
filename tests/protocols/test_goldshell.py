"""Goldshell's web interface: login, plans written whole, telemetry, and the secrets in every reply."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.goldshell import (
    SLEEP_LEVEL,
    BoxBoard,
    BoxPool,
    BoxStatus,
    Change,
    DeletePool,
    Done,
    GetBoards,
    GetPools,
    GetSetting,
    GetStatus,
    HttpReply,
    HttpRequest,
    Login,
    Logout,
    NewPool,
    OperatingPoint,
    PowerPlan,
    PutSetting,
    ReceivedRequest,
    Refused,
    Request,
    Restart,
    Setting,
    Token,
    changed,
    decode_request,
    encode_request,
    encrypted_password,
    read_boards,
    read_done,
    read_login,
    read_pools,
    read_setting,
    read_status,
    redacted,
    setting_from,
    unmet,
    write_boards,
    write_done,
    write_login,
    write_login_refused,
    write_pools,
    write_setting,
    write_status,
    write_unauthorized,
)
from firmware_protocols.goldshell.password_cipher import encrypt_cbc

TOKEN = "eyJhbGciOiJub25lIn0.e30.bm9ib2R5"

SC_BOX: dict[str, Any] = {  # the form of a SC-BOX
    "select": 0,
    "tempcontrol": True,
    "ledcontrol": False,
    "manualPowerplan": "650 MHz 0.43 V 80 RPM 80 RPM",
    "name": "00:11:22:33:44:55",
    "powerplans": [
        {"info": "750 MHz 0.43 V 60 RPM 60 RPM", "level": 0},
        {"info": "0 MHz 0 V 60 RPM 60 RPM", "level": 3},
    ],
    "temp_targets": [65.0, 75.0],
    "manual": True,
    "version": "v2.1",
    "temp_target": 65,
}
SC5_PRO_II: dict[str, Any] = {  # the form of a SC5 Pro II
    "manualPowerplan": "680 MHz 11500 V 35 RPM 35 RPM PV 11800",
    "ledcontrol": False,
    "name": " 00:11:22:33:44:55",
    "tempcontrol": True,
    "select": 0,
    "powerplans": [
        {"level": 0, "info": "680 MHz 11500 V 35 RPM 35 RPM PV 11800"},
        {"level": 2, "info": "500 MHz 10500 V 45 RPM 45 RPM PV 11800"},
        {"level": 3, "info": "0 MHz 0 V 100 RPM 100 RPM"},
    ],
    "manual": False,
    "version": "v1.0",
}
SC_LITE_BOARD: dict[str, Any] = {  # the form of one of a SC Lite's boards
    "valid": 10,
    "av_hashrate": 1_100_500.25,
    "rejected": 2,
    "time": 3600,
    "id": 0,
    "powerplan": 0,
    "hwerrors": 40,
    "fanspeed": "1560 rpm / 1560 rpm / 1440 rpm / 1500 rpm",
    "accepted": 800,
    "CPB_name": "NULL",
    "hwerr_ration": 0.001,
    "nonces": 40_000,
    "hashrate": 1_120_250.5,
    "temp": "65.5 \u00b0C",
    "minerstatus": 0,
}


def reply(document: object) -> HttpReply:
    return HttpReply(200, json.dumps(document).encode())


def setting_of(document: dict[str, Any]) -> Setting:
    setting = read_setting(reply(document))
    assert isinstance(setting, Setting)
    return setting


# --- login


def test_passwords_are_encrypted_as_the_page_does() -> None:
    # UpstreamData/pyasic carries this one, of the factory password
    assert encrypted_password("123456789") == "bbad7537f4c8b6ea31eea0b3d760e257"
    assert len(encrypted_password("x" * 16)) == 32
    assert len(encrypted_password("x" * 17)) == 64


@pytest.mark.parametrize(
    ("key", "data", "expected"),
    [
        (
            "000102030405060708090a0b0c0d0e0f",
            "00112233445566778899aabbccddeeff",
            "69c4e0d86a7b0430d8cdb78070b4c55a",
        ),
        (
            "2b7e151628aed2a6abf7158809cf4f3c",
            "3243f6a8885a308d313198a2e0370734",
            "3925841d02dc09fbdc118597196a0b32",
        ),
    ],
)
def test_the_cipher_is_that_of_the_standard(key: str, data: str, expected: str) -> None:
    """FIPS-197, appendices C.1 and B; a second block is chained to the first."""
    block = bytes.fromhex(data)
    assert encrypt_cbc(bytes.fromhex(key), block).hex() == expected
    first = bytes.fromhex(expected)
    chained = bytes(a ^ b for a, b in zip(block, first, strict=True))
    assert encrypt_cbc(bytes.fromhex(key), block * 2) == first + encrypt_cbc(bytes.fromhex(key), chained)


@pytest.mark.parametrize("wrong", ["", "a\0b", "x" * 257])
def test_passwords_that_are_none(wrong: str) -> None:
    with pytest.raises(LocalProtocolError):
        encrypted_password(wrong)


def test_a_login_gives_a_token() -> None:
    assert read_login(write_login(Token(TOKEN))) == Token(TOKEN)
    assert read_login(write_login_refused()) == Refused(200, "password error")
    assert read_login(reply({"JWT Token": ""})) == Refused(200, '{"JWT Token": ""}')
    assert read_login(HttpReply(200, b"{}")) == Refused(200, "{}")
    assert read_login(HttpReply(500, b"")) == Refused(500, "")
    assert TOKEN not in repr(read_login(write_login(Token(TOKEN))))
    for wrong in ("a\r\nX: y", "a b", "x" * 5000):
        with pytest.raises(RemoteProtocolError, match="no token has"):
            read_login(reply({"JWT Token": wrong}))


# --- requests

SETTING = setting_of(SC_BOX)
REQUESTS: list[tuple[Request, str, str]] = [
    (Logout(), "GET", "/user/logout"),
    (Login("admin", "a&b c"), "GET", "/user/login?username=admin&password=a%26b%20c&cipher=false"),
    (GetStatus(), "GET", "/mcb/status"),
    (GetSetting(), "GET", "/mcb/setting"),
    (PutSetting(SETTING), "PUT", "/mcb/setting"),
    (GetBoards(), "GET", "/mcb/cgminer?cgminercmd=devs"),
    (GetPools(), "GET", "/mcb/pools"),
    (NewPool("stratum+tcp://10.0.0.2:3333", "lab"), "PUT", "/mcb/newpool"),
    (NewPool("stratum+tcp://10.0.0.2:3333", "lab", ""), "PUT", "/mcb/newpool"),
    (DeletePool("stratum+tcp://a:1", "u", "p", 2), "PUT", "/mcb/delpool"),
    (Restart(), "PUT", "/mcb/restart"),
]


@pytest.mark.parametrize(("request_", "method", "target"), REQUESTS)
def test_requests_go_there_and_back(request_: Request, method: str, target: str) -> None:
    token = None if isinstance(request_, Login) else TOKEN
    sent = encode_request(request_, token)
    assert (sent.method, sent.target) == (method, target)
    received = decode_request(HttpRequest.received(sent.method, sent.target, sent.headers, sent.body))
    assert received == ReceivedRequest(request_, token)
    assert TOKEN not in repr(sent)
    assert TOKEN not in repr(received)


def test_an_encrypted_login_carries_the_cipher_text() -> None:
    sent = encode_request(Login("admin", "123456789", encrypted=True))
    assert sent.query == (
        ("username", "admin"),
        ("password", "bbad7537f4c8b6ea31eea0b3d760e257"),
        ("cipher", "true"),
    )
    assert decode_request(sent).request == Login("admin", "bbad7537f4c8b6ea31eea0b3d760e257", True)
    assert "123456789" not in repr(Login("admin", "123456789"))


def test_only_the_status_is_told_without_a_token() -> None:
    assert encode_request(GetStatus()).headers == {}
    assert not decode_request(encode_request(GetStatus())).needs_token
    assert decode_request(encode_request(GetSetting(), TOKEN)).needs_token
    for request_ in (GetSetting(), GetBoards(), Restart()):
        with pytest.raises(LocalProtocolError, match="needs the token"):
            encode_request(request_)
    with pytest.raises(LocalProtocolError, match="no token"):
        encode_request(GetSetting(), "a\r\nX: y")


def test_a_bare_token_is_taken_too() -> None:
    request_ = HttpRequest("GET", "/mcb/pools", headers={"authorization": TOKEN})
    assert decode_request(request_) == ReceivedRequest(GetPools(), TOKEN)


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("GET", "/mcb/facrst"),
        HttpRequest("GET", "/mcb/restart"),  # said to do nothing
        HttpRequest("GET", "/user/login", (("username", "admin"),)),
        HttpRequest("GET", "/mcb/cgminer", (("cgminercmd", "quit"),)),
        HttpRequest("PUT", "/mcb/setting", body=b"{}"),
        HttpRequest("PUT", "/mcb/setting", body=b"[]"),
        HttpRequest("PUT", "/mcb/newpool", body=b'{"url":"a"}'),
        HttpRequest("PUT", "/mcb/newpool", body=b'{"url":"a","user":5}'),
        HttpRequest("PUT", "/mcb/delpool", body=b"{}"),
        HttpRequest("PUT", "/mcb/delpool", body=b" " * (1 << 17)),
    ],
)
def test_requests_that_a_box_does_not_know(request_: HttpRequest) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_request(request_)


def test_a_pool_may_be_deleted_by_its_url_alone() -> None:
    request_ = HttpRequest("PUT", "/mcb/delpool", body=b'{"url":"a"}')
    assert decode_request(request_).request == DeletePool("a", "", "")


@pytest.mark.parametrize("pool", [NewPool("", "u"), NewPool("a", ""), NewPool("a", "u", "p" * 256)])
def test_pools_that_no_box_takes(pool: NewPool) -> None:
    with pytest.raises(LocalProtocolError):
        encode_request(pool, TOKEN)


# --- plans and settings


def test_settings_in_both_forms() -> None:
    box = setting_of(SC_BOX)
    assert (box.select, box.manual, box.temp_target_c, box.temp_targets_c) == (0, True, 65, (65, 75))
    assert box.plan is None  # a manual plan is in use
    assert "00:11:22" not in repr(box)
    pro = setting_of(SC5_PRO_II)
    assert [plan.level for plan in pro.plans] == [0, 2, SLEEP_LEVEL]
    assert pro.plan == PowerPlan(0, "680 MHz 11500 V 35 RPM 35 RPM PV 11800")
    assert replace(pro, select=3).plan is None


@pytest.mark.parametrize(
    ("info", "point"),
    [
        ("750 MHz 0.43 V 60 RPM 60 RPM", OperatingPoint(750, 0.43, (60, 60), None)),
        ("600 MHz 9050 V 40 RPM 45 RPM PV 9300", OperatingPoint(600, 9.05, (40, 45), 9300)),
        ("0 MHz 0 V 100 RPM 100 RPM", OperatingPoint(0, 0, (100, 100), None)),
        ("700 MHz 0.4 V", OperatingPoint(700, 0.4, (), None)),
        ("Low power", None),
        ("", None),
    ],
)
def test_what_a_plan_says(info: str, point: OperatingPoint | None) -> None:
    assert PowerPlan(0, info).operating_point == point


@pytest.mark.parametrize("document", [SC_BOX, SC5_PRO_II, SC5_PRO_II | {"unknown": {"a": [1]}}])
def test_a_setting_is_written_back_whole(document: dict[str, Any]) -> None:
    sent = encode_request(PutSetting(setting_of(document)), TOKEN)
    assert json.loads(sent.body) == document
    assert read_setting(write_setting(setting_of(document))) == setting_of(document)


def test_a_plan_is_chosen_by_its_level() -> None:
    pro = setting_of(SC5_PRO_II)
    asked = changed(pro, Change(plan_level=2))
    assert (asked.select, asked.manual, asked.name) == (1, False, pro.name)
    assert asked.plan is not None
    assert asked.plan.level == 2
    assert changed(setting_of(SC_BOX), Change(plan_level=3)).manual is False
    assert changed(replace(pro, manual=None), Change(plan_level=3)).manual is None
    assert changed(setting_of(SC_BOX), Change(temp_target_c=70, led_control=True)) == replace(
        setting_of(SC_BOX), temp_target_c=70, led_control=True
    )
    assert changed(pro, Change()) == pro


@pytest.mark.parametrize(
    ("document", "change"),
    [
        (SC_BOX, Change(plan_level=1)),
        (SC_BOX, Change(temp_target_c=60)),
        (SC_BOX, Change(temp_target_c=float("nan"))),
        (SC5_PRO_II, Change(temp_target_c=70)),  # has no target to set
    ],
)
def test_what_the_box_does_not_have_is_not_written(document: dict[str, Any], change: Change) -> None:
    with pytest.raises(LocalProtocolError):
        changed(setting_of(document), change)


def test_a_200_that_changed_nothing_shows() -> None:
    before = setting_of(SC5_PRO_II)
    asked = changed(before, Change(plan_level=2))
    assert unmet(asked, before) == {"select": (1, 0)}
    assert unmet(asked, asked) == {}
    assert unmet(setting_of(SC_BOX), replace(setting_of(SC_BOX), manual=None, temp_target_c=75)) == {
        "manual": (True, None),
        "temp_target_c": (65, 75),
    }
    assert unmet(replace(before, manual=None), before) == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"powerplans": None}, "without powerplans or select; is this a Goldshell box"),
        ({"select": None}, "without powerplans"),
        ({"select": "0"}, "select: text where a number"),
        ({"powerplans": [5]}, r"powerplans\[0\]: a number where an object"),
        ({"powerplans": [{"info": "x"}]}, "a plan without a level"),
        ({"temp_targets": ["x"]}, "temp_targets: text where a number"),
        ({"manual": "yes"}, "manual: text where true"),
    ],
)
def test_settings_that_are_none(change: dict[str, Any], words: str) -> None:
    with pytest.raises(RemoteProtocolError, match=words):
        read_setting(reply(SC_BOX | change))


def test_a_plan_may_say_nothing() -> None:
    setting = setting_from({"select": 0, "powerplans": [{"level": 0}]}, "x")
    assert setting.plans == (PowerPlan(0, ""),)


# --- the other replies


def test_status() -> None:
    status = BoxStatus("Goldshell-SCBox", "40.40.HA", "MCB_V5_4", "2.2.5", {"more": 1})
    assert read_status(write_status(status)) == status
    assert read_status(write_unauthorized()) == Refused(401, "Check Token Error")


def test_boards() -> None:
    boards = read_boards(reply({"status": 2, "data": [SC_LITE_BOARD]}))
    assert isinstance(boards, tuple)
    (board,) = boards
    assert (board.rate_ghs, board.temperature_c) == (pytest.approx(1120.2505), 65.5)
    assert board.fans_rpm == (1560, 1560, 1440, 1500)
    assert (board.hardware_errors, board.nonces, board.elapsed_s) == (40, 40000, 3600)
    assert board.extra == {"valid": 10, "CPB_name": "NULL"}
    assert read_boards(HttpReply(500, b"")) == Refused(500, "")  # as a SC-BOX answers
    bare = read_boards(reply({"data": [{"temp": "", "fanspeed": " "}, {}]}))
    assert bare == (BoxBoard(), BoxBoard())


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "data: null where a list belongs"),
        ({"data": [1]}, r"data\[0\]: a number where an object"),
        ({"data": [{"temp": "warm"}]}, "temp: text that is no temperature"),
        ({"data": [{"temp": 67.1}]}, "temp: a number where text"),
        ({"data": [{"fanspeed": "1500 rpm / fast"}]}, "fanspeed: text that is no list of speeds"),
        ({"data": [{"hashrate": "1"}]}, "hashrate: text where a number"),
    ],
)
def test_boards_that_are_none(document: dict[str, Any], words: str) -> None:
    with pytest.raises(RemoteProtocolError, match=words):
        read_boards(reply(document))


whole = st.none() | st.integers(0, 10**7)


@settings(max_examples=50)
@given(
    st.builds(
        BoxBoard,
        board_id=whole,
        rate_ghs=st.none() | st.integers(0, 10**5).map(float),
        hardware_errors=whole,
        elapsed_s=whole,
        temperature_c=st.none() | st.integers(-400, 1500).map(lambda tenth: tenth / 10),
        fans_rpm=st.lists(st.integers(0, 9999), max_size=4).map(tuple),
        extra=st.just({"valid": 10}),
    )
)
def test_boards_go_there_and_back(board: BoxBoard) -> None:
    assert read_boards(write_boards([board])) == (board,)


@settings(max_examples=50)
@given(
    st.builds(
        BoxPool,
        url=st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
        user=st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
        password=st.none() | st.just("x"),
        active=st.none() | st.booleans(),
        legal=st.none() | st.booleans(),
        drag_id=st.none() | st.integers(0, 9),
        priority=st.none() | st.integers(0, 9),
    )
)
def test_pools_go_there_and_back(pool: BoxPool) -> None:
    assert read_pools(write_pools([pool])) == (pool,)


def test_pools_of_a_box_without_any() -> None:
    assert read_pools(reply([])) == ()
    assert read_pools(HttpReply(401)) == Refused(401, "")
    assert read_pools(reply([{}])) == (BoxPool(""),)
    with pytest.raises(RemoteProtocolError, match="an object where a list belongs"):
        read_pools(reply({}))


def test_a_200_without_a_body_is_a_valid_answer() -> None:
    assert read_done(HttpReply(200)) == Done()
    assert read_done(write_done()) == Done()
    assert read_done(reply([1])) == Done()
    assert read_done(write_login_refused()) == Refused(200, "password error")
    assert read_done(HttpReply(401, b"Check Token Error")) == Refused(401, "Check Token Error")
    with pytest.raises(RemoteProtocolError):
        read_done(HttpReply(200, b"<html>"))


READERS = (read_login, read_status, read_setting, read_pools, read_boards, read_done)
junk = st.none() | st.booleans() | st.floats() | st.text(max_size=4) | st.just([]) | st.integers()


@given(st.binary(max_size=300))
def test_junk_is_an_error_of_the_box(body: bytes) -> None:
    for read in READERS:
        try:
            read(HttpReply(200, body))
        except RemoteProtocolError:
            continue
    for method, path in (("PUT", "/mcb/setting"), ("PUT", "/mcb/newpool"), ("PUT", "/mcb/delpool")):
        try:
            decode_request(HttpRequest(method, path, body=body))
        except RemoteProtocolError:
            continue


@given(
    st.dictionaries(
        st.sampled_from([*SC_BOX, *SC_LITE_BOARD, "JWT Token", "url", "user", "model", "code"]), junk
    )
)
def test_junk_under_known_names_is_an_error_of_the_box(change: dict[str, Any]) -> None:
    for document in (SC_BOX | change, {"data": [SC_LITE_BOARD | change]}, [change]):
        for read in READERS:
            try:
                read(HttpReply(200, json.dumps(document).encode()))
            except RemoteProtocolError:
                continue


@given(st.text(st.sampled_from("abcdefgh123456789"), min_size=8, max_size=16).map(lambda text: f"Zq{text}"))
def test_no_secret_survives(secret: str) -> None:
    pool = BoxPool(f"stratum+tcp://{secret}@a:1", secret, secret, extra={"note": secret})
    setting = setting_of(
        SC_BOX | {"name": secret, "version": f"of {secret}", "network": [{"password": secret}]}
    )
    for report in (pool, setting, Token(secret), BoxStatus("Goldshell-LBBox", extra={"mac": secret})):
        assert secret.lower() not in json.dumps(redacted(report)).lower()
    kept = redacted(setting)
    assert (kept["select"], kept["manual_plan"]) == (0, "650 MHz 0.43 V 80 RPM 80 RPM")
    assert secret not in repr(replace(pool, url=""))
    assert secret not in repr(replace(setting, version=None))
