"""What is wrong with a station file, in words: which line, which section, which key, and what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from asicrc.errors import BadFile

Loc = tuple[str | int, ...]
"""Where in the file: keys, and numbers (from 0) within arrays of tables."""

_SECRET_KEY = re.compile(
    r"pass(?:w|phrase|code|$|_)|pwd|secret|token|credential|wallet|ssid|psk|api_?key|private_?key", re.I
)
_URL_WITH_LOGIN = re.compile(r"^[^:/?#]*:(?://)?[^/?#\s]*@")
_MOST_SHOWN = 5
_LONGEST_VALUE = 60


def reject_secrets(content: dict[str, Any], path: Path, text: str) -> None:
    """Raise BadFile for a key that looks like a secret's, or a URL with a login in it."""
    for loc, value in _walk(content, ()):
        key = str(loc[-1])
        if _SECRET_KEY.search(key) and not isinstance(value, dict | list):
            raise BadFile(
                f"{place(path, text, loc)}: {key} looks like a secret, and this file is stored in captures",
                "take it out; what logs in to a device is taken from the environment",
            )
        if isinstance(value, str) and ("url" in key and _has_secret(value)):
            raise BadFile(
                f"{place(path, text, loc)}: {key} has a login in it, and this file is stored in captures",
                "write the URL without it; what logs in to a device is taken from the environment",
            )


def explained(error: ValidationError, path: Path, text: str) -> BadFile:
    """The first few of what pydantic found, the first one with a hint."""
    items = sorted(error.errors(include_url=False), key=lambda item: item["type"] == "missing")
    found = [_one(item, path, text) for item in items]
    said = "; ".join(message for message, _ in found[:_MOST_SHOWN])
    if len(found) > _MOST_SHOWN:
        said += f"; and {len(found) - _MOST_SHOWN} more"
    return BadFile(said, found[0][1])


def line_of(text: str, loc: Loc) -> int | None:
    """The line (from 1) that a key of a TOML text stands on, or else the table that it would stand in.

    Goes by the way people write: headers and keys at the beginning of a line. Inline tables and whatever
    else is written in one line are found by the key that the line begins with.
    """
    counts: dict[Loc, int] = {}
    table: Loc = ()
    best: tuple[int, int | None] = (0, None)
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]", line)
        key = re.match(r"\s*([A-Za-z0-9_.\"'-]+)\s*=", line)
        if header:
            table = _numbered(_keys(header[2]), counts, is_array=header[1] == "[[")
            here = table
        elif key:
            here = table + _keys(key[1])
        else:
            continue
        if here == loc[: len(here)] and len(here) > best[0]:
            best = (len(here), number)
    return best[1]


def _keys(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in text.split("."))


def _numbered(keys: Sequence[str], counts: dict[Loc, int], is_array: bool) -> Loc:
    """The location of a table header, with the numbers of the arrays of tables that it lies in."""
    loc: Loc = ()
    for depth, key in enumerate(keys):
        loc += (key,)
        is_new = is_array and depth == len(keys) - 1
        if is_new:
            counts[loc] = counts.get(loc, -1) + 1
        if loc in counts:
            loc += (counts[loc],)
    return loc


def _one(item: Any, path: Path, text: str) -> tuple[str, str]:
    loc: Loc = tuple(item["loc"])
    where = place(path, text, loc)
    key = str(loc[-1]) if loc else ""
    if item["type"] == "extra_forbidden":
        known = _known_keys(loc)
        near = get_close_matches(key, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        return f"{where}: there is no key {key}", hint
    if item["type"] == "missing":
        return f"{where}: {key} is missing", "`asicrc station init` writes an example to go by"
    said = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "value_error":
        return f"{where}: {said}", ""
    said = said.removeprefix("Input ")
    shown = repr(item["input"])[:_LONGEST_VALUE]
    return f"{where}: {key} = {shown} {said}", "`asicrc station schema` says what each key takes"


def _known_keys(loc: Loc) -> list[str]:
    from asicrc.bench.station import Cooling, Limits, Station, StationDevice, StationInfo, Supervision

    tables: dict[str, type[BaseModel]] = {
        "station": StationInfo,
        "device": StationDevice,
        "cooling": Cooling,
        "limits": Limits,
        "supervision": Supervision,
        "widen_beyond_built_in": Limits,
    }
    within = [part for part in loc[:-1] if isinstance(part, str)]
    model = tables[within[-1]] if within else Station
    return [field.alias or name for name, field in model.model_fields.items()]


def place(path: Path, text: str, loc: Loc) -> str:
    """`station.toml, line 12, [[device]] 2, limits`."""
    parts = [str(path)]
    number = line_of(text, loc)
    if number is not None:
        parts.append(f"line {number}")
    for depth, part in enumerate(loc[1:], 1):
        before = loc[depth - 1]
        if isinstance(part, int):
            parts.append(f"[[{before}]] {part + 1}")
        elif isinstance(before, str):
            parts.append(before)
    return ", ".join(parts)


def _walk(value: Any, loc: Loc) -> Iterator[tuple[Loc, Any]]:
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield (*loc, key), inner
        yield from _walk(inner, (*loc, key))


def _has_secret(url: str) -> bool:
    _, _, query = url.partition("?")
    keys = [option.partition("=")[0] for option in query.split("&")]
    return bool(_URL_WITH_LOGIN.search(url)) or any(_SECRET_KEY.search(key) for key in keys)
