"""The parts round the chip: codes that were seen, numbers there and back, faults that are none of them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols.bm13xx import model_by_name
from firmware_protocols.board_parts import (
    BOARDS,
    core_adc,
    ds4432u,
    emc2101,
    ina260,
    pmbus,
    tps546,
    tps546_settings,
)
from firmware_protocols.board_parts.pmbus import VoutMode
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

LINEAR = VoutMode(-9, relative=True)


def test_the_codes_of_the_published_logs(bm13xx_vectors: Path) -> None:
    vectors = [vector for vector in json.loads(bm13xx_vectors.read_text()) if vector["chip"] == "DS4432U"]
    assert len(vectors) == 2
    for vector in vectors:
        decode = vector["decode"]
        assert (decode["i2c_addr"], decode["reg"]) == (ds4432u.ADDRESS, ds4432u.OUT0)
        code = ds4432u.code_for(decode["volts"])
        assert ds4432u.write_code(code) == bytes((decode["reg"],)) + bytes.fromhex(vector["hex"])
        assert decode["volts"] - ds4432u.STEP_V < ds4432u.volts_of(code) <= decode["volts"]


@pytest.mark.parametrize(
    ("volts", "code"), [(1.10, 0xE1), (1.20, 0xC6), (1.25, 0xB9), (1.30, 0xAB), (1.50, 11)]
)
def test_codes_of_a_ds4432u(volts: float, code: int) -> None:
    assert ds4432u.code_for(volts) == code


@given(st.floats(ds4432u.LOWEST_V, ds4432u.HIGHEST_V))
def test_a_ds4432u_is_never_set_above_what_was_asked(volts: float) -> None:
    reached = ds4432u.volts_of(ds4432u.code_for(volts))
    assert volts - ds4432u.STEP_V - 1e-6 < reached <= volts + 1e-6


@pytest.mark.parametrize("code", range(256))
def test_every_code_leads_back_to_itself(code: int) -> None:
    volts = ds4432u.volts_of(code)
    assert ds4432u.code_for(volts) == (code if code != 0x80 else 0)
    assert ds4432u.code_from(ds4432u.write_code(code)[1:]) == code


def test_what_a_ds4432u_cannot_do() -> None:
    assert ds4432u.volts_of(ds4432u.POWER_ON_CODE) == pytest.approx(1.458, abs=5e-4)
    for volts in (0.9, 1.95, math.nan):  # the first would overflow into 1.37 V
        with pytest.raises(LocalProtocolError, match=r"0\.9886 to 1\.9283 V"):
            ds4432u.code_for(volts)
    for code in (-1, 256):
        with pytest.raises(LocalProtocolError):
            ds4432u.volts_of(code)
        with pytest.raises(LocalProtocolError):
            ds4432u.write_code(code)
    with pytest.raises(RemoteProtocolError):
        ds4432u.code_from(b"")


@pytest.mark.parametrize(
    ("word", "value"),
    [
        (0x0001, 1.0),
        (0xCA66, 4.796875),
        (0xF819, 12.5),
        (0x07FF, -1.0),
        (0x8400, -1024 * 2.0**-16),
        (0x7BFF, 1023 * 2.0**15),
    ],
)
def test_slinear11(word: int, value: float) -> None:
    assert pmbus.slinear11(word) == value


@given(st.integers(0, 0xFFFF))
def test_slinear11_leads_back_to_the_value(word: int) -> None:
    value = pmbus.slinear11(word)
    assert pmbus.slinear11(pmbus.to_slinear11(value)) == value


@given(st.floats(-1024 * 2**15, 1023 * 2**15))
def test_slinear11_is_near(value: float) -> None:
    assert pmbus.slinear11(pmbus.to_slinear11(value)) == pytest.approx(value, rel=1 / 1000, abs=2**-17)


def test_whole_numbers_keep_exponent_0() -> None:
    assert pmbus.to_slinear11(3, lowest_exponent=0) == 3
    assert pmbus.to_slinear11(650, lowest_exponent=0) == 650
    for value in (math.inf, math.nan, 1e9, -1e9):
        with pytest.raises(LocalProtocolError):
            pmbus.to_slinear11(value)


def test_vout_mode() -> None:
    assert VoutMode.parse(b"\x97") == LINEAR
    assert VoutMode.parse(b"\x17") == VoutMode(-9, relative=False)
    assert LINEAR.byte == 0x97
    assert LINEAR.step_v == pytest.approx(1.953125e-3)
    for data in (b"", b"\x37", b"\x97\x00"):
        with pytest.raises(RemoteProtocolError, match="linear"):
            VoutMode.parse(data)


@given(st.integers(-12, -4), st.booleans(), st.integers(0, 0xFFFF))
def test_words_of_the_output_lead_back(exponent: int, relative: bool, word: int) -> None:
    mode = VoutMode(exponent, relative)
    assert VoutMode.parse(bytes((mode.byte,))) == mode
    assert mode.word(mode.volts(word)) == word


@given(st.floats(0, 4))
def test_a_tps546_is_never_set_above_what_was_asked(volts: float) -> None:
    reached = tps546.volts_from(tps546.set_volts(volts, LINEAR)[1:], LINEAR)
    assert volts - LINEAR.step_v < reached <= volts


def test_voltages_without_a_word() -> None:
    for volts in (-0.1, 200.0, math.nan):
        with pytest.raises(LocalProtocolError):
            LINEAR.word(volts)


def test_pmbus_transfers_have_their_sizes() -> None:
    assert pmbus.byte_from(b"\x80") == 0x80
    assert pmbus.word_from(b"\x34\x12") == 0x1234
    assert pmbus.block_from(b"\x02ab") == b"ab"
    for read, data in (
        (pmbus.byte_from, b""),
        (pmbus.word_from, b"\x00"),
        (pmbus.block_from, b""),
        (pmbus.block_from, b"\x03ab"),
    ):
        with pytest.raises(RemoteProtocolError):
            read(data)


def test_what_a_tps546_is_told() -> None:
    assert bytes.fromhex("01 00") == tps546.TURN_OFF
    assert bytes.fromhex("01 80") == tps546.TURN_ON
    assert tps546.CLEAR_FAULTS == b"\x03"
    assert bytes.fromhex("04 FF") == tps546.READ_ALL_PHASES
    assert tps546.set_volts(1.15, LINEAR) == bytes.fromhex("21 4C 02")  # 588 steps of 1.953125 mV
    with pytest.raises(LocalProtocolError):
        tps546.write_byte(tps546.Command.OPERATION, 256)
    with pytest.raises(LocalProtocolError):
        tps546.write_word(tps546.Command.VOUT_COMMAND, 0x10000)


def test_what_a_tps546_says() -> None:
    assert tps546.identify(bytes.fromhex("06 5449546D2441")) == "TPS546D24A"
    assert tps546.reading_from(bytes.fromhex("66 CA")) == pytest.approx(4.797, abs=1e-3)
    status = tps546.status_from(bytes.fromhex("50 48"))
    assert tps546.names(status) == ("iout", "power not good", "off", "iout over")
    assert status & tps546.FAULTS == tps546.Status.IOUT_OVER
    assert tps546.names(tps546.Status(0)) == ()
    with pytest.raises(RemoteProtocolError, match="not a TPS546"):
        tps546.identify(bytes.fromhex("06 5449546D2400"))


@given(st.integers(0, 0xFFFF))
def test_no_status_is_too_strange(word: int) -> None:
    status = tps546.status_from(word.to_bytes(2, "little"))
    assert len(tps546.names(status)) == (word & 0xFBFF).bit_count()  # bit 10 is of fans, and has no name here


def test_a_gamma_is_set_up_off_and_within_its_limits() -> None:
    writes = tps546_settings.initialisation(tps546_settings.SETTINGS["gamma"], LINEAR, 1.15)
    assert writes[0] == tps546.TURN_OFF
    assert writes[-1] == tps546.CLEAR_FAULTS
    assert tps546.TURN_ON not in writes
    by_command = {write[0]: write[1:] for write in writes}
    assert len(by_command) == len(writes)
    assert 0x58 not in by_command
    assert by_command[0x21] == bytes.fromhex("4C 02")
    assert by_command[0x24] == bytes.fromhex("00 04")  # 2 V
    assert by_command[0x40] == bytes.fromhex("80 02")  # 1.25 of the command
    assert by_command[0x33] == bytes.fromhex("8A 02")
    assert by_command[0x29] == bytes.fromhex("00 AA")  # 512 * 2**-11
    assert pmbus.slinear11(pmbus.word_from(by_command[0x46])) == 30.0


GAMMA_SET_UP = """
0100 021F 0400 338A02 3566CA 3640CA 5540CB 56B7 2900AA 214C02 240004 2B0002 408002 425102 253302 26CC01 43CC01
448001 4A20DB 46C0DB 47C0 516900 4F9100 50FF 600000 610300 620000 633B 640000 650000 EEFFFF 03
"""
"""At 1.15 V, by hand from ESP-Miner's TPS546.h and vcore.c, with the command codes of PMBus."""


