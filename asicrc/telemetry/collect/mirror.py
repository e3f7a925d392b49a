"""A capture file that grows by the rows of another one, until it is the same down to its digest."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import cast

from asicrc.capture.digest import content_digest
from asicrc.capture.new_file import place
from asicrc.capture.opening import reading
from asicrc.capture.reader import load
from asicrc.capture.schema import (
    DIGEST_KEY,
    END_REASON_KEY,
    RESERVED_KEYS,
    SEALED_KEY,
    create_tables,
)
from asicrc.capture.writer import CaptureWriter
from asicrc.errors import StorageError
from asicrc.telemetry.mqtt.rows import ADDED, COLUMNS, Row

DISK_KEPT_FREE_BYTES = 256 << 20


class RowsMissing(Exception):
    """What came does not follow on what is there."""


class Mirror:
    """Of one capture. Rows that are there already are passed over; what is added is safe after `commit`.

    A sealed one is opened for writing only when its source has gone on. Use from one task at a time, but for
    `close`. Raises BadFile for a file that is no capture, StorageError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sealed: str | None = None
        """Digest, when sealed."""
        self.cursors: dict[str, int | None] = dict.fromkeys(ADDED)
        """The last row of each table, committed or not."""
        self.committed: dict[str, int | None] = dict(self.cursors)
        self.changed = False
        """Whether something is there that is not committed."""
        self._writer: _Writer | None = None
        self._busy = threading.RLock()
        """Committing and sealing go on in their thread where the task that waits for them is cancelled."""
        if path.exists():
            capture = load(path)
            meta = capture.meta
            if meta.get(SEALED_KEY) is True:
                self.sealed = str(meta.get(DIGEST_KEY))
            self._read_cursors()

    def add(self, table: str, after: int | None, rows: Sequence[Row]) -> int:
        """Add checked rows of a table that grows; how many were new. Raises RowsMissing, ValueError."""
        last = self.cursors[table]
        if after is not None and (last is None or after > last):
            raise RowsMissing
        new = [row for row in rows if last is None or row[0] > last]
        if any(a[0] >= b[0] for a, b in pairwise(new)):
            raise ValueError(f"rows of {table} are not in their order")
        if new:
            self._open().insert(table, new)
            self.cursors[table] = new[-1][0]
            self.changed = True
        return len(new)

    def replace(self, rows: Sequence[tuple[str, Row]]) -> None:
        """Write checked rows of `capture` and `points` in place of those with the same key."""
        if self.sealed is not None:
            rows = [(table, row) for table, row in rows if not self._holds(table, row)]
        if rows:
            self._open().replace(rows)
            self.changed = True

    def commit(self) -> None:
        with self._busy:
            if self._writer is not None and self.changed:
                self._writer.commit()
                self.changed = False
            self.committed = dict(self.cursors)

    def seal(self, reason: str, digest: str) -> bool:
        """Seal as the source is; False, and nothing is changed, when that would give another digest."""
        with self._busy:
            if self.sealed is not None:
                return self.sealed == digest
            writer = self._open()
            self.commit()
            if writer.digest_when_sealed(reason) != digest:
                return False
            self.sealed = writer.seal(reason)
            self._writer = None
            return True

    def size_bytes(self) -> int:
        found = (self.path, Path(f"{self.path}-wal"))
        return sum(path.stat().st_size for path in found if path.exists())

    def close(self) -> None:
        """What was added is kept, unless a write failed before. Waits for a seal that is under way."""
        with self._busy:
            if self._writer is not None:
                writer, self._writer = self._writer, None
                writer.close()
                self.changed = False

    def _open(self) -> _Writer:
        if self._writer is None:
            if shutil.disk_usage(self.path.parent).free < DISK_KEPT_FREE_BYTES:
                raise StorageError(
                    f"less than {DISK_KEPT_FREE_BYTES >> 20} MiB are free beside {self.path}", "free space"
                )
            if not self.path.exists():
                place(self.path, _empty())
            self._writer = _Writer.mirror(self.path)
            if self.sealed is not None:
                self._writer.unseal()
                self.sealed = None
        return self._writer

    def _holds(self, table: str, row: Row) -> bool:
        key = COLUMNS[table][0].name
        with reading(self.path) as (connection, _):
            found = connection.execute(f"SELECT * FROM {table} WHERE {key} = ?", row[:1]).fetchone()
        return bool(found == row)

    def _read_cursors(self) -> None:
        with reading(self.path) as (connection, _):
            for table in ADDED:
                self.cursors[table] = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0]
        self.committed = dict(self.cursors)


class _Writer(CaptureWriter):
    """Writes rows as they are, with the numbers that they have at their source."""

    @classmethod
    def mirror(cls, path: Path) -> _Writer:
        return cast(_Writer, cls._open(path))  # it makes what it is called on

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        names = ", ".join(column.name for column in COLUMNS[table])
        marks = ", ".join("?" * (len(COLUMNS[table]) + 1))
        self._many(f"INSERT INTO {table}(rowid, {names}) VALUES ({marks})", rows)

    def replace(self, rows: Sequence[tuple[str, Row]]) -> None:
        for table, row in rows:
            self._many(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})", [row])

    def digest_when_sealed(self, reason: str) -> str:
        with self._storage():
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT OR REPLACE INTO capture VALUES (?, ?)",
                [(SEALED_KEY, "true"), (END_REASON_KEY, json.dumps(reason))],
            )
            digest = content_digest(self._connection)
            self._connection.rollback()
        return digest

    def unseal(self) -> None:
        """The source has gone on; it keeps in `earlier_seals` how it had ended."""
        self._many("DELETE FROM capture WHERE key = ?", [(key,) for key in sorted(RESERVED_KEYS)])


def _empty() -> bytes:
    """An SQLite file with the tables of a capture and no rows."""
    memory = sqlite3.connect(":memory:", isolation_level=None)
    try:
        create_tables(memory)
        return memory.serialize()
    finally:
        memory.close()
