"""The capture file as the outbox: whatever was not acknowledged is read from it again, at any later time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from asicrc.capture.opening import RowBudget, reading
from asicrc.capture.reader import load
from asicrc.capture.record_rows import meta_from_row
from asicrc.capture.schema import DIGEST_KEY, END_REASON_KEY, RESERVED_KEYS, SCHEMA_VERSION, SEALED_KEY
from asicrc.errors import BadFile, UsageError
from asicrc.telemetry.mqtt.change_log import ChangeLog
from asicrc.telemetry.mqtt.messages import LARGEST_MESSAGE_BYTES
from asicrc.telemetry.mqtt.rows import ADDED, COLUMNS, encoded

Cursors = dict[str, int | None]
"""Of each table the number of its last row that is meant; None before its first."""
BATCH_ROWS = 1_000
BATCH_BYTES = 128 << 10
"""A batch ends at the first of the two. A single row may be larger."""
BATCHES_AT_ONCE = 16
ROW_BYTES_MOST = LARGEST_MESSAGE_BYTES // 2
_BEFORE_ALL = -1
_SAYS_WHICH = ("asicrc_version", "command", "device_url", "platform", "seed")
"""What the file says of itself from its first moment on."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one table that follow on row `after`."""

    table: str
    after: int | None
    rows: list[list[Any]]

    @property
    def last(self) -> int:
        return int(self.rows[-1][0])


@dataclass(frozen=True, slots=True)
class Sealed:
    """How the source ended: reason, content digest, and the last row of each table."""

    reason: str
    digest: str
    last: Cursors


@dataclass(slots=True)
class Taken:
    """What one look brought. `sealed` only when everything is in `batches` or was taken before."""

    batches: list[Batch] = field(default_factory=list)
    sealed: Sealed | None = None


class Outbox:
    """Of one capture file, being written or sealed. Raises BadFile for what is no capture.

    Each look opens the file for a moment only, so that its writer can seal it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        capture = load(path)
        meta = capture.meta
        with reading(path) as (connection, _):
            version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            raise UsageError(
                f"{path} is of schema {version}; rows of schema {SCHEMA_VERSION} are published",
                "show it with `asicrc show`, or copy the file itself",
            )
        segments = capture.segments()
        if not segments:
            raise BadFile(f"{path} has no segment", "the file is damaged, or it was not written by asicrc")
        first = segments[0]
        self.device = str(meta.get("device_url", "imported"))
        says = [first.t_start_ns, first.reason, first.boot_id, *(meta.get(key) for key in _SAYS_WHICH)]
        self.name = sha256(json.dumps(says).encode()).hexdigest()[:16]
        """Which capture it is, wherever the file lies: from what is in it from the start."""
        self.asicrc_version = str(meta.get("asicrc_version", "unknown"))
        self.changes = ChangeLog()

    def boot_id(self) -> str | None:
        """Of the machine whose clock stamps the events now; None for a clock that is no machine's."""
        return load(self.path).segments()[-1].boot_id

    def sealed(self) -> bool:
        return load(self.path).sealed

    def take(self, sent: Mapping[str, int | None], batches: int = BATCHES_AT_ONCE) -> Taken:
        """At most so many batches that follow on `sent`, as one moment of the file has them.

        Replaced rows that are new since the last look go into `changes`.
        """
        taken = Taken()
        with reading(self.path) as (connection, budget):
            connection.execute("BEGIN")
            says = dict(map(_meta, connection.execute("SELECT * FROM capture")))
            self.changes.look(connection, budget)
            last: Cursors = {}
            for table in ADDED:
                left = batches - len(taken.batches)
                last[table] = self._take_table(
                    connection, budget, table, sent.get(table), left, taken.batches
                )
            if says.get(SEALED_KEY) is True and len(taken.batches) < batches:
                taken.sealed = Sealed(str(says[END_REASON_KEY]), str(says[DIGEST_KEY]), last)
        return taken

    def counts(self) -> dict[str, int]:
        """Highest event number and job number, for the lag."""
        with reading(self.path) as (connection, _):
            return {
                table: int(connection.execute(f"SELECT coalesce(max(rowid), -1) FROM {table}").fetchone()[0])
                for table in ADDED
            }

    def _take_table(
        self,
        connection: sqlite3.Connection,
        budget: RowBudget,
        table: str,
        after: int | None,
        batches: int,
        found: list[Batch],
    ) -> int | None:
        if batches <= 0:
            return after
        query = f"SELECT rowid, * FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT ?"
        rows = connection.execute(
            query, (_BEFORE_ALL if after is None else after, batches * BATCH_ROWS)
        ).fetchall()
        budget.spend(len(rows))
        batch: list[list[Any]] = []
        size = 0
        for row in rows:
            cells = [row[0], *encoded(table, row[1:])]
            row_bytes = _size(cells)
            if row_bytes > ROW_BYTES_MOST:
                raise BadFile(
                    f"{self.path}: row {row[0]} of {table} has {row_bytes} bytes, too many for a message",
                    "copy the file itself",
                )
            if batch and (size + row_bytes > BATCH_BYTES or len(batch) >= BATCH_ROWS):
                found.append(Batch(table, after, batch))
                after, batch, size, batches = batch[-1][0], [], 0, batches - 1
                if batches <= 0:
                    return after
            batch.append(cells)
            size += row_bytes
        if batch:
            found.append(Batch(table, after, batch))
            after = batch[-1][0]
        return after


def columns_of(table: str) -> list[str]:
    return ["row", *(column.name for column in COLUMNS[table])]


def _meta(row: tuple[Any, ...]) -> tuple[str, Any]:
    return meta_from_row(row) if row[0] in RESERVED_KEYS else (str(row[0]), None)


def _size(cells: list[Any]) -> int:
    """About what it takes as JSON."""
    return sum(len(cell) + 3 if type(cell) is str else 12 for cell in cells)
