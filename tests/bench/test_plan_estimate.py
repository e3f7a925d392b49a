"""What a plan comes to, before anything is written: points, time, shares, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from virtual_device import VirtualDevice

from asicrc.bench.plan import SweepPlan
from asicrc.bench.plan_estimate import PointEstimate, estimate
from asicrc.bench.plan_file import load_plan, plan_from_toml, shipped_plans
from asicrc.bench.reading_channels import is_known
from asicrc.bench.supervision.setpoint_watch import SETPOINT_CHANNELS
from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.capture.points import PointKind
from asicrc.devices import Circumstances, open_device
from asicrc.devices.network.axeos_readings import CHANNELS
from firmware_protocols.device import WorkForm

TEXT = """
name = "small"
[machine]
board = "lv06"
chip = "BM1366"
hash_rate_ghs_per_mhz = 0.894
[grid]
voltage_mv = [950, 1000, 1200]
frequency_mhz = [400, 600]
[settings]
difficulty = 256
[settle]
at_least_s = 10
[dwell]
"""


def small(dwell: str) -> SweepPlan:
    return plan_from_toml(TEXT + dwell, Path("p.toml"))


def test_time_and_shares_follow_from_clock_and_difficulty() -> None:
    found = estimate(small("duration_s = 300"))
    assert found.seconds == (6 * 310, 6 * 310)
    by_mhz = {p.point.requested["frequency_mhz"]: p.shares for p in found.points}
    assert by_mhz[400] == pytest.approx(0.894e9 * 400 * 300 / (256 * 2**32))
    assert by_mhz[600] == pytest.approx(1.5 * (by_mhz[400] or 0))


def test_events_take_as_long_as_they_take_and_too_many_are_said() -> None:
    found = estimate(small("events = 100\nlongest_s = 300"))
    slow, fast = found.points[0], found.points[1]
    assert slow.dwell_s == (300, 300)
    assert slow.notes == ("100 events take 307 s here; about 98 come in 300 s",)
    assert fast.dwell_s == pytest.approx((204.98, 204.98), abs=0.01)
    assert (fast.shares, fast.notes) == (100, ())


def test_points_beyond_the_built_in_limits_are_named() -> None:
    found = estimate(small("duration_s = 300"))
    assert [p.position for p in found.refused] == [1, 2, 4, 6]
    assert "voltage_mv = 950 mV is outside the built-in envelope of 1000 to 1300 mV" in str(
        found.points[0].refused
    )
    assert "frequency_mhz = 600 MHz" in str(found.points[3].refused)
    assert found.points[2].refused is None


def test_a_dry_run_asks_a_device_and_writes_nothing_to_it() -> None:
    device = VirtualDevice()
    found = estimate(small("duration_s = 300"), device)
    assert {name for name, _ in device.calls} == {"check"}
    assert len(device.asked("check")) == 6
    assert [p.position for p in found.refused] == [1, 2, 4, 6]
    assert found.against == "virtual:"


def test_a_reading_that_no_device_tells_is_said_with_what_may_have_been_meant() -> None:
    steady = "[settle.steady.temprature_c]\nslope_per_min = 1\nspread = 1\n[dwell]"
    found = estimate(plan_from_toml(TEXT.replace("[dwell]", steady) + "duration_s = 1", Path("p")))
    assert {note for point in found.points for note in point.notes} == {
        "settle.steady: no device here tells a reading temprature_c; did you mean temperature_c?"
    }
    plans = [load_plan(name) for name in shipped_plans()]
    settles = [plan.settle.settle() for plan in plans if plan.settle is not None]
    told = {*CHANNELS.values(), *SETPOINT_CHANNELS, *(s.channel for settle in settles for s in settle.steady)}
    assert all(map(is_known, told)), [name for name in told if not is_known(name)]


def test_a_mode_that_the_device_has_no_use_for_is_said() -> None:
    class Chip(VirtualDevice):
        work_form = WorkForm()

    found = estimate(
        plan_from_toml(TEXT.replace('"small"', '"small"\nmode = "handshake"') + "duration_s = 1", Path("p")),
        Chip(),
    )
    assert "handshake is for miners" in str(found.unusable)


def test_without_a_known_rate_nothing_is_made_up() -> None:
    text = TEXT.replace("hash_rate_ghs_per_mhz = 0.894", "").replace(
        'board = "lv06"', 'board = "bitaxe-ultra"'
    )
    found = estimate(plan_from_toml(text + "events = 10\nlongest_s = 50", Path("p.toml")))
    assert {p.shares for p in found.points} == {None}
    assert {p.dwell_s for p in found.points} == {(0.0, 50.0)}
    assert found.as_json()["shares"] is None


def of(points: tuple[PointEstimate, ...], **requested: float) -> PointEstimate:
    [found] = [p for p in points if requested.items() <= p.point.requested.items()]
    return found


def test_the_printed_s9_sweep_has_the_shares_of_the_re_analysis() -> None:
    """Table 6 of arXiv 2601.12032, where more than 10,000 samples in 300 s are said of each."""
    found = estimate(load_plan("s9-grid-as-printed"))
    assert len(found.points) == 952
    for mv, mhz, difficulty, shares in (
        (7600, 200, 1024, 294), (8200, 575, 1024, 845), (7600, 300, 16384, 28), (7600, 325, 4096, 119),
    ):  # fmt: skip
        point = of(found.points, voltage_mv=mv, frequency_mhz=mhz, difficulty=difficulty)
        assert round(point.shares or 0) == shares
        assert (point.refused is not None) == (mv < 7950)
    assert len(found.refused) == 5 * 17 * 7
    assert min(p.shares or 0 for p in found.points) == pytest.approx(4.6, abs=0.05)


def test_none_of_the_printed_bm1366_voltages_can_be_set() -> None:
    found = estimate(load_plan("bm1366-voltage-as-printed"))
    assert len(found.refused) == len(found.points) == 8
    assert [p.point.requested["voltage_mv"] for p in found.points] == [990 - 20 * i for i in range(8)]
    assert all(10 < (p.shares or 0) < 20 for p in found.points)


@pytest.mark.parametrize("name", ["s9-grid", "bm1366-voltage", "bm1366-frequency"])
def test_the_plans_to_go_by_stay_inside_the_limits_and_get_their_events(name: str) -> None:
    found = estimate(load_plan(name))
    assert not found.refused
    assert all(p.shares == 4000 and not p.notes for p in found.points)
    assert any(p.point.kind is PointKind.BASELINE for p in found.points)


@pytest.mark.parametrize(("url", "seconds"), [("twin:bm1366", 2), ("twin:lv06", 600)])
@pytest.mark.parametrize("grid", ["frequency_mhz = [400, 450]", "voltage_mv = [1180, 1200]"])
def test_what_is_not_asked_for_is_as_the_device_has_it(url: str, seconds: int, grid: str) -> None:
    """Clock and difficulty: what comes is what was said to come."""
    text = f'name = "x"\n[grid]\n{grid}\n[dwell]\nduration_s = {seconds}\n'
    plan = plan_from_toml(text, Path("p.toml"))
    points = plan.points()
    with open_device(url, Circumstances(None)) as device:
        expected = [point.shares for point in estimate(plan, device).points]
        capture = capture_in_memory(device, CapturePlan(Path("x"), points=points))
    events = capture.events()
    for shares, point in zip(expected, capture.points(), strict=True):
        assert shares is not None
        came = np.count_nonzero(point.holds(events))
        assert came == pytest.approx(shares, abs=5 * shares**0.5)