def test_the_set_up_of_a_gamma_is_esp_miners() -> None:
    writes = tps546_settings.initialisation(tps546_settings.SETTINGS["gamma"], LINEAR, 1.15)
    assert [write.hex().upper() for write in writes] == GAMMA_SET_UP.split()


def test_registers_have_the_numbers_of_the_data_sheets() -> None:
    reading = [tps546.Command.READ_VIN, tps546.Command.READ_VOUT, tps546.Command.READ_IOUT]
    assert [*reading, tps546.Command.READ_TEMPERATURE] == [0x88, 0x8B, 0x8C, 0x8D]
    assert (tps546.Command.STATUS_WORD, tps546.Command.IC_DEVICE_ID) == (0x79, 0xAD)
    assert tps546.Command.VIN_UV_WARN_LIMIT == 0x58
    assert (ina260.Register.CURRENT, ina260.Register.VOLTAGE, ina260.Register.POWER) == (1, 2, 3)
    assert (ina260.Register.MAKER, ina260.Register.DIE) == (0xFE, 0xFF)
    fan = emc2101.Register
    assert (fan.INTERNAL_TEMPERATURE, fan.EXTERNAL_HIGH, fan.EXTERNAL_LOW) == (0x00, 0x01, 0x10)
    assert (fan.STATUS, fan.CONFIG, fan.IDEALITY, fan.BETA) == (0x02, 0x03, 0x17, 0x18)
    assert (fan.TACH_LOW, fan.TACH_HIGH, fan.FAN_CONFIG, fan.FAN_SETTING) == (0x46, 0x47, 0x4A, 0x4C)
    assert (fan.PRODUCT, fan.MAKER, fan.REVISION) == (0xFD, 0xFE, 0xFF)
    assert (ds4432u.ADDRESS, ina260.ADDRESS, emc2101.ADDRESS, tps546.ADDRESS) == (0x48, 0x40, 0x4C, 0x24)


