"""No route leads past the limits: whatever is asked, narrowed, or read from somebody's file."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from paper_bench import BUILT_IN, URL, PaperBench, check_held

from asicrc.bench.station import load_station
from asicrc.devices.bitaxe_opening import open_bitaxe_raw
from asicrc.devices.limits_in_force import LimitsInForce
from asicrc.devices.url import DeviceUrl
from asicrc.errors import AsicrcError
from firmware_protocols.bm13xx import WriteRegister, model_by_name, solve_pll
from firmware_protocols.device import DeviceLost, DeviceProtocol, Setting, SettingRefused
from firmware_protocols.errors import ProtocolError

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

anything = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(0, 3000),
    st.integers(-(2**40), 2**40).map(float),
    st.sampled_from([0.0, 49.9, 50.0, 575.0, 575.1, 999.0, 1000.0, 1300.0, 1300.1, 1458.43]),
)
requests = st.dictionaries(
    st.sampled_from(["frequency_mhz", "voltage_mv", "fan_percent", "difficulty", "hash_counting_number"]),
    anything,
    max_size=5,
)
NAMES = [
    *("pll0_register", "ticket_mask_register", "hash_counting_number", "version_mask_register"),
    *("fast_uart_register", "host_baud", "reset_released", "voltage_mv", "fan_controller_config"),
    *("fan_config", "fan_setting", "frequency_mhz", "anything"),
]
plausible = st.fixed_dictionaries(
    {
        "reset_released": st.sampled_from([0.0, 1.0]),
        "voltage_mv": st.floats(0, 3000),
        "fan_controller_config": st.sampled_from([0.0, 4.0]),
        "fan_config": st.sampled_from([32.0, 35.0]),
        "fan_setting": st.integers(0, 63).map(float),
        "diode_ideality": st.just(18.0),
        "diode_beta": st.just(8.0),
        "pll0_register": st.one_of(
            st.integers(0, 2**32 - 1).map(float),
            st.floats(20, 1200).map(lambda mhz: _register_of(mhz)),
        ),
        "ticket_mask_register": st.just(0.0),
        "hash_counting_number": st.integers(0, 2**32 - 1).map(float),
        "version_mask_register": st.just(float(0x9000FFFF)),
        "fast_uart_register": st.just(float(0x01301A00)),
        "host_baud": st.just(115200.0),
    }
)


mutations = st.dictionaries(st.sampled_from(NAMES), st.one_of(st.none(), anything), max_size=2)
"""One or two values of a plausible file that are something else."""


def _register_of(mhz: float) -> float:
    try:
        return float(solve_pll(model_by_name("bm1366"), mhz).register)
    except ProtocolError:
        return 0.0


def opened(bench: PaperBench, limits: LimitsInForce | None = None) -> DeviceProtocol:
    return open_bitaxe_raw(DeviceUrl.parse(URL), bench, limits or LimitsInForce.built_in())


def drive(bench: PaperBench, device: DeviceProtocol, requested: dict[str, float]) -> bool:
    device.originals()
    try:
        device.configure(requested)
        done = True
    except (SettingRefused, DeviceLost):
        done = False
    device.restore()
    return done


@QUICK
@given(requests)
@example({"frequency_mhz": 575.0, "voltage_mv": 1300.0})
@example({"frequency_mhz": math.nan, "voltage_mv": 1200.0})
@example({"frequency_mhz": 50.0, "voltage_mv": math.inf})
def test_python_cannot_ask_past_the_built_in_envelope(requested: dict[str, float]) -> None:
    bench = PaperBench()
    done = drive(bench, opened(bench), requested)
    check_held(bench, BUILT_IN)
    if done:
        assert bench.clocks_mhz and bench.voltages_mv


def test_what_is_allowed_is_done() -> None:
    bench = PaperBench()
    assert drive(bench, opened(bench), {"frequency_mhz": 575.0, "voltage_mv": 1300.0, "fan_percent": 60.0})
    assert max(bench.clocks_mhz) == 575 and max(bench.voltages_mv) > 1295


@QUICK
@given(
    requests,
    st.floats(60, 575),
    st.floats(1000, 1300),
    st.booleans(),
)
def test_a_station_is_never_passed_either(
    tmp_path: Path, requested: dict[str, float], highest_mhz: float, highest_mv: float, allow_beyond: bool
) -> None:
    file = tmp_path / "station.toml"
    file.write_text(
        f'[station]\nname = "s"\n[[device]]\nurl_prefix = "bitaxe-raw:"\n[device.limits]\n'
        f"frequency_mhz_max = {highest_mhz!r}\nvoltage_mv_max = {highest_mv!r}\n"
    )
    limits = LimitsInForce(load_station(file), allow_beyond, URL)
    bench = PaperBench()
    try:
        device = opened(bench, limits)
    except AsicrcError:
        assert allow_beyond, "the file asks for nothing beyond, so the flag is refused"
        return
    drive(bench, device, requested)
    check_held(bench, BUILT_IN.narrowed({"frequency_mhz_max": highest_mhz, "voltage_mv_max": highest_mv}))


@QUICK
@given(plausible, mutations)
def test_a_forged_file_cannot_restore_past_them(
    values: dict[str, float], changed: dict[str, float | None]
) -> None:
    bench = PaperBench()
    device = opened(bench)
    with suppress(SettingRefused):
        device.adopt_originals(
            [Setting(0, name, None, value, "original") for name, value in (values | changed).items()]
        )
        device.restore()
    check_held(bench, BUILT_IN)


@QUICK
@given(plausible)
def test_a_plausible_file_cannot_either(values: dict[str, float]) -> None:
    bench = PaperBench()
    device = opened(bench)
    device.originals()
    device.configure({"voltage_mv": 1200.0, "frequency_mhz": 300.0})
    with suppress(SettingRefused):
        device.adopt_originals([Setting(0, name, None, value, "original") for name, value in values.items()])
    device.restore()
    check_held(bench, BUILT_IN)
    assert len(bench.clocks_mhz) > 5 and len(bench.voltages_mv) > 5


@QUICK
@given(st.integers(0, 2**32 - 1) | st.floats(1, 1500).map(lambda mhz: int(_register_of(mhz))))
def test_the_line_itself_lets_no_other_clock_out(register_value: int) -> None:
    bench = PaperBench()
    device = opened(bench)
    device.originals()
    device.configure({})
    line = device._chain.line  # type: ignore[attr-defined]
    before = len(bench.clocks_mhz)
    try:
        line.send(WriteRegister(line.model.registers.pll0, register_value))
    except SettingRefused:
        assert len(bench.clocks_mhz) == before
    check_held(bench, BUILT_IN)


def test_no_voltage_is_written_without_a_temperature() -> None:
    bench = PaperBench()
    device = opened(bench)
    device.originals()
    bench.circuit.lose_sensor()
    with pytest.raises(SettingRefused, match="no temperature can be read"):
        device.configure({"voltage_mv": 1200.0})
    assert bench.voltages_mv == []
