"""A chain that works goes to other settings as it is: in steps, and only what differs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from asicrc.bench.limits import envelope_for
from asicrc.capture.memory import MemoryCapture, capture_in_memory
from asicrc.capture.plan import CapturePlan, Drive
from asicrc.capture.points import Dwell, Point
from asicrc.devices import open_device
from asicrc.devices.chain_goals import ChainGoals
from asicrc.devices.chain_retuning import ChainGoal, can_retune, retuning
from asicrc.devices.scale import Scale
from asicrc.devices.url import DeviceUrl
from firmware_protocols.bm13xx import Send, Wait, WriteRegister, model_by_name, pll_from_register
from firmware_protocols.device import SettingRefused

MODEL = model_by_name("BM1366")
ENVELOPE = envelope_for(None, "BM1366")
NOW = ChainGoal(200.0, 200.0, 1.0, 1, 10_000)


def written(goal: ChainGoal) -> list[tuple[int, int]]:
    steps = list(retuning(MODEL, NOW, goal, ENVELOPE))
    return [
        (step.frame.register, step.frame.value)
        for step in steps
        if isinstance(step, Send) and isinstance(step.frame, WriteRegister)
    ]


def test_nothing_is_written_where_nothing_differs() -> None:
    assert list(retuning(MODEL, NOW, NOW, ENVELOPE)) == []


@pytest.mark.parametrize("mhz", [150.0, 300.0])
def test_the_clock_goes_in_steps_of_the_envelope_each_followed_by_a_wait(mhz: float) -> None:
    steps = list(retuning(MODEL, NOW, ChainGoal(mhz, mhz, 1.0, 1, 10_000), ENVELOPE))
    assert [type(step) for step in steps] == [Send, Wait] * (len(steps) // 2)
    assert {step.seconds for step in steps if isinstance(step, Wait)} == {ENVELOPE.step_interval_s}
    clocks = [
        200.0,
        *(pll_from_register(MODEL, value).mhz for _, value in written(ChainGoal(mhz, mhz, 1.0, 1, 10_000))),
    ]
    assert clocks[-1] == pytest.approx(mhz, abs=1)
    assert np.abs(np.diff(clocks)).max() <= ENVELOPE.step_mhz + 1.0  # the PLL's own rounding


def test_mask_and_sweep_length_are_one_write_each() -> None:
    registers = MODEL.registers
    assert [r for r, _ in written(ChainGoal(200.0, 200.0, 4.0, 4, 10_000))] == [registers.ticket_mask]
    assert written(ChainGoal(200.0, 200.0, 1.0, 1, 9_000)) == [(registers.hash_counting_number, 9_000)]


@pytest.mark.parametrize(
    ("requested", "said"),
    [
        ({"hash_counting_number": 1000.5}, "is no whole number"),
        ({"hash_counting_number": math.nan}, "is no whole number"),
        ({"hash_counting_number": 0.0}, "1 to 0xFFFFFFFF"),
        ({"difficulty": math.nan}, "beyond a ticket mask"),
        ({"difficulty": 0.5}, "no ticket mask is easier"),
        ({"frequency_mhz": math.nan}, "outside the built-in envelope"),
        ({"voltage_mv": 1200.0}, "cannot set voltage_mv"),
    ],
)
def test_what_no_chip_takes_is_refused_before_anything_is_written(
    requested: dict[str, float], said: str
) -> None:
    scale = Scale.from_url(DeviceUrl.parse("serial:/dev/ttyUSB0"), MODEL)
    with pytest.raises(SettingRefused, match=said):
        ChainGoals(MODEL, 1, scale, ENVELOPE).goal(
            requested, {"frequency_mhz", "difficulty", "hash_counting_number"}
        )


def test_chips_with_midstates_are_brought_up_anew() -> None:
    assert can_retune(MODEL)
    assert not can_retune(model_by_name("BM1387"))


def told(capture: MemoryCapture, text: str) -> int:
    return sum(text in line.text for line in capture.log())


def test_points_and_inputs_reach_an_emulated_chip_without_another_bring_up() -> None:
    dwell = Dwell(0.5)
    points = tuple(
        Point(i, 0, {"frequency_mhz": mhz, "difficulty": difficulty}, dwell)
        for i, (mhz, difficulty) in enumerate([(200.0, 1.0), (225.0, 1.0), (225.0, 2.0)])
    )
    with open_device("sim:bm1366") as device:
        capture = capture_in_memory(device, CapturePlan(points=points))
        drive = Drive("difficulty", np.array([1.0, 4.0, 2.0]), 0.4)
        driven = capture_in_memory(device, CapturePlan(requested=dict(points[0].requested), drive=drive))
    assert told(capture, "was not reset") == told(driven, "was not reset") == 1
    made = [s for s in capture.settings() if s.kind == "set"]
    for name in ("frequency_mhz", "difficulty"):
        assert [s.read_back for s in made if s.name == name] == [p.requested[name] for p in points]
    applied = [r.value for r in driven.readings() if r.channel == "drive_applied"]
    # A machine that has other work may pass an input over, which is told as none.
    taken = [
        (value, wanted) for value, wanted in zip(applied, [1.0, 4.0, 2.0], strict=True) if value == value
    ]
    assert taken and all(value == wanted for value, wanted in taken)
    assert capture.counters().valid > 5  # some eighty, where the emulator gets its time


def test_a_fan_that_was_told_alone_is_told_again_with_the_next_settings() -> None:
    asked = {"voltage_mv": 1150.0, "fan_percent": 60.0, "difficulty": 1.0}
    with open_device("sim:bitaxe") as device:
        device.originals()
        try:
            device.configure(asked | {"frequency_mhz": 200.0})
            device.configure({"fan_percent": 100.0})
            made = device.configure(asked | {"frequency_mhz": 225.0})
            again = device.configure(asked | {"frequency_mhz": 225.0})
        finally:
            device.restore()
    [fan] = [setting for setting in made if setting.name == "fan_percent"]
    assert fan.read_back == pytest.approx(60.0, abs=1.6)
    assert not [setting for setting in again if setting.name in ("fan_percent", "voltage_mv")]
