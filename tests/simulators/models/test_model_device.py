"""A device as a whole: the seam, its state, and how fast it runs."""

from __future__ import annotations

import time

import numpy as np
import pytest

from simulators.bitaxe.physics import BoardModel
from simulators.models import MACHINES, DevicePhysics, Variation
from simulators.models.trajectory import trajectory

LV06 = MACHINES["lv06"]


def hashing(device: DevicePhysics) -> DevicePhysics:
    device.set("frequency_mhz", 550.0)
    device.set("voltage_mv", 1200.0)
    device.set("fan_percent", 100.0)
    return device


def test_it_is_the_model_of_a_board() -> None:
    model: BoardModel = DevicePhysics(LV06)
    with pytest.raises(ValueError, match="no setting 'colour'; it knows frequency_mhz"):
        model.set("colour", 1.0)
    assert model.faults == ()


def test_without_physics_nothing_happens_but_hashing() -> None:
    device = hashing(DevicePhysics(LV06, Variation.of(LV06, 1, 2), enabled=False))
    device.set("voltage_mv", 800.0)
    device.set("frequency_mhz", 575.0)
    before_w = device.power_w
    device.step(1e4)
    assert (device.temperature_c, device.crystal_ppm, device.rate) == (25.0, 0.0, 1.0)
    assert (device.lost_share, device.stopped, device.faults) == (0.0, False, ())
    assert device.hash_rate_ghs == pytest.approx(894 * 0.575)
    assert device.power_w == before_w
    assert device.energy_j == pytest.approx(before_w * 1e4)


def test_a_state_that_is_restored_goes_on_alike() -> None:
    one = hashing(DevicePhysics(LV06, Variation.of(LV06, 1, 0)))
    one.step(33.0)
    kept = one.state()
    other = DevicePhysics(LV06, Variation.of(LV06, 1, 0))
    other.restore(kept)
    assert other.state() == kept
    for device in (one, other):
        device.set("fan_percent", 40.0)
        device.step(7.0)
    assert one.state() == other.state()
    assert one.power_w == other.power_w


def test_a_reset_is_the_same_start_for_the_same_randomness() -> None:
    device = hashing(DevicePhysics(LV06))
    device.step(100.0)
    device.reset()
    assert (device.temperature_c, device.energy_j) == (25.0, 0.0)
    starts = []
    for seed in (1, 1, 2):
        device.step(5.0)
        device.reset(np.random.default_rng(seed))
        starts.append(device.temperature_c)
    assert starts[0] == starts[1] != starts[2]
    assert all(25.0 < start < device.final_c for start in starts)


def test_a_trajectory_is_step_after_step() -> None:
    volts = 1150.0 + 50.0 * np.sin(np.arange(500) / 20)
    course = trajectory(hashing(DevicePhysics(LV06)), 0.04, 500, {"voltage_mv": volts})
    device = hashing(DevicePhysics(LV06))
    for mv in volts:
        device.set("voltage_mv", float(mv))
        device.step(0.04)
    assert course.temperature_c[-1] == device.temperature_c
    assert course.power_w[-1] == device.power_w
    assert course.t_s[-1] == pytest.approx(20.0)
    assert course.hash_rate_ghs == pytest.approx(LV06.nominal_ghs)
    with pytest.raises(ValueError, match="499 values of voltage_mv for 500 steps"):
        trajectory(device, 0.04, 500, {"voltage_mv": volts[1:]})


@pytest.mark.long
@pytest.mark.alone
def test_100_000_steps_take_seconds() -> None:
    volts = 1150.0 + 50.0 * np.sin(np.arange(100_000) / 20)
    device = hashing(DevicePhysics(LV06))
    began = time.process_time()
    course = trajectory(device, 0.04, 100_000, {"voltage_mv": volts})
    took_s = time.process_time() - began
    print(f"100,000 steps with heat, power, errors and a new voltage each: {took_s:.2f} s of processor")
    assert took_s < 8.0
    assert course.temperature_c[-50_000:].min() > 50
    began = time.process_time()
    for _ in range(100_000):
        device.step(0.04)
    print(f"100,000 plain steps: {time.process_time() - began:.2f} s of processor")
