"""TCP 4028: commands, replies with the defects of real miners, the reports of an S9, LuxOS' sessions."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields as members_of
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_protocols.cgminer_api import (
    AS_IT_SHOULD,
    BMMINER,
    MAX_COMMAND,
    MAX_REPLY,
    PORT,
    REPORTS,
    BadCommand,
    Code,
    Command,
    CommandAccess,
    CommandBuffer,
    CommandRefused,
    Defects,
    Device,
    Pool,
    ReceivedCommand,
    Reply,
    ReplyBuffer,
    S9Chain,
    S9Stats,
    Severity,
    Status,
    Summary,
    Version,
    add_pool,
    check,
    decode_command,
    disable_pool,
    enable_pool,
    encode_command,
    is_privileged,
    join,
    luxos,
    order_pools,
    parameters,
    probe_privileged,
    read_check,
    read_devices,
    read_joined,
    read_pools,
    read_reply,
    read_stats,
    read_summary,
    read_text_reply,
    read_version,
    redacted,
    refuse,
    remove_pool,
    split_parameters,
    success,
    switch_pool,
    write_check,
    write_devices,
    write_joined,
    write_pools,
    write_reply,
    write_stats,
    write_summary,
    write_text_reply,
    write_version,
)
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

OK = success(Code.STATS, "BMMiner stats", "bmminer 1.0.0", 1_700_000_000)


def json_reply(section: str, *records: dict[str, Any], code: int = 0) -> Reply:
    status = {"STATUS": "S", "When": 1, "Code": code, "Msg": "", "Description": ""}
    return read_reply(json.dumps({"STATUS": [status], section: list(records), "id": 1}).encode() + b"\0")


# --- commands


@pytest.mark.parametrize(
    ("command", "in_json", "in_text"),
    [
        (Command("summary"), b'{"command":"summary"}', b"summary|\n"),
        (switch_pool(1), b'{"command":"switchpool","parameter":"1"}', b"switchpool|1\n"),
        (enable_pool(2), b'{"command":"enablepool","parameter":"2"}', b"enablepool|2\n"),
        (disable_pool(2), b'{"command":"disablepool","parameter":"2"}', b"disablepool|2\n"),
        (remove_pool(2), b'{"command":"removepool","parameter":"2"}', b"removepool|2\n"),
        (order_pools(2, 0), b'{"command":"poolpriority","parameter":"2,0"}', b"poolpriority|2,0\n"),
        (check("addpool"), b'{"command":"check","parameter":"addpool"}', b"check|addpool\n"),
        (probe_privileged(), b'{"command":"privileged"}', b"privileged|\n"),
        (join("summary", "devs"), b'{"command":"summary+devs"}', b"summary+devs|\n"),
        (
            add_pool("stratum+tcp://10.0.0.2:3333", "w,1", "a\\b"),
            b'{"command":"addpool","parameter":"stratum+tcp://10.0.0.2:3333,w\\\\,1,a\\\\\\\\b"}',
            b"addpool|stratum+tcp://10.0.0.2:3333,w\\,1,a\\\\b\n",
        ),
    ],
)
def test_commands_have_the_documented_bytes(command: Command, in_json: bytes, in_text: bytes) -> None:
    assert encode_command(command) == in_json
    assert encode_command(command, in_text=True) == in_text
    assert PORT == 4028


values = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)


@given(st.lists(values, min_size=1, max_size=5))
def test_parameters_are_split_where_they_were_joined(texts: list[str]) -> None:
    assert split_parameters(parameters(*texts)) == tuple(texts)


def test_numbers_and_flags_are_parameters_too() -> None:
    assert parameters("all", False, 3, 8.9) == "all,false,3,8.9"


@given(st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True), st.none() | values.filter(bool), st.booleans())
def test_commands_go_there_and_back(name: str, parameter: str | None, in_text: bool) -> None:
    data = encode_command(Command(name, parameter), in_text=in_text)
    if in_text and parameter is not None:
        parameter = parameter.strip() or "x"  # a line loses the white space at its ends
        data = encode_command(Command(name, parameter), in_text=True)
    assert decode_command(data) == ReceivedCommand((name,), parameter, False, in_text)


def test_joined_commands_are_taken_once_each() -> None:
    assert decode_command(b'{"command":"+devs++summary+devs"}') == ReceivedCommand(
        ("devs", "summary"), joined=True
    )
    assert decode_command(b"summary+devs") == ReceivedCommand(("summary", "devs"), None, True, True)


@pytest.mark.parametrize(
    ("data", "parameter"),
    [(b"0", "0"), (b"1.5", "1.5"), (b"true", "true"), (b"false", "false"), (b"null", None), (b'""', "")],
)
def test_parameters_may_be_numbers(data: bytes, parameter: str | None) -> None:
    assert decode_command(b'{"command":"asc","parameter":' + data + b"}").parameter == parameter


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", 24),
        (b"|1", 24),
        (b"\xff", 24),
        (b"two words", 24),
        (b"{", 23),
        (b'{"command":5}', 24),
        (b'{"cmd":"version"}', 24),
        (b'{"command":"+"}', 24),
        (b'{"command":"asc","parameter":[]}', 23),
        (b"x" * (MAX_COMMAND + 1), 23),
    ],
)
def test_what_is_no_command_has_the_code_of_the_answer(data: bytes, code: int) -> None:
    with pytest.raises(BadCommand) as caught:
        decode_command(data)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "make",
    [
        lambda: encode_command(Command("")),
        lambda: encode_command(Command("a b")),
        lambda: encode_command(Command("summary", "a\nb"), in_text=True),
        lambda: encode_command(Command("addpool", "u" * MAX_COMMAND)),
        lambda: encode_command(Command("addpool", "\ud800")),
        lambda: join("summary", "restart"),
        lambda: join(),
        lambda: add_pool("a", "", "x"),
        lambda: add_pool("a", "u", ""),
    ],
)
def test_what_no_miner_reads_is_not_sent(make: Callable[[], object]) -> None:
    with pytest.raises(LocalProtocolError):
        make()


def test_parameters_are_not_shown() -> None:
    assert "hunter22" not in repr(add_pool("a", "hunter22"))
    assert "hunter22" not in repr(ReceivedCommand(("addpool",), "hunter22"))
    assert "restart" not in REPORTS


# --- where messages end


@given(st.data())
def test_commands_end_where_their_braces_do(data: st.DataObject) -> None:
    parameter = data.draw(st.text(st.sampled_from('{}"\\,x'), max_size=12))
    sent = encode_command(Command("check", parameter))
    buffer, cut = CommandBuffer(), data.draw(st.integers(0, len(sent)))
    first = buffer.receive_data(sent[:cut])
    got = first or buffer.receive_data(sent[cut:])
    assert (first is None) or cut == len(sent)
    assert got == ReceivedCommand(("check",), parameter)


def test_text_ends_with_its_line_or_when_the_client_waits() -> None:
    buffer = CommandBuffer()
    assert buffer.receive_data(b"\n summ") is None
    assert buffer.receive_data(b"ary|") is None
    assert buffer.no_more() == ReceivedCommand(("summary",), in_text=True)
    assert CommandBuffer().receive_data(b"summary\r\n") == ReceivedCommand(("summary",), in_text=True)
    assert CommandBuffer().receive_data(b"version\0") == ReceivedCommand(("version",), in_text=True)


def test_endless_messages_are_refused() -> None:
    with pytest.raises(BadCommand):
        CommandBuffer().receive_data(b"{" * (MAX_COMMAND + 1))
    buffer = ReplyBuffer()
    buffer.receive_data(b"x" * MAX_REPLY)
    with pytest.raises(RemoteProtocolError, match="no end of it"):
        buffer.receive_data(b"x")


def test_a_reply_ends_with_a_nul_or_the_connection() -> None:
    buffer = ReplyBuffer()
    buffer.receive_data(b'{"STATUS"')
    assert not buffer.complete
    buffer.receive_data(b":[]}\0")
    assert buffer.complete
    assert buffer.data == b'{"STATUS":[]}\0'
    buffer = ReplyBuffer()
    buffer.closed()
    assert buffer.complete


# --- replies and their defects

UNSEPARATED = (  # the form of `stats` of Bitmain's cgminer and bmminer, on a machine of two places
    b'{"STATUS":[{"STATUS":"S","When":1700000000,"Code":70,"Msg":"CGMiner stats",'
    b'"Description":"cgminer 4.8.0"}],"STATS":[{"CGMiner":"4.8.0","Miner":"1.2.3.4","Type":"Antminer S7"}'
    b'{"STATS":0,"ID":"BTM0","Elapsed":3600,"GHS 5s":4711.5,"frequency":"600","voltage":"0.7","fan_num":1,'
    b'"fan1":3960,"temp1":55,"temp_max":61,"chain_acn1":45,"chain_acn2":0,"chain_acs1":"oooooooo oooooox ",'
    b'"chain_acs2":""}],"id":1}\x00'
)
LCD = (
    b'{"STATUS":[{"STATUS":"S","When":1700000000,"Code":7,"Msg":"1 Pool(s)","Description":"cgminer 4.8.0"}],'
    b'"POOLS":[,{"LCD":"0","GHS5s":4711.5}],"id":1}'
)


def test_a_missing_comma_is_added() -> None:
    reply = read_reply(UNSEPARATED)
    assert reply.repairs == (f"added a comma at character {UNSEPARATED.index(b'}{') + 1}",)
    assert reply.status == Status(Severity.SUCCESS, 70, "CGMiner stats", "cgminer 4.8.0", 1_700_000_000)
    assert [record.get("Type") for record in reply.records("STATS")] == ["Antminer S7", None]
    stats = read_stats(reply)
    assert isinstance(stats, S9Stats)
    assert stats.chains == (S9Chain(1, 45, "oooooooo oooooox ", board_temp_c=55),)
    assert (stats.software, stats.software_version, stats.extra["voltage"]) == ("CGMiner", "4.8.0", "0.7")


def test_a_stray_comma_is_dropped() -> None:
    reply = read_reply(LCD)
    assert reply.records("POOLS") == [{"LCD": "0", "GHS5s": 4711.5}]
    assert reply.repairs == (f"dropped a comma at character {LCD.index(b',{')}",)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('[{"a":1}{"a":2}]', [{"a": 1}, {"a": 2}]),
        ('[,{"a":1}]', [{"a": 1}]),
        ('[{"a":1,}]', [{"a": 1}]),
        ('[{"a":1},]', [{"a": 1}]),
        ('[{"a":1,,"b":2}]', [{"a": 1, "b": 2}]),
        ('[{"a":"x""b":2}]', [{"a": "x", "b": 2}]),
        ('[{"a":[1]"b":2 "c":{}}]', [{"a": [1], "b": 2, "c": {}}]),
        ('[{"a":"}{ [,{ ,}"}{"b":1}]', [{"a": "}{ [,{ ,}"}, {"b": 1}]),
        ('[{"a":"\\"}{\\\\"}{}]', [{"a": '"}{\\'}, {}]),
    ],
)
def test_only_what_is_outside_text_is_mended(text: str, value: object) -> None:
    head = '{"STATUS":[{"STATUS":"S"}],"X":'
    reply = read_reply(f"{head}{text}}}".encode())
    assert reply.records("X") == value
    assert reply.repairs


@pytest.mark.parametrize("defect", [",", '{"a":1}'])
def test_a_reply_of_nothing_but_defects_is_refused(defect: str) -> None:
    head = '{"STATUS":[{"STATUS":"S"}],"X":'
    assert len(read_reply(f'{head}[{defect * 900}{{"b":1}}]}}'.encode()).repairs) == 900
    with pytest.raises(RemoteProtocolError, match="more than 1000 commas"):
        read_reply(f'{head}[{defect * 1_100}{{"b":1}}]}}'.encode())


record_values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.text(st.characters(exclude_categories=("Cs",)))
)
records = st.dictionaries(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=6), record_values, max_size=4
)
sections = st.dictionaries(
    st.sampled_from(["STATS", "POOLS", "DEVS"]), st.lists(records, min_size=1, max_size=3), max_size=2
)
statuses = st.builds(
    Status,
    severity=st.sampled_from(Severity),
    code=st.none() | st.integers(0, 500),
    message=st.text(st.characters(exclude_categories=("Cs",)), max_size=8),
    description=st.just("bmminer 2.0.0"),
    when_s=st.none() | st.integers(0, 2**33),
)
replies = st.builds(Reply, statuses, sections)


@settings(max_examples=50)
@given(replies, st.booleans(), st.booleans(), st.booleans())
def test_replies_go_there_and_back_with_every_defect(
    reply: Reply, missing_commas: bool, leading_commas: bool, nul: bool
) -> None:
    defects = Defects(missing_commas, leading_commas, nul)
    got = read_reply(write_reply(reply, defects))
    assert (got.status, got.sections) == (reply.status, reply.sections)
    assert bool(got.repairs) == (
        (leading_commas and bool(reply.sections))
        or (missing_commas and any(len(part) > 1 for part in reply.sections.values()))
    )


@settings(max_examples=50)
@given(replies, st.data())
def test_a_cut_reply_is_an_error_and_never_less_data(reply: Reply, data: st.DataObject) -> None:
    whole = write_reply(reply, replace(BMMINER, ends_with_nul=False))
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(RemoteProtocolError):
        read_reply(write_reply(reply, replace(BMMINER, cut_at=cut)))


@pytest.mark.parametrize(
    ("cut", "where"),
    [
        (b'"GHS 5s":4711.5,"freq', r"inside STATS\[1\] freq|inside STATS\[1\] a name"),
        (b'"voltage":"0.7', r"inside STATS\[1\] voltage"),
        (b'"fan1":39', r"inside STATS\[1\] fan1"),
        (b'"Type":"Antminer S7"}', r"inside STATS\[0\]"),
        (b'{"STATUS":[{"STATUS":"S"', r"inside STATUS\[0\] STATUS"),
    ],
)
def test_a_cut_reply_says_where(cut: bytes, where: str) -> None:
    data = UNSEPARATED[: UNSEPARATED.index(cut) + len(cut)]
    with pytest.raises(RemoteProtocolError, match=f"stats: cut short after {len(data)} characters, {where}"):
        read_reply(data, "stats")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "a reply: no JSON"),
        (b'"', "inside its first text"),
        (b"[]", "a reply: a list where an object belongs"),
        (b"[1 2]", "a reply: a list where an object belongs"),
        (b'{"a":1}\0{"b":1}', "bytes behind the NUL"),
        (b'{"a":"\xff"}', "byte 6 is not UTF-8"),
        (b'{"a":nan}', "no JSON at character"),
        (b'{"a":1\x0b}', "no JSON at character 6"),
        (b'{"a":1 "b":1e999}', "a number that is not finite"),
        (b'{"a" "b"}', "no JSON"),
        (b"}", "no JSON"),
        (b"]{}{}", "no JSON"),
        (b"1 2 3", "no JSON"),
        (b",", "no JSON"),
        (b"{}", "STATUS: null where a list belongs"),
        (b'{"STATUS":[]}', "an empty STATUS"),
        (b'{"STATUS":["S"]}', "STATUS: text where an object belongs"),
        (b'{"STATUS":[{"STATUS":"?"}]}', "severity that is none"),
        (b'{"STATUS":[{}]}', "severity that is none"),
        (b'{"STATUS":[{"STATUS":"S","Code":"x"}]}', "Code: text where a number belongs"),
        (b'{"STATUS":[{"STATUS":"S"}],"POOLS":[1]}', r"POOLS\[0\]: a number where an object"),
        (b"{" * 40, "nested|cut short"),
        (b'{"a":' * 40 + b"1 1", "nested more than 32 deep"),
        (b" " * (MAX_REPLY + 1), "more than the 1048576 that are read"),
    ],
)
def test_junk_says_what_and_where(data: bytes, words: str) -> None:
    with pytest.raises(RemoteProtocolError, match=words):
        read_reply(data)


@given(st.binary(max_size=200) | st.text(st.sampled_from('{}[],:" \\a1'), max_size=60).map(str.encode))
def test_any_bytes_are_a_reply_or_an_error_of_the_miner(data: bytes) -> None:
    for read in (read_reply, read_joined, read_text_reply):
        try:
            read(data)
        except RemoteProtocolError:
            continue
    try:
        decode_command(data)
    except BadCommand as error:
        assert error.code in (23, 24)


def test_long_junk_takes_no_long_time() -> None:
    for data in (b"{" * MAX_REPLY, b'"' * MAX_REPLY, b"[1 " * 100_000, b'{"a":"' + b"\\" * 500_000):
        with pytest.raises(RemoteProtocolError):
            read_reply(data)


def test_joined_replies() -> None:
    parts = {"summary": write_summary(Summary(elapsed_s=5), OK), "pools": write_pools([Pool(0)], OK)}
    got = read_joined(write_joined(parts, BMMINER))
    assert isinstance(got, dict)
    assert {name: (part.status, part.sections) for name, part in got.items()} == {
        name: (part.status, part.sections) for name, part in parts.items()
    }
    bare = {"summary": {"STATUS": [{"STATUS": "S"}], "SUMMARY": [{"Elapsed": 1}], "id": 1}, "id": 1}
    assert isinstance(read_joined(json.dumps(bare).encode()), dict)  # without the list round each
    refused = read_joined(write_reply(refuse(14, "Invalid command")))
    assert refused == CommandRefused(14, "Invalid command")
    assert isinstance(refused, CommandRefused)
    assert (refused.unknown_command, refused.access_denied) == (True, False)
    for wrong in (write_reply(Reply(OK)), b'{"summary":[]}', b'{"summary":5}', b'{"summary":[5]}'):
        with pytest.raises(RemoteProtocolError):
            read_joined(wrong)


CODES = {
    **{"POOLS": 7, "NO_POOLS": 8, "DEVICES": 9, "NO_DEVICES": 10, "SUMMARY": 11, "INVALID_COMMAND": 14},
    **{"VERSION": 22, "INVALID_JSON": 23, "MISSING_COMMAND": 24, "SWITCHED_POOL": 27, "CONFIG": 33},
    **{"ACCESS_DENIED": 45, "PRIVILEGED": 46, "ENABLED_POOL": 47, "DISABLED_POOL": 48, "INVALID_POOL": 53},
    **{"ADDED_POOL": 55, "REMOVED_POOL": 68, "STATS": 70, "CHECK": 72, "POOL_ORDER": 73, "COIN": 78},
    **{"TEMPERATURES": 201, "SET_FREQUENCY": 302, "GET_VOLTAGE": 307, "CHIP_HEALTH": 314},
    **{"SESSION_CREATED": 316, "SESSION": 319},
}
"""By hand from cgminer's api.c (MSG_...), and from 201 on from Luxor's manual."""


def test_codes_have_the_numbers_of_the_sources() -> None:
    assert {code.name: code.value for code in Code} == CODES


def test_refusals() -> None:
    denied = refuse(45, "Access denied to 'privileged' command")
    assert denied.refusal == CommandRefused(45, "Access denied to 'privileged' command")
    assert denied.refusal is not None
    assert denied.refusal.access_denied
    assert (is_privileged(denied), is_privileged(refuse(14, "Invalid command"))) == (False, None)
    assert is_privileged(Reply(success(46, "Privileged access OK"))) is True
    assert Reply(Status(Severity.WARNING, 81)).refusal is None
    assert Reply(Status(Severity.FATAL, None)).refusal == CommandRefused(None, "")
    for read in (
        read_stats,
        read_summary,
        read_pools,
        read_devices,
        read_version,
        read_check,
        luxos.read_session,
        luxos.read_ramp,
        luxos.read_voltage,
        luxos.read_chip_health,
    ):
        assert read(denied) == denied.refusal
        with pytest.raises(RemoteProtocolError, match="without"):
            read(Reply(OK))


def test_check() -> None:
    access = CommandAccess(True, False)
    assert read_check(read_reply(write_reply(write_check(access, success(72, "Check command"))))) == access
    with pytest.raises(RemoteProtocolError, match="without Exists or Access"):
        read_check(json_reply("CHECK", {"Exists": "Y"}))


# --- replies in text


@settings(max_examples=50)
@given(
    statuses,
    st.dictionaries(
        st.sampled_from(["SUMMARY", "POOLS", "DEVS"]),
        st.lists(
            st.dictionaries(
                st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=5).filter(
                    lambda name: name not in ("POOL", "ASC", "PGA", "GPU", "STATS", "STATUS")
                ),
                st.text(st.characters(exclude_categories=("Cs",)), max_size=5),
                max_size=3,
            ),
            min_size=1,
            max_size=2,
        ),
        max_size=2,
    ),
)
def test_text_replies_go_there_and_back(status: Status, parts: dict[str, list[dict[str, Any]]]) -> None:
    reply = Reply(status, parts)
    assert read_text_reply(write_text_reply(reply)) == reply


def test_text_replies_name_sections_by_their_first_member() -> None:
    data = (
        b"STATUS=S,When=1700000000,Code=7,Msg=2 Pool(s),Description=cgminer 4.9.0|"
        b"POOL=0,URL=stratum+tcp://a\\=b:3333,Stratum Active=true,Diff=2.05K|POOL=1,URL=,Status=Dead|\0"
    )
    reply = read_text_reply(data)
    assert reply.status.when_s == 1_700_000_000
    pools = read_pools(reply)
    assert isinstance(pools, tuple)
    assert pools[0] == Pool(0, "stratum+tcp://a=b:3333", stratum_active=True, difficulty=2050)
    assert (pools[1].url, pools[1].status) == (None, "Dead")
    again = write_text_reply(write_pools(pools, reply.status))
    assert read_pools(read_text_reply(again)) == pools
    assert b"POOL=0," in again
    assert b"POOLS," not in again


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no STATUS"),
        (b"STATUS=S,Msg=x", "cut short after 14"),
        (b"STATUS=S|SUMMARY,a=1\\|", "cut short"),
        (b"SUMMARY,a=1|", "no STATUS"),
        (b"STATUS=?|", "severity"),
        (b"STATUS=S,Code=x|", "Code: text"),
        (b"\xff|", "byte 0 is not UTF-8"),
        (b"x" * (MAX_REPLY + 1), "more than"),
    ],
)
def test_text_that_is_no_reply(data: bytes, words: str) -> None:
    with pytest.raises(RemoteProtocolError, match=words):
        read_text_reply(data)


# --- the S9

TWO_BOARDS = json.loads(  # the form of bmminer's `stats`, with Hive OS' additions, on places 5 to 8
    '{"STATUS":[{"STATUS":"S","When":1700000000,"Code":70,"Msg":"BMMiner stats",'
    '"Description":"bmminer 1.0.0"}],"STATS":[{"BMMiner":"2.0.0","Miner":"16.8.1.3",'
    '"CompileTime":"Mon Jan 1 00:00:00 UTC 2018","Type":"Antminer S9"},'
    '{"STATS":0,"ID":"BC50","Elapsed":7200,"Calls":0,"Wait":0,"Max":0,'
    '"Min":99999999,"GHS 5s":"8123.456","GHS av":8100.5,"miner_count":2,"frequency":"570","fan_num":2,'
    '"fan4":0,"fan5":4200,"fan6":5040,"fan7":0,"temp_num":2,"temp5":0,"temp6":55,"temp7":57,"temp8":0,'
    '"temp2_5":0,"temp2_6":71,"temp2_7":73,"temp2_8":0,"temp3_6":0,"temp3_7":0,"freq_avg5":0,"freq_avg6":570,'
    '"freq_avg7":568.25,"freq_avg8":0,"total_rateideal":8180.0,"total_freqavg":569.1,"total_acn":126,'
    '"total_rate":8123.46,"chain_rateideal6":4095.0,"chain_rateideal7":4085.0,"temp_max":73,'
    '"Device Hardware%":0.0002,"no_matching_work":3,"chain_acn5":0,"chain_acn6":63,"chain_acn7":63,'
    '"chain_acn8":0,"chain_acs5":"","chain_acs6":" oooooooo ooooooox","chain_acs7":" oooooooo",'
    '"chain_acs8":"",'
    '"chain_hw5":0,"chain_hw6":4,"chain_hw7":2,"chain_rate5":"","chain_rate6":"4071.25",'
    '"chain_rate7":"4052.21","chain_rate8":"","chain_xtime6":"{X5=1,X9=2}","chain_offside_6":"0",'
    '"chain_opencore_6":"1","miner_version":"16.8.1.3","chain_power6":320.5,"chain_power7":318.25,'
    '"chain_power":"638.75 (AB)"}],"id":1}'
)


def test_chains_are_found_by_their_chips() -> None:
    stats = read_stats(read_reply(json.dumps(TWO_BOARDS).encode()))
    assert isinstance(stats, S9Stats)
    assert [(chain.place, chain.chips) for chain in stats.chains] == [(6, 63), (7, 63)]
    first = stats.chains[0]
    assert (first.frequency_mhz, first.rate_ghs, first.rate_ideal_ghs) == (570, 4071.25, 4095)
    assert (first.board_temp_c, first.chip_temp_c, first.third_temp_c) == (55, 71, None)  # 0: no such sensor
    assert (first.hardware_errors, first.power_w, first.open_cores, first.off_side) == (4, 320.5, 1, 0)
    assert (first.chips_alive, first.slow_chips) == (15, "{X5=1,X9=2}")
    assert S9Chain(6, 63).chips_alive is None


def test_the_machine_of_an_s9() -> None:
    stats = read_stats(read_reply(json.dumps(TWO_BOARDS).encode()))
    assert isinstance(stats, S9Stats)
    assert (stats.frequency_mhz, stats.average_frequency_mhz) == (570, 569.1)  # the first is text
    assert (stats.rate_5s_ghs, stats.rate_average_ghs, stats.total_chips) == (8123.456, 8100.5, 126)
    assert (stats.fan_count, stats.fans_rpm) == (2, {4: 0, 5: 4200, 6: 5040, 7: 0})
    assert (stats.miner_type, stats.firmware) == ("Antminer S9", "16.8.1.3")
    assert set(stats.extra) == {
        "STATS",
        "ID",
        "Calls",
        "Wait",
        "Max",
        "Min",
        "temp_num",
        "miner_version",
        "chain_power",
    }


chains = st.builds(
    S9Chain,
    place=st.just(6),
    chips=st.integers(1, 63),
    status=st.none() | st.just(" oooooooo xxo"),
    frequency_mhz=st.none() | st.floats(1, 1000),
    rate_ghs=st.none() | st.floats(0, 1e5),
    rate_ideal_ghs=st.none() | st.floats(0, 1e5),
    hardware_errors=st.none() | st.integers(0, 10**6),
    board_temp_c=st.none() | st.floats(1, 120),
    chip_temp_c=st.none() | st.integers(1, 120).map(float),
    power_w=st.none() | st.floats(0, 500),
    open_cores=st.none() | st.integers(0, 9),
    off_side=st.none() | st.integers(0, 9),
    slow_chips=st.none() | st.just("{X5=1}"),
)


@settings(max_examples=50)
@given(
    st.builds(
        S9Stats,
        chains=st.lists(chains, max_size=3).map(
            lambda found: tuple(replace(chain, place=6 + i) for i, chain in enumerate(found))
        ),
        frequency_mhz=st.none() | st.integers(1, 1000).map(float),
        elapsed_s=st.none() | st.integers(0, 10**7),
        rate_5s_ghs=st.none() | st.floats(0, 1e5),
        fans_rpm=st.dictionaries(st.integers(1, 8), st.integers(0, 8000).map(float), max_size=4),
        max_temp_c=st.none() | st.floats(1, 120),
        miner_type=st.none() | st.just("Antminer S9"),
        software=st.just("BMMiner"),
        software_version=st.just("2.0.0"),
    )
)
def test_stats_go_there_and_back_as_bmminer_writes_them(stats: S9Stats) -> None:
    data = write_reply(write_stats(stats, OK), BMMINER)
    assert b"}{" in data
    got = read_stats(read_reply(data))
    assert isinstance(got, S9Stats)
    assert replace(got, extra={}) == stats


def test_stats_of_something_else() -> None:
    with pytest.raises(RemoteProtocolError, match="not the stats of an Antminer"):
        read_stats(json_reply("STATS", {"STATS": 0, "ID": "CPU0"}))
    with pytest.raises(RemoteProtocolError, match="chain_acn6: fewer than no chips"):
        read_stats(json_reply("STATS", {"chain_acn6": -1}))
    assert read_stats(json_reply("STATS", {"chain_acn06": 5})) == S9Stats(())
    bare = write_stats(S9Stats((), extra={"x": 1}), OK)
    got = read_stats(bare)
    assert isinstance(got, S9Stats)
    assert (got.software, got.extra["x"]) == (None, 1)


# --- the other reports

INTMINER_DEVS = json.loads(  # the form of a board of Goldshell's intminer
    '{"PGA":0,"Name":"INCS","ID":0,"Enabled":"Y","Status":"Alive","Device Elapsed":3600,"MHS av":175250.5,'
    '"MHS 20s":174500.25,"Nonced":1234,"Accepted":56,"Rejected":1,"Hardware Errors":2,'
    '"Last Share Pool":0,'
    '"Last Share Difficulty":4096,"Device Hardware%":0.001,"voltage":0.43,"clock":750.0,"fan0":1500,'
    '"fan1":1440,"tstemp-0":66.5,"tstemp-1":66.5,"tstemp-2":58.25,"overheat":0,"rebootcnt":1}'
)
LUXOS_ASC = json.loads(  # the form of a board of LuxOS
    '{"ASC":0,"Accepted":12,"Board":"S9Generic","Connector":"J6","Device Elapsed":600,"Enabled":"Y",'
    '"Hardware Errors":0,"ID":0,"IsRamping":false,"MHS 5s":4400000.5,"MHS av":4500000.25,'
    '"Nominal MHS":4600000.0,"Profile":"default","Rejected":0,"Status":"Alive","Temperature":71.0}'
)


def test_devices_of_goldshell() -> None:
    devices = read_devices(json_reply("DEVS", INTMINER_DEVS))
    assert isinstance(devices, tuple)
    (device,) = devices
    assert (device.kind, device.number, device.name, device.enabled) == ("PGA", 0, "INCS", True)
    assert (device.rate_20s_ghs, device.rate_average_ghs) == (174.50025, 175.2505)
    assert (device.clock_mhz, device.fans_rpm) == (750, (1500, 1440))
    assert (device.temperatures_c, device.overheat, device.restarts) == ((66.5, 66.5, 58.25), False, 1)
    assert device.extra == {"Nonced": 1234, "Last Share Pool": 0, "voltage": 0.43}
    lost = read_devices(json_reply("DEVS", INTMINER_DEVS | {"tstemp-2": -150, "fan0": ""}))
    assert isinstance(lost, tuple)
    assert (lost[0].temperatures_c, lost[0].fans_rpm) == ((66.5, 66.5, None), (1440,))


def test_devices_of_luxos() -> None:
    devices = read_devices(json_reply("ASC", LUXOS_ASC))
    assert isinstance(devices, tuple)
    assert (devices[0].is_ramping, devices[0].connector, devices[0].temperature_c) == (False, "J6", 71)
    assert devices[0].rate_5s_ghs == pytest.approx(4400.0005)
    assert devices[0].nominal_rate_ghs == 4600


@pytest.mark.parametrize("record", [{}, {"ASC": None}, {"Name": "x"}])
def test_a_device_says_what_it_is(record: dict[str, Any]) -> None:
    with pytest.raises(RemoteProtocolError, match="neither an ASC"):
        read_devices(json_reply("DEVS", record))


def test_a_miner_without_boards_or_pools() -> None:
    assert read_devices(refuse(Code.NO_DEVICES, "No ASCs")) == ()
    assert read_pools(refuse(Code.NO_POOLS, "No pools")) == ()


whole = st.none() | st.integers(0, 10**6)
rates = st.none() | st.integers(0, 10**6).map(float)


@settings(max_examples=50)
@given(
    st.builds(
        Device,
        kind=st.sampled_from(["ASC", "PGA", "GPU"]),
        number=st.integers(0, 9),
        enabled=st.none() | st.booleans(),
        rate_5s_ghs=rates,
        rate_20s_ghs=rates,
        nominal_rate_ghs=rates,
        accepted=whole,
        is_ramping=st.none() | st.booleans(),
        overheat=st.none() | st.booleans(),
        fans_rpm=st.lists(st.integers(0, 9000).map(float), max_size=12).map(tuple),
        temperatures_c=st.lists(st.none() | st.floats(-50, 120), max_size=3).map(tuple),
        extra=st.just({"voltage": 9330}),
    ),
    st.booleans(),
)
def test_devices_go_there_and_back(device: Device, in_mhs: bool) -> None:
    status = success(9, "1 ASC(s)")
    got = read_devices(read_reply(write_reply(write_devices([device], status, in_mhs=in_mhs))))
    assert got == (device,)


@settings(max_examples=50)
@given(
    st.builds(
        Summary,
        elapsed_s=whole,
        rate_5s_ghs=rates,
        rate_average_ghs=rates,
        accepted=whole,
        hardware_percent=rates,
        best_share=rates,
        extra=st.just({"Getworks": 5}),
    ),
    st.booleans(),
)
def test_summaries_go_there_and_back(summary: Summary, in_mhs: bool) -> None:
    status = success(11, "Summary")
    assert read_summary(read_reply(write_reply(write_summary(summary, status, in_mhs=in_mhs)))) == summary


def test_a_summary_of_an_s9() -> None:
    summary = read_summary(
        json_reply("SUMMARY", {"Elapsed": 60, "GHS 5s": "13500.25", "GHS av": 13480.5, "Pool Stale%": 0.0})
    )
    assert summary == Summary(60, 13500.25, None, 13480.5, pool_stale_percent=0.0)


@settings(max_examples=50)
@given(
    st.builds(
        Pool,
        number=st.integers(0, 5),
        url=st.just("stratum+tcp://10.0.0.2:3333"),
        user=values.filter(lambda text: bool(text.strip())),
        stratum_active=st.none() | st.booleans(),
        difficulty=st.none() | st.integers(0, 999).map(float) | st.integers(1, 999).map(lambda n: n * 1e3),
        last_share_time=st.none() | st.sampled_from(["0", "1700000000", "0:00:12"]),
    )
)
def test_pools_go_there_and_back(pool: Pool) -> None:
    got = read_pools(read_reply(write_reply(write_pools([pool], success(7, "1 Pool(s)")))))
    assert got == (pool,)


def test_versions() -> None:
    lux = {
        "API": "3.7",
        "LUXminer": "2024.2.19",
        "Miner": "2024.2.19",
        "Type": "Antminer S9",
        "CompileTime": "x",
    }
    version = read_version(json_reply("VERSION", lux))
    assert version == Version("3.7", "LUXminer", "2024.2.19", "Antminer S9", "x", {"Miner": "2024.2.19"})
    stock = read_version(json_reply("VERSION", {"API": 3.1, "BMMiner": "2.0.0", "Miner": "16.8.1.3"}))
    assert isinstance(stock, Version)
    assert (stock.api, stock.software, stock.software_version) == ("3.1", "BMMiner", "2.0.0")
    for each in (version, stock, Version(api="3.7")):
        assert isinstance(each, Version)
        assert read_version(read_reply(write_reply(write_version(each, success(22, "versions"))))) == each


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"Elapsed": "1x"}, "summary: Elapsed: text where a number belongs"),
        ({"Elapsed": 1.5}, "summary: Elapsed: a number that is not whole"),
        ({"GHS 5s": "9e999"}, "too large"),
        ({"GHS 5s": "nan"}, "GHS 5s: text where a number belongs"),
        ({"GHS 5s": True}, "GHS 5s: true or false where a number"),
        ({"GHS 5s": []}, "GHS 5s: a list where a number"),
    ],
)
def test_wrong_types_are_named(record: dict[str, Any], words: str) -> None:
    with pytest.raises(RemoteProtocolError, match=words):
        read_summary(json_reply("SUMMARY", record))


@pytest.mark.parametrize(
    "record", [{"URL": True}, {"Stratum Active": "perhaps"}, {"Diff": "many"}, {"User": {}}]
)
def test_wrong_pools_are_errors(record: dict[str, Any]) -> None:
    with pytest.raises(RemoteProtocolError, match=r"pools\[0\]"):
        read_pools(json_reply("POOLS", record))


junk_values = st.none() | st.booleans() | st.floats() | st.text(max_size=4) | st.just([]) | st.integers()


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from([*TWO_BOARDS["STATS"][1], *INTMINER_DEVS, *LUXOS_ASC]), junk_values))
def test_junk_under_known_names_is_an_error_of_the_miner(change: dict[str, Any]) -> None:
    record = TWO_BOARDS["STATS"][1] | INTMINER_DEVS | change
    names = ("STATS", "DEVS", "SUMMARY", "POOLS", "VERSION", "CHECK", "SESSION", "RAMP", "VOLTAGE", "CHIPS")
    reply = Reply(OK, {name: [record] for name in names})
    for read in (
        read_stats,
        read_devices,
        read_summary,
        read_pools,
        read_version,
        read_check,
        luxos.read_session,
        luxos.read_ramp,
        luxos.read_voltage,
        luxos.read_chip_health,
    ):
        try:
            read(reply)
        except RemoteProtocolError:
            continue


@given(st.text(st.sampled_from("abcdefgh123456789"), min_size=8, max_size=16).map(lambda text: f"Zq{text}"))
def test_no_secret_survives(secret: str) -> None:
    pool = Pool(0, f"stratum+tcp://{secret}:x@a", secret, status="Alive", extra={"Pass": secret, secret: 1})
    kept = json.dumps(redacted(pool))
    assert secret.lower() not in kept.lower()
    assert '"status": "Alive"' in kept
    assert secret not in repr(replace(pool, url=None))
    begun = luxos.Session(secret)
    assert secret not in repr(begun)
    assert secret not in json.dumps(redacted(begun))


# --- LuxOS


def test_luxos_commands_are_those_of_the_manual() -> None:
    assert luxos.logon() == Command("logon")
    assert luxos.session() == Command("session")
    assert luxos.logoff("Ab3dE6gH") == Command("logoff", "Ab3dE6gH")
    assert luxos.set_frequency("Ab3dE6gH", 1, 650) == Command("frequencyset", "Ab3dE6gH,1,650")
    assert luxos.set_frequency("Ab3dE6gH", 1, 650, 10) == Command("frequencyset", "Ab3dE6gH,1,650,10")
    assert luxos.get_frequency(1) == Command("frequencyget", "1")
    assert luxos.get_frequency(1, 20) == Command("frequencyget", "1,20")
    assert luxos.set_voltage("Ab3dE6gH", 1, 8.9) == Command("voltageset", "Ab3dE6gH,1,8.9")
    assert luxos.get_voltage(0) == Command("voltageget", "0")
    assert luxos.get_voltage(0, on_board=True) == Command("voltageget", "0,true")
    assert luxos.chip_health(0) == Command("healthchipget", "0")
    assert luxos.chip_health(0, 20) == Command("healthchipget", "0,20")


@pytest.mark.parametrize(
    "make",
    [
        lambda: luxos.logoff(""),
        lambda: luxos.set_frequency("a,b", 0, 650),
        lambda: luxos.set_frequency("a", -1, 650),
        lambda: luxos.set_frequency("a", 0, 0),
        lambda: luxos.set_frequency("a", 0, float("nan")),
        lambda: luxos.set_frequency("a", 0, 650, 1000),
        lambda: luxos.set_voltage("a", 0, 8900),
        lambda: luxos.get_voltage(1000),
    ],
)
def test_luxos_commands_that_mean_nothing(make: Callable[[], Command]) -> None:
    with pytest.raises(LocalProtocolError):
        make()


def test_luxos_replies_of_the_manual() -> None:
    logon = json_reply("SESSION", {"SessionID": "Ab3dE6gH"}, code=316)
    assert luxos.read_session(logon) == luxos.Session("Ab3dE6gH")
    assert luxos.read_session(json_reply("SESSION", {"SessionID": ""}, code=319)) == luxos.Session("")
    ramp = {"Board": 1, "Frequency": 650, "FrequencyStep": 5, "TargetChip": "all"}
    assert luxos.read_ramp(json_reply("RAMP", ramp)) == luxos.Ramp(1, 650, 5, None)
    assert luxos.read_ramp(json_reply("RAMP", ramp | {"TargetChip": "10"})) == luxos.Ramp(1, 650, 5, 10)
    assert luxos.read_ramp(json_reply("RAMP", ramp | {"TargetChip": 10})) == luxos.Ramp(1, 650, 5, 10)
    voltage = json_reply("VOLTAGE", {"Board": 0, "IsOnBoard": False, "Voltage": 8.90})
    assert luxos.read_voltage(voltage) == luxos.BoardVoltage(0, 8.9, False)
    none = json_reply("VOLTAGE", {"Board": 0, "IsOnBoard": True, "Voltage": 0})
    assert luxos.read_voltage(none, on_board=True) == luxos.BoardVoltage(0, None, True)
    assert luxos.read_voltage(none) == luxos.BoardVoltage(0, 0, True)
    health = json_reply(
        "CHIPS",
        {"Board": 0, "Chip": 0, "ChipTemp": 54.84, "Frequency": 400, "Healthy": "Y", "Score": 105.3},
        {"Board": 0, "Chip": 1, "Frequency": 400, "Healthy": "N", "Score": 7},
        {"Board": 0, "Chip": 2, "Healthy": "Unknown", "IsChecking": True},
    )
    assert luxos.read_chip_health(health) == (
        luxos.ChipHealth(0, 0, 400, True, 105.3, 54.84),
        luxos.ChipHealth(0, 1, 400, False, 7),
        luxos.ChipHealth(0, 2),
    )


@pytest.mark.parametrize(
    ("read", "section", "record"),
    [
        (luxos.read_session, "SESSION", {"SessionID": "a,b"}),
        (luxos.read_ramp, "RAMP", {"Board": 1}),
        (luxos.read_ramp, "RAMP", {"Board": 1, "Frequency": 650, "TargetChip": "some"}),
        (luxos.read_voltage, "VOLTAGE", {"Voltage": 8.9}),
        (luxos.read_chip_health, "CHIPS", {"Board": 1}),
        (luxos.read_chip_health, "CHIPS", {"Board": 1, "Chip": 1, "Healthy": "?"}),
    ],
)
def test_luxos_replies_that_are_none(
    read: Callable[[Reply], object], section: str, record: dict[str, Any]
) -> None:
    with pytest.raises(RemoteProtocolError):
        read(json_reply(section, record))


@settings(max_examples=50)
@given(st.integers(0, 3), st.floats(1, 1000), st.none() | st.integers(0, 62))
def test_luxos_replies_go_there_and_back(board: int, number: float, chip: int | None) -> None:
    ramp = luxos.Ramp(board, number, 5.0, chip)
    assert luxos.read_ramp(read_reply(write_reply(luxos.write_ramp(ramp)))) == ramp
    voltage = luxos.BoardVoltage(board, number, False)
    assert luxos.read_voltage(read_reply(write_reply(luxos.write_voltage(voltage)))) == voltage
    absent = luxos.BoardVoltage(board, None, True)
    assert luxos.read_voltage(luxos.write_voltage(absent), on_board=True) == absent
    chips = (luxos.ChipHealth(board, chip or 0, number, True), luxos.ChipHealth(board, 62))
    assert luxos.read_chip_health(read_reply(write_reply(luxos.write_chip_health(chips)))) == chips
    for code in (Code.SESSION_CREATED, Code.SESSION):
        reply = luxos.write_session(luxos.Session("Ab3dE6gH"), code)
        assert (luxos.read_session(reply), reply.status.code) == (luxos.Session("Ab3dE6gH"), code)


def test_what_a_board_did_not_take_shows() -> None:
    chips = [luxos.ChipHealth(1, i, 650.0) for i in range(3)] + [luxos.ChipHealth(0, 0, 400.0)]
    settings = luxos.BoardSettings(1, 650, 8.9)
    assert luxos.unmet(settings, chips, luxos.BoardVoltage(1, 8.912, False)) == {}
    assert luxos.unmet(luxos.BoardSettings(1), [], None) == {}
    assert luxos.unmet(settings, chips, luxos.BoardVoltage(1, 9.1, False)) == {"voltage_v": (8.9, 9.1)}
    assert luxos.unmet(settings, chips, luxos.BoardVoltage(0, 8.9, False)) == {"voltage_v": (8.9, None)}
    slow = [*chips, luxos.ChipHealth(1, 3, 643.75), luxos.ChipHealth(1, 4)]
    assert luxos.unmet(replace(settings, voltage_v=None), slow, None) == {"frequency_mhz": (650, 643.75)}
    assert luxos.unmet(settings, [luxos.ChipHealth(1, 0)], None) == {
        "frequency_mhz": (650, None),
        "voltage_v": (8.9, None),
    }


def test_the_types_hide_nothing_else() -> None:
    assert {entry.name for entry in members_of(Pool) if not entry.repr} == {"user", "extra"}
    assert Defects() == AS_IT_SHOULD
