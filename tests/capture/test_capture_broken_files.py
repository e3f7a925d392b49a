"""Files that are broken, foreign or made to harm: one clear BadFile each, soon."""

from __future__ import annotations

import os
import re
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from capture_samples import easy_job, events_for, write_sample

from asicrc.capture import CaptureWriter, load, verify
from asicrc.capture.schema import APPLICATION_ID, TABLES
from asicrc.errors import BadFile


def read_everything(path: Path) -> None:
    capture = load(path)
    capture.events()
    capture.jobs()
    for _ in capture.wire():
        pass
    for method in (
        capture.readings,
        capture.settings,
        capture.segments,
        capture.anchors,
        capture.log,
        capture.points,
    ):
        method()
    verify(path)


def refuse(path: Path, *words: str) -> None:
    with pytest.raises(BadFile) as error:
        read_everything(path)
    assert all(word in error.value.message for word in (path.name, *words)), error.value.message
    assert error.value.hint
    assert "\n" not in error.value.message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_sample(tmp_path / "a.asicrc")
    return tmp_path / "a.asicrc"


def altered(path: Path, *statements: str, forged_schema: bool = False) -> Path:
    connection = sqlite3.connect(path)
    if forged_schema:
        connection.execute("PRAGMA writable_schema = ON")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


def test_what_is_no_file(tmp_path: Path) -> None:
    refuse(tmp_path / "missing", "no file")
    (tmp_path / "folder").mkdir()
    refuse(tmp_path / "folder", "folder")
    os.mkfifo(tmp_path / "fifo")
    refuse(tmp_path / "fifo", "regular file")
    (tmp_path / "empty").touch()
    refuse(tmp_path / "empty", "empty")
    (tmp_path / "loop").symlink_to("loop")
    refuse(tmp_path / "loop", "cannot be opened")
    (tmp_path / "text").write_text("timestamp,nonce\n" * 1000)
    refuse(tmp_path / "text", "not a capture")
    (tmp_path / "noise").write_bytes(np.random.default_rng(1).bytes(9999))
    refuse(tmp_path / "noise", "not a capture")
    with pytest.raises(BadFile, match="cannot be opened"):
        load("nul\0byte")


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sample(tmp_path / "a")
    (tmp_path / "a").chmod(0)
    if os.geteuid() == 0:  # permission bits do not bind root
        monkeypatch.setattr("asicrc.capture.opening.os.access", lambda *_: False)
    refuse(tmp_path / "a", "may not be read")


def test_another_application(tmp_path: Path) -> None:
    path = altered(tmp_path / "a", "CREATE TABLE events (x)", "PRAGMA application_id = 42")
    refuse(path, "not a capture", "42")


def test_a_newer_schema(path: Path) -> None:
    refuse(altered(path, "PRAGMA user_version = 7"), "newer asicrc (schema 7, this one reads up to 2)")
    with pytest.raises(BadFile) as error:
        load(path)
    assert "upgrade" in error.value.hint


@pytest.mark.parametrize("version", [0, -3])
def test_a_schema_that_never_existed(path: Path, version: int) -> None:
    refuse(altered(path, f"PRAGMA user_version = {version}"), "never existed")


