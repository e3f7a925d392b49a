"""What the charts of the live page are drawn from: bins of time over a whole capture, however it went."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from live_pages import BEGAN_NS, WALL_NS, S, events, grow, started

from asicrc.analysis.point_numbers import cv_of, rate_of
from asicrc.capture import CaptureWriter, load
from asicrc.capture.points import PointRecord
from asicrc.errors import BadFile
from asicrc.telemetry.serve import history
from asicrc.telemetry.serve.histogram import interval_histogram
from asicrc.telemetry.serve.history import CaptureHistory
from asicrc.telemetry.serve.time_bins import FEWEST_BINS, MOST_BINS, bin_width_s
from firmware_protocols.device import NO_TIME, Reading, Verdict


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.asicrc"


def whole(path: Path) -> CaptureHistory:
    found = CaptureHistory(path)
    while found.read_on():
        pass
    return found


def test_numbers_of_a_bin_are_those_of_the_same_functions(path: Path) -> None:
    with started(path) as writer:
        grow(writer, 5000)
        series = whole(path).series()
        assert series is not None
        width_s, span_s = series["width_s"], series["span_s"]
        assert width_s == 16.0 and span_s == pytest.approx(530, abs=30)
        all_ = load(path).events()
        good = all_[all_["verdict"] == Verdict.VALID]
        for number in (0, 3, 20):
            begins, ends = (BEGAN_NS + int((number + k) * width_s * S) for k in (0, 1))
            inside = (good["t_ns"] >= begins) & (good["t_ns"] < ends)
            rate, cv = rate_of(np.count_nonzero(inside), width_s), cv_of(good["t_ns"][inside])
            assert rate is not None and cv is not None
            assert series["rate_per_s"]["estimate"][number] == pytest.approx(rate.estimate, rel=1e-5)
            assert series["rate_per_s"]["high"][number] == pytest.approx(rate.high, rel=1e-5)
            assert series["cv"]["low"][number] == pytest.approx(cv.low, rel=1e-5)
        assert sum(n or 0 for n in series["invalid_share"]["n"]) == 5300


def test_read_in_pieces_and_as_it_grows_it_is_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_EVENTS", history._EVENTS.replace(str(history.ROWS_AT_ONCE), "70"))
    monkeypatch.setattr(history, "ROWS_AT_ONCE", 70)
    with started(path) as writer:
        followed = whole(path)
        for _ in range(12):
            grow(writer, 400)
            while followed.read_on():
                pass
        assert followed.series() == whole(path).series()
        assert followed.series()["width_s"] == 16.0  # type: ignore[index]


@pytest.mark.parametrize(
    ("span_s", "rate", "width_s"),
    [
        (0, 0, 1),
        (10, 500, 1),
        (96, 1e4, 1),
        (97, 1e4, 2),
        (3600, 0.4, 256),
        (60, 0.2, 16),
        (1e7, 0, 131072),
    ],
)
def test_bins_are_as_many_as_show_something(span_s: float, rate: float, width_s: float) -> None:
    assert bin_width_s(span_s, rate) == width_s
    assert span_s / width_s <= MOST_BINS and (span_s < 2 * FEWEST_BINS or span_s / width_s > FEWEST_BINS / 2)


def test_a_reboot_leaves_a_gap_and_no_bin_crosses_it(path: Path) -> None:
    with CaptureWriter.create(path, {}, t_start_ns=BEGAN_NS, boot_id="one") as writer:
        writer.add_anchor(WALL_NS, BEGAN_NS)
        writer.add_events(events(400, 0, 0.0, 20.0))
        writer.add_readings([Reading(BEGAN_NS + 10 * S, "temperature_c", 40.0)])
        writer.commit()
    with CaptureWriter.resume(path, t_start_ns=5 * S, boot_id="two") as writer:
        writer.add_anchor(WALL_NS + 100 * S, 5 * S)  # monotonic time begins anew
        later = events(400, 400, 0.0, 20.0, seed=2)
        later["t_ns"] += 5 * S - BEGAN_NS
        later["segment"] = 1
        writer.add_events(later)
        writer.add_readings([Reading(12 * S, "temperature_c", 60.0)])
        writer.commit()
        series = whole(path).series()
    assert series is not None
    width_s, rate = series["width_s"], series["rate_per_s"]["estimate"]
    assert series["span_s"] == pytest.approx(120, abs=3)
    gap = [value for number, value in enumerate(rate) if 24 < number * width_s < 92]
    assert gap and all(value is None for value in gap), "nothing was recorded, which is no rate of 0"
    assert all(15 < value < 25 for value in rate if value is not None)
    shown = series["readings"]["temperature_c"]["estimate"]
    found = {value: number * width_s for number, value in enumerate(shown) if value is not None}
    assert found.keys() == {40, 60}
    assert found[40] <= 10 < found[40] + width_s and found[60] <= 107 < found[60] + width_s


def test_events_without_a_stamp_or_out_of_order_are_no_trouble(path: Path) -> None:
    found = events(500, 0, 0.0, 10.0)
    found["t_ns"][::7] = NO_TIME
    found["t_ns"][1:] = found["t_ns"][1:][::-1]
    with CaptureWriter.create(path, {}) as writer:
        writer.add_events(found)
        writer.add_readings([Reading(NO_TIME, "power_w", 5.0), Reading(BEGAN_NS, "power_w", math.nan)])
        writer.commit()
        series = whole(path).series()
    assert series is not None and series["readings"] == {}
    counted = sum(n or 0 for n in series["rate_per_s"]["n"])
    assert counted <= np.count_nonzero((found["t_ns"] != NO_TIME) & (found["verdict"] == Verdict.VALID))
    assert counted > 300


def test_points_are_placed_on_the_same_axis(path: Path) -> None:
    with started(path) as writer:
        writer.put_point(PointRecord(3, BEGAN_NS + 7 * S, plan={"segment": 0}))
        writer.put_point(PointRecord(4))
        writer.commit()
        assert whole(path).points_s == [(3, 7.0)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET t_ns = seq * (1 << 51)",
        "UPDATE events SET t_ns = -seq * (1 << 51)",
        "UPDATE events SET segment = seq",
        "UPDATE anchors SET realtime_ns = -9223372036854775807, monotonic_ns = 9223372036854775807",
        "UPDATE readings SET t_ns = rowid * (1 << 58), value = 9e307",
        "INSERT INTO segments SELECT seq + 1, NULL, 'x', seq FROM events",
    ],
)
def test_a_forged_file_is_told_or_shown_and_takes_no_time(path: Path, change: str) -> None:
    with started(path) as writer:
        grow(writer, 3000)
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    connection.close()
    found = CaptureHistory(path)
    try:
        for _ in range(100):
            if not found.read_on():
                break
        else:
            raise AssertionError("it is read for ever")
        series = found.series()
    except BadFile as error:
        assert "no asicrc writes" in error.message
    else:
        assert series is not None and len(series["rate_per_s"]["n"]) <= 4 * MOST_BINS + 1


def test_the_histogram_is_beside_its_exponential() -> None:
    rng = np.random.default_rng(1)
    found = interval_histogram(rng.exponential(2.0, 4000))
    assert found is not None
    assert sum(found["count"]) == 4000 and sum(found["expected"]) == pytest.approx(4000, abs=0.1)
    outside = [
        not lo <= c <= hi for c, lo, hi in zip(found["count"], found["low"], found["high"], strict=True)
    ]
    assert sum(outside) <= 4
    assert len(found["edges_s"]) == len(found["count"]) == 26
    even = interval_histogram(np.full(4000, 2.0))
    assert even is not None and max(even["count"]) == 4000
    assert interval_histogram(np.ones(19)) is None and interval_histogram(np.zeros(50)) is None


def test_a_cv_that_cannot_be_told_is_none_and_no_error() -> None:
    steps = np.full(25, S)
    steps[3] += 1
    assert cv_of(np.cumsum(steps)) is None
