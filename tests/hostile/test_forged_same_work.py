"""A capture that someone altered, compared with the original, and as work to send again."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from forged_files import Commands, forged, meta, sampled, within_meta
from test_forged_captures import FORGERIES, HOSTILE_JSON, INSIDE, WITHIN, sealed_anew

from asicrc.capture import load
from asicrc.errors import BadFile, UsageError
from asicrc.work.recorded_jobs import RecordedJobs

COMPARED = [name for name in FORGERIES if not name.startswith("wire")]
READ = [place for place in INSIDE if place[0] in ("identity", "jitter_floor", "pulled")]
OF_JOBS = ("jobs", "job", "no", "one", "damaged")
FORGED_WORK: dict[str, tuple[Any, ...]] = {
    name: edits for name, edits in FORGERIES.items() if name.split()[0] in OF_JOBS
} | {"all jobs at once": ("UPDATE jobs SET sent_ns = 1000",)}


def compare_both_ways(commands: Commands, original: Path, path: Path) -> set[int]:
    text = commands("compare", original, path)
    back = commands("compare", path, original, "--json", "--figure", path.parent / "figure.png")
    return {text.code, back.code}


@pytest.mark.parametrize("name", COMPARED[::7])  # all of them: see the long tests
def test_a_forged_capture_is_compared(name: str, emulated: Path, commands: Commands, tmp_path: Path) -> None:
    path = forged(emulated, tmp_path / "x.asicrc", *FORGERIES[name])
    assert compare_both_ways(commands, emulated, path) <= {0, 1, 4}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", sampled(COMPARED))
def test_every_forgery_is_compared(name: str, emulated: Path, commands: Commands, tmp_path: Path) -> None:
    path = forged(emulated, tmp_path / "x.asicrc", *FORGERIES[name])
    assert compare_both_ways(commands, emulated, path) <= {0, 1, 4}
    twin = path.with_stem("y")
    twin.write_bytes(path.read_bytes())
    assert commands("compare", path, twin).code in (0, 1, 4)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", sampled(READ), ids=".".join)
def test_hostile_values_inside_the_objects_are_compared(
    place: tuple[str, ...], emulated: Path, commands: Commands, tmp_path: Path
) -> None:
    for value in WITHIN.values():
        path = forged(emulated, tmp_path / "x.asicrc", within_meta(place, value))
        assert commands("compare", emulated, path, "--json").code in (0, 1, 4)


@pytest.mark.parametrize("key", ["identity", "pulled", "jitter_floor", "digest"])
def test_hostile_json_is_no_work(key: str, emulated: Path, tmp_path: Path) -> None:
    for value in HOSTILE_JSON.values():
        path = forged(emulated, tmp_path / "x.asicrc", meta(key, value))
        with pytest.raises((BadFile, UsageError)), load(path) as capture:
            RecordedJobs(capture)  # without the digest that such a file would have


@pytest.mark.parametrize("name", FORGED_WORK)
def test_forged_work_has_a_schedule_or_is_refused(name: str, emulated: Path, tmp_path: Path) -> None:
    path = forged(emulated, tmp_path / "x.asicrc", *FORGED_WORK[name], sealed_anew)
    try:
        with load(path) as capture:
            jobs = RecordedJobs(capture)
    except (BadFile, UsageError) as refused:
        assert str(refused)
        return
    jobs.begin(10**15)
    last_ns = 10**15
    while (due_ns := jobs.due_ns) is not None:
        assert due_ns >= last_ns
        last_ns = due_ns
        assert len(jobs.take(due_ns).job.merkle_root or b"") == 32
    assert jobs.ends_ns is not None
    assert jobs.ends_ns > last_ns


def test_work_in_no_time_is_too_often(emulated: Path, commands: Commands, tmp_path: Path) -> None:
    path = forged(emulated, tmp_path / "x.asicrc", _crowd, sealed_anew)
    target = tmp_path / "b.asicrc"
    ran = commands("capture", "-d", "sim:bm1366", "--replay-work", path, "-o", target, "--json")
    assert ran.code == 2
    assert "too often" in ran.json["error"]["message"]


def _crowd(connection: sqlite3.Connection) -> None:
    """3,000 more jobs, all sent at the moment of the last one."""
    last = list(connection.execute("SELECT * FROM jobs ORDER BY number DESC LIMIT 1").fetchone())
    marks = ", ".join("?" * len(last))
    for number in range(1000, 4000):
        connection.execute(f"INSERT INTO jobs VALUES ({marks})", [number, *last[1:]])