@pytest.mark.parametrize("share", [0.001, 0.02, 0.3, 0.6, 0.95, 0.9999])
def test_a_truncated_file(path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refuse(path)


def test_flipped_bytes_never_pass_as_a_sound_capture(path: Path) -> None:
    """A change that reading does not notice is found by the digest."""
    whole, original = path.read_bytes(), load(path).events()
    rng = np.random.default_rng(3)
    outcomes = {"refused": 0, "digest": 0, "unused byte": 0}
    for _ in range(60):
        spoilt = bytearray(whole)
        spoilt[int(rng.integers(len(whole)))] ^= int(rng.integers(1, 256))
        path.write_bytes(spoilt)
        try:
            read_everything(path)
            report = verify(path)
        except BadFile:
            outcomes["refused"] += 1
            continue
        if not report.ok:
            outcomes["digest"] += 1
        else:
            assert load(path).events().tobytes() == original.tobytes()
            outcomes["unused byte"] += 1
    print(outcomes)
    assert outcomes["refused"]


HOSTILE: dict[str, tuple[str, ...]] = {
    "view": ("DROP TABLE log", "CREATE VIEW log AS SELECT 1 AS t_ns, 'x' AS level, 'y' AS text"),
    "recursive view": (
        "DROP TABLE log",
        "CREATE VIEW log AS WITH RECURSIVE n(t_ns) AS (SELECT 1 UNION ALL SELECT t_ns + 1 FROM n)"
        " SELECT t_ns, 'x' AS level, 'y' AS text FROM n",
    ),
    "trigger": ("CREATE TRIGGER t AFTER INSERT ON log BEGIN DELETE FROM events; END",),
    "index": ("CREATE INDEX i ON log (abs(t_ns))",),
    "generated column": (
        "DROP TABLE log",
        "CREATE TABLE log (t_ns INTEGER, level TEXT, text TEXT AS (hex(zeroblob(1000000000)))) STRICT",
    ),
    "virtual table": ("DROP TABLE log", "CREATE VIRTUAL TABLE log USING fts5(t_ns, level, text)"),
    "loose types": ("DROP TABLE log", "CREATE TABLE log (t_ns INTEGER, level TEXT, text TEXT)"),
    "check constraint": (
        "DROP TABLE log",
        TABLES["log"].replace("text TEXT NOT NULL", "text TEXT NOT NULL CHECK (1)"),
    ),
    "extra table": ("CREATE TABLE more (x)",),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_schema_of_someone_else(path: Path, kind: str) -> None:
    try:
        altered(path, *HOSTILE[kind])
    except sqlite3.OperationalError as error:
        pytest.skip(f"this SQLite cannot make it: {error}")
    refuse(path, "which no asicrc has written so")


def test_a_missing_table(path: Path) -> None:
    refuse(altered(path, "DROP TABLE points"), "lacks the table 'points'")


def test_a_schema_that_does_not_parse(path: Path) -> None:
    altered(
        path, "UPDATE sqlite_schema SET sql = 'CREATE TABLE log (((' WHERE name = 'log'", forged_schema=True
    )
    refuse(path, "damaged")


def forged(tmp_path: Path, table: str, columns: str, row: tuple[object, ...]) -> Path:
    """A file whose tables look strict, with a row in it that a strict table refuses."""
    path = tmp_path / "forged.asicrc"
    CaptureWriter.create(path, {}).seal("then altered")
    connection = sqlite3.connect(path)
    statement = TABLES[table]
    loose = re.sub(r" (INTEGER|REAL|TEXT|BLOB|NOT NULL)(?! PRIMARY)", "", statement.replace(" STRICT", ""))
    loose = loose.rstrip(", ").replace("), WITHOUT", ") WITHOUT")
    connection.execute(f"DROP TABLE {table}")
    connection.execute(loose)
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(row))})", row)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (statement, table))
    connection.commit()
    connection.close()
    return path


EVENT = {
    "seq": 0, "segment": 0, "t_ns": 1, "n_in_read": 1, "job": 1, "nonce": 1, "version": 1, "ntime": 1,
    "extranonce2": b"", "extranonce2_len": 0, "chip": 0, "core": 0, "subcore": 0, "verdict": 1, "reason": 0,
    "duplicate": 0, "duplicate_reason": 0, "synthetic": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("nonce", "12"), ("nonce", 1.5), ("nonce", 1 << 32), ("nonce", -1), ("nonce", None), ("t_ns", "soon"),
        ("job", -1), ("verdict", 6), ("reason", 99), ("duplicate", 2), ("duplicate_reason", 3),
        ("difficulty", "NaN"), ("extranonce2", "text"), ("extranonce2", bytes(17)), ("extranonce2_len", 17),
        ("core", 40_000), ("synthetic", b""),
    ],
)  # fmt: skip
def test_event_values_of_a_wrong_type_or_range(tmp_path: Path, column: str, value: object) -> None:
    row = EVENT | {column: value}
    refuse(forged(tmp_path, "events", ", ".join(row), tuple(row.values())), "events", column)


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("log", {"t_ns": "x", "level": "info", "text": "y"}),
        ("log", {"t_ns": 1, "level": "info", "text": b"\xff"}),
        ("wire", {"seq": 0, "segment": 0, "direction": "sideways", "data": b""}),
        ("wire", {"seq": 0, "segment": 0, "direction": "rx", "data": 7}),
        ("readings", {"t_ns": 1, "channel": "c", "value": "hot"}),
        ("settings", {"t_ns": 1, "name": "n", "requested": b"", "kind": "set"}),
        ("segments", {"id": -1, "reason": "r"}),
        ("anchors", {"segment": 0, "realtime_ns": 1.5, "monotonic_ns": 1}),
        ("jobs", {"number": 1, "wire_id": "1", "version": 1, "prev_hash": b"short", "ntime": 1, "nbits": 1,
                  "target": bytes(32), "coinbase1": b"", "extranonce1": b"", "coinbase2": b"", "branch": b"",
                  "version_mask": 0, "damaged": 0}),
        ("jobs", {"number": 1, "wire_id": "1", "version": 1, "prev_hash": bytes(32), "ntime": 1, "nbits": 1,
                  "target": bytes(32), "coinbase1": b"", "extranonce1": b"", "coinbase2": b"",
                  "branch": bytes(32 * 65), "version_mask": 0, "damaged": 0}),
        ("capture", {"key": "sealed", "value": "{"}),
        ("capture", {"key": "deep", "value": "[" * 200_000}),
        ("capture", {"key": "wire_counters", "value": "[1]"}),
        ("capture", {"key": "wire_counters", "value": '{"frames": "many"}'}),
        ("capture", {"key": "scan_period_ns", "value": "-5"}),
        ("capture", {"key": "scan_periods", "value": "[[5, 1], [4, 2]]"}),
        ("capture", {"key": "scan_periods", "value": "[[0, -1]]"}),
        ("capture", {"key": "scan_periods", "value": "[[1e400, 1]]"}),
        ("points", {"id": -1, "state": "done", "plan": "{}"}),
        ("points", {"id": 1, "state": "lost", "plan": "{}"}),
        ("points", {"id": 1, "state": "done", "plan": "[1]"}),
        ("points", {"id": 1, "state": "done", "plan": "{"}),
        ("points", {"id": 1, "state": "done", "plan": "[" * 200_000}),
        ("points", {"id": 1, "state": "done", "plan": '{"first_seq": -1}'}),
        ("points", {"id": 1, "state": "done", "plan": '{"end_seq": 1.5}'}),
        ("points", {"id": 1, "state": "done", "plan": '{"requested": {"a": "b"}}'}),
        ("points", {"id": 1, "state": "done", "plan": '{"requested": {"a": NaN}}'}),
        ("points", {"id": 1, "state": "done", "plan": '{"requested": {"a": 1' + "0" * 400 + "}}"}),
    ],
)  # fmt: skip
def test_other_values_of_a_wrong_type_or_range(tmp_path: Path, table: str, row: dict[str, object]) -> None:
    refuse(forged(tmp_path, table, ", ".join(row), tuple(row.values())), table)


