"""The emulated Bitaxe over its two ports, with a host that knows bytes and nothing else."""

from __future__ import annotations

import json
import os
import time
import tty
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from bitaxe_host import DS4432U, EMC2101, HOLD, INA260, PATIENCE_S, RELEASE, TPS546, Host, board, request
from bm1366_host import WireJob, read_register, write_register

from simulators.bitaxe.endpoint import main
from simulators.endpoints import open_sim

PLL_200, PLL_485 = 0x40A00241, 0x50C20240
CHIP_ID = "1366"
CODE_1V20 = 0xC6
FAN_FULL = 63


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("board") / "log.jsonl"


@pytest.fixture(scope="module")
def running(log: Path) -> Iterator[Host]:
    with board(f"board_log={log}", "heat_speed=200") as host:  # a heat sink takes a minute and more
        yield host


@pytest.fixture
def host(running: Host) -> Host:
    """The shared board, at 1.20 V with the fan on full and the chip held in reset."""
    running.hold()
    running.write_part(DS4432U, 0xF8, CODE_1V20)
    running.write_part(EMC2101, 0x03, 0x04)
    running.write_part(EMC2101, 0x4C, FAN_FULL)
    return running


def states(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def becomes(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not (result := true()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return result


def test_the_announcement_says_where_both_ports_are(host: Host) -> None:
    control, data = host.announced["control"], host.announced["pty"]
    scheme, _, query = host.announced["url"].partition("?")
    assert scheme == f"bitaxe-raw:{control},{data}"
    assert query.startswith("board=ultra&chip=bm1366&simulated=1&zero_bits=12&cores=4&subcores=1&")


def test_version_0_answers_with_the_length_of_the_data(host: Host) -> None:
    assert host.exchange(request(0xA5, b"\x06\x00")) == bytes.fromhex("01 00 A5 00")
    host.release()
    assert host.exchange(request(0xA5, b"\x06\x00")) == bytes.fromhex("01 00 A5 01")


def test_errors_of_version_0_give_their_whole_length(host: Host) -> None:
    assert host.exchange(request(7, bytes.fromhex("05 40 33 00 01"))) == b"\x17\0\x07\xffI2C WriteRead Error"
    assert host.exchange(request(7, bytes.fromhex("05 30 33 01"))) == b"\x12\0\x07\xffI2C Read Error"
    assert host.exchange(request(7, bytes.fromhex("05 20 33 01"))) == b"\x13\0\x07\xffI2C Write Error"
    for unknown in ("0A 00", "06 05", "07 51", "08 10 01 02 03", "09 01 DE AD BE EF"):
        assert host.exchange(request(7, bytes.fromhex(unknown))) == bytes.fromhex("04 00 FF 11")


def test_a_partial_request_is_forgotten_and_a_whole_one_served(host: Host) -> None:
    assert host.exchange(request(8, b"\x06\x00")[:5], seconds=0.1) == b""
    assert host.exchange(request(9, b"\x06\x00")) == bytes.fromhex("01 00 09 00")
    assert host.exchange(bytes.fromhex("01 00 02"), seconds=0.1) == b""  # a length that cannot be
    assert host.exchange(request(10, b"\x06\x00")) == bytes.fromhex("01 00 0A 00")


def test_requests_in_one_write_are_served_and_logged_in_turn(host: Host, log: Path) -> None:
    before = len(states(log))
    both = request(8, RELEASE) + request(9, HOLD)
    assert host.exchange(both, least=8) == bytes.fromhex("01 00 08 01 01 00 09 00")
    seen = [state["reset"] for state in states(log)[before - 1 :]]  # and what it says of its temperature
    assert [reset for reset, _ in groupby(seen)] == [True, False, True]


def test_a_chip_that_is_held_says_nothing_and_forgets(host: Host) -> None:
    assert host.is_silent()
    host.release()
    assert host.chip_id().hex() == CHIP_ID
    host.chip(write_register(0x18, 0xF000C100), seconds=0)
    assert host.chip(read_register(0x18))[2:6].hex() == "f000c100"
    host.hold()
    assert host.is_silent()
    host.release()
    assert host.chip(read_register(0x18))[2:6].hex() == "0000c100"


def test_reset_ends_the_hashing(host: Host) -> None:
    host.release()
    host.start_hashing(PLL_200)
    assert host.nonces(PATIENCE_S, until=3) >= 3
    host.hold()
    host.drain(0.2)
    assert host.nonces(0.3) == 0
    host.release()
    host.chip(WireJob.example(2).frame(), seconds=0)
    assert host.nonces(0.3) == 0  # a chip after reset has no clock


def test_the_regulator_moves_the_core(host: Host, log: Path) -> None:
    for code, millivolts in ((0xC6, 1199.45), (0xB9, 1247.54), (0x0A, 1495.43), (0x00, 1458.43)):
        host.write_part(DS4432U, 0xF8, code)
        assert host.read_part(DS4432U, 0xF8) == bytes((code,))
        assert becomes(lambda: states(log)[-1]["voltage_mv"] == pytest.approx(millivolts, abs=0.02))  # noqa: B023
        raw = int.from_bytes(host.ask(b"\x07\x50"), "little")
        assert raw * 3100 / 4095 == pytest.approx(millivolts, abs=0.5)


def test_a_chip_starves_below_the_voltage_of_its_clock(host: Host, log: Path) -> None:
    host.release()
    host.start_hashing(PLL_485)
    assert host.nonces(PATIENCE_S, until=2) >= 2
    host.write_part(DS4432U, 0xF8, 0xFF)  # 0.989 V
    host.drain(0.2)
    assert host.nonces(0.3) == 0
    host.write_part(DS4432U, 0xF8, CODE_1V20)
    assert host.is_silent()
    assert not states(log)[-1]["reset"]
    host.hold()
    host.release()
    assert host.chip_id().hex() == CHIP_ID


def test_the_fan_moves_the_temperature(host: Host, log: Path) -> None:
    def beside_c() -> int:
        return host.read_part(EMC2101, 0x00)[0]

    host.release()
    host.start_hashing(PLL_485)
    assert becomes(lambda: beside_c() >= 48), beside_c()
    cool_w = int.from_bytes(host.read_part(INA260, 0x03, 2), "big") / 100
    assert cool_w == pytest.approx(12.0, abs=0.1)  # it leaks less until it is warm
    assert beside_c() <= 51  # 25 degC and 25/30 of the 30 K of 9 W
    host.write_part(EMC2101, 0x4C, 0)
    assert becomes(lambda: beside_c() > 90), beside_c()
    host.write_part(EMC2101, 0x4C, FAN_FULL)
    assert becomes(lambda: beside_c() <= 51), beside_c()
    hottest = max(state["temperature_c"] for state in states(log))
    assert hottest > 100
    assert [state["frequency_mhz"] for state in states(log)][-1] == 485.0


def test_the_tachometer_follows_the_fan(host: Host) -> None:
    def count() -> int:
        low = host.read_part(EMC2101, 0x46)[0]
        return host.read_part(EMC2101, 0x47)[0] << 8 | low

    assert count() == 900  # 6000 rpm
    host.write_part(EMC2101, 0x4C, 21)
    assert count() == 2700
    host.write_part(EMC2101, 0x4C, 0)
    assert count() == 0xFFFF
    host.write_part(EMC2101, 0x4C, FAN_FULL)
    host.write_part(EMC2101, 0x03, 0)  # the pin is an alert
    assert count() == 0xFFFF


def test_who_the_parts_are(host: Host) -> None:
    assert [host.read_part(EMC2101, register).hex() for register in (0xFD, 0xFE)] == ["16", "5d"]
    assert [host.read_part(INA260, register, 2).hex() for register in (0xFE, 0xFF)] == ["5449", "2270"]
    assert host.read_part(INA260, 0x02, 2).hex() == "0fa0"  # 5 V
    high, low = host.read_part(EMC2101, 0x01)[0], host.read_part(EMC2101, 0x10)[0]
    assert (high << 8 | low) >> 5 == 0x3F8  # no diode on this board


def test_version_1_states_the_whole_length_and_a_status() -> None:
    with board("faults=sensor_lost,voltage_ignored", version=1) as host:
        assert host.exchange(request(0xA5, b"\x06\x00")) == bytes.fromhex("05 00 A5 00 00")
        assert host.exchange(request(7, bytes.fromhex("08 10 01 02 03"))) == bytes.fromhex(
            "07 00 07 00 01 02 03"
        )
        assert host.exchange(request(7, bytes.fromhex("06 05"))) == bytes.fromhex("04 00 FF 11")
        lost = host.exchange(request(7, bytes.fromhex("05 40 4C 00 01")))
        assert lost == b"\x17\0\x07\xffI2C WriteRead Error"
        assert host.read_part(DS4432U, 0xF8) == b"\0"
        host.write_part(DS4432U, 0xF8, CODE_1V20)
        assert host.read_part(DS4432U, 0xF8) == b"\0"
        host.release()
        assert host.chip_id().hex() == CHIP_ID
        assert host.exchange(request(7, bytes.fromhex("09 01 DE AD BE EF")), seconds=0.2) == b""
        assert host.ask(b"\x06\x00") == b"\0"
        assert host.is_silent()


def test_faults_begin_after_the_first_job(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with board("faults=fan_stopped:0.4,overheat:0.4", f"board_log={path}", "heat_speed=20") as host:
        host.write_part(DS4432U, 0xF8, CODE_1V20)
        host.write_part(EMC2101, 0x03, 0x04)
        host.write_part(EMC2101, 0x4C, FAN_FULL)
        host.release()
        assert becomes(lambda: states(path)[-1]["fan_percent"] == 100.0)
        began_ns = time.monotonic_ns()
        host.start_hashing(PLL_485)
        assert becomes(lambda: states(path)[-1]["fan_percent"] == 0.0)
        assert states(path)[-1]["t_ns"] - began_ns > 0.4e9
        assert host.read_part(EMC2101, 0x46) + host.read_part(EMC2101, 0x47) == b"\xff\xff"
        assert host.read_part(EMC2101, 0x4C)[0] == FAN_FULL
        assert becomes(lambda: states(path)[-1]["temperature_c"] > 120)
    with board("faults=sensor_lost:0.2") as host:
        began_s = time.monotonic()
        assert host.read_part(EMC2101, 0xFD) == b"\x16"
        host.hold()
        host.write_part(DS4432U, 0xF8, CODE_1V20)
        host.release()
        host.start_hashing(PLL_200)
        assert becomes(lambda: host.exchange(request(7, bytes.fromhex("05 40 4C 00 01")))[3:4] == b"\xff")
        assert time.monotonic() - began_s > 0.2


def test_a_gamma_has_another_chip_and_another_regulator() -> None:
    with board("board=gamma", "heat_speed=60") as host:
        assert "board=gamma&chip=bm1370&" in host.announced["url"]
        assert host.read_part(TPS546, 0xAD, 7).hex() == "065449546d2441"
        assert host.read_part(TPS546, 0x20) == b"\x97"
        assert host.read_part(TPS546, 0x79, 2) == b"\x40\x08"  # off
        host.release()
        assert host.is_silent()
        host.hold()
        host.write_part(TPS546, 0x21, 0x4C, 0x02)
        assert host.read_part(TPS546, 0x8B, 2) == b"\0\0"
        host.write_part(TPS546, 0x01, 0x80)
        assert host.read_part(TPS546, 0x8B, 2) == b"\x4c\x02"  # 1.148 V
        assert host.read_part(TPS546, 0x79, 2) == b"\0\0"
        host.write_part(TPS546, 0x24, 0, 2)  # at most 1 V
        assert host.read_part(TPS546, 0x8B, 2) == b"\0\2"
        assert host.read_part(TPS546, 0x7A) == b"\x08"
        assert host.read_part(TPS546, 0x79, 2) == b"\x01\x80"
        host.write_part(TPS546, 0x24, 0, 4)
        host.write_part(TPS546, 0x03)
        assert host.read_part(TPS546, 0x79, 2) == b"\0\0"
        host.release()
        assert host.chip_id().hex() == "1370"
        high, low = host.read_part(EMC2101, 0x01)[0], host.read_part(EMC2101, 0x10)[0]
        assert 25 * 8 <= (high << 8 | low) >> 5 <= 32 * 8  # it leaks as soon as it has its voltage
        assert host.exchange(request(7, bytes.fromhex("05 40 48 F8 01")))[3:4] == b"\xff"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("board=hex", "board is one of ultra, gamma"),
        ("reply_version=2", "reply_version is one of 0, 1"),
        ("chip=bm1370", "the chip is that of the board"),
        ("faults=melted", "no fault 'melted'"),
        ("faults=sensor_lost:soon", "is a number"),
        ("colour=red", "no option 'colour'"),
        ("board_log=/nowhere/at/all", "No such file"),
        ("links=/nowhere/at/all", "a folder that is there"),
        ("faults=unplugged:1/", "is a number"),
    ],
)
def test_options_that_are_not_understood_say_so(
    option: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([option]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("name", "chip"), [("bitaxe", "bm1366"), ("bitaxe-gamma", "bm1370")])
def test_open_sim_hands_out_both_ports(name: str, chip: str) -> None:
    with open_sim(f"sim:{name}?zero_bits=12") as url:
        ports, _, query = url.removeprefix("bitaxe-raw:").partition("?")
        assert f"chip={chip}&simulated=1&zero_bits=12" in query
        assert [Path(port).is_char_device() for port in ports.split(",")] == [True, True]


@pytest.mark.parametrize("name", ["bitaxe", "bitaxe-gamma"])
def test_the_command_lists_the_options_of_board_and_chip(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (entry,) = [one for one in entry_points(group="asicrc.emulators") if one.name == name]
    assert entry.load()(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(option in text for option in ("reply_version", "sensor_lost", "board_log", "zero_bits"))
    assert entry.load()(["board=gamma"]) == 2


def test_what_begins_later_and_what_ends_again(tmp_path: Path) -> None:
    """A glitch of the regulator, a fan that stands for a while, a cable that is pulled and put back."""
    faults = "faults=regulator_reset:0,fan_stopped:0/0.6,unplugged:0.9/0.5"
    log = tmp_path / "log.jsonl"
    with board(faults, f"links={tmp_path}", f"board_log={log}") as host:
        assert f"bitaxe-raw:{tmp_path}/control,{tmp_path}/data?" in host.announced["url"]
        assert str((tmp_path / "control").readlink()) == host.announced["control"]
        host.hold()
        host.write_part(EMC2101, 0x03, 0x04)
        host.write_part(EMC2101, 0x4C, 0x3F)
        host.write_part(DS4432U, 0xF8, CODE_1V20)
        host.release()
        before = len(states(log))
        assert states(log)[-1]["voltage_mv"] == pytest.approx(1200.0, abs=1.0)
        host.start_hashing(PLL_200)
        # What lasts half a second is looked for in the board's own record: this may come too late to see it.
        assert becomes(lambda: any(s["fan_percent"] > 0 for s in after_a_stop(states(log)[before:])))
        assert states(log)[-1]["voltage_mv"] > 1400, "as after power-on"
        assert becomes(lambda: not (tmp_path / "control").is_symlink() or relinked(tmp_path, host))
        with pytest.raises(OSError, match="Input/output"):
            host.exchange(request(9, bytes.fromhex("06 00")))
        assert becomes(lambda: relinked(tmp_path, host))
        os.close(host.control)
        host.control = os.open(tmp_path / "control", os.O_RDWR | os.O_NOCTTY)
        tty.setraw(host.control)
        assert host.read_part(EMC2101, 0xFD) == b"\x16", "the board is as it was, on other ports"
        assert host.read_part(DS4432U, 0xF8) == b"\0"
        assert host.read_part(EMC2101, 0x46) + host.read_part(EMC2101, 0x47) != b"\xff\xff"
    assert not (tmp_path / "control").is_symlink()


def after_a_stop(shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """From where the fan stood on."""
    return next((shown[place:] for place, state in enumerate(shown) if state["fan_percent"] == 0.0), [])


def relinked(folder: Path, host: Host) -> bool:
    link = folder / "control"
    return link.is_symlink() and str(link.readlink()) != host.announced["control"]


def test_a_microcontroller_that_starts_anew_holds_the_chip_in_reset() -> None:
    with board("faults=reboot:0.2") as host:
        host.hold()
        host.release()
        assert host.chip_id().hex() == CHIP_ID
        host.start_hashing(PLL_200)
        assert becomes(lambda: host.ask(bytes.fromhex("06 00")) == b"\0")
        host.drain(0.2)
        assert host.is_silent()
