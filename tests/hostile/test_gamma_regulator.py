"""The regulator of a Gamma: what sets it up is put back, and it is not mined on when it went off."""

from __future__ import annotations

from dataclasses import replace

import pytest
from paper_bench import PaperBench

from asicrc.devices.bitaxe_opening import open_bitaxe_raw
from asicrc.devices.core_regulators import SET_UP_NAMES
from asicrc.devices.limits_in_force import LimitsInForce
from asicrc.devices.url import DeviceUrl
from firmware_protocols.board_parts import tps546_settings
from firmware_protocols.device import DeviceProtocol, SafetyStop, Setting, SettingRefused

URL = "bitaxe-raw:/paper/control,/paper/data?board=gamma"


def opened(bench: PaperBench) -> DeviceProtocol:
    return open_bitaxe_raw(DeviceUrl.parse(URL), bench, LimitsInForce.built_in())


def set_up(bench: PaperBench) -> dict[str, int]:
    """As the part itself has it."""
    found = {}
    for name, command in SET_UP_NAMES.items():
        bench.regulator.write(bytes((command,)))
        data = bench.regulator.read(tps546_settings.register_bytes(command))
        found[name] = tps546_settings.register_from(command, data)
    return found


def test_a_regulator_that_was_found_off_is_set_up_as_it_was_also_from_a_file() -> None:
    bench = PaperBench("bm1370")
    bench.regulator.write(bytes.fromhex("33 4C 02"))  # 588 kHz
    before = set_up(bench)
    device = opened(bench)
    originals = device.originals()
    assert {s.name: s.read_back for s in originals if s.name in SET_UP_NAMES} == before
    device.configure({"frequency_mhz": 400.0, "voltage_mv": 1100.0})
    assert bench.circuit.voltage_mv > 1095 and set_up(bench) != before
    restored = device.restore()
    assert set_up(bench) == before and bench.circuit.voltage_mv == 0
    assert all(setting.came_true for setting in restored)
    assert SET_UP_NAMES.keys() <= {setting.name for setting in restored}

    device = opened(bench)  # after a kill: what is known is in the file
    device.configure({"frequency_mhz": 400.0, "voltage_mv": 1100.0})
    later = opened(bench)
    later.adopt_originals(originals)
    assert all(setting.came_true for setting in later.restore())
    assert set_up(bench) == before and bench.circuit.voltage_mv == 0


def test_a_regulator_that_is_on_keeps_its_set_up() -> None:
    bench = PaperBench("bm1370")
    bench.regulator.write(bytes.fromhex("21 33 02"))  # 1.1 V
    bench.regulator.write(bytes.fromhex("01 80"))
    before = set_up(bench)
    device = opened(bench)
    assert not {setting.name for setting in device.originals()} & SET_UP_NAMES.keys()
    device.configure({"frequency_mhz": 400.0, "voltage_mv": 1050.0})
    device.restore()
    after = set_up(bench)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"regulator_phase"}  # to read the current


def test_a_regulator_that_went_off_by_itself_is_not_mined_on(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = PaperBench("bm1370")
    device = opened(bench)
    device.originals()
    device.configure({"frequency_mhz": 400.0, "voltage_mv": 1100.0})
    device.read(bench.clock.now_ns() + 2_000_000_000)
    monkeypatch.setattr(bench.regulator, "_status", lambda: 0x8841)  # an undervoltage switched it off
    with pytest.raises(SafetyStop, match=r"set to 1100 mV, reports vout, power not good, off"):
        device.read(bench.clock.now_ns() + 2_000_000_000)
        device.read(bench.clock.now_ns() + 2_000_000_000)


@pytest.mark.parametrize("value", [-1.0, 65536.0, 0.5])
def test_a_file_with_a_register_that_cannot_be_is_refused(value: float) -> None:
    bench = PaperBench("bm1370")
    device = opened(bench)
    originals: list[Setting] = device.originals()
    forged = [replace(s, read_back=value) if s.name == "regulator_ton_rise" else s for s in originals]
    with pytest.raises(SettingRefused, match="regulator_ton_rise"):
        opened(bench).adopt_originals(forged)
    part = [setting for setting in originals if setting.name != "regulator_ton_rise"]
    with pytest.raises(SettingRefused, match=r"lacks .*regulator_ton_rise"):
        opened(bench).adopt_originals(part)
