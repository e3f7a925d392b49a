"""The emulated parts without a process: their account beside the hosts', and what junk does to them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_protocols.bitaxe_raw import Answer, GpioGet, HostChannel, I2cWriteRead, ReplyVersion
from firmware_protocols.board_parts import BOARDS, ds4432u, emc2101, ina260, tps546, tps546_settings
from firmware_protocols.board_parts.pmbus import VoutMode
from simulators.bitaxe.board_log import BoardLog
from simulators.bitaxe.circuit import Circuit
from simulators.bitaxe.firmware import Firmware
from simulators.bitaxe.options import CHIPS, Spell, board_options_text, parse_board_options
from simulators.bitaxe.parts import Ds4432u, Emc2101, Ina260, Part, Tps546, Unanswered
from simulators.models import MACHINES, DevicePhysics


def circuit(board: str = "ultra") -> Circuit:
    return Circuit(DevicePhysics(MACHINES[f"bitaxe-{board}"]), 25.0, diode_wired=board == "gamma")


def read(part: Part, register: int, size: int = 1) -> bytes:
    part.write(bytes((register,)))
    return part.read(size)


def test_both_accounts_of_the_boards_agree() -> None:
    assert {name: board.chip for name, board in BOARDS.items()} == dict(CHIPS)
    for name, board in BOARDS.items():
        machine = MACHINES[f"bitaxe-{name}"]
        assert (machine.nominal_mhz, machine.nominal_mv) == (board.default_mhz, board.default_mv)


@pytest.mark.parametrize("code", range(256))
def test_both_accounts_of_the_ds4432u_agree(code: int) -> None:
    board = circuit()
    part = Ds4432u(board)
    part.write(ds4432u.write_code(code))
    assert board.voltage_mv == pytest.approx(ds4432u.volts_of(code) * 1e3, abs=0.01)
    assert ds4432u.code_from(read(part, ds4432u.OUT0)) == code


@given(st.floats(1.0, 2.0))
def test_both_accounts_of_the_tps546_agree(volts: float) -> None:
    board = circuit("gamma")
    part = Tps546(board)
    mode = VoutMode.parse(read(part, tps546.Command.VOUT_MODE))
    for write in tps546_settings.initialisation(tps546_settings.SETTINGS["gamma"], mode, volts):
        part.write(write)
    assert board.voltage_mv == 0
    part.write(tps546.TURN_ON)
    assert tps546.volts_from(read(part, tps546.Command.READ_VOUT, 2), mode) == mode.volts(mode.word(volts))
    assert tps546.status_from(read(part, tps546.Command.STATUS_WORD, 2)) == 0
    board.model.set("frequency_mhz", 525.0)
    amperes = tps546.reading_from(read(part, tps546.Command.READ_IOUT, 2))
    assert amperes * board.voltage_mv / 1e3 == pytest.approx(board.model.core_w, rel=2e-3)
    assert tps546.reading_from(read(part, tps546.Command.READ_VIN, 2)) == 5.0
    assert tps546.identify(read(part, tps546.Command.IC_DEVICE_ID, tps546.ID_SIZE)) == "TPS546D24A"
    part.write(tps546.TURN_OFF)
    status = tps546.status_from(read(part, tps546.Command.STATUS_WORD, 2))
    assert status == tps546.Status.OFF | tps546.Status.POWER_NOT_GOOD


@given(st.floats(-40, 120))
def test_both_accounts_of_the_thermometers_agree(celsius: float) -> None:
    board = circuit("gamma")
    board.model.temperature_c = celsius  # type: ignore[misc]
    part = Emc2101(board)
    diode = emc2101.external_c(read(part, 0x01)[0], read(part, 0x10)[0])
    assert isinstance(diode, float)
    assert diode == pytest.approx(celsius, abs=0.125)
    assert emc2101.internal_c(read(part, 0x00)[0]) == pytest.approx(25 + (celsius - 25) * 25 / 30, abs=0.5)


@pytest.mark.parametrize("duty", [0, 1, 2, 21, 63])
def test_both_accounts_of_the_fan_agree(duty: int) -> None:
    board = circuit()
    part = Emc2101(board)
    for write in emc2101.initialisation():
        part.write(write)
    part.write(emc2101.write_register(emc2101.Register.FAN_SETTING, duty))
    assert board.turning_percent == pytest.approx(emc2101.percent_of(duty))
    rpm = emc2101.rpm_of(read(part, 0x46)[0], read(part, 0x47)[0])
    assert rpm == pytest.approx(0 if board.rpm < 100 else board.rpm, rel=1e-3)


def test_the_table_in_the_part_keeps_the_fan() -> None:
    board = circuit()
    part = Emc2101(board)
    part.write(b"\x4a\x00")
    part.write(b"\x4c\x3f")
    part.write(b"\x01\x55")  # a temperature is not to be written
    assert board.turning_percent == 0
    assert read(part, 0x01) == b"\x7f"
    assert emc2101.external_c(0x7F, read(part, 0x10)[0]) is emc2101.DiodeFault.OPEN


def test_both_accounts_of_the_ina260_agree() -> None:
    board = circuit()
    part = Ina260(board)
    board.set_voltage(1200)
    board.model.set("frequency_mhz", 485.0)
    board.model.temperature_c = 55.0  # type: ignore[misc]  # leakage is as stated at this temperature
    assert ina260.is_ina260(ina260.word_from(read(part, 0xFE, 2)), ina260.word_from(read(part, 0xFF, 2)))
    assert ina260.power_w(ina260.word_from(read(part, 0x03, 2))) == pytest.approx(12.0)
    volts = ina260.voltage_v(ina260.word_from(read(part, 0x02, 2)))
    assert volts * ina260.current_a(ina260.word_from(read(part, 0x01, 2))) == pytest.approx(12.0, abs=0.01)


def test_a_board_warms_towards_its_end_and_no_further() -> None:
    board = DevicePhysics(MACHINES["bitaxe-ultra"])
    for name, value in (("voltage_mv", 1200.0), ("frequency_mhz", 485.0), ("fan_percent", 100.0)):
        board.set(name, value)
    assert board.final_c == pytest.approx(55.0, abs=0.1)
    board.step(60.0)
    assert 42 < board.temperature_c < 50  # the sink's time constant is 63 s
    board.step(1e6)
    assert board.temperature_c == pytest.approx(board.final_c)
    assert board.power_w == pytest.approx(12.0, abs=0.01)
    assert board.faults == ()
    board.set("heat_sink", 0.0)
    assert board.faults == ("heat sink loose",)
    assert board.final_c == pytest.approx(150.0)  # where the model ends
    with pytest.raises(ValueError, match="no setting 'colour'"):
        board.set("colour", 1.0)


def firmware(version: ReplyVersion, held: list[bool]) -> Firmware:
    board = circuit()
    parts: dict[int, Part] = {0x48: Ds4432u(board), 0x4C: Emc2101(board), 0x40: Ina260(board)}
    return Firmware(
        version,
        parts,
        set_reset=lambda level: held.append(not level),
        core_mv=lambda: board.voltage_mv,
        restart=lambda request: held.append(True),
    )


@settings(max_examples=300)
@given(st.sampled_from(ReplyVersion), st.lists(st.binary(max_size=300), max_size=8))
def test_no_bytes_stop_the_firmware(version: ReplyVersion, reads: list[bytes]) -> None:
    board = firmware(version, [])
    for t_ms, data in enumerate(reads):
        list(board.receive(data, t_ms * 1_000_000))
    channel = HostChannel(version)
    (reply,) = board.receive(channel.request(GpioGet(0)), 10**9)
    assert isinstance(channel.receive_data(reply), Answer)


@settings(max_examples=200)
@given(
    st.sampled_from((0x48, 0x4C, 0x40)),
    st.binary(max_size=4),
    st.integers(1, 254),
    st.sampled_from(ReplyVersion),
)
def test_every_read_of_a_part_has_its_size(
    address: int, sent: bytes, size: int, version: ReplyVersion
) -> None:
    channel, board = HostChannel(version), firmware(version, [])
    (reply,) = board.receive(channel.request(I2cWriteRead(address, sent, size)), 0)
    answer = channel.receive_data(reply)
    assert isinstance(answer, Answer)
    assert len(answer.data) == size


@given(st.binary(max_size=4), st.integers(1, 40))
def test_every_read_of_a_tps546_has_its_size(sent: bytes, size: int) -> None:
    part = Tps546(circuit("gamma"))
    part.write(sent)
    assert len(part.read(size)) == size


def test_a_lost_part_does_not_acknowledge() -> None:
    board = circuit()
    part = Emc2101(board)
    board.lose_sensor()
    with pytest.raises(Unanswered):
        part.write(b"\x00")
    with pytest.raises(Unanswered):
        part.read(1)


def test_the_log_has_a_line_for_every_change(tmp_path: Path) -> None:
    log = BoardLog(tmp_path / "log.jsonl")
    for t_ns, celsius in ((1, 25.0), (2, 25.05), (3, 25.2), (4, 25.2)):
        log.write(t_ns, reset=True, voltage_mv=1200.0, temperature_c=celsius)
    log.write(5, reset=False, voltage_mv=1200.0, temperature_c=25.2)
    log.close()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["t_ns"] for line in lines] == [1, 3, 5]
    assert lines[-1] == {"t_ns": 5, "reset": False, "voltage_mv": 1200.0, "temperature_c": 25.2}
    BoardLog(None).write(1, reset=True)


def test_options_of_the_board_and_of_its_chip() -> None:
    options = parse_board_options(
        [
            *(("board", "gamma"), ("reply-version", "1"), ("zero_bits", "10")),
            ("faults", "overheat:3,sensor_lost"),
        ]
    )
    assert (options.board, options.reply_version, options.scale.zero_bits) == ("gamma", ReplyVersion.V1, 10)
    assert options.fault("overheat") == Spell(3.0)
    assert options.fault("sensor_lost").after_s < 0
    assert options.fault("fan_stopped").after_s == float("inf")
    assert parse_board_options([("faults", "unplugged:2/3")]).fault("unplugged").ends_s == 5.0
    assert options.scale.chip == "bm1370"
    with pytest.raises(ValueError, match="given twice"):
        parse_board_options([("board", "ultra"), ("board", "gamma")])
    assert parse_board_options([]).scale.chip == "bm1366"
    assert "heat_speed" in board_options_text("ultra")
    assert "zero_bits" in board_options_text("ultra")
