"""Clock and voltage: where hashes go wrong, where the chip stops, and what it draws."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.models import MACHINES, DevicePhysics, Variation
from simulators.models.crystal import CrystalLaw, crystal_ppm
from simulators.models.machines import Machine
from simulators.models.population import CORE_SPEED_SD
from simulators.models.power import core_w, dynamic_w, leakage_at_reference_w, warmth
from simulators.models.voltage import ErrorTable, highest_mhz, least_mv, normal_share

NAMES = ("s9", "lv06", "lbbox", "bitaxe-ultra", "bitaxe-gamma")
machines = pytest.mark.parametrize("machine", [MACHINES[name] for name in NAMES], ids=NAMES)


@machines
def test_the_law_passes_through_its_edge(machine: Machine) -> None:
    law = machine.speed
    assert highest_mhz(law, law.edge_mv, law.reference_c) == pytest.approx(law.edge_mhz, rel=1e-12)
    assert highest_mhz(law, law.threshold_mv, law.reference_c) == 0.0
    assert highest_mhz(law, machine.nominal_mv, law.reference_c) > 1.15 * machine.nominal_mhz


@given(st.sampled_from(NAMES), st.floats(0.02, 2.0), st.floats(-20.0, 140.0))
def test_the_least_voltage_is_the_inverse(name: str, share: float, celsius: float) -> None:
    law = MACHINES[name].speed
    clock_mhz = share * law.edge_mhz
    found_mv = least_mv(law, clock_mhz, celsius)
    if found_mv > law.brown_out_mv:
        assert highest_mhz(law, found_mv, celsius) == pytest.approx(clock_mhz, rel=1e-9)
    else:
        assert highest_mhz(law, found_mv, celsius) >= clock_mhz * (1 - 1e-9)


@machines
def test_heat_slows_a_chip_far_from_threshold_and_speeds_it_up_close_to_it(machine: Machine) -> None:
    law = machine.speed
    kelvin = law.reference_c + 273.15
    turns_mv = law.threshold_mv + law.alpha * law.threshold_mv_per_k * kelvin / law.mobility_exponent

    def change(millivolts: float) -> float:
        warmer = highest_mhz(law, millivolts, law.reference_c + 1.0)
        return warmer / highest_mhz(law, millivolts, law.reference_c) - 1.0

    over_mv = turns_mv - law.threshold_mv
    assert change(law.threshold_mv + 0.5 * over_mv) > 1e-3
    assert abs(change(turns_mv)) < 1e-4
    assert change(law.threshold_mv + 2.0 * over_mv) < -1e-3


def lost_on_the_way_down(device: DevicePhysics, millivolts: np.ndarray) -> list[float]:
    found = []
    for mv in millivolts:
        device.set("voltage_mv", float(mv))
        device.restart()
        found.append(device.lost_share)
    return found


@machines
def test_errors_rise_toward_the_edge_and_below_it_the_chip_hangs(machine: Machine) -> None:
    device = DevicePhysics(machine)
    device.temperature_c = machine.nominal_c
    device.set("frequency_mhz", machine.nominal_mhz)
    device.set("voltage_mv", machine.nominal_mv)
    device.temperature_c = machine.nominal_c
    assert device.lost_share < 1e-12
    assert device.rate == 1.0
    stops_mv = device.least_mv
    way = np.linspace(1.15 * stops_mv, stops_mv, 60)
    lost = lost_on_the_way_down(device, way)
    assert all(later >= before for before, later in itertools.pairwise(lost))
    assert lost[0] < 1e-3
    assert all(later > before for before, later in itertools.pairwise(lost[30:]))
    assert 0.5 < lost[-1] < 0.95
    assert device.invalid_share == device.lost_share
    device.set("voltage_mv", stops_mv * 1.001)
    device.step(1e-6)
    assert not device.stopped and device.rate == pytest.approx(1 - device.lost_share)
    device.set("voltage_mv", stops_mv * 0.999)
    device.step(1e-6)
    assert device.hung and device.rate == 0.0 and device.hash_rate_ghs == 0.0
    assert device.faults == ("hung",)


@machines
def test_a_hung_chip_waits_for_a_restart_and_a_starved_one_forgets(machine: Machine) -> None:
    device = DevicePhysics(machine)
    device.set("frequency_mhz", machine.nominal_mhz)
    device.set("voltage_mv", machine.nominal_mv)
    device.step(60.0)
    hashing_w = device.core_w
    device.set("voltage_mv", 0.85 * device.least_mv)
    device.step(0.01)
    device.set("voltage_mv", machine.nominal_mv)
    device.step(0.01)
    assert device.hung
    assert device.core_w < 0.2 * hashing_w  # only leakage is left
    device.restart()
    device.step(0.01)
    assert not device.stopped and device.rate == 1.0
    device.set("voltage_mv", 0.9 * machine.speed.brown_out_mv)
    device.step(0.01)
    assert device.browned_out and device.faults == ("browned out",)
    device.restart()
    device.step(0.01)
    assert device.browned_out
    device.set("frequency_mhz", 0.0)  # a chip that has no clock needs none of that
    device.restart()
    device.step(0.01)
    assert not device.stopped


def test_too_high_a_clock_is_as_bad_as_too_low_a_voltage() -> None:
    device = DevicePhysics(MACHINES["lv06"])
    device.set("voltage_mv", 1100.0)
    lost = []
    for mhz in (400.0, 550.0, 600.0, 620.0, 640.0, 650.0):
        device.set("frequency_mhz", mhz)
        lost.append(device.lost_share)
    assert lost == sorted(lost) and lost[0] < 1e-9 < 0.3 < lost[-1]


@pytest.mark.parametrize("ratio", [0.95, 1.0, 1.03, 1.06, 1.1])
def test_many_cores_err_as_the_normal_law_says(ratio: float) -> None:
    law = MACHINES["s9"].speed
    speeds = Variation.of(MACHINES["s9"], 1, 0).core_speed
    table = ErrorTable(speeds.ravel(), law.jitter)
    spread = float(speeds.std())
    expected = normal_share(law, spread, ratio)
    assert table.share(ratio) == pytest.approx(expected, rel=0.15, abs=1e-6)
    assert speeds.size == 189 * 114


def test_the_table_is_the_sum_over_the_cores() -> None:
    speeds = Variation.nominal(MACHINES["lv06"]).core_speed.ravel()
    assert speeds.std() == pytest.approx(CORE_SPEED_SD, rel=0.02)
    table = ErrorTable(speeds, 0.015)
    for ratio in (0.93, 0.9995, 1.0005, 1.05, 1.1):
        direct = np.mean([math.erfc((ratio * s - 1) / (0.015 * math.sqrt(2))) / 2 for s in speeds])
        assert table.share(ratio) == pytest.approx(direct, rel=0.02)
    assert table.share(0.0) > 0.999 and table.share(50.0) < 1e-12


@machines
def test_power_is_c_v_squared_f_and_leakage(machine: Machine) -> None:
    law, mv, mhz = machine.power, machine.nominal_mv, machine.nominal_mhz
    assert core_w(law, mv, mhz, law.reference_c) == pytest.approx(law.dynamic_w + law.leakage_w)
    assert dynamic_w(law, 0.9 * mv, 0.5 * mhz) == pytest.approx(0.81 * 0.5 * law.dynamic_w)
    assert warmth(law, law.reference_c + law.leakage_k) == pytest.approx(math.e)
    assert warmth(law, 500.0) == warmth(law, 150.0)
    more = leakage_at_reference_w(law, 1.1 * mv) / law.leakage_w
    assert more == pytest.approx(1.1 * math.exp(0.1 * mv / law.leakage_mv))
    assert leakage_at_reference_w(law, 0.0) == 0.0


def test_a_crystal_has_an_offset_a_slope_and_the_cubic_of_its_cut() -> None:
    law = CrystalLaw(8.0, -0.2, 1e-4, share_of_rise=0.5)
    assert crystal_ppm(law, 25.0, 25.0) == 8.0
    assert crystal_ppm(law, 25.0, 65.0) == pytest.approx(8.0 - 0.2 * 20 + 1e-4 * 8000)
    assert crystal_ppm(CrystalLaw(), -10.0, 90.0) == 0.0
