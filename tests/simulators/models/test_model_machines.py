"""The machines against what their makers, their firmware and the bench's limits say."""

from __future__ import annotations

import pytest

from asicrc.bench.limits import envelope_for
from simulators.models import MACHINES, DevicePhysics

STATED = {
    # GH/s, W and shares a second at difficulty 256
    "s9": (13_500.0, 1323.0, 12.28),
    "lv06": (500.0, 13.0, 0.4547),
    "lbbox": (175.0, 162.0, 40.7),
    "bitaxe-ultra": (433.6, 12.0, 0.394),
    "bitaxe-gamma": (1071.0, 19.0, 0.974),
}
BOARDS = {
    "s9": ("s9", "BM1387"),
    "lv06": ("lv06", "BM1366"),
    "lbbox": ("lb-box", "LBRY"),
    "bitaxe-ultra": ("bitaxe-ultra", "BM1366"),
    "bitaxe-gamma": ("bitaxe-gamma", "BM1370"),
}


@pytest.mark.parametrize("name", STATED)
def test_hash_rate_power_and_share_rate_are_those_stated(name: str) -> None:
    machine, (ghs, watts, per_s) = MACHINES[name], STATED[name]
    device = DevicePhysics(machine)
    device.set("frequency_mhz", machine.nominal_mhz)
    device.set("voltage_mv", machine.nominal_mv)
    device.set("fan_percent", machine.nominal_fan_percent)
    device.step(1e5)
    assert device.hash_rate_ghs == pytest.approx(ghs, rel=0.05)
    assert device.power_w == pytest.approx(watts, rel=0.05)
    assert machine.shares_per_s(256.0, device.hash_rate_ghs) == pytest.approx(per_s, rel=0.05)
    assert machine.shares_per_s(256.0) == pytest.approx(per_s, rel=0.05)


def test_an_s9_hashes_once_a_clock_in_each_of_its_cores() -> None:
    s9 = MACHINES["s9"]
    assert s9.rate_ghs(650.0) == pytest.approx(189 * 114 * 650e6 / 1e9)
    assert s9.rate_ghs(525.0) == pytest.approx(11_312, abs=1)
    board = s9.one_board()
    assert (board.boards, board.chips, board.cores) == (1, 63, 114)
    assert 3 * board.nominal_ghs == pytest.approx(s9.nominal_ghs)
    assert 3 * board.nominal_w == pytest.approx(s9.nominal_w)


def test_a_board_is_as_warm_as_the_machine_of_three() -> None:
    devices = [DevicePhysics(MACHINES["s9"]), DevicePhysics(MACHINES["s9"].one_board())]
    for device in devices:
        device.set("frequency_mhz", 600.0)
        device.set("voltage_mv", 8700.0)
        device.set("fan_percent", 40.0)
    for dt_s in (0.1, 5.0, 60.0, 1e5):
        for device in devices:
            device.step(dt_s)
        assert devices[0].temperature_c == pytest.approx(devices[1].temperature_c, rel=1e-12)
        assert devices[0].energy_j == pytest.approx(3 * devices[1].energy_j, rel=1e-12)


@pytest.mark.parametrize("name", BOARDS)
def test_a_machine_has_the_limits_of_the_bench(name: str) -> None:
    limits, envelope = MACHINES[name].limits, envelope_for(*BOARDS[name])
    held = {
        "frequency_mhz_min": limits.frequency_mhz and limits.frequency_mhz[0],
        "frequency_mhz_max": limits.frequency_mhz and limits.frequency_mhz[1],
        "voltage_mv_min": limits.voltage_mv and limits.voltage_mv[0],
        "voltage_mv_max": limits.voltage_mv and limits.voltage_mv[1],
        "fan_percent_min": limits.fan_percent and limits.fan_percent[0],
        "temperature_c_max": limits.highest_c,
        "power_w_max": limits.power_w,
    }
    there = {key: value for key, value in envelope.limits().items() if key in held}
    assert {key: value for key, value in held.items() if value is not None} == there


@pytest.mark.parametrize("name", STATED)
def test_every_number_of_a_machine_has_a_source(name: str) -> None:
    sources = MACHINES[name].sources
    assert {"nominal_mhz", "power"} <= {key for keys in sources for key in keys.split(", ")}
    assert all(len(text) > 10 for text in sources.values())
