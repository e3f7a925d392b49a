"""Rows on their way through JSON: nothing is lost, and what no asicrc writes is refused."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from captures import begun, ended, grow

from asicrc.capture.schema import TABLES
from asicrc.telemetry.mqtt.messages import LARGEST_MESSAGE_BYTES, Acknowledgement, Rows, parsed
from asicrc.telemetry.mqtt.outbox import BATCH_BYTES, Outbox, columns_of
from asicrc.telemetry.mqtt.rows import ADDED, COLUMNS, REPLACED, decoded, encoded


def test_every_table_is_sent_one_way_or_the_other() -> None:
    assert set(ADDED) | set(REPLACED) == set(TABLES)
    assert not set(ADDED) & set(REPLACED)


def test_what_goes_through_json_is_what_was_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    writer = begun(path)
    grow(writer, 300)
    ended(writer)
    with sqlite3.connect(path) as connection:
        for table in ADDED:
            rows = connection.execute(f"SELECT rowid, * FROM {table}").fetchall()
            assert rows, table
            sent = [[row[0], *encoded(table, row[1:])] for row in rows]
            assert decoded(table, json.loads(json.dumps(sent, allow_nan=False))) == rows
        points = connection.execute("SELECT * FROM points").fetchall()
        assert decoded("points", [encoded("points", row) for row in points]) == points
    connection.close()


GOOD_EVENT = [7, 7, 0, 1, None, None, 1, 1, 5, 0, 0, "00ff", 2, -1, -1, -1, 1.5, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("events", GOOD_EVENT[:-1]),
        ("events", [8, *GOOD_EVENT[1:]]),
        ("events", [*GOOD_EVENT[:8], 1 << 32, *GOOD_EVENT[9:]]),
        ("events", [*GOOD_EVENT[:11], "zz", *GOOD_EVENT[12:]]),
        ("events", [*GOOD_EVENT[:11], "00" * 17, *GOOD_EVENT[12:]]),
        ("events", [*GOOD_EVENT[:16], "1.5", *GOOD_EVENT[17:]]),
        ("events", [*GOOD_EVENT[:17], 99, *GOOD_EVENT[18:]]),
        ("events", [True, *GOOD_EVENT[1:]]),
        ("readings", [1, None, None, 1.0]),
        ("readings", [1, 1 << 70, "temperature_c", 1.0]),
        ("readings", [-1, 0, "temperature_c", 1.0]),
        ("anchors", [1, 0, None, 1]),
        ("log", [1, 0, "info", ["text"]]),
        ("wire", [0, 0, 0, None, None, "sideways", "00"]),
        ("segments", [0, 1, 0, "start", None]),
        ("capture", ["sealed", "true"]),
        ("capture", ["plan", "{not json"]),
        ("points", [1, 0, None, "no state", "{}"]),
    ],
)
def test_rows_that_no_asicrc_writes_are_refused(table: str, row: list[object]) -> None:
    assert decoded("events", [GOOD_EVENT])[0][:4] == (7, 7, 0, 1)
    with pytest.raises(ValueError, match=r"."):
        decoded(table, [row])


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[" * 100_000,
        b'{"format":2,"batch":1,"after":null,"columns":[],"rows":[[1]]}',
        b'{"format":1,"batch":1,"after":-1,"columns":[],"rows":[[1]]}',
        b'{"format":1,"batch":1,"after":null,"columns":[],"rows":[]}',
        b'{"format":1,"batch":1,"after":null,"columns":[],"rows":[[1]],"more":1}',
        b'{"format":1,"batch":1,"after":1e300,"columns":[],"rows":[[1]]}',
        b'{"format":1,"batch":1,"after":null,"columns":[],"rows":[[1]]}' + b" " * LARGEST_MESSAGE_BYTES,
    ],
)
def test_messages_that_are_none_are_refused_in_one_line(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parsed(Rows, payload)
    assert "\n" not in str(caught.value)


def test_an_acknowledgement_is_the_same_on_the_other_side() -> None:
    said = Acknowledgement(committed={"events": 3, "log": None}, session="s", change=2, sealed=None)
    assert parsed(Acknowledgement, said.payload()) == said


def test_the_outbox_gives_batches_that_follow_on_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    writer = begun(path)
    grow(writer, 4_500)
    outbox = Outbox(path)
    sent: dict[str, int | None] = {}
    seen: dict[str, list[int]] = {table: [] for table in ADDED}
    while True:
        taken = outbox.take(sent, batches=3)
        assert taken.sealed is None
        assert len(taken.batches) <= 3
        if not taken.batches:
            break
        for batch in taken.batches:
            assert batch.after == sent.get(batch.table)
            payload = Rows(
                batch=1, after=batch.after, columns=columns_of(batch.table), rows=batch.rows
            ).payload()
            assert len(payload) < 2 * BATCH_BYTES
            seen[batch.table] += [row[0] for row in batch.rows]
            sent[batch.table] = batch.last
    assert seen["events"] == list(range(4_500))
    assert len(seen["wire"]) == len(seen["log"]) == 1
    assert outbox.changes.last == 6  # five things that the file says of itself, and a point
    digest = ended(writer)
    taken = outbox.take(sent)
    assert taken.sealed is not None
    assert taken.sealed.digest == digest
    assert taken.sealed.last == sent
    assert outbox.changes.last == 8


def test_a_capture_has_one_name_wherever_its_file_lies(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    writer = begun(path)
    name = Outbox(path).name
    grow(writer, 10)
    ended(writer)
    moved = path.rename(tmp_path / "b.asicrc")
    assert Outbox(moved).name == name
    with begun(tmp_path / "c.asicrc", seed=2):
        assert Outbox(tmp_path / "c.asicrc").name != name


def test_columns_are_those_of_the_tables() -> None:
    assert columns_of("anchors") == ["row", "segment", "realtime_ns", "monotonic_ns"]
    assert [c.name for c in COLUMNS["events"] if c.kind == "BLOB"] == ["extranonce2"]
