"""The Foster network against its closed forms, and a device's heat against an independent integration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import curve_fit

from simulators.models import MACHINES, DevicePhysics
from simulators.models.heat import FosterNetwork
from simulators.models.machines import Machine
from simulators.models.power import CAP_C, PowerLaw, core_w, steady_c

NAMES = ("s9", "lv06", "lbbox", "bitaxe-ultra", "bitaxe-gamma")
RESISTANCES, TIMES_S = (0.3, 0.5, 2.5), (0.3, 4.0, 62.5)


def at_nominal(machine: Machine, ambient_c: float = 25.0) -> DevicePhysics:
    device = DevicePhysics(machine, ambient_c=ambient_c)
    device.set("frequency_mhz", machine.nominal_mhz)
    device.set("voltage_mv", machine.nominal_mv)
    device.set("fan_percent", machine.nominal_fan_percent)
    return device


def closed_form_k(power_w: float, t_s: np.ndarray) -> np.ndarray:
    stages = zip(RESISTANCES, TIMES_S, strict=True)
    return np.sum([power_w * r * -np.expm1(-t_s / tau) for r, tau in stages], axis=0)


def test_the_step_response_is_the_closed_form() -> None:
    network = FosterNetwork(RESISTANCES, TIMES_S)
    t_s = np.arange(1, 2001) * 0.25
    rises = np.array([network.step(10.0, 0.25) for _ in t_s])
    assert rises == pytest.approx(closed_form_k(10.0, t_s), rel=1e-9)


def test_the_step_response_has_the_time_constants_that_were_set() -> None:
    network = FosterNetwork(RESISTANCES, TIMES_S)
    t_s = np.geomspace(0.01, 600.0, 400)
    rises = np.array([network.step(10.0, dt_s) for dt_s in np.diff(t_s, prepend=0.0)])

    def law(t: np.ndarray, *logs: float) -> np.ndarray:
        r, tau = np.exp(logs[:3]), np.exp(logs[3:])
        return np.sum(10.0 * r[:, None] * -np.expm1(-t / tau[:, None]), axis=0)

    fitted, _ = curve_fit(law, t_s, rises, p0=np.log([0.2, 0.7, 2.0, 0.2, 6.0, 80.0]))
    assert np.exp(fitted) == pytest.approx([*RESISTANCES, *TIMES_S], rel=1e-6)


@given(st.floats(1e-9, 1e5), st.floats(0.0, 500.0), st.integers(2, 100))
def test_one_step_is_as_many_short_ones(dt_s: float, power_w: float, pieces: int) -> None:
    once, often = FosterNetwork(RESISTANCES, TIMES_S), FosterNetwork(RESISTANCES, TIMES_S)
    once.reset(20.0)
    often.reset(20.0)
    once.step(power_w, dt_s)
    for _ in range(pieces):
        often.step(power_w, dt_s / pieces)
    assert once.rises_k == pytest.approx(often.rises_k, rel=1e-9)


def test_one_step_of_10_s_is_100_of_100_ms() -> None:
    once, often = FosterNetwork(RESISTANCES, TIMES_S), FosterNetwork(RESISTANCES, TIMES_S)
    once.step(13.0, 10.0)
    for _ in range(100):
        often.step(13.0, 0.1)
    assert once.rise_k == pytest.approx(often.rise_k, rel=1e-12)


def test_a_power_that_runs_straight_is_followed_exactly() -> None:
    network, fine = FosterNetwork(RESISTANCES, TIMES_S), FosterNetwork(RESISTANCES, TIMES_S)
    network.ramp(5.0, 15.0, 10.0)
    for piece in range(10):
        fine.ramp(5.0 + piece, 6.0 + piece, 1.0)
    assert network.rise_k == pytest.approx(fine.rise_k, rel=1e-12)
    solved = solve_ivp(
        lambda t, rises: (np.array(RESISTANCES) * (5.0 + t) - rises) / np.array(TIMES_S),
        (0, 10),
        [0, 0, 0],
        method="LSODA",
        rtol=1e-11,
        atol=1e-13,
    )
    assert network.rise_k == pytest.approx(solved.y[:, -1].sum(), rel=1e-9)


def test_what_comes_in_goes_out_or_is_kept() -> None:
    """Of each stage: the integral of the power is that of what leaves it, and what its capacity took."""
    network = FosterNetwork(RESISTANCES, TIMES_S)
    capacities = network.capacities_j_per_k
    left_j = np.zeros(3)
    for _ in range(20_000):
        before = np.array(network.leaving_w)
        network.step(10.0, 0.005)
        left_j += 0.005 * (before + network.leaving_w) / 2
    kept_j = np.array(capacities) * network.rises_k
    assert left_j + kept_j == pytest.approx(10.0 * 100.0, rel=1e-6)
    network.step(10.0, 1e6)
    assert network.leaving_w == pytest.approx([10.0] * 3, rel=1e-12)
    assert network.rise_k == pytest.approx(network.steady_k(10.0), rel=1e-12)


@pytest.mark.parametrize(
    ("resistances", "times"), [((), ()), ((1.0,), (1.0, 2.0)), ((0.0,), (1.0,)), ((1.0,), (math.nan,))]
)
def test_a_network_that_cannot_be_is_refused(
    resistances: tuple[float, ...], times: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match=r"stage|above 0"):
        FosterNetwork(resistances, times)


@pytest.mark.parametrize("name", NAMES)
def test_a_device_ends_where_the_balance_says(name: str) -> None:
    device = at_nominal(MACHINES[name])
    for _ in range(100):
        device.step(100.0)
    made_w = core_w(
        MACHINES[name].power,
        MACHINES[name].nominal_mv,
        MACHINES[name].nominal_mhz,
        device.temperature_c,
    )
    path = MACHINES[name].heat
    balance_c = 25.0 + made_w * path.total_at(MACHINES[name].nominal_fan_percent)
    assert device.temperature_c == pytest.approx(balance_c, rel=1e-9)
    assert device.temperature_c == pytest.approx(device.final_c, rel=1e-9)
    drawn_j = device.energy_j
    device.step(1000.0)
    assert device.energy_j - drawn_j == pytest.approx(1000.0 * device.power_w, rel=1e-9)


def test_a_device_warms_as_its_equations_say() -> None:
    """Leakage and all, against an integration by somebody else, over the whole way to the steady state."""
    machine = MACHINES["lv06"]
    device = at_nominal(machine)
    sink = machine.heat.sink_at(100.0)
    resistances = np.array([*machine.heat.chip_k_per_w, sink])
    times = np.array([*machine.heat.chip_s, sink * machine.heat.sink_j_per_k])

    def rates(t: float, state: np.ndarray) -> np.ndarray:
        made_w = core_w(machine.power, 1200.0, 550.0, 25.0 + state[:3].sum())
        return np.array([*(resistances * made_w - state[:3]) / times, made_w + machine.power.other_w])

    ends_s = np.array([0.04, 0.4, 1.0, 5.0, 20.0, 60.0, 200.0, 600.0])
    solved = solve_ivp(rates, (0, 600), np.zeros(4), method="LSODA", t_eval=ends_s, rtol=1e-10, atol=1e-11)
    gone_s = 0.0
    for end_s, state in zip(ends_s, solved.y.T, strict=True):
        steps = round((end_s - gone_s) / 0.04)
        for _ in range(steps):
            device.step((end_s - gone_s) / steps)
        gone_s = end_s
        assert device.temperature_c == pytest.approx(25.0 + state[:3].sum(), abs=1e-4)
        assert device.energy_j == pytest.approx(state[3], rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_long_steps_of_a_device_end_where_short_ones_do(name: str) -> None:
    once, often = at_nominal(MACHINES[name]), at_nominal(MACHINES[name])
    for _ in range(6):
        once.step(10.0)
        for _ in range(100):
            often.step(0.1)
        assert once.temperature_c == pytest.approx(often.temperature_c, abs=0.01)
    assert once.energy_j == pytest.approx(often.energy_j, rel=1e-4)


def test_its_own_time_may_run_faster() -> None:
    fast = DevicePhysics(MACHINES["lv06"], speed=50.0)
    usual = DevicePhysics(MACHINES["lv06"])
    for device in (fast, usual):
        device.set("voltage_mv", 1200.0)
        device.set("frequency_mhz", 485.0)
    fast.step(0.02)
    usual.step(1.0)
    assert fast.temperature_c == usual.temperature_c > 25.1


def test_fan_room_and_heat_sink() -> None:
    device = at_nominal(MACHINES["lv06"])
    device.step(1e4)
    warm_c = device.temperature_c
    device.set("ambient_c", 35.0)
    assert device.temperature_c == pytest.approx(warm_c)  # the sink has to warm first
    device.step(1e4)
    assert device.temperature_c > warm_c + 10  # the room's 10 K, and what leaks more for it
    device.set("ambient_c", 25.0)
    device.set("fan_percent", 60.0)
    device.step(1e4)
    assert device.temperature_c > warm_c + 5
    device.set("heat_sink", 0.0)
    device.step(20.0)
    assert device.temperature_c > 120
    assert "heat sink loose" in device.faults


@pytest.mark.parametrize("name", NAMES)
def test_leakage_warms_and_does_not_run_away(name: str) -> None:
    device = at_nominal(MACHINES[name])
    cold_w = device.power_w
    device.step(1e5)
    assert device.power_w > 1.01 * cold_w
    assert device.temperature_c < 90
    assert not device.runs_away
    assert device.power_w == pytest.approx(MACHINES[name].nominal_w, rel=0.005)
    assert device.temperature_c == pytest.approx(MACHINES[name].nominal_c, abs=0.5)
    for room_c in (0.0, 35.0):
        assert not at_nominal(MACHINES[name], room_c).runs_away


def test_thermal_runaway_is_seen_and_held_at_the_cap() -> None:
    device = at_nominal(MACHINES["bitaxe-ultra"])
    device.set("fan_percent", 0.0)
    assert device.runs_away and device.final_c == CAP_C
    device.step(1e5)
    assert device.temperature_c == pytest.approx(CAP_C)
    assert device.faults == ("at the cap of 150 degC",)
    device.set("fan_percent", 100.0)
    assert not device.runs_away
    device.step(1e5)
    assert device.temperature_c == pytest.approx(MACHINES["bitaxe-ultra"].nominal_c, abs=0.5)


def test_runaway_begins_where_theory_puts_it() -> None:
    """T = a + R L exp((T - T0)/d) has no root once R L exp((a + d - T0)/d) > d."""
    law = PowerLaw(
        10.0,
        1.0,
        0.0,
        nominal_mv=1200.0,
        nominal_mhz=500.0,
        reference_c=60.0,
        leakage_mv=400.0,
        leakage_k=20.0,
    )
    air_c, resistance = 25.0, 2.0
    edge_w = 20.0 / resistance / math.exp((air_c + 20.0 + 20.0 - 60.0) / 20.0)
    below_c = steady_c(law, 10.0, 0.999 * edge_w, air_c, resistance)
    assert below_c == pytest.approx(air_c + 20.0 + 20.0, abs=1.0)
    assert steady_c(law, 10.0, 1.001 * edge_w, air_c, resistance) == CAP_C
