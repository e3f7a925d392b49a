"""Lines, JSON and hexadecimal: bounded, strict where it matters, in linear time."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stratum_samples import cut, cuts, json_values

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.stratum_v1 import swapped_words
from firmware_protocols.stratum_v1.hex_fields import hex_bytes, hex_digits, hex_u32, u32_hex
from firmware_protocols.stratum_v1.json_lines import MAX_DEPTH, MAX_SENT_BYTES, format_line, parse_object
from firmware_protocols.stratum_v1.line_splitter import LineSplitter, Overlong

LONGEST = 32
text = st.binary(max_size=60) | st.sampled_from([b"\n", b"\r\n", b" ", b"x" * LONGEST, b"y" * (LONGEST + 1)])
streams = st.lists(text, max_size=12).map(b"".join)


def expected_lines(stream: bytes) -> list[bytes | Overlong]:
    """The definition, on the whole stream at once."""
    *lines, rest = stream.split(b"\n")
    found: list[bytes | Overlong] = []
    for line in lines:
        if len(line) > LONGEST:
            found.append(Overlong(line[:LONGEST]))
        elif line.strip():
            found.append(line.strip())
    return [*found, Overlong(rest[:LONGEST])] if len(rest) > LONGEST else found


@given(streams, cuts)
def test_lines_are_the_same_in_any_split(stream: bytes, points: list[int]) -> None:
    splitter = LineSplitter(LONGEST)
    found = [line for piece in cut(stream, points) for line in splitter.feed(piece)]
    assert found == expected_lines(stream)
    rest = stream.rpartition(b"\n")[2]
    assert splitter.end() == (rest.strip() if len(rest) <= LONGEST else b"")
    assert splitter.feed(b"after\n") == [b"after"]


def test_a_splitter_needs_room() -> None:
    with pytest.raises(ValueError, match="at least 1 byte"):
        LineSplitter(0)


def test_one_byte_a_read_takes_linear_time() -> None:
    splitter = LineSplitter(1 << 20)
    line = b"x" * 300_000
    begun = time.process_time()
    for byte in line:
        assert splitter.feed(bytes((byte,))) == []
    assert splitter.feed(b"\n") == [line]
    assert time.process_time() - begun < 10


@given(st.dictionaries(st.text(max_size=10), json_values, max_size=4))
def test_objects_go_there_and_back(value: dict[str, object]) -> None:
    line = format_line(value)
    assert line.endswith(b"\n")
    assert line.isascii()
    assert parse_object(line[:-1]) == value


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "not JSON: Expecting value"),
        (b"{", "not JSON"),
        (b"[]", "not a JSON object but a list"),
        (b'"x"', "but a str"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": 1e999}', "that no float holds"),
        (b'{"a": -1e999}', "that no float holds"),
        (b'{"a": ' + b"9" * 65 + b"}", "a number of 65 characters"),
        (b'{"a": 0.' + b"1" * 70 + b"}", "a number of 72 characters"),
        (b'{"a": "\xff"}', "not UTF-8: invalid start byte at byte 7"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        (b'{"a": "\\ud800"}', "half of a surrogate pair"),
        (b'{"\\uDFFF": 1}', "half of a surrogate pair"),
        (b'{"a": "\x01"}', "Invalid control character"),
        (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
        (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", "nested more than 32 deep"),
        (b"[" * 100_000, "nested"),
        (b'{"a":' * 100_000, "nested"),
    ],
)
def test_lines_that_are_no_object(line: bytes, reason: str) -> None:
    with pytest.raises(RemoteProtocolError, match=reason):
        parse_object(line)


def test_brackets_that_are_not_nested_are_no_matter() -> None:
    flat = {"a": ["[" * 50, [], [[]], '"\\]'] * 20, "b": "{" * 50}
    assert parse_object(json.dumps(flat).encode()) == flat
    deepest: list[object] = []
    for _ in range(MAX_DEPTH - 2):
        deepest = [deepest]
    assert parse_object(json.dumps({"a": deepest, "b": [[]] * 5}).encode())
    with pytest.raises(RemoteProtocolError, match="nested"):
        parse_object(json.dumps({"a": [deepest]}).encode())
    assert parse_object(b'{"a": "\\ud83d\\ude00"}') == {"a": "\U0001f600"}


@pytest.mark.parametrize(
    "unit", [b'\\"', b'"', b'"[', b"[{", b"{}", b"\\", b"[]", b"9", b"-", b'":', b"0.", b"\\u"]
)
@pytest.mark.parametrize("start", [b'{"a": "', b'{"a": [', b""])
def test_no_line_takes_more_than_linear_time(unit: bytes, start: bytes) -> None:
    line = start + unit * (65_536 // len(unit))
    begun = time.process_time()
    with pytest.raises(RemoteProtocolError):
        parse_object(line)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": float("nan")}, "cannot be written"),
        ({"a": {1, 2}}, "cannot be written"),
        ({"a": "\ud800"}, "half of a surrogate pair"),
        ({"a": "x" * MAX_SENT_BYTES}, "is above the 8192"),
    ],
)
def test_what_cannot_be_sent(value: dict[str, object], reason: str) -> None:
    with pytest.raises(LocalProtocolError, match=reason):
        format_line(value)  # type: ignore[arg-type]


def test_a_line_of_the_longest_size_is_sent() -> None:
    line = format_line({"a": "x" * (MAX_SENT_BYTES - 10)})
    assert len(line) == MAX_SENT_BYTES
    assert format_line({"a": "\U0001f600"}) == b'{"a": "\\ud83d\\ude00"}\n'


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("00000000", 0),
        ("1FFFE000", 0x1FFFE000),
        ("0x1fffe000", 0x1FFFE000),
        ("0XFF", 255),
        ("f", 15),
        ("07552034", 0x7552034),
    ],
)
def test_lenient_numbers(written: str, number: int) -> None:
    assert hex_u32(written, "n") == number


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0x",
        "123456789",
        "0x123456789",
        "g",
        "-1",
        "+1",
        "1_0",
        " 1",
        "1\n",
        "0x0x1",
        "\u0661",
        5,
        None,
        True,
        ["1"],
    ],
)
def test_what_is_no_number(value: object) -> None:
    with pytest.raises(RemoteProtocolError, match="n is"):
        hex_u32(value, "n")  # type: ignore[arg-type]


@given(st.integers(0, 0xFFFFFFFF))
def test_numbers_go_there_and_back(number: int) -> None:
    assert hex_u32(u32_hex(number, "n"), "n") == number


def test_bytes_and_their_sizes() -> None:
    assert hex_bytes("0xAbCd", "b", 2) == b"\xab\xcd"
    assert hex_bytes("", "b", 2) == b""
    assert hex_digits("0xABC", "d", 3) == "abc"
    with pytest.raises(RemoteProtocolError, match="odd number"):
        hex_bytes("abc", "b", 2)
    with pytest.raises(RemoteProtocolError, match="at most 4 digits"):
        hex_bytes("aabbcc", "b", 2)
    with pytest.raises(RemoteProtocolError, match="has 1 bytes, not 2"):
        hex_bytes("ab", "b", 2, size=2)
    for number in (-1, 1 << 32):
        with pytest.raises(LocalProtocolError, match=r"n -?\d+ does not fit 32 bits"):
            u32_hex(number, "n")


@given(st.integers(0, 20).flatmap(lambda n: st.binary(min_size=4 * n, max_size=4 * n)))
def test_words_swap_back(data: bytes) -> None:
    assert swapped_words(swapped_words(data)) == data


def test_words_keep_their_places() -> None:
    assert swapped_words(bytes(range(8))).hex() == "0302010007060504"
    with pytest.raises(ValueError, match="5 bytes are not whole"):
        swapped_words(bytes(5))
