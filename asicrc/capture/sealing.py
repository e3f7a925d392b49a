"""The seal of a capture: one file without companions, its mark and digest written last; and its breaking."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from asicrc.capture.digest import content_digest
from asicrc.capture.schema import DIGEST_KEY, EARLIER_SEALS_KEY, END_REASON_KEY, SEALED_KEY
from asicrc.errors import BadFile

BUSY_S = 10.0
"""How long another program that reads the file is waited for."""
_AGAIN_AFTER_S = 0.005
_ALTERED = "the file is damaged or was altered: get it again from where it was written"


def seal(connection: sqlite3.Connection, reason: str) -> str:
    """Everything is committed: give up the log, mark the file, return its digest. Errors of sqlite3 pass."""
    busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise sqlite3.OperationalError("another program is reading it and does not stop")
    _give_up_the_log(connection)
    return _mark(connection, reason)


def seals_with_this_one(connection: sqlite3.Connection, path: Path) -> list[Any] | None:
    """What `earlier_seals` is to hold once the seal is broken; None for a file that is not sealed.

    Raises BadFile for a file that was changed after it was sealed. Errors of sqlite3 pass.
    """
    kept = dict(connection.execute("SELECT key, value FROM capture"))
    if SEALED_KEY not in kept:
        return None
    digest = content_digest(connection)
    if json.dumps(digest) != kept.get(DIGEST_KEY):
        raise BadFile(f"{path} was changed after it was sealed: its digest does not fit", _ALTERED)
    try:
        reason = json.loads(kept[END_REASON_KEY])
        return [*json.loads(kept.get(EARLIER_SEALS_KEY, "[]")), {"digest": digest, "reason": reason}]
    except (KeyError, TypeError, ValueError, RecursionError):
        raise BadFile(f"{path} does not say how it ended, in words that asicrc writes", _ALTERED) from None


def _give_up_the_log(connection: sqlite3.Connection) -> None:
    """SQLite does not wait here by itself: who looks at that moment would keep the file unsealed."""
    pause = threading.Event()
    for _ in range(round(BUSY_S / _AGAIN_AFTER_S)):
        try:
            connection.execute("PRAGMA journal_mode = DELETE")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        pause.wait(_AGAIN_AFTER_S)
    raise sqlite3.OperationalError("another program is reading it and does not stop")


def _mark(connection: sqlite3.Connection, reason: str) -> str:
    insert = "INSERT OR REPLACE INTO capture VALUES (?, ?)"
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(insert, [(SEALED_KEY, "true"), (END_REASON_KEY, json.dumps(reason))])
        digest = content_digest(connection)
        connection.execute(insert, (DIGEST_KEY, json.dumps(digest)))
        connection.execute("COMMIT")
    except BaseException:  # an interrupt must not leave half a seal for `close` to commit
        with suppress(sqlite3.Error):
            connection.rollback()
        raise
    return digest
