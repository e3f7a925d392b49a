"""What all JSON interfaces share: strict reading, requests as values, and what is left after redaction."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.http_messages import (
    Done,
    HttpReply,
    HttpRequest,
    Refused,
    plain_message,
    refusal,
)
from firmware_protocols.json_values import (
    MAX_DEPTH,
    Fields,
    JsonValue,
    as_flag,
    as_integer,
    as_list,
    as_number,
    as_object,
    as_text,
    kind_of,
    read_json,
    read_object,
    write_json,
)
from firmware_protocols.redaction import REDACTED, redacted

values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_every_value_is_read_as_it_was_written(value: Any) -> None:
    assert read_json(write_json([value]), "a list") == [value]


@given(st.binary(max_size=200))
def test_junk_is_an_error_of_the_other_side(data: bytes) -> None:
    try:
        read_object(data, "a reply")
    except RemoteProtocolError as error:
        assert str(error).startswith("a reply: ")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a":"\xff"}', "reply: byte 6 is not UTF-8"),
        (b'{"a":1', "reply: no JSON at character"),
        (b'{"a":NaN}', "reply: a: a number that is not finite"),
        (b'{"a":[1,-Infinity]}', r"reply: a\[1\]: a number that is not finite"),
        (b'{"a":1e999}', "reply: a: a number that is not finite"),
        (b'{"a":' + b"9" * 30 + b"}", "reply: a: an integer of more than 64 bits"),
        (b'{"a":' + b"9" * 9000 + b"}", "reply: nested too deep, or a number is too long"),
        (b"[" * 5000 + b"]" * 5000, "reply: "),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested more than 32 deep"),
        (b'{"a":"\\ud800"}', "reply: a: half of a surrogate pair"),
        (b'{"\\udfff":1}', "reply: half of a surrogate pair"),
        (b'{"a":1}' + b" " * 100, "reply: 107 bytes, more than the 64"),
    ],
)
def test_errors_say_what_and_where(data: bytes, words: str) -> None:
    with pytest.raises(RemoteProtocolError, match=words):
        read_json(data, "reply", limit=64 if data.endswith(b" ") else 1 << 20)


def test_as_deep_as_allowed_is_read() -> None:
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, "reply")


@pytest.mark.parametrize(
    ("read", "wrong", "words"),
    [
        (as_object, [], "where: a list where an object belongs"),
        (as_list, {}, "where: an object where a list belongs"),
        (as_number, "1", "where: text where a number belongs"),
        (as_number, True, "where: true or false where a number belongs"),
        (as_integer, 1.5, "where: a number that is not whole"),
        (as_integer, 1e30, "where: a number that is not whole, or too large"),
        (as_flag, 2, "where: a number where true, false, 0 or 1 belongs"),
        (as_text, None, "where: null where text belongs"),
    ],
)
def test_wrong_types_are_named(
    read: Callable[[JsonValue, str], object], wrong: JsonValue, words: str
) -> None:
    with pytest.raises(RemoteProtocolError, match=words):
        read(wrong, "where")


def test_fields_are_taken_once_and_the_rest_remains() -> None:
    fields = Fields({"n": 1.5, "i": 63.0, "f": 1, "t": "x", "l": [1], "null": None, "more": {}}, "reply")
    assert (fields.number("n"), fields.integer("i"), fields.flag("f")) == (1.5, 63, True)
    assert (fields.text("t"), fields.members("l"), fields.number("null")) == ("x", [1], None)
    assert [
        fields.number("n"),
        fields.integer("n"),
        fields.flag("n"),
        fields.text("n"),
        fields.members("n"),
    ] == [None] * 5
    assert fields.rest == {"more": {}}
    assert kind_of({}) == "an object"


@pytest.mark.parametrize("wrong", [{"a": float("nan")}, {"a": object()}, {"a": "\ud800"}])
def test_what_json_cannot_express_is_not_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError):
        write_json(wrong)


query_values = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(query_values, st.lists(st.tuples(query_values.filter(bool), query_values), max_size=5))
def test_targets_go_there_and_back(name: str, query: list[tuple[str, str]]) -> None:
    request = HttpRequest("GET", f"/user/{name}", tuple(query))
    assert HttpRequest.received("get", request.target) == request


@given(st.text(max_size=60))
def test_any_target_is_read_or_refused(target: str) -> None:
    try:
        HttpRequest.received("GET", target)
    except RemoteProtocolError:
        return


@pytest.mark.parametrize(
    "target", ["", "x", "/" + "a" * 3000, "/a\nb", "/a?q=%ff", "/%ff", "/a?" + "a=1&" * 100]
)
def test_targets_that_are_none_are_refused(target: str) -> None:
    with pytest.raises(RemoteProtocolError):
        HttpRequest.received("GET", target)


def test_secrets_of_messages_are_not_shown() -> None:
    request = HttpRequest(
        "GET", "/a", (("password", "hunter22"),), {"Authorization": "Bearer hunter22"}, b"hunter22"
    )
    assert "hunter22" not in repr(request)
    assert "hunter22" not in repr(HttpReply(200, b"hunter22"))
    assert request.header("authorization") == "Bearer hunter22"
    assert request.header("accept") is None


def test_replies_other_than_200_are_refusals() -> None:
    assert refusal(HttpReply(200)) is None
    assert refusal(HttpReply(400, b"Wrong API input")) == Refused(400, "Wrong API input")
    assert refusal(HttpReply(500, b'{"msg":"no\\n\\u001b[31m"}')) == Refused(500, "no  [31m")
    assert refusal(HttpReply(401, b"\xff" * 500)) == Refused(401, "�" * 200)
    assert plain_message(b'{"message":5}') == '{"message":5}'
    assert plain_message(b'{"message":"done"}') == "done"
    assert plain_message(b'"quoted"') == "quoted"
    assert Done() == Done(None)


secret_texts = st.text(st.characters(categories=("L", "N"), codec="ascii"), min_size=6, max_size=20).map(
    lambda text: f"zq{text}"
)


@given(
    secret_texts, st.dictionaries(st.text(max_size=5), values, max_size=4), st.sampled_from(["user", "mac"])
)
def test_no_text_survives_that_is_not_known_to_be_harmless(secret: str, other: Any, name: str) -> None:
    tree = {
        name: secret,
        "version": "2.6",
        "board": f"on {secret}'s bench",
        "pools": [{"worker": f"{secret}.1", "port": 3333, f"at {secret}": 1}],
        "extra": {"version": secret, "unknown": other, "list": [secret, 5]},
        "nothing": None,
    }
    kept = redacted(tree, {"version", "board"}, {"user", "mac"})
    assert secret.lower() not in json.dumps(kept).lower()
    assert kept["version"] == "2.6"
    assert kept["board"] == REDACTED
    assert kept["pools"] == [{"worker": REDACTED, "port": 3333, REDACTED: 1}]
    assert "nothing" not in kept


def test_punctuation_hides_nothing() -> None:
    kept = redacted(
        {"mac": "AA:BB:CC:11:22:33", "host": "bitaxe-aabbcc112233", "v": "1"}, {"host", "v"}, {"mac"}
    )
    assert kept == {"mac": REDACTED, "host": REDACTED, "v": "1"}
