"""Opening a capture to read it, on the assumption that the file may be broken or made to harm."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asicrc.capture.schema import MAX_VALUE_BYTES, SEALED_KEY, check_schema
from asicrc.errors import BadFile

_SMALLEST_ROW_BYTES = 4  # of any row of any table, with room to spare
_STEPS_PER_BYTE = 20  # SQLite's virtual machine takes about one to read a capture
_FREE_STEPS = 10_000_000
_STEPS_PER_CALL = 1_000_000


class RowBudget:
    """Ends a reading that returns more rows than a file of this size can hold.

    A damaged or forged B-tree can name the same page over and over.
    """

    def __init__(self, size_bytes: int) -> None:
        self._left = 1000 + size_bytes // _SMALLEST_ROW_BYTES

    def spend(self, rows: int) -> None:
        """Raises sqlite3.DatabaseError when the rows are more than there can be."""
        self._left -= rows
        if self._left < 0:
            raise sqlite3.DatabaseError("it yields more rows than a file of its size can hold")


@contextmanager
def reading(path: Path) -> Iterator[tuple[sqlite3.Connection, RowBudget]]:
    """A checked read-only connection; every error of SQLite inside becomes one BadFile.

    It is opened for each reading and closed after it, so that a writer that wants to seal a file is
    not held up by somebody who only looks at it.
    """
    size_bytes = _size_bytes(path)
    try:
        connection = _open(path, size_bytes)
        try:
            yield connection, RowBudget(size_bytes)
        finally:
            connection.close()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise _explained(path, error) from None


def _size_bytes(path: Path) -> int:
    """Size of the file and its log. Raises BadFile for what cannot be a capture at all."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise BadFile(f"there is no file {path}", "check the path") from None
    except (OSError, ValueError) as error:
        raise BadFile(f"{path} cannot be opened: {error}", "check the path and its permissions") from None
    if stat.S_ISDIR(status.st_mode):
        raise BadFile(f"{path} is a folder, not a capture", "name the .asicrc file inside it")
    if not stat.S_ISREG(status.st_mode):
        raise BadFile(f"{path} is no regular file", "name a capture, a file that ends in .asicrc")
    if not os.access(path, os.R_OK):
        raise BadFile(f"{path} may not be read by this user", "check its permissions")
    if status.st_size == 0:
        raise BadFile(f"{path} is empty", "it was never written, or cut while copying: copy it again")
    return status.st_size + _companion_bytes(Path(f"{path}-wal"))


def _open(path: Path, size_bytes: int) -> sqlite3.Connection:
    """Sealed files are opened as immutable, so that read-only media and folders do."""
    connection = None
    try:
        connection = _connect(path, size_bytes, "mode=ro")
        check_schema(connection, path)
        sealed = connection.execute("SELECT value FROM capture WHERE key = ?", (SEALED_KEY,)).fetchone()
    except BaseException as error:
        if connection is not None:
            connection.close()
        cannot = isinstance(error, sqlite3.OperationalError) and _primary_code(error) in _CANNOT_WRITE_BESIDE
        # A log that cannot be used in this folder matters only when there is something in it.
        if not cannot or _has_content(Path(f"{path}-wal")) or _has_content(Path(f"{path}-journal")):
            raise
        sealed = ("true",)
    else:
        if sealed != ("true",) or _has_content(Path(f"{path}-wal")):
            return connection
        connection.close()
    connection = _connect(path, size_bytes, "mode=ro&immutable=1")
    try:
        check_schema(connection, path)
        page_bytes, pages = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _SIZE_PRAGMAS)
        if page_bytes * pages != path.stat().st_size:  # SQLite would take a cut page for zeros
            raise sqlite3.DatabaseError("its size is not the one that it states")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path, size_bytes: int, options: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}", uri=True, isolation_level=None, timeout=10.0
    )
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    calls_left = (_FREE_STEPS + _STEPS_PER_BYTE * size_bytes) // _STEPS_PER_CALL

    def out_of_steps() -> bool:
        nonlocal calls_left
        calls_left -= 1
        return calls_left < 0

    connection.set_progress_handler(out_of_steps, _STEPS_PER_CALL)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA query_only = ON")
    return connection


_SIZE_PRAGMAS = ("page_size", "page_count")
_CANNOT_WRITE_BESIDE = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR})


def _primary_code(error: BaseException) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _has_content(companion: Path) -> bool:
    return _companion_bytes(companion) > 0


def _companion_bytes(companion: Path) -> int:
    """0 for one that is not there: a log goes as its capture is sealed, at any moment."""
    try:
        return companion.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _explained(path: Path, error: sqlite3.Error | UnicodeDecodeError) -> BadFile:
    again = (
        "copy it again from where it was written and compare the sizes; what can be read of it is not trusted"
    )
    match _primary_code(error):
        case sqlite3.SQLITE_NOTADB:
            return BadFile(
                f"{path} is not a capture (nor any SQLite file)", "give a file that `asicrc` wrote"
            )
        case sqlite3.SQLITE_INTERRUPT:
            return BadFile(
                f"{path} takes longer to read than a file of its size can: it is damaged or forged", again
            )
        case sqlite3.SQLITE_TOOBIG:
            return BadFile(
                f"{path} holds a value above {MAX_VALUE_BYTES >> 20} MiB, which no asicrc writes", again
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return BadFile(
                f"{path} is locked by another program", "close what else has it open and try again"
            )
        case code if code in _CANNOT_WRITE_BESIDE:
            return BadFile(
                f"{path} was not sealed and has a log beside it that cannot be used in this folder: {error}",
                f"copy {path.name} and {path.name}-wal together into a folder that you can write to",
            )
        case _:
            return BadFile(f"{path} is damaged: {error}", again)