def test_what_the_set_up_of_a_tps546_changes_can_be_put_back() -> None:
    writes = tps546_settings.initialisation(tps546_settings.SETTINGS["hex"], LINEAR, 3.6)
    kept = {tps546.Command.OPERATION, tps546.Command.ON_OFF_CONFIG, tps546.Command.CLEAR_FAULTS}
    by_command = {tps546.Command(write[0]): write for write in writes if write[0] not in kept}
    assert by_command.keys() == set(tps546_settings.SET_UP_REGISTERS)
    for command, write in by_command.items():
        assert len(write) == 1 + tps546_settings.register_bytes(command)
        value = tps546_settings.register_from(command, write[1:])
        assert tps546_settings.write_register(command, value) == write
        with pytest.raises(RemoteProtocolError):
            tps546_settings.register_from(command, b"")


def test_limits_are_volts_where_the_part_counts_in_volts() -> None:
    absolute = VoutMode(-9, relative=False)
    writes = tps546_settings.initialisation(tps546_settings.SETTINGS["hex"], absolute, 3.6)
    by_command = {write[0]: write[1:] for write in writes}
    assert absolute.volts(pmbus.word_from(by_command[0x40])) == pytest.approx(4.5, abs=0.002)
    assert pmbus.slinear11(pmbus.word_from(by_command[0x58])) == 11.0
    with pytest.raises(LocalProtocolError, match=r"2\.5 to 4\.5 V"):
        tps546_settings.initialisation(tps546_settings.SETTINGS["hex"], absolute, 1.2)


