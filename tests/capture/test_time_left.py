"""How long a plan still takes moves while a point of it runs, on the progress line and from the file."""

from __future__ import annotations

import errno
import io
from pathlib import Path

import numpy as np
import pytest
from virtual_device import VirtualClock

from asicrc.bench.plan_estimate import estimates_of
from asicrc.bench.plan_file import plan_from_toml
from asicrc.bench.stored_sweep import sweep_record
from asicrc.bench.sweep_standing import SweepStanding
from asicrc.capture.point_run import PointDone
from asicrc.capture.points import PointRecord, PointState
from asicrc.capture.progress import Progress
from asicrc.capture.record_rows import Segment
from asicrc.capture.time_left import PlanStanding, TimeLeft, in_words
from asicrc.capture.verification import Counters
from asicrc.telemetry.plan_times import plan_times

S = 10**9
PLAN = plan_from_toml(
    """
name = "three"
order = "grid"
[grid]
frequency_mhz = [300, 400, 500]
[dwell]
duration_s = 40
""",
    Path("p.toml"),
)
POINTS = PLAN.points()


def test_it_is_said_as_finely_as_it_matters() -> None:
    said = [in_words(s) for s in (0.2, 89, 100, 120, 599.6, 700, 5400, 7300, 200_000)]
    assert said == ["0 s", "89 s", "1 min 40 s", "2 min", "10 min", "12 min", "1.5 h", "2.03 h", "2.3 d"]


def test_it_gets_less_within_a_point_and_not_less_than_what_comes_after() -> None:
    left = TimeLeft(100.0, 60.0, 5 * S)
    assert [left.at(t * S) for t in (5, 15, 45, 500)] == [100, 90, 60, 60]


def test_the_progress_line_goes_by_the_pace_so_far() -> None:
    clock = VirtualClock()
    standing = SweepStanding(estimates_of(PLAN, POINTS), clock=clock)
    began = standing.began(0, POINTS[0])
    assert began.words(0).endswith(f"point 1/3 ({POINTS[0].label}), 2 min left")
    assert ", 80 s left" in began.words(70 * S), "the first is late, the others are as they were"
    clock.t_ns = 80 * S  # twice what it was to take
    record = PointRecord(1, 0, 80 * S, PointState.DONE, POINTS[0].as_json())
    ended = standing.ended(0, PointDone(POINTS[0], record, 160, np.arange(160) * S // 2))
    assert "left" not in ended.words(clock.t_ns) and "2/s" in ended.last
    began = standing.began(1, POINTS[1])
    assert [began.left.at((80 + t) * S) for t in (0, 30, 100)] == [160, 130, 80]  # type: ignore[union-attr]


def test_rows_and_checked_events_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("plain")
    progress.standing = PlanStanding("point 1/2", TimeLeft(50.0, 20.0, 0))
    for now_s in (1, 11):
        progress.show(now_s * S, 70, Counters(events=42, valid=40, low=2, duplicate=1, synthetic=28), None)
    progress.tell("a line that comes at once")
    lines = capsys.readouterr().err.splitlines()
    assert lines[2] == "a line that comes at once"
    assert "stored 70 rows: 42 events checked (40 valid, 1 duplicate), 28 synthetic" in lines[0]
    assert lines[0].startswith("point 1/2, 49 s left") and lines[1].startswith("point 1/2, 39 s left")


def test_nobody_who_reads_the_line_ends_no_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a terminal that was closed, or with `2>&1 | head`."""

    class Gone(io.StringIO):
        tries = 0

        def write(self, text: str) -> int:
            Gone.tries += 1
            raise OSError(errno.EIO, "nobody is there")

    progress = Progress("plain")
    monkeypatch.setattr("sys.stderr", Gone())
    for second in range(3):
        progress.show((second + 1) * 2 * S, second, Counters(), None)
        progress.tell("so much")
    progress.close()
    assert Gone.tries == 1


def test_the_same_is_told_from_the_file() -> None:
    times = plan_times(sweep_record(PLAN), Path("a.asicrc"))
    done = PointRecord(1, 10 * S, 90 * S, PointState.DONE, POINTS[0].as_json())
    runs = PointRecord(2, 100 * S, plan=POINTS[1].as_json())
    begun = [Segment(0, 0, "start", None)]
    assert times.left_s([done, runs], begun, 100 * S) == pytest.approx(160)
    assert times.share_left([done, runs], begun, 100 * S) == pytest.approx(2 / 3)
    assert times.left_s([done, runs], begun, 130 * S) == pytest.approx(130)
    assert times.left_s([done, runs], begun, 900 * S) == pytest.approx(80)
    settles = PointRecord(2, plan=POINTS[1].as_json())
    assert times.left_s([done, settles], begun, 100 * S) == pytest.approx(150), "since the one before"
    assert times.left_s([PointRecord(1, plan=POINTS[0].as_json())], begun, 7 * S) == pytest.approx(113)
    rebooted = [Segment(1, 2 * S, "resumed", None)]
    assert times.left_s([done, settles], rebooted, 5 * S) == pytest.approx(157), "stamps begin anew"
    assert not times.is_virtual
    assert plan_times({"sweep": {"points": []}}, Path("a")).left_s([done], begun, 0) is None
