"""Rows of a capture file as JSON, and back: what comes from a broker is checked to the last cell.

A row is a list: its number (SQLite's rowid), then its cells in the order of the table's columns. Blobs are
hex, NULL is null, an infinite real is "inf" or "-inf".
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from asicrc.capture.event_rows import events_from_rows
from asicrc.capture.points import point_from_row
from asicrc.capture.record_rows import (
    anchor_from_row,
    job_from_row,
    log_line_from_row,
    meta_from_row,
    reading_from_row,
    segment_from_row,
    setting_from_row,
    wire_chunk_from_row,
)
from asicrc.capture.schema import RESERVED_KEYS, TABLES, create_tables
from firmware_protocols.device import NO_TIME

Row = tuple[Any, ...]
ADDED = ("segments", "anchors", "jobs", "events", "readings", "settings", "wire", "log")
"""Tables that only grow, in the order in which they are sent: what an event refers to comes before it."""
REPLACED = ("capture", "points")
"""Tables whose rows may be written again."""
_HIGHEST_ROW = (1 << 63) - 1
_STAMPED = 5
"""Columns of an event up to the last of its stamps."""


class Column(NamedTuple):
    name: str
    kind: str
    nullable: bool


def _columns() -> dict[str, tuple[Column, ...]]:
    connection = sqlite3.connect(":memory:")
    try:
        create_tables(connection)
        return {
            table: tuple(
                Column(name, kind, not (required or key))
                for _, name, kind, required, _, key in connection.execute(f"PRAGMA table_info({table})")
            )
            for table in TABLES
        }
    finally:
        connection.close()


COLUMNS = _columns()
_BLOBS, _REALS = (
    {
        table: [place for place, column in enumerate(columns) if column.kind == kind]
        for table, columns in COLUMNS.items()
    }
    for kind in ("BLOB", "REAL")
)
_NUMBERED = {
    table: "PRIMARY KEY" in statement and "WITHOUT ROWID" not in statement
    for table, statement in TABLES.items()
}
"""Whether the first column is the number of the row."""


def encoded(table: str, cells: Sequence[Any]) -> list[Any]:
    """The cells of a row for JSON."""
    found = list(cells)
    for place in _BLOBS[table]:
        if found[place] is not None:
            found[place] = found[place].hex()
    for place in _REALS[table]:
        cell = found[place]
        if cell is not None and math.isinf(cell):
            found[place] = "inf" if cell > 0 else "-inf"
    return found


def decoded(table: str, rows: Sequence[Sequence[Any]]) -> list[Row]:
    """Rows as SQLite takes them, the number first (not for `capture` and `points`).

    Raises ValueError, which says what is wrong, for anything that no asicrc writes.
    """
    numbered = table in ADDED
    columns = COLUMNS[table]
    found: list[Row] = []
    for row in rows:
        if len(row) != len(columns) + numbered:
            raise ValueError(f"a row of {table} has {len(columns) + numbered} values, not {len(row)}")
        cells = tuple(map(_from_json, columns, row[numbered:]))
        if numbered:
            number = row[0]
            if type(number) is not int or not 0 <= number <= _HIGHEST_ROW:
                raise ValueError(f"{str(number)[:30]!r} numbers no row")
            if _NUMBERED[table] and cells[0] != number:
                raise ValueError(f"row {number} of {table} states another number")
            cells = (number, *cells)
        found.append(cells)
    _check(table, [row[numbered:] for row in found])
    return found


def _check(table: str, rows: list[Row]) -> None:
    if table == "events":
        filled = [tuple(NO_TIME if cell is None else cell for cell in row[:_STAMPED]) for row in rows]
        events_from_rows([head + row[_STAMPED:] for head, row in zip(filled, rows, strict=True)])
        return
    for row in rows:
        _CHECKS[table](row)


def _check_meta(row: Row) -> None:
    key, _ = meta_from_row(row)
    if key in RESERVED_KEYS:
        raise ValueError(f"the key {key!r} is written by sealing alone")


_CHECKS: dict[str, Callable[[Row], object]] = {
    "capture": _check_meta,
    "segments": segment_from_row,
    "anchors": anchor_from_row,
    "jobs": job_from_row,
    "readings": reading_from_row,
    "settings": setting_from_row,
    "points": point_from_row,
    "wire": wire_chunk_from_row,
    "log": log_line_from_row,
}


def _from_json(column: Column, cell: Any) -> Any:
    if cell is None:
        if not column.nullable:
            raise ValueError(f"{column.name} is missing")
        return None
    match column.kind:
        case "INTEGER":
            if type(cell) is int:
                return cell
        case "REAL":
            if type(cell) is float or type(cell) is int:
                return float(cell)
            if cell in ("inf", "-inf"):
                return float(cell)
        case "BLOB":
            if type(cell) is str:
                return bytes.fromhex(cell)
        case _:
            if type(cell) is str:
                return cell
    raise ValueError(f"{column.name} is no {column.kind.lower()}")
