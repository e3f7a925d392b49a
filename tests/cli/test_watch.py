"""What `asicrc watch` says of a capture while it is written, sealed, or left behind."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import asicrc as library
from asicrc.capture import CaptureWriter
from asicrc.capture.points import PointRecord, PointState
from asicrc.capture.summary import summarise
from asicrc.cli.main import _run
from asicrc.errors import BadFile
from asicrc.evidence import Estimate
from asicrc.telemetry.capture_view import CaptureView
from asicrc.telemetry.standing import STALE_S, Standing
from asicrc.telemetry.standing_words import line_of, lines_of
from firmware_protocols.device import NonceBatch, Reading, Verdict, empty_events

S = 10**9
BEGAN_NS = 1000 * S


def made(
    count: int, first_seq: int, from_s: float, rate_hz: float, rng: np.random.Generator, **columns: object
) -> NonceBatch:
    """Events of a Poisson process from `from_s` seconds after the beginning on."""
    events = empty_events(count)
    events["seq"] = first_seq + np.arange(count)
    waits_s = rng.exponential(1 / rate_hz, count)
    events["t_ns"] = BEGAN_NS + np.round((from_s + np.cumsum(waits_s)) * S).astype(np.int64)
    events["verdict"] = Verdict.VALID
    for name, value in columns.items():
        events[name] = value
    return events


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.asicrc"


def test_a_capture_is_followed_and_what_was_counted_is_not_read_again(path: Path) -> None:
    rng = np.random.default_rng(1)
    with CaptureWriter.create(path, {"device_url": "sim:x"}) as writer:
        view = CaptureView(path)
        first = view.look()
        assert first.counts["events"] == 0 and first.cv is None and first.rate_per_s is None
        assert not first.sealed and not first.is_stale
        next_seq, counted = 0, 0
        for step in range(5):
            events = made(4000, next_seq, step * 200.0, 20.0, rng)
            events["verdict"][:40] = Verdict.LOW
            events["duplicate"][40:50] = True
            next_seq += len(events)
            writer.add_events(events)
            writer.add_readings([Reading(int(events["t_ns"][-1]), "temperature_c", 50.0 + step)])
            assert view.look().counts["events"] == counted, "not before it is committed"
            writer.commit()
            counted += len(events)
            seen = view.look()
            assert seen.counts["events"] == counted
        whole = library.load(path).counters().as_dict()
        assert seen.counts == {name: whole[name] for name in seen.counts}
        assert seen.counts["low"] == 200 and seen.counts["duplicate"] == 50
        assert seen.readings == {"temperature_c": 54.0}
        assert seen.window_s == pytest.approx(60.0)
        assert seen.rate_per_s is not None and seen.rate_per_s.low < 20 < seen.rate_per_s.high
        assert seen.cv is not None and seen.cv.low < seen.cv.estimate < seen.cv.high
        assert seen.cv.estimate == pytest.approx(1.0, abs=0.1)
        fresh = CaptureView(path).look()
        assert fresh.counts == seen.counts
        assert fresh.rate_per_s == seen.rate_per_s and fresh.cv == seen.cv
        writer.add_log("it is over", "info", BEGAN_NS)
        writer.seal("duration reached")
    last = view.look()
    assert last.sealed and last.ended == "duration reached" and last.commit_age_s is None
    assert last.log == ["info: it is over"]
    assert "ended: duration reached" in line_of(last)


def test_the_point_of_a_plan_is_shown_and_its_numbers_are_of_it_alone(path: Path) -> None:
    rng = np.random.default_rng(2)
    planned = [{"point": n} for n in range(3)]
    with CaptureWriter.create(path, {"sweep": {"points": planned}}) as writer:
        slow, fast = made(200, 0, 0.0, 10.0, rng), made(900, 200, 30.0, 90.0, rng)
        done = {"point": 0, "repeat": 0, "requested": {"voltage_mv": 1200.0}, "first_seq": 0, "end_seq": 200}
        now = {"point": 1, "repeat": 0, "requested": {"voltage_mv": 1180.0}, "first_seq": 200}
        writer.put_point(PointRecord(1, BEGAN_NS, BEGAN_NS + 29 * S, PointState.DONE, done))
        writer.put_point(PointRecord(2, BEGAN_NS + 30 * S, plan=now))
        writer.add_events(np.concatenate([slow, fast]))
        writer.commit()
        seen = CaptureView(path).look()
    assert seen.point is not None
    assert (seen.point.number, seen.point.taken, seen.point.planned) == (2, 1, 3)
    assert seen.rate_per_s is not None and 75 < seen.rate_per_s.estimate < 105
    assert "point 2 (voltage_mv 1180): running, 1 of 3 taken" in line_of(seen)
    assert seen.as_json()["point"]["requested"] == {"voltage_mv": 1180.0}


def test_events_of_a_model_are_counted_apart(path: Path) -> None:
    with CaptureWriter.create(path, {}) as writer:
        writer.add_events(made(500, 0, 0.0, 50.0, np.random.default_rng(3), synthetic=True))
        writer.commit()
        seen = CaptureView(path).look()
    assert seen.counts["events"] == 0 and seen.counts["synthetic"] == 500
    assert seen.invalid_share is None and seen.rate_per_s is not None
    assert "stored 500 rows: 0 events checked  500 synthetic" in line_of(seen)
    assert "stored 500 rows in" in (full := "\n".join(lines_of(seen)))
    assert "0 events checked, 0 valid; 500 synthetic, not checked" in full
    untimed = replace(seen, duration_s=None, cv=Estimate(0.0004, 0.0003, 0.00052, 500, method="made up"))
    assert line_of(untimed).lstrip().startswith("-  stored 500 rows"), "no time is not 0.0 s"
    assert "CV 0.000400 [0.000300, 0.000520]" in line_of(untimed)


def test_a_capture_that_goes_on_after_a_reboot_has_the_rate_of_now(path: Path) -> None:
    """The monotonic clock began anew: the newest stamp is no longer the largest."""
    rng, later_ns, wall_ns = np.random.default_rng(3), 40 * S, 10**18
    with CaptureWriter.create(path, {}, t_start_ns=BEGAN_NS, boot_id="one") as writer:
        writer.add_anchor(wall_ns, BEGAN_NS)
        writer.add_events(made(500, 0, 0.0, 10.0, rng))
        writer.add_readings([Reading(BEGAN_NS + 50 * S, "power_w", 12.0)])
        writer.commit()
    view = CaptureView(path)
    assert 40 < (view.look().duration_s or 0.0) < 60
    with CaptureWriter.resume(path, t_start_ns=later_ns, boot_id="two") as writer:
        writer.add_anchor(wall_ns + 600 * S, later_ns)
        events = made(300, writer.next_seq, 0.0, 10.0, rng, segment=1)
        events["t_ns"] += later_ns - BEGAN_NS
        writer.add_events(events)
        writer.add_anchor(wall_ns + 632 * S, later_ns + 32 * S)
        writer.commit()
        for seen in (view.look(), CaptureView(path).look()):
            assert seen.counts["events"] == 800
            assert seen.rate_per_s is not None and 7.5 < seen.rate_per_s.estimate < 12
            assert seen.window_s == pytest.approx(32, abs=5)
            assert seen.cv is not None and 0.8 < seen.cv.estimate < 1.2
            assert seen.duration_s == pytest.approx(632, abs=5), "as the clocks on the wall have it"
    assert summarise(path)["duration_s"] == pytest.approx(50 + 30, abs=8), "what both boots recorded"


def test_a_device_that_brings_nothing_has_a_rate_of_0_that_time_bounds(path: Path) -> None:
    with CaptureWriter.create(path, {}, t_start_ns=BEGAN_NS) as writer:
        writer.add_anchor(10**18, BEGAN_NS)
        writer.commit()
        view = CaptureView(path)
        assert view.look().rate_per_s is None, "no time has passed"
        writer.add_anchor(10**18 + 40 * S, BEGAN_NS + 40 * S)
        writer.commit()
        seen = view.look()
    assert seen.window_s == 40 and seen.rate_per_s is not None
    assert seen.rate_per_s.estimate == 0 and 0.05 < seen.rate_per_s.high < 0.15
    assert seen.cv is None and seen.invalid_share is None and seen.duration_s is None


def test_what_is_written_while_it_looks_does_not_dilute_the_rate(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a twin, of which a commit may be minutes later than the one before."""
    events = made(5500, 0, 0.0, 50.0, np.random.default_rng(5))
    with CaptureWriter.create(path, {}) as writer:

        def write(part: NonceBatch) -> None:
            writer.add_events(part)
            writer.add_readings([Reading(int(part["t_ns"][-1]), "temperature_c", 51.0)])
            writer.commit()

        write(events[:500])
        view, left = CaptureView(path), [events[500:]]

        def then_write(take: Callable[..., None], *arguments: object) -> None:
            take(*arguments)
            if left:
                write(left.pop())

        monkeypatch.setattr(view, "_take_events", partial(then_write, view._take_events))
        monkeypatch.setattr(view, "_take_readings", partial(then_write, view._take_readings))
        seen = view.look()
    assert seen.rate_per_s is not None and seen.rate_per_s.low < 50 < seen.rate_per_s.high


