"""On a twin a point is a function of seed, point and repeat: whatever was taken before it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from asicrc.bench.plan_file import shipped_plans
from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.capture.points import Dwell, Point
from asicrc.capture.settling import Settle, Steady
from asicrc.cli.main import _run
from asicrc.devices import open_device
from firmware_protocols.device import NonceBatch

SETTLE = Settle(window_s=3, longest_s=10, steady=(Steady("temperature_c", 5.0, 2.0),))


def as_taken(url: str, points: tuple[Point, ...], mode: str, key: tuple[int, int]) -> NonceBatch:
    """Events of one point, as seen from its start."""
    with open_device(url) as device:
        capture = capture_in_memory(device, CapturePlan(points=points, seed=3, mode=mode))
    [point] = [point for point in capture.points() if point.key == key]
    events = capture.events()
    mine = events[point.holds(events)].copy()
    mine["t_ns"] -= point.t_start_ns
    mine["t_sent_ns"] -= point.t_start_ns
    mine["job"] -= mine["job"].min()
    mine["seq"] -= mine["seq"].min()
    return mine


@pytest.mark.parametrize(
    ("url", "mode", "difficulty"),
    [
        ("twin:lv06?kind=ordinary&seed=1", "stream", 8.0),
        ("twin:lv06?kind=planted&seed=1", "handshake", 8.0),
        ("twin:s9?kind=ordinary&seed=3", "stream", 256.0),
        # real proofs of work, in the chip's scan order
        pytest.param("twin:bm1366?kind=ideal&seed=1", "stream", 1.0, marks=pytest.mark.long),
    ],
)
def test_a_point_is_the_same_after_others_and_alone(url: str, mode: str, difficulty: float) -> None:
    dwell = Dwell(8.0)
    first = Point(0, 0, {"frequency_mhz": 450.0, "difficulty": difficulty}, dwell, SETTLE)
    second = Point(1, 0, {"frequency_mhz": 500.0, "difficulty": difficulty}, dwell, SETTLE)
    again = Point(1, 1, dict(second.requested), dwell, SETTLE)
    after_others = as_taken(url, (first, again, second), mode, second.key)
    alone = as_taken(url, (second,), mode, second.key)
    assert len(alone) > 20
    np.testing.assert_array_equal(after_others, alone)
    other = as_taken(url, (again,), mode, again.key)
    assert len(other) != len(alone) or np.any(other["t_ns"] != alone["t_ns"])


def test_the_command_names_plans_and_prints_their_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["sweep", "--list", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["plans"]) == shipped_plans()
    assert _run(["sweep", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "SweepPlan"
    assert _run(["sweep"]) == 2
    assert "a sweep needs a plan" in capsys.readouterr().err
    assert _run(["sweep", "bm1366-voltage-as-printed", "--dry-run"]) == 5
    shown = capsys.readouterr()
    assert shown.out.count("REFUSED: voltage_mv") == 8
    assert "8 of 8 points would be refused, the first one 1 (frequency_mhz 400" in shown.err
