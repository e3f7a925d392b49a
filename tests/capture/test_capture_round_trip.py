"""What is written is what is read, from every table, live and sealed."""

from __future__ import annotations

import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from capture_samples import easy_job, events_for, write_sample
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import asicrc.capture as capture_package
from asicrc.capture import CaptureWriter, load
from asicrc.capture.event_rows import events_from_rows, rows_from_events
from asicrc.capture.schema import APPLICATION_ID, SCHEMA_VERSION
from asicrc.errors import StorageError, UsageError
from firmware_protocols.device import EVENT_DTYPE, NO_TIME, Direction, Job, NonceBatch, empty_events


@pytest.mark.parametrize("sealed", [True, False])
def test_every_table_comes_back(tmp_path: Path, sealed: bool) -> None:
    path = tmp_path / "a?b#c%20.asicrc"
    jobs, events = write_sample(path, sealed=sealed)
    with load(path) as capture:
        assert capture.sealed is sealed
        assert capture.meta["device"] == "test"
        assert capture.meta.get("end_reason") == ("asked to" if sealed else None)
        assert capture.jobs() == jobs
        assert_same(capture.events(), events)
        wire = list(capture.wire())
        assert [w.direction for w in wire] == [Direction.TX, Direction.RX, Direction.RX]
        assert [w.data for w in wire] == [b"\x55\xaa\x00", bytes(range(256)), b""]
        assert [w.stamp.t_ns for w in wire] == [10, 11, NO_TIME]
        assert [w.stamp.kernel_ns for w in wire] == [NO_TIME, 1_700_000_000_000_000_000, NO_TIME]
        assert [(r.t_ns, r.channel, r.value) for r in capture.readings()] == [
            (20, "temperature_c", 51.5),
            (21, "power_w", float("inf")),
        ]
        assert [(s.requested, s.read_back, s.kind) for s in capture.settings()] == [
            (None, 1200.0, "original"),
            (400.0, None, "set"),
        ]
        (segment,) = capture.segments()
        assert (segment.id, segment.t_start_ns, segment.reason, segment.boot_id) == (0, 5, "start", "b-1")
        (anchor,) = capture.anchors()
        assert (anchor.segment, anchor.realtime_ns, anchor.monotonic_ns) == (0, 1_700_000_000_000_000_000, 5)
        (line,) = capture.log()
        assert (line.t_ns, line.level, line.text) == (6, "warning", "start \x00 \\udcff \u20bf")
        assert capture.counters().valid == len(events)
    with pytest.raises(UsageError, match="closed"):
        capture.events()
    if sealed:
        assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_header_of_the_file_says_what_it_is(tmp_path: Path) -> None:
    write_sample(tmp_path / "a.asicrc")
    header = (tmp_path / "a.asicrc").read_bytes()[:100]
    assert header[68:72] == b"ASRC" == APPLICATION_ID.to_bytes(4, "big")
    assert int.from_bytes(header[60:64], "big") == SCHEMA_VERSION
    assert header[18:20] == b"\x01\x01", "a sealed file is not in WAL mode"


def test_distinct_events_leave_duplicates_out(tmp_path: Path) -> None:
    events = events_for(easy_job(1), [1, 1, 2])
    events["duplicate"] = [False, True, False]
    with CaptureWriter.create(tmp_path / "a", {}) as writer:
        writer.add_events(events)
    assert load(tmp_path / "a").events(distinct=True)["nonce"].tolist() == [1, 2]