def test_a_device_that_brings_nothing_any_more_shows_it(path: Path) -> None:
    with CaptureWriter.create(path, {}) as writer:
        writer.add_events(made(300, 0, 0.0, 10.0, np.random.default_rng(4)))
        writer.add_anchor(5, BEGAN_NS + 85 * S)
        writer.commit()
        seen = CaptureView(path).look()
    assert seen.rate_per_s is not None and seen.rate_per_s.estimate < 2


def test_a_writer_that_is_gone_is_told_by_the_age_of_its_last_commit(path: Path) -> None:
    with CaptureWriter.create(path, {}) as writer:
        writer.add_log("x")
        writer.commit()
    old_ns = time.time_ns() - round((STALE_S + 5) * S)
    for name in (path, Path(f"{path}-wal")):
        if name.exists():
            os.utime(name, ns=(old_ns, old_ns))
    seen = CaptureView(path).look()
    assert seen.is_stale and not seen.sealed
    assert "is its session still alive?" in line_of(seen)


@pytest.mark.long
@pytest.mark.alone
def test_a_writer_seals_while_somebody_looks_without_a_pause(path: Path) -> None:
    writer = CaptureWriter.create(path, {})
    writer.add_events(made(20_000, 0, 0.0, 100.0, np.random.default_rng(5)))
    writer.commit()
    view, ends = CaptureView(path), threading.Event()
    looks = 0

    def look() -> None:
        nonlocal looks
        while not ends.is_set():
            view.look()
            looks += 1

    watching = threading.Thread(target=look)
    watching.start()
    try:
        while looks < 3:
            time.sleep(0.01)
        begun = time.monotonic()
        writer.seal("done")
        assert time.monotonic() - begun < 30
    finally:
        ends.set()
        watching.join()
    assert view.look().sealed


