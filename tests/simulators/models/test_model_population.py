"""A population: each device itself, again and again, and its spreads those that are stated."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.models import MACHINES, DevicePhysics, Variation
from simulators.models import population as stated

LV06, S9 = MACHINES["lv06"], MACHINES["s9"]


def arrays(device: Variation) -> list[np.ndarray]:
    return [device.chip_speed, device.core_speed, device.chip_leakage, device.silicon]


def test_the_same_seed_is_the_same_device() -> None:
    one, again = Variation.of(S9, 7, 3), Variation.of(S9, 7, 3)
    assert all(np.array_equal(a, b) for a, b in zip(arrays(one), arrays(again), strict=True))
    assert (one.switching, one.thermal, one.crystal) == (again.switching, again.thermal, again.crystal)
    assert one.core_speed.shape == one.silicon.shape == (189, 114)


def test_another_seed_or_number_is_another_device() -> None:
    devices = [Variation.of(LV06, seed, number) for seed, number in ((0, 0), (0, 1), (1, 0), (1, 1))]
    assert len({device.core_speed.tobytes() for device in devices}) == 4
    assert len({device.silicon.tobytes() for device in devices}) == 4
    assert len({device.crystal.offset_ppm for device in devices}) == 4
    assert len({device.thermal for device in devices}) == 4
    for seed, number in ((-1, 0), (0, -1)):
        with pytest.raises(ValueError, match="0 or greater"):
            Variation.of(LV06, seed, number)


def test_the_spreads_are_those_stated() -> None:
    devices = [Variation.of(LV06, 5, number) for number in range(1500)]
    speeds = np.array([device.chip_speed[0] for device in devices])
    leakage = np.log([device.chip_leakage[0] for device in devices])
    within = np.array([device.core_speed[0] / device.chip_speed[0] for device in devices])
    assert speeds.mean() == pytest.approx(1.0, abs=0.003)
    assert speeds.std() == pytest.approx(stated.CHIP_SPEED_SD, rel=0.06)
    assert within.std() == pytest.approx(stated.CORE_SPEED_SD, rel=0.02)
    assert leakage.std() == pytest.approx(stated.LEAKAGE_LOG_SD, rel=0.06)
    assert np.exp(leakage).mean() == pytest.approx(1.0, abs=0.03)
    assert np.corrcoef(speeds, leakage)[0, 1] == pytest.approx(stated.SPEED_LEAKAGE_CORRELATION, abs=0.03)
    thermal = np.log([device.thermal for device in devices])
    assert thermal.std() == pytest.approx(stated.THERMAL_SD, rel=0.06)
    switching = np.log([device.switching for device in devices])
    assert switching.std() == pytest.approx(stated.SWITCHING_SD, rel=0.06)
    ppm = np.array([device.crystal.offset_ppm for device in devices])
    assert (ppm.mean(), ppm.std()) == (pytest.approx(0, abs=0.8), pytest.approx(10.0, rel=0.06))
    slopes = np.array([device.crystal.slope_ppm_per_k for device in devices])
    assert slopes.std() == pytest.approx(stated.CRYSTAL_SLOPE_SD, rel=0.06)
    silicon = np.array([device.silicon for device in devices])
    assert (silicon.mean(), silicon.std()) == (pytest.approx(0, abs=0.01), pytest.approx(1, abs=0.01))
    assert abs(np.corrcoef(silicon[:, 0, 0], speeds)[0, 1]) < 0.1


def test_devices_of_a_population_differ_in_heat_power_and_edge() -> None:
    found = []
    for number in range(12):
        device = DevicePhysics(LV06, Variation.of(LV06, 3, number))
        device.set("frequency_mhz", 550.0)
        device.set("voltage_mv", 1200.0)
        device.set("fan_percent", 100.0)
        device.step(1e4)
        found.append((device.temperature_c, device.power_w, device.least_mv, device.crystal_ppm))
        assert device.rate > 0.999
    spread = np.std(found, axis=0)
    assert 0.5 < spread[0] < 6 and 0.1 < spread[1] < 1.0 and 3 < spread[2] < 25 and 3 < spread[3] < 25


def test_the_slowest_chip_of_a_chain_stops_it() -> None:
    variation = Variation.of(S9, 0, 0)
    nominal, device = DevicePhysics(S9), DevicePhysics(S9, variation)
    for each in (nominal, device):
        each.set("frequency_mhz", 643.0)
        each.set("voltage_mv", 8900.0)
    assert variation.chip_speed.min() < 0.95
    assert device.least_mv > nominal.least_mv + 100


def test_a_nominal_device_is_at_the_mean_of_everything() -> None:
    nominal = Variation.nominal(LV06)
    assert nominal.core_speed.mean() == pytest.approx(1.0)
    assert np.array_equal(nominal.core_speed, Variation.nominal(LV06).core_speed)
    assert not nominal.silicon.any()
    assert DevicePhysics(LV06).crystal_ppm == 0.0
