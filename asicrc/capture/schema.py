"""The tables of a capture file, and the check that an open file holds exactly them.

One SQLite file per capture. Missing stamps (`NO_TIME`) and missing numbers (NaN) are NULL; 256-bit
targets are 32-byte big-endian blobs; a merkle branch is its 32-byte hashes end to end; values of the
table `capture` are JSON.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from asicrc.errors import BadFile
from firmware_protocols.device import EVENT_DTYPE

APPLICATION_ID = 0x41535243
"""`ASRC`, in the SQLite header at byte 68."""

SCHEMA_VERSION = 2
"""2 brought the last three columns of `jobs`. Files of version 1 are read, and resumed as they are."""

MAX_VALUE_BYTES = 16 << 20
"""Longest text, blob or row, when writing and when reading."""

SEALED_KEY = "sealed"
END_REASON_KEY = "end_reason"
DIGEST_KEY = "digest"
RESERVED_KEYS = frozenset({SEALED_KEY, END_REASON_KEY, DIGEST_KEY})
"""Keys of table `capture` that only sealing writes."""

EARLIER_SEALS_KEY = "earlier_seals"
"""Key of `[{"digest", "reason"}]`: how often the capture had ended before it was gone on with."""

SESSIONS_KEY = "gone_on"
"""Key of what later sessions say of themselves: version, command, device, one entry each."""

SCAN_PERIODS_KEY = "scan_periods"
"""Key of `[[first seq, period_ns], ...]` where the scan period changed on the way."""

SWEEP_KEY = "sweep"
"""Key of the plan of a sweep: what was asked for, and its points in the order in which they are taken."""

WIRE_COUNTERS_KEY = "wire_counters"
"""Key of `{"frames": int, "damaged_frames": int, "skipped_bytes": int}`; absent without a wire."""

RESTORED_KEY = "restored"
"""Whether the session put the device back; absent while it runs, and after a kill."""

SCAN_PERIOD_KEY = "scan_period_ns"
"""Key of the period after which the chip comes round its search space, as the verifier was told it."""

EVENT_COLUMNS = tuple(EVENT_DTYPE.names or ())

TABLES: dict[str, str] = {
    "capture": "CREATE TABLE capture (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "segments": (
        "CREATE TABLE segments (id INTEGER PRIMARY KEY, t_start_ns INTEGER, reason TEXT NOT NULL,"
        " boot_id TEXT) STRICT"
    ),
    "anchors": (
        "CREATE TABLE anchors (segment INTEGER NOT NULL, realtime_ns INTEGER NOT NULL,"
        " monotonic_ns INTEGER NOT NULL) STRICT"
    ),
    "jobs": (
        "CREATE TABLE jobs (number INTEGER PRIMARY KEY, wire_id TEXT NOT NULL, version INTEGER NOT NULL,"
        " prev_hash BLOB NOT NULL, ntime INTEGER NOT NULL, nbits INTEGER NOT NULL, target BLOB NOT NULL,"
        " merkle_root BLOB, coinbase1 BLOB NOT NULL, extranonce1 BLOB NOT NULL, coinbase2 BLOB NOT NULL,"
        " branch BLOB NOT NULL, version_mask INTEGER NOT NULL, chip_target BLOB, sent_ns INTEGER,"
        " damaged INTEGER NOT NULL, algorithm TEXT NOT NULL, claimtrie BLOB, clean INTEGER NOT NULL) STRICT"
    ),
    "events": (
        "CREATE TABLE events (seq INTEGER PRIMARY KEY, segment INTEGER NOT NULL, t_ns INTEGER,"
        " t_kernel_ns INTEGER, t_sent_ns INTEGER, n_in_read INTEGER NOT NULL, job INTEGER NOT NULL,"
        " nonce INTEGER NOT NULL, version INTEGER NOT NULL, ntime INTEGER NOT NULL,"
        " extranonce2 BLOB NOT NULL, extranonce2_len INTEGER NOT NULL, chip INTEGER NOT NULL,"
        " core INTEGER NOT NULL, subcore INTEGER NOT NULL, difficulty REAL, verdict INTEGER NOT NULL,"
        " reason INTEGER NOT NULL, duplicate INTEGER NOT NULL, duplicate_reason INTEGER NOT NULL,"
        " synthetic INTEGER NOT NULL) STRICT"
    ),
    "readings": "CREATE TABLE readings (t_ns INTEGER, channel TEXT NOT NULL, value REAL) STRICT",
    "settings": (
        "CREATE TABLE settings (t_ns INTEGER, name TEXT NOT NULL, requested REAL, read_back REAL,"
        " kind TEXT NOT NULL) STRICT"
    ),
    "points": (
        "CREATE TABLE points (id INTEGER PRIMARY KEY, t_start_ns INTEGER, t_end_ns INTEGER,"
        " state TEXT NOT NULL, plan TEXT NOT NULL) STRICT"
    ),
    "wire": (
        "CREATE TABLE wire (seq INTEGER PRIMARY KEY, segment INTEGER NOT NULL, t_ns INTEGER,"
        " t_kernel_ns INTEGER, direction TEXT NOT NULL, data BLOB NOT NULL) STRICT"
    ),
    "log": "CREATE TABLE log (t_ns INTEGER, level TEXT NOT NULL, text TEXT NOT NULL) STRICT",
}
"""Table name -> the statement that makes it, in the order of the content digest."""

JOB_COLUMNS = {1: 16, 2: 19}
"""Columns of `jobs` by version."""

_OF_VERSION = {
    1: TABLES
    | {
        "jobs": TABLES["jobs"].replace(
            ", algorithm TEXT NOT NULL, claimtrie BLOB, clean INTEGER NOT NULL", ""
        )
    },
    2: TABLES,
}


def create_tables(connection: sqlite3.Connection) -> None:
    """Lay the empty tables and the identity down. The connection must be outside a transaction."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    for statement in TABLES.values():
        connection.execute(statement)


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Raise BadFile unless the file is a capture of a version that this code reads, and nothing else.

    The stored statements have to be that version's to the letter: that leaves a file from someone else
    no place for views, triggers, generated columns, virtual tables or indexes.
    """
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    if application_id != APPLICATION_ID:
        raise BadFile(
            f"{path} is an SQLite file, but not a capture (application id {application_id})",
            "give a capture that `asicrc` wrote; other records have to be imported first",
        )
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise BadFile(
            f"{path} was written by a newer asicrc (schema {version}, this one reads up to {SCHEMA_VERSION})",
            "upgrade: pip install --upgrade asicrc",
        )
    if version < 1:
        raise BadFile(
            f"{path} states schema {version}, which never existed",
            "the file is damaged or was altered: get it again from where it was written",
        )
    found = {
        (str(kind), str(name)): sql
        for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_schema LIMIT 1000")
    }
    tables = _OF_VERSION[version]
    for (kind, name), sql in found.items():
        if kind != "table" or tables.get(name) != sql:
            raise BadFile(
                f"{path} holds the {kind} {name!r}, which no asicrc has written so",
                "the file was altered: read the original; keep own tables and indexes in another file",
            )
    missing = [name for name in tables if ("table", name) not in found]
    if missing:
        raise BadFile(
            f"{path} lacks the table {missing[0]!r}",
            "the file is damaged or was altered: get it again from where it was written",
        )
