"""Rows that a capture writes again: points as they go on, and what the file says of itself.

Which of them are new is found by comparing them with what was seen before. They are numbered from 1 in a
session; a new session begins with all rows that there are.
"""

from __future__ import annotations

import secrets
import sqlite3
from hashlib import blake2b
from typing import Any

from asicrc.capture.opening import RowBudget
from asicrc.capture.points import PointState
from asicrc.capture.schema import RESERVED_KEYS
from asicrc.telemetry.mqtt.rows import encoded

CHANGES_BYTES = 256 << 10
"""Of one message. A single row may be larger."""


class ChangeLog:
    """Kept until `forget`, so that a collector that lost some gets them again."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin a new session: all rows are changes again."""
        self.session = secrets.token_hex(8)
        self.last = 0
        """Number of the newest change."""
        self._first = 1
        self._kept: list[list[Any]] = []
        self._seen: dict[tuple[str, Any], bytes] = {}
        self._points_from = -1

    def look(self, connection: sqlite3.Connection, budget: RowBudget) -> None:
        """Take up what is new in the file."""
        rows = connection.execute("SELECT * FROM capture ORDER BY key").fetchall()
        budget.spend(len(rows))
        for row in rows:
            if row[0] not in RESERVED_KEYS:  # `end` brings them
                self._note("capture", row)
        rows = connection.execute(
            "SELECT * FROM points WHERE id >= ? ORDER BY id", (self._points_from,)
        ).fetchall()
        budget.spend(len(rows))
        running = None
        for row in rows:
            self._note("points", row)
            if running is None and row[3] == PointState.RUNNING.value:
                running = row[0]
        if rows:  # a point that is over is not written again
            self._points_from = rows[-1][0] if running is None else running

    def since(self, change: int) -> tuple[int, list[list[Any]]]:
        """Number of the first of some changes after `change`, and they: the table, then the cells.

        Raises LookupError when they are forgotten.
        """
        if change + 1 < self._first:
            raise LookupError(f"changes before {self._first} are not kept")
        found: list[list[Any]] = []
        size = 0
        for row in self._kept[change + 1 - self._first :]:
            row_bytes = sum(len(str(cell)) for cell in row)
            if found and size + row_bytes > CHANGES_BYTES:
                break
            found.append(row)
            size += row_bytes
        return change + 1, found

    def forget(self, change: int) -> None:
        """Everybody has the changes up to this one."""
        count = min(change, self.last) + 1 - self._first
        if count > 0:
            del self._kept[:count]
            self._first += count

    def _note(self, table: str, row: tuple[Any, ...]) -> None:
        digest = blake2b(repr(row).encode(), digest_size=16).digest()
        if self._seen.get((table, row[0])) == digest:
            return
        self._seen[table, row[0]] = digest
        self.last += 1
        self._kept.append([table, *encoded(table, row)])