def test_text_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with CaptureWriter.create(path, {}) as writer:
        writer.add_log("PLACEHOLDER")
        writer.seal("done")
    path.write_bytes(path.read_bytes().replace(b"PLACEHOLDER", b"PLACE\xff\xfe\xfdDER"))
    refuse(path, "damaged")


def test_a_giant_value(path: Path) -> None:
    refuse(altered(path, "INSERT INTO wire VALUES (99, 0, 1, 1, 'rx', zeroblob(17000000))"), "16 MiB")


def test_a_tree_that_names_its_pages_over_and_over(tmp_path: Path) -> None:
    """An interior page of which every child is the same: rows without end from a small file."""
    path = tmp_path / "a.asicrc"
    events = events_for(easy_job(1), list(range(30_000)))
    with CaptureWriter.create(path, {}) as writer:
        writer.add_events(events)
        writer.seal("done")
    image = bytearray(path.read_bytes())
    page_size = struct.unpack(">H", image[16:18])[0]
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'events'").fetchone()
    start = (root - 1) * page_size
    assert image[start] == 5, "the root of the table is an interior page"
    cells = struct.unpack(">H", image[start + 3 : start + 5])[0]
    for i in range(cells):
        (offset,) = struct.unpack(">H", image[start + 12 + 2 * i : start + 14 + 2 * i])
        image[start + offset : start + offset + 4] = struct.pack(">I", root)  # itself
    image[start + 8 : start + 12] = struct.pack(">I", root)
    path.write_bytes(image)
    refuse(path, "damaged")


def test_application_id_alone_is_not_enough(tmp_path: Path) -> None:
    path = altered(tmp_path / "a", f"PRAGMA application_id = {APPLICATION_ID}", "PRAGMA user_version = 1")
    refuse(path, "lacks the table 'capture'")


def test_rows_without_end_are_ended(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asicrc.capture.opening._SMALLEST_ROW_BYTES", 1 << 40)
    monkeypatch.setattr("asicrc.capture.opening.RowBudget.__init__", _small_budget)
    refuse(path, "more rows than a file of its size can hold")


def _small_budget(self: object, _: int) -> None:
    self._left = 3  # type: ignore[attr-defined]


def test_steps_without_end_are_ended(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asicrc.capture.opening._FREE_STEPS", 0)
    monkeypatch.setattr("asicrc.capture.opening._STEPS_PER_BYTE", 0)
    monkeypatch.setattr("asicrc.capture.opening._STEPS_PER_CALL", 10)
    refuse(path, "takes longer to read")
