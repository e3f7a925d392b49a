"""The fan that holds a temperature, on the physics of the boards that are modelled."""

from __future__ import annotations

import math

import pytest

from asicrc.bench.envelope import Range
from asicrc.bench.supervision.fan_control import (
    DIRECT_STEPS,
    MARGIN_C,
    NETWORK_STEPS,
    FanControl,
    FanGains,
    FanSteps,
)
from asicrc.errors import UsageError
from simulators.models.machines import MACHINES
from simulators.models.physics import DevicePhysics

LIMIT_C = 72.0
SPEEDS = Range(25.0, 100.0, "%", "test")


class Bench:
    """A board whose thermometer has steps of `step_c`, looked at once a second."""

    def __init__(self, machine: str, control: FanControl, step_c: float = 1.0) -> None:
        self.control = control
        self.board = DevicePhysics(MACHINES[machine])
        self.board.set("frequency_mhz", MACHINES[machine].nominal_mhz)
        self.board.set("voltage_mv", MACHINES[machine].nominal_mv)
        self.board.set("fan_percent", 100.0 if control.percent is None else control.percent)
        self.step_c = step_c
        self.seconds = 0
        self.told: list[tuple[int, float]] = []
        self.celsius: list[float] = []

    def run(self, seconds: int) -> list[float]:
        """Temperatures of this stretch."""
        for _ in range(seconds):
            self.seconds += 1
            self.board.step(1.0)
            seen = math.floor(self.board.temperature_c / self.step_c) * self.step_c
            percent = self.control.take(seen, self.seconds * 10**9)
            if percent is not None:
                self.told.append((self.seconds, percent))
                self.board.set("fan_percent", percent)
            self.celsius.append(self.board.temperature_c)
        return self.celsius[-seconds:]


@pytest.mark.parametrize("machine", ["bitaxe-ultra", "bitaxe-gamma", "lv06"])
@pytest.mark.parametrize("step_c", [1.0, 0.125])
def test_it_is_held_through_other_rooms_and_loads(machine: str, step_c: float) -> None:
    bench = Bench(machine, FanControl(60.0, SPEEDS, LIMIT_C), step_c)
    start = bench.run(600)
    assert max(start) < 60 + MARGIN_C, "the way up does not go far beyond"
    assert all(58.5 < celsius < 62.5 for celsius in start[-120:])
    bench.board.set("ambient_c", 29.0)
    warmer = bench.run(600)
    assert max(warmer) < 60 + MARGIN_C
    assert all(58.5 < celsius < 62.5 for celsius in warmer[-120:])
    bench.board.set("frequency_mhz", 400.0)
    assert all(57.5 < celsius < 62.5 for celsius in bench.run(900)[-120:])
    percents = [percent for _, percent in bench.told]
    assert min(percents) >= SPEEDS.low and max(percents) <= SPEEDS.high
    assert len(bench.told) < 2100 / 4, "a fan that is told something new every second wears out"


def test_it_never_goes_below_the_lowest_speed_whatever_is_wanted() -> None:
    bench = Bench("bitaxe-ultra", FanControl(66.0, Range(40.0, 100.0, "%", "test"), LIMIT_C))
    bench.board.set("frequency_mhz", 100.0)
    bench.run(600)
    assert bench.control.percent == 40.0
    assert min(percent for _, percent in bench.told) == 40.0


def test_the_integral_does_not_wind_up_while_the_fan_is_at_a_bound() -> None:
    """Ten minutes at the lowest speed, far below the target; then work comes."""
    overshoot_c = {}
    for name, tracking_s in (("with", 20.0), ("without", 1e9)):
        control = FanControl(60.0, SPEEDS, LIMIT_C, gains=FanGains(tracking_s=tracking_s))
        bench = Bench("bitaxe-ultra", control)
        bench.board.set("frequency_mhz", 100.0)
        bench.run(600)
        bench.board.set("frequency_mhz", 485.0)
        overshoot_c[name] = max(bench.run(400)) - 60
    assert overshoot_c["with"] < 5
    assert overshoot_c["without"] > overshoot_c["with"] + 1.5


def test_near_the_limit_and_without_a_temperature_it_turns_as_fast_as_it_can() -> None:
    control = FanControl(60.0, SPEEDS, LIMIT_C, start_percent=30.0)
    assert control.take(60.0, 0) is None
    assert control.take(LIMIT_C - MARGIN_C, 10**9) == 100.0
    control = FanControl(60.0, SPEEDS, LIMIT_C, start_percent=30.0)
    assert control.lost(0) == 100.0
    assert control.lost(1) is None, "once is enough"


def test_a_network_miner_is_told_seldom_but_at_once_when_it_is_hot() -> None:
    bench = Bench("lv06", FanControl(60.0, SPEEDS, LIMIT_C, steps=NETWORK_STEPS))
    bench.run(900)
    apart_s = [b - a for (a, _), (b, _) in zip(bench.told, bench.told[1:], strict=False)]
    assert min(apart_s) >= NETWORK_STEPS.interval_s
    assert len(bench.told) < 60
    assert all(56 < celsius < 64 for celsius in bench.celsius[-120:])
    bench.board.temperature_c = 69.0
    bench.run(1)
    assert bench.told[-1] == (901, 100.0)


def test_steps_that_the_fan_cannot_follow_are_not_told() -> None:
    control = FanControl(60.0, SPEEDS, LIMIT_C, start_percent=50.0, steps=FanSteps(1.0, 5.0))
    assert control.take(61.0, 0) is None, "3.5 % are less than a step"
    assert control.take(62.0, 10**9) == pytest.approx(57, abs=5)
    assert DIRECT_STEPS.least_percent < 100 / 63 * 1.01


@pytest.mark.parametrize("target_c", [19.0, 67.5, 90.0, math.nan])
def test_targets_that_cannot_be_held_are_refused(target_c: float) -> None:
    with pytest.raises(UsageError, match="20 to 67 degC"):
        FanControl(target_c, SPEEDS, LIMIT_C)


def test_a_fan_that_somebody_else_has_set_is_told_anew() -> None:
    control = FanControl(60.0, SPEEDS, LIMIT_C, start_percent=50.0)
    assert control.take(60.0, 0) is None
    control.found(100.0)
    assert control.take(60.0, 10**9) == pytest.approx(50.0)
