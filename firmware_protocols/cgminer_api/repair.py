"""JSON as miners write it, made whole where it is certain what was meant.

Known defects: a missing comma between two objects (`stats` of bmminer and of Bitmain's cgminer), a comma
behind an opening or before a closing bracket (`lcd`, btminer), NULs at the end. A reply that was cut short is
not made whole: what is missing would be guessed.
"""

from __future__ import annotations

import re

from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.json_values import MAX_DEPTH, JsonObject, as_object, parse_json_text

MAX_REPAIRS = 1_000
"""Of one reply: a miner that forgets commas forgets one an object, and has some hundred objects."""
_TOKEN = re.compile(
    r'(?P<space>[ \t\r\n]+)|(?P<text>"[^"\\]*(?:\\.[^"\\]*)*")|(?P<mark>[{}\[\],:])'
    r'|(?P<word>[^\s{}\[\],:"]+)',
    re.DOTALL,
)


def read_defective_object(data: bytes, what: str, limit: int) -> tuple[JsonObject, tuple[str, ...]]:
    """The object, and what had to be repaired. Raises RemoteProtocolError, for a cut reply with the place,
    and for one with more than `MAX_REPAIRS` defects.
    """
    if len(data) > limit:
        raise RemoteProtocolError(f"{what}: {len(data)} bytes, more than the {limit} that are read")
    try:
        text = data.rstrip(b"\0 \t\r\n").decode("utf-8")
    except UnicodeDecodeError as error:
        raise RemoteProtocolError(f"{what}: byte {error.start} is not UTF-8") from None
    if "\0" in text:
        raise RemoteProtocolError(f"{what}: bytes behind the NUL that ends a reply")
    try:
        return as_object(parse_json_text(text, what), what), ()
    except RemoteProtocolError:
        mended, repairs = _mended(text, what)
        if not repairs:
            raise
    return as_object(parse_json_text(mended, what), what), repairs


class _Place:
    """An open bracket, and which of its members is being read."""

    def __init__(self, bracket: str) -> None:
        self.bracket = bracket
        self.index = 0
        self.key: str | None = None

    def __str__(self) -> str:
        return f"[{self.index}]" if self.bracket == "[" else f" {self.key or 'a name'}"


def _mended(text: str, what: str) -> tuple[str, tuple[str, ...]]:
    tokens: list[str] = []
    repairs: list[str] = []
    places: list[_Place] = []
    before = ""
    """The last token: `v` behind a value, else the mark itself."""
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            break  # text that never ends, or white space that JSON does not have
        if len(repairs) > MAX_REPAIRS:
            raise RemoteProtocolError(f"{what}: more than {MAX_REPAIRS} commas too many or too few")
        start, position = position, match.end()
        token = match.group()
        if match.lastgroup == "space":
            continue
        if token == "," and before in ("[", "{", ","):
            repairs.append(f"dropped a comma at character {start}")
            continue
        if token in ("]", "}"):
            if before == ",":
                repairs.append(f"dropped a comma before character {start}")
                tokens.pop()
            if places:
                places.pop()
        elif token == ",":
            _next_member(places)
        elif token != ":":
            if before == "v":
                repairs.append(f"added a comma at character {start}")
                tokens.append(",")
                _next_member(places)
            _enter(places, token, what)
        tokens.append(token)
        before = token if token in ("[", "{", ",", ":") else "v"
    if (places and position == len(text)) or text[position : position + 1] == '"':
        where = "".join(map(str, places)).strip() or "its first text"
        raise RemoteProtocolError(f"{what}: cut short after {len(text)} characters, inside {where}")
    return "".join(tokens) + text[position:], tuple(repairs)


def _next_member(places: list[_Place]) -> None:
    if places:
        places[-1].index += 1
        places[-1].key = None


def _enter(places: list[_Place], token: str, what: str) -> None:
    if token in ("[", "{"):
        if len(places) == MAX_DEPTH:
            raise RemoteProtocolError(f"{what}: nested more than {MAX_DEPTH} deep")
        places.append(_Place(token))
    elif places and places[-1].bracket == "{" and places[-1].key is None:
        places[-1].key = token.strip('"')[:40]