@given(st.integers(0, 63))
def test_every_duty_leads_back_to_itself(duty: int) -> None:
    assert emc2101.duty_for(emc2101.percent_of(duty)) == duty
    assert emc2101.percent_of(duty | 0xC0) == emc2101.percent_of(duty)


@given(st.floats(0, 100))
def test_a_fan_never_turns_slower_than_asked(percent: float) -> None:
    assert percent - 1e-6 <= emc2101.percent_of(emc2101.duty_for(percent)) < percent + 100 / 63


def test_what_a_fan_cannot_do() -> None:
    for percent in (-1, 100.5, math.nan):
        with pytest.raises(LocalProtocolError, match="0 to 100 %"):
            emc2101.duty_for(percent)


@given(st.integers(-512, 1015))
def test_temperatures_of_the_diode(eighths: int) -> None:
    word = (eighths & 0x7FF) << 5
    assert emc2101.external_c(word >> 8, word & 0xFF) == eighths / 8


def test_temperatures_and_faults() -> None:
    assert emc2101.external_c(0x2D, 0x60) == 45.375
    assert emc2101.external_c(0x7F, 0x00) is emc2101.DiodeFault.OPEN
    assert emc2101.external_c(0x7F, 0xE0) is emc2101.DiodeFault.SHORT
    assert emc2101.internal_c(0x28) == 40.0
    assert emc2101.internal_c(0xFF) == -1.0


def test_the_tachometer() -> None:
    assert emc2101.rpm_of(0x38, 0x04) == 5000.0
    assert emc2101.rpm_of(0xFF, 0xFF) == 0.0
    assert emc2101.rpm_of(0, 0) is None


def test_what_an_emc2101_is_told_and_says() -> None:
    assert emc2101.initialisation() == (b"\x03\x04", b"\x4a\x23")
    gamma = BOARDS["gamma"]
    assert emc2101.initialisation(ideality=gamma.ideality, beta=gamma.beta)[2:] == (b"\x17\x24", b"\x18\x00")
    assert emc2101.identify(0x16, 0x5D) == "EMC2101"
    assert emc2101.identify(0x28, 0x5D) == "EMC2101-R"
    assert emc2101.register_from(b"\x16") == 0x16
    for product, maker in ((0x16, 0x5E), (0x35, 0x5D)):
        with pytest.raises(RemoteProtocolError, match="not an EMC2101"):
            emc2101.identify(product, maker)
    with pytest.raises(RemoteProtocolError):
        emc2101.register_from(b"")
    with pytest.raises(LocalProtocolError):
        emc2101.write_register(emc2101.Register.FAN_SETTING, 256)


def test_an_ina260_measures_the_supply() -> None:
    assert ina260.voltage_v(ina260.word_from(b"\x0f\xa0")) == 5.0
    assert ina260.current_a(ina260.word_from(b"\x08\x00")) == 2.56
    assert ina260.current_a(0xFFFF) == -0.00125
    assert ina260.power_w(1200) == 12.0
    assert ina260.is_ina260(0x5449, 0x2270)
    assert not ina260.is_ina260(0x5449, 0x2260)
    with pytest.raises(RemoteProtocolError):
        ina260.word_from(b"\x00")


def test_the_adc_of_the_core() -> None:
    assert core_adc.core_volts(1585) == pytest.approx(1.2, abs=1e-3)
    for raw in (-1, 4096):
        with pytest.raises(RemoteProtocolError, match="12 bits"):
            core_adc.core_volts(raw)


def test_the_boards_carry_chips_that_are_known() -> None:
    for name, board in BOARDS.items():
        assert board.name == name
        assert model_by_name(board.chip).name.lower() == board.chip
        assert board.regulator in ("ds4432u", "tps546")
