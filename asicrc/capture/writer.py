"""Writing a capture: rows in, commits out, sealed at the end into one file that can be mailed."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from asicrc.capture import sealing
from asicrc.capture.event_rows import rows_from_events
from asicrc.capture.new_file import place, take_lock
from asicrc.capture.opening import reading
from asicrc.capture.points import PointRecord, point_row
from asicrc.capture.record_rows import (
    job_row,
    null_from_time,
    reading_row,
    setting_row,
    storable,
    wire_row,
)
from asicrc.capture.schema import (
    EARLIER_SEALS_KEY,
    EVENT_COLUMNS,
    JOB_COLUMNS,
    MAX_VALUE_BYTES,
    RESERVED_KEYS,
    SCHEMA_VERSION,
    SEALED_KEY,
    create_tables,
)
from asicrc.errors import BadFile, StorageError, UsageError
from firmware_protocols.device import NO_TIME, Job, NonceBatch, Reading, Setting, WireChunk

_INSERT_EVENT = f"INSERT INTO events VALUES ({', '.join('?' * len(EVENT_COLUMNS))})"
_LAST_SEGMENT = 0xFFFFFFFF


class CaptureWriter:
    """The one writer of a capture file. Use from one thread, or pass it on whole.

    Rows become durable at `commit`, which the caller does on its own schedule. Every method raises
    StorageError when the disk is full or fails; what was committed before is safe then, and the writer
    takes nothing more. Rows that the tables cannot hold raise ValueError.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: int) -> None:
        """Not to be called: use `create` or `resume`."""
        self.path = path
        self.segment = -1
        """The segment that is being written, from 0."""
        self.next_seq = 0
        """Running number for the next event."""
        self.next_job = 1
        self._connection = connection
        self._lock = lock
        self._version = SCHEMA_VERSION
        self._wire_seq = 0
        self._durable = 0
        self._pending = 0
        self._failed = False

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        meta: dict[str, Any],
        *,
        t_start_ns: int = NO_TIME,
        boot_id: str | None = None,
    ) -> CaptureWriter:
        """Make a new capture with segment 0. It is there completely, or there is nothing.

        `meta` goes into the table `capture` as JSON. Raises UsageError if `path` exists or the folder
        does not, StorageError if it cannot be written, ValueError if `meta` is no JSON.
        """
        target = Path(path)
        leftovers = [Path(f"{target}{suffix}") for suffix in ("", "-wal", "-shm", "-journal")]
        for leftover in leftovers:
            if os.path.lexists(leftover):
                raise UsageError(
                    f"{leftover} exists already", "choose another --output, or move it away first"
                )
        if not target.parent.is_dir():
            raise UsageError(
                f"the folder {target.parent} does not exist", "create it, or choose another --output"
            )
        rows = [_meta_row(key, value) for key, value in meta.items()]
        memory = sqlite3.connect(":memory:", isolation_level=None)
        try:
            create_tables(memory)
            memory.executemany("INSERT INTO capture VALUES (?, ?)", rows)
            memory.execute(
                "INSERT INTO segments VALUES (0, ?, 'start', ?)", (null_from_time(t_start_ns), boot_id)
            )
            image = memory.serialize()
        finally:
            memory.close()
        place(target, image)
        writer = cls._open(target)
        writer.segment = 0
        return writer

    @classmethod
    def resume(
        cls,
        path: str | os.PathLike[str],
        *,
        t_start_ns: int = NO_TIME,
        boot_id: str | None = None,
        reason: str = "resumed",
        reopen: bool = False,
    ) -> CaptureWriter:
        """Go on with a capture that was not sealed, in a new segment (committed at once).

        With `reopen` a sealed one is gone on with too: its seal is broken, and `earlier_seals` of the table
        `capture` keeps reason and digest. Raises UsageError if there is no such file or it is sealed, BadFile
        if it is no capture of this version or was changed after it was sealed, StorageError if another
        process is writing it or it cannot be written.
        """
        target = Path(path)
        if not target.is_file():
            raise UsageError(f"there is no capture {target} to resume", "check the path")
        with reading(target):
            pass  # it is a capture of this version, or the error says why not
        writer = cls._open(target)
        try:
            if reopen:
                writer._break_seal()  # noqa: SLF001
            writer._begin_again(t_start_ns, reason, boot_id)  # noqa: SLF001
        except BaseException:
            writer._abandon()  # noqa: SLF001
            raise
        return writer

    def __enter__(self) -> CaptureWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add_events(self, events: NonceBatch) -> None:
        """Append judged events; `seq` must be new (see `next_seq`)."""
        if not len(events):
            return
        self._many(_INSERT_EVENT, rows_from_events(events))
        self._pending += len(events)
        self.next_seq = max(self.next_seq, int(events["seq"].max()) + 1)

    def add_wire(self, chunks: Sequence[WireChunk], segment: int | None = None) -> None:
        """Append raw bytes, in order; `segment` defaults to the current one."""
        segment = self.segment if segment is None else segment
        self._many(
            "INSERT INTO wire VALUES (?, ?, ?, ?, ?, ?)",
            (wire_row(seq, segment, chunk) for seq, chunk in enumerate(chunks, self._wire_seq)),
        )
        self._wire_seq += len(chunks)

    def add_jobs(self, jobs: Iterable[Job]) -> None:
        """Append jobs; each number must be new (see `next_job`)."""
        jobs = list(jobs)
        columns = JOB_COLUMNS[self._version]
        if columns < JOB_COLUMNS[SCHEMA_VERSION] and any(job.algorithm != "sha256d" for job in jobs):
            raise ValueError(f"{self.path} is of schema {self._version}, which holds jobs of Bitcoin only")
        insert = f"INSERT INTO jobs VALUES ({', '.join('?' * columns)})"
        self._many(insert, (job_row(job)[:columns] for job in jobs))
        self.next_job = max([self.next_job, *(job.number + 1 for job in jobs)])

    def add_readings(self, readings: Iterable[Reading]) -> None:
        self._many(
            "INSERT INTO readings VALUES (?, ?, ?)",
            map(reading_row, readings),
        )

    def add_settings(self, settings: Iterable[Setting]) -> None:
        self._many("INSERT INTO settings VALUES (?, ?, ?, ?, ?)", map(setting_row, settings))

    def add_anchor(self, realtime_ns: int, monotonic_ns: int) -> None:
        """Append a pair of clock readings taken together, in the current segment."""
        self._many("INSERT INTO anchors VALUES (?, ?, ?)", [(self.segment, realtime_ns, monotonic_ns)])

    def add_segment(self, t_start_ns: int, reason: str, boot_id: str | None = None) -> int:
        """Begin a new segment (resume, reboot, reconnect) and return its number."""
        self._many(
            "INSERT INTO segments VALUES (?, ?, ?, ?)",
            [(self.segment + 1, null_from_time(t_start_ns), storable(reason), boot_id)],
        )
        self.segment += 1
        return self.segment

    def add_log(self, text: str, level: str = "info", t_ns: int = NO_TIME) -> None:
        """Append a line of log. Bytes that are no text are kept as backslash escapes."""
        self._many("INSERT INTO log VALUES (?, ?, ?)", [(null_from_time(t_ns), level, storable(text))])

    def put_point(self, record: PointRecord) -> None:
        """Write what is known of a point now; what was there under its id is replaced."""
        self._many("INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?, ?)", [point_row(record)])

    def set_meta(self, key: str, value: Any) -> None:
        """Write one value of the table `capture`; a value under that key is replaced.

        Raises ValueError for a key that belongs to sealing and for what is no JSON (NaN included).
        """
        self._many("INSERT OR REPLACE INTO capture VALUES (?, ?)", [_meta_row(key, value)])

    def commit(self) -> int:
        """Make everything durable; return the number of events in the file, all of them safe now."""
        with self._storage():
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
            self._durable += self._pending
            self._pending = 0
        return self._durable

    def seal(self, reason: str) -> str:
        """Commit, end the capture for good, close it and return its content digest.

        After this there is one file without companions. The mark and the digest are written last, so
        a file that says it is sealed is whole. Raises StorageError; the capture is then unsealed,
        readable, and can be resumed and sealed again.
        """
        self.commit()
        with self._storage("close every other program that has it open, then resume and seal it"):
            digest = sealing.seal(self._connection, storable(reason))
        self._abandon()
        return digest

    def recover(self) -> None:
        """Go on after a write that failed, where there is room again. What was not committed is lost."""
        with suppress(sqlite3.Error):  # as a rule there is nothing left to take back
            self._connection.rollback()
        self._failed = False
        self._pending = 0

    def close(self) -> None:
        """Commit and let go of the file without sealing it. Harmless when already closed."""
        try:
            if self._lock >= 0 and not self._failed:
                self.commit()
        finally:
            self._abandon()

    @classmethod
    def _open(cls, path: Path) -> CaptureWriter:
        try:
            lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise StorageError(f"cannot open {path}: {error.strerror}", "check its permissions") from None
        connection = None
        try:
            take_lock(lock, path)
            connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=sealing.BUSY_S
            )
            writer = cls(path, connection, lock)
            with writer._storage("check that the folder can be written and is no network drive"):
                connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
                connection.execute("PRAGMA trusted_schema = OFF")
                if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
                    raise sqlite3.OperationalError("this folder does not allow a write-ahead log")
                connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            if connection is not None:
                connection.close()
            os.close(lock)
            raise
        return writer

    def _break_seal(self) -> None:
        """Take the marks of sealing away, once the file is known to be as it was sealed."""
        with self._storage():
            earlier = sealing.seals_with_this_one(self._connection, self.path)
        if earlier is None:
            return
        self._many("DELETE FROM capture WHERE key = ?", [(key,) for key in sorted(RESERVED_KEYS)])
        self.set_meta(EARLIER_SEALS_KEY, earlier)

    def _begin_again(self, t_start_ns: int, reason: str, boot_id: str | None) -> None:
        """Take the running numbers up where the file ends, and begin a segment."""
        with self._storage():
            get = self._connection.execute
            if get("SELECT 1 FROM capture WHERE key = ?", (SEALED_KEY,)).fetchone():
                raise UsageError(f"{self.path} is sealed and takes no more rows", "start a new capture")
            # In SQL the sum would turn into a fraction at the end of the integers.
            self.segment = get("SELECT coalesce(max(id), -1) FROM segments").fetchone()[0]
            self.next_seq = get("SELECT coalesce(max(seq), -1) FROM events").fetchone()[0] + 1
            self.next_job = get("SELECT coalesce(max(number), 0) FROM jobs").fetchone()[0] + 1
            self._wire_seq = get("SELECT coalesce(max(seq), -1) FROM wire").fetchone()[0] + 1
            self._version = get("PRAGMA user_version").fetchone()[0]
        if not -1 <= self.segment < _LAST_SEGMENT:
            raise BadFile(
                f"{self.path} holds a segment {self.segment} that no asicrc writes",
                "the file is damaged or was altered: get it again from where it was written",
            )
        with self._storage():
            self._durable = get("SELECT count(*) FROM events").fetchone()[0]
        self.add_segment(t_start_ns, reason, boot_id)
        self.commit()

    def _many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Write all of the rows or, when one of them cannot be held, none."""
        execute = self._connection.execute
        with self._storage():
            if not self._connection.in_transaction:
                execute("BEGIN IMMEDIATE")
            execute("SAVEPOINT batch")
            try:
                self._connection.executemany(statement, rows)
            except (sqlite3.IntegrityError, sqlite3.DataError, ValueError, OverflowError) as error:
                execute("ROLLBACK TO batch")
                execute("RELEASE batch")
                raise ValueError(f"{self.path} cannot hold this row: {error}") from None
            execute("RELEASE batch")

    @contextmanager
    def _storage(self, hint: str = "") -> Iterator[None]:
        """Turn what sqlite3 says into errors that name the file and what to do."""
        if self._failed:
            raise self._failure("an earlier write failed", hint)
        if self._lock < 0:
            raise StorageError(f"{self.path} was closed; nothing more can be written", "resume it")
        try:
            yield
        except sqlite3.Error as error:
            self._failed = True
            with suppress(sqlite3.Error):  # the first error is the one to report
                self._connection.rollback()
            raise self._failure(str(error), hint) from None

    def _failure(self, what: str, hint: str) -> StorageError:
        return StorageError(
            f"cannot write to {self.path}: {what}; the {self._durable} events committed so far are safe",
            hint
            or f"free space in {self.path.parent} (or lift the file-size limit), then resume the capture",
        )

    def _abandon(self) -> None:
        if self._lock >= 0:
            self._connection.close()
            # Only now: closing any descriptor of a file drops the locks that SQLite holds on it.
            os.close(self._lock)
            self._lock = -1


def _meta_row(key: str, value: Any) -> tuple[str, str]:
    if key in RESERVED_KEYS:
        raise ValueError(f"the key {key!r} is written by sealing alone")
    return key, json.dumps(value, allow_nan=False)
