"""A session takes its points one after the other: set, settle, record; each with its record."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from virtual_device import VirtualDevice

from asicrc.analysis.capture_analysis import analyze_capture
from asicrc.capture import load
from asicrc.capture.memory import MemoryStorage, capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.capture.point_capture import load_point
from asicrc.capture.points import Dwell, Point, PointKind, PointState, work_seed
from asicrc.capture.session import Surroundings, run_capture
from asicrc.capture.settling import Settle, Steady
from asicrc.capture.stop_request import StopRequest
from asicrc.capture.storage_link import StorageLink
from asicrc.capture.time_left import PlanStanding
from asicrc.errors import DeviceError, ExitCode, Refused, UsageError
from firmware_protocols.device import Setting

SETTLE = Settle(window_s=5, longest_s=60, steady=(Steady("temperature_c", 1.0, 0.5),))


def warming(seconds: float, settings: dict[str, float]) -> float:
    return 25 + settings["frequency_mhz"] / 10 * (1 - math.exp(-seconds / 4))


def points(*clocks: float, dwell: Dwell, settle: Settle | None = None) -> tuple[Point, ...]:
    return tuple(Point(i, 0, {"frequency_mhz": mhz}, dwell, settle) for i, mhz in enumerate(clocks))


def test_points_are_set_settled_and_recorded_in_their_order() -> None:
    device = VirtualDevice(10, warming)
    plan = CapturePlan(points=points(300, 500, dwell=Dwell(10.0), settle=SETTLE), seed=7)
    capture = capture_in_memory(device, plan)
    first, second = capture.points()
    assert [p.state for p in (first, second)] == [PointState.DONE, PointState.DONE]
    assert device.asked("configure") == [{"frequency_mhz": 300.0}, {"frequency_mhz": 500.0}]
    assert device.asked("begin_point") == [(7, 0, 0), (7, 1, 0)]
    assert device.asked("restore") == [None]
    for point in (first, second):
        assert point.t_end_ns - point.t_start_ns == 10 * 10**9
        assert point.plan["settled"]["settled"] is True
        assert 10 < point.plan["settled"]["seconds"] < 40
        assert point.t_start_ns - point.plan["settle_start_ns"] == point.plan["settled"]["seconds"] * 1e9
        conditions = point.plan["conditions"]["temperature_c"]
        assert conditions["n"] == 10
        top = 25 + point.requested["frequency_mhz"] / 10
        assert top - 0.5 < conditions["low"] <= conditions["mean"] <= conditions["high"] < top
    assert second.t_start_ns > first.t_end_ns


def test_a_value_that_is_not_kept_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Coarse(VirtualDevice):
        def configure(self, requested: dict[str, float]) -> list[Setting]:
            kept = {name: value // 20 * 20 for name, value in requested.items()}
            return [replace(s, requested=requested[s.name]) for s in super().configure(kept)]

    told = []
    put = MemoryStorage.put

    def listen(storage: MemoryStorage, kind: str, payload: object) -> None:
        told.extend([payload] if kind == "told" else [])
        put(storage, kind, payload)

    monkeypatch.setattr(MemoryStorage, "put", listen)
    clocks = (110, 301, 110, 300, 130)  # of 301 MHz one is within what is worth saying
    capture_in_memory(Coarse(10), CapturePlan(points=points(*clocks, dwell=Dwell(1.0))))
    assert told == [
        "frequency_mhz: 110 was asked for, 100 is set",
        "frequency_mhz: 130 was asked for, 120 is set",
    ]


def test_events_belong_to_a_point_by_time_and_those_of_settling_to_none() -> None:
    capture = capture_in_memory(
        VirtualDevice(10, warming), CapturePlan(points=points(300, 500, dwell=Dwell(10.0), settle=SETTLE))
    )
    events = capture.events()
    held = [point.holds(events) for point in capture.points()]
    assert [int(np.count_nonzero(one)) for one in held] == [100, 100]
    assert not np.any(held[0] & held[1])
    for point, one in zip(capture.points(), held, strict=True):
        assert events["t_ns"][one].min() >= point.t_start_ns
        assert events["t_ns"][one].max() == point.t_end_ns
        assert point.plan["events"] == 100
    assert len(events) > 300  # those of settling are kept too


def test_a_point_that_does_not_settle_says_so_and_is_taken() -> None:
    def rising(seconds: float, _: dict[str, float]) -> float:
        return 30 + seconds / 10

    capture = capture_in_memory(
        VirtualDevice(10, rising), CapturePlan(points=points(300, dwell=Dwell(5.0), settle=SETTLE))
    )
    [point] = capture.points()
    assert point.state is PointState.DONE
    assert point.plan["settled"]["settled"] is False
    [line] = [line for line in capture.log() if "settled" in line.text]
    assert line.level == "warning"
    assert line.text == (
        "point 1 (frequency_mhz 300) has not settled: not steady after 60 s: temperature_c moves "
        "by 6 a minute, 1 is allowed"
    )


def test_a_device_that_tells_no_temperature_cannot_settle_by_it() -> None:
    device = VirtualDevice(10, tells_temperature=False)
    capture = capture_in_memory(device, CapturePlan(points=points(300, dwell=Dwell(5.0), settle=SETTLE)))
    [point] = capture.points()
    assert point.plan["settled"] == {
        "settled": False, "seconds": 5.0, "why": "no reading of temperature_c came in 5 s", "channels": {},
    }  # fmt: skip
    assert point.state is PointState.DONE


def test_dwell_by_events_ends_with_the_last_of_them() -> None:
    capture = capture_in_memory(
        VirtualDevice(1), CapturePlan(points=points(300, 400, dwell=Dwell(1000.0, events=25)))
    )
    events = capture.events()
    for point in capture.points():
        assert point.plan["reached"] == "event count reached"
        assert np.count_nonzero(point.holds(events)) == 25
        assert 25 <= (point.t_end_ns - point.t_start_ns) / 1e9 < 25.3


def test_too_few_events_in_time_is_said() -> None:
    capture = capture_in_memory(
        VirtualDevice(1), CapturePlan(points=points(300, dwell=Dwell(10.0, events=25)))
    )
    [point] = capture.points()
    assert point.state is PointState.DONE
    assert point.plan["reached"] == "duration reached"
    assert [line.text for line in capture.log() if line.level == "warning"] == [
        "point 1 (frequency_mhz 300) has 10 of 25 events: duration reached"
    ]


def test_work_of_a_point_depends_on_seed_point_and_repeat_alone() -> None:
    def roots(*which: Point) -> list[bytes]:
        device = VirtualDevice(1)
        capture_in_memory(device, CapturePlan(points=which, seed=3))
        return [job.prev_hash for job in device.jobs]

    dwell = Dwell(1.0)
    a, b = Point(0, 0, {"frequency_mhz": 300.0}, dwell), Point(5, 1, {"frequency_mhz": 400.0}, dwell)
    assert roots(a, b) == roots(a) + roots(b)
    assert len({work_seed(s, p) for s in (1, 2) for p in (a, b, Point(5, 0, {}, dwell))}) == 6


def test_numbers_of_jobs_run_on_from_point_to_point() -> None:
    device = VirtualDevice(1)
    capture = capture_in_memory(device, CapturePlan(points=points(300, 400, 500, dwell=Dwell(61.0))))
    assert [job.number for job in capture.jobs()] == list(range(1, 10))


def test_a_lost_device_aborts_the_point_and_keeps_what_it_brought(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    device = VirtualDevice(10, lost_ns=15 * 10**9)
    plan = CapturePlan(path, points=points(300, 400, 500, dwell=Dwell(10.0)), progress="none")
    with StorageLink() as storage:
        outcome = run_capture(device, "virtual:", plan, StopRequest(), storage)
    assert (outcome.exit_code, outcome.points_done) == (ExitCode.DEVICE, 1)
    with load(path) as capture:
        assert capture.sealed
        first, second = capture.points()
        assert (first.state, second.state) == (PointState.DONE, PointState.ABORTED)
        assert second.plan["reached"] == "the cable was pulled"
        assert np.count_nonzero(second.holds(capture.events())) == second.plan["events"] > 40
    assert device.asked("restore") == [None]


def test_ctrl_c_aborts_the_point_and_ends_in_good_order(tmp_path: Path) -> None:
    path, stop = tmp_path / "a.asicrc", StopRequest()
    device = VirtualDevice(10)
    plan = CapturePlan(path, points=points(300, 400, 500, dwell=Dwell(10.0)), progress="none")

    class StopsInTheSecond:
        def began(self, position: int, point: Point) -> PlanStanding:
            if position == 1:
                stop.reason = "interrupted by SIGINT"
            return PlanStanding(point.label)

        def ended(self, position: int, done: object) -> PlanStanding:
            return PlanStanding("")

    with StorageLink() as storage:
        around = Surroundings(listener=StopsInTheSecond())
        outcome = run_capture(device, "virtual:", plan, stop, storage, around)
    assert outcome.exit_code is ExitCode.INTERRUPTED
    with load(path) as capture:
        assert capture.sealed
        assert [p.state for p in capture.points()] == [PointState.DONE, PointState.ABORTED]
    assert device.asked("restore") == [None]


def test_a_point_beyond_a_limit_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    path, device = tmp_path / "a.asicrc", VirtualDevice()
    plan = CapturePlan(path, points=points(300, 400, 600, dwell=Dwell(1.0)), progress="none")
    with StorageLink() as storage, pytest.raises(Refused) as error:
        run_capture(device, "virtual:", plan, StopRequest(), storage)
    assert "point 3 of 3 (frequency_mhz 600): frequency_mhz = 600 is outside 50 to 575" in error.value.message
    assert {name for name, _ in device.calls} == {"check"}
    assert not path.exists()


def test_memory_and_file_hold_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    plan = CapturePlan(
        path,
        points=(*points(300, 500, dwell=Dwell(10.0), settle=SETTLE),
                Point(2, 0, {"frequency_mhz": 400.0}, Dwell(5.0), kind=PointKind.BASELINE)),
        progress="none",
    )  # fmt: skip
    with StorageLink() as storage:
        run_capture(VirtualDevice(10, warming), "virtual:", plan, StopRequest(), storage)
    in_memory = capture_in_memory(VirtualDevice(10, warming), plan)
    with load(path) as in_file:
        np.testing.assert_array_equal(in_file.events(), in_memory.events())
        for what in ("points", "readings", "settings", "jobs", "log", "segments", "anchors"):
            assert getattr(in_file, what)() == getattr(in_memory, what)(), what
        assert in_file.counters() == in_memory.counters()
        for key in ("plan", "seed", "pulled", "restored", "end_reason", "scan_period_ns"):
            assert in_file.meta[key] == in_memory.meta[key], key
        assert in_memory.identity is not None
        assert in_file.identity == in_memory.identity


def test_a_capture_in_memory_whose_device_is_lost_is_none() -> None:
    with pytest.raises(DeviceError, match="the cable was pulled"):
        capture_in_memory(VirtualDevice(10, lost_ns=10**9), CapturePlan(duration_s=5))


def test_a_plain_capture_is_one_point_without_settling() -> None:
    device = VirtualDevice(10)
    capture = capture_in_memory(device, CapturePlan(duration_s=5, seed=4, requested={"voltage_mv": 1100.0}))
    [point] = capture.points()
    assert (point.t_start_ns, point.t_end_ns, point.state) == (0, 5 * 10**9, PointState.DONE)
    assert point.requested == {"voltage_mv": 1100.0}
    assert device.asked("begin_point") == [(4, 0, 0)]
    assert point.holds(capture.events()).all()


def test_what_is_recorded_after_settling_begins_with_work_of_its_own() -> None:
    device = VirtualDevice(10, warming)
    capture = capture_in_memory(
        device, CapturePlan(points=points(300, 500, dwell=Dwell(40.0), settle=SETTLE))
    )
    for point in capture.points():
        first, end = point.plan["first_job"], point.plan["end_job"]
        sent = [job.sent_ns for job in capture.jobs() if first <= job.number < end]
        assert [t_ns - point.t_start_ns for t_ns in sent] == [0, 30 * 10**9]
        assert point.plan["made"] == [["frequency_mhz", *[point.requested["frequency_mhz"]] * 2]]


def test_a_point_of_a_sweep_is_looked_at_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    plan = CapturePlan(path, points=points(300, 500, dwell=Dwell(40.0), settle=SETTLE), progress="none")
    with StorageLink() as storage:
        run_capture(VirtualDevice(10, warming), "virtual:", plan, StopRequest(), storage)
    with pytest.raises(UsageError, match="is a sweep: 2 points"):
        load_point(path, None)
    with pytest.raises(UsageError, match="has no point 3"):
        load_point(path, 3)
    second = load_point(path, 2)
    assert len(second.events()) == 400
    assert [(s.name, s.requested, s.read_back) for s in second.settings()] == [("frequency_mhz", 500, 500)]
    assert len(second.jobs()) == 2
    assert second.number("pulled", "end_ns") == load(path).points()[1].t_end_ns
    assert analyze_capture(path, point=2).events == 400