@st.composite
def event_arrays(draw: st.DrawFn) -> NonceBatch:
    events = draw(hnp.arrays(EVENT_DTYPE, st.integers(0, 5)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    for i in range(len(events)):
        events["seq"][i] = i + draw(st.integers(0, 9)) * 100_000 if i == 0 else events["seq"][i - 1] + 1
    events["job"] &= (1 << 63) - 1
    events["extranonce2_len"] %= 17
    events["extranonce2"][np.arange(16) >= events["extranonce2_len"][:, None]] = 0
    events["verdict"] %= 6
    events["reason"] %= 7
    events["duplicate_reason"] %= 3
    events["t_kernel_ns"][rng.random(len(events)) < 0.5] = NO_TIME
    return events


@given(event_arrays())
def test_events_through_rows(events: NonceBatch) -> None:
    assert_same(events_from_rows([*map(with_markers, rows_from_events(events))]), events)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(event_arrays())
def test_events_through_a_file(events: NonceBatch) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with CaptureWriter.create(Path(folder) / "a", {}) as writer:
            writer.add_events(events)
        assert_same(load(Path(folder) / "a").events(), events)


hashes = st.binary(min_size=32, max_size=32)
u32 = st.integers(0, 2**32 - 1)
targets = st.integers(0, 2**256 - 1)
jobs_strategy = st.builds(
    Job, number=st.integers(1, 2**63 - 1), wire_id=st.text(st.characters(codec="utf-8"), max_size=20),
    version=u32, prev_hash=hashes, ntime=u32, nbits=u32, target=targets,
    merkle_root=st.none() | hashes, coinbase1=st.binary(max_size=99), extranonce1=st.binary(max_size=9),
    coinbase2=st.binary(max_size=99), branch=st.lists(hashes, max_size=3).map(tuple), version_mask=u32,
    chip_target=st.none() | targets, sent_ns=st.integers(-(2**63), 2**63 - 1), damaged=st.booleans(),
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(jobs_strategy, max_size=3, unique_by=lambda job: job.number))
def test_jobs_through_a_file(jobs: list[Job]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with CaptureWriter.create(Path(folder) / "a", {}) as writer:
            writer.add_jobs(jobs)
        assert load(Path(folder) / "a").jobs() == sorted(jobs, key=lambda job: job.number)


def test_rows_that_do_not_fit_are_refused_whole(tmp_path: Path) -> None:
    with CaptureWriter.create(tmp_path / "a", {}) as writer:
        events = events_for(easy_job(1), [1, 2, 3])
        events["seq"] = [5, 6, 5]
        with pytest.raises(ValueError, match="cannot hold this row"):
            writer.add_events(events)
        with pytest.raises(ValueError, match="job 4: a merkle branch"):
            writer.add_jobs([easy_job(3), replace(easy_job(4), branch=(bytes(33),))])
        with pytest.raises(ValueError, match="cannot hold"):
            writer.add_jobs([replace(easy_job(4), target=1 << 256)])
        events["seq"] = [5, 6, 1 << 63]
        with pytest.raises(ValueError, match="seq above"):
            writer.add_events(events)
        with pytest.raises(ValueError, match="sealing alone"):
            writer.set_meta("digest", "x")
        with pytest.raises(ValueError, match="JSON"):
            writer.set_meta("x", float("nan"))
        with pytest.raises(ValueError, match="too big"):
            writer.add_log("x" * (17 << 20))
        assert writer.commit() == 0
        writer.add_events(events[:2])
        assert writer.commit() == 2
        assert writer.next_seq == 7
    capture = load(tmp_path / "a")
    assert capture.events()["seq"].tolist() == [5, 6]
    assert capture.jobs() == []


def test_create_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for existing in (path, tmp_path / "a-wal", tmp_path / "a-journal"):
        existing.write_bytes(b"mine")
        with pytest.raises(UsageError, match="exists already") as error:
            CaptureWriter.create(path, {})
        assert error.value.hint
        assert existing.read_bytes() == b"mine"
        existing.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="exists already"):
        CaptureWriter.create(path, {})
    path.unlink()
    with pytest.raises(UsageError, match="does not exist"):
        CaptureWriter.create(tmp_path / "no" / "a", {})
    with pytest.raises(ValueError, match="JSON"):
        CaptureWriter.create(path, {"x": float("inf")})
    assert list(tmp_path.iterdir()) == []


def test_resume_goes_on_in_a_new_segment(tmp_path: Path) -> None:
    path = tmp_path / "a"
    _, events = write_sample(path, sealed=False)
    with CaptureWriter.resume(path, t_start_ns=99, boot_id="b-2") as writer:
        assert (writer.segment, writer.next_seq, writer.next_job) == (1, len(events), 4)
        assert writer.commit() == len(events)
        with pytest.raises(StorageError, match="another process is writing"):
            CaptureWriter.resume(path)
        more = events_for(easy_job(4), [1], writer.next_seq)
        writer.add_events(more)
        writer.add_wire([], segment=1)
        assert writer.add_segment(100, "reconnect") == 2
        writer.seal("done")
    capture = load(path)
    assert [s.reason for s in capture.segments()] == ["start", "resumed", "reconnect"]
    assert [s.boot_id for s in capture.segments()] == ["b-1", "b-2", None]
    assert len(capture.events()) == len(events) + 1
    with pytest.raises(UsageError, match="sealed"):
        CaptureWriter.resume(path)
    with pytest.raises(UsageError, match="no capture"):
        CaptureWriter.resume(tmp_path / "b")
    with pytest.raises(StorageError, match="closed"):
        writer.add_log("late")


def test_a_reading_outsider_delays_the_seal_but_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    writer = CaptureWriter.create(path, {})
    writer.add_log("kept")
    writer.commit()
    writer._connection.execute("PRAGMA busy_timeout = 50")
    outsider = sqlite3.connect(path)
    try:
        outsider.execute("BEGIN")
        outsider.execute("SELECT * FROM log").fetchall()
        with pytest.raises(StorageError, match="cannot write") as error:
            writer.seal("done")
        assert "close every other program" in error.value.hint
    finally:
        outsider.close()
        writer.close()
    assert not load(path).sealed
    with CaptureWriter.resume(path) as writer:
        digest = writer.seal("done")
    assert load(path).meta["digest"] == digest


def test_the_package_names_its_interface() -> None:
    assert all(hasattr(capture_package, name) for name in capture_package.__all__)
    assert len(empty_events()) == 0


def assert_same(left: NonceBatch, right: NonceBatch) -> None:
    assert left.dtype == right.dtype == EVENT_DTYPE
    assert len(left) == len(right)
    for name in EVENT_DTYPE.names or ():
        np.testing.assert_array_equal(left[name], right[name], name)


def with_markers(row: tuple[object, ...]) -> tuple[object, ...]:
    """What the query makes of NULL stamps."""
    return tuple(NO_TIME if value is None and 2 <= i <= 4 else value for i, value in enumerate(row))
