"""The content digest of a capture: SHA-256 over the rows of all tables, in order.

Serialisation, so that any language can check it: for each table of `schema.TABLES` its name as a text
value, then its rows by rowid (`capture`: by key, without the key `digest`). A row is one type letter per
column (`n` NULL, `i` integer, `r` real, `t` text, `b` blob), then big-endian for each column that is not
NULL: the integer in 8 bytes, the real in 8 bytes (IEEE 754), or the length of text (UTF-8) or blob in 8
bytes; then the bytes of the texts and blobs, in column order.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

from asicrc.capture.schema import DIGEST_KEY, TABLES

_ROWS_AT_ONCE = 4096
_LETTERS: dict[type, str] = {type(None): "n", int: "i", float: "r", str: "t", bytes: "b"}
_Layout = tuple[bytes, Callable[..., bytes], tuple[int, ...], bool]
"""Type letters, packer of the fixed part, columns that are text or blob, whether any is NULL."""
_CODES = {"n": "", "i": "q", "r": "d", "t": "q", "b": "q"}


def content_digest(connection: sqlite3.Connection, on_rows: Callable[[int], None] | None = None) -> str:
    """Digest of everything but the digest, 64 hex digits. Errors of sqlite3 pass through.

    `on_rows` is told how many rows each step read; what it raises ends the computation.
    """
    digest = sha256()
    for table in TABLES:
        digest.update(_serialise((table,)))
        for rows in _rows(connection, table):
            digest.update(b"".join(map(_serialise, rows)))
            if on_rows is not None:
                on_rows(len(rows))
    return digest.hexdigest()


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[list[tuple[Any, ...]]]:
    if table == "capture":
        cursor = connection.execute("SELECT * FROM capture WHERE key <> ? ORDER BY key", (DIGEST_KEY,))
    else:
        cursor = connection.execute(f"SELECT * FROM {table} ORDER BY rowid")
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        yield rows


def _serialise(row: tuple[Any, ...]) -> bytes:
    letters = "".join([_LETTERS[type(value)] for value in row])
    layout = _LAYOUTS.get(letters)
    if layout is None:
        layout = _layout(letters)
        if len(_LAYOUTS) < 1024:  # a hostile file could bring any number of patterns
            _LAYOUTS[letters] = layout
    start, pack, texts, has_null = layout
    if not texts:
        return start + pack(*([value for value in row if value is not None] if has_null else row))
    values: list[Any] = list(row)
    bodies = []
    for index in texts:
        value = values[index]
        body = value.encode() if type(value) is str else value
        bodies.append(body)
        values[index] = len(body)
    fixed = pack(*([value for value in values if value is not None] if has_null else values))
    return b"".join([start, fixed, *bodies])


def _layout(letters: str) -> _Layout:
    codes = ">" + "".join([_CODES[letter] for letter in letters])
    texts = tuple(index for index, letter in enumerate(letters) if letter in "tb")
    return letters.encode(), struct.Struct(codes).pack, texts, "n" in letters


_LAYOUTS: dict[str, _Layout] = {}