def test_the_command_speaks_json_once_and_ends_with_the_seal(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with CaptureWriter.create(path, {"device_url": "sim:x\x1b[31m"}) as writer:
        writer.add_events(made(100, 0, 0.0, 10.0, np.random.default_rng(6)))
        writer.commit()
        assert _run(["watch", str(path), "--json"]) == 0
        (line,) = capsys.readouterr().out.splitlines()
        found = json.loads(line)
        assert found["events"] == 100 and found["sealed"] is False and found["temperature_c"] is None
        assert set(found["cv"]) == {"estimate", "low", "high", "n"}
        assert _run(["watch", str(path), "--once"]) == 0
        shown = capsys.readouterr().out
        assert "100 events" in shown and "\x1b" not in shown
        looks, usual = threading.Semaphore(0), CaptureView.look

        def look(view: CaptureView) -> Standing:
            looks.release()
            return usual(view)

        def seal() -> None:
            for _ in range(4):  # as the fourth begins, three lines are there
                looks.acquire(timeout=50)
            writer.seal("asked to")

        monkeypatch.setattr(CaptureView, "look", look)
        sealing = threading.Thread(target=seal)
        sealing.start()
        assert _run(["watch", str(path), "--interval", "100ms"]) == 0
        sealing.join()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 3 and lines[-1].endswith("ended: asked to")
    assert _run(["watch", str(path.parent / "none"), "--json"]) == 4


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET verdict = 9 WHERE seq = 0",
        "UPDATE events SET t_ns = 1 << 62 | 1 << 61, job = -5 WHERE seq = 5",
        "INSERT INTO points VALUES (1, 0, 0, 'done', '[]')",
        "INSERT INTO points VALUES (1, 0, 0, 'dreaming', '{}')",
    ],
)
def test_a_forged_file_is_told_and_shows_nothing(path: Path, change: str) -> None:
    with CaptureWriter.create(path, {}) as writer:
        writer.add_events(made(10, 0, 0.0, 10.0, np.random.default_rng(7)))
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    connection.close()
    with pytest.raises(BadFile, match="no asicrc writes"):
        CaptureView(path).look()
