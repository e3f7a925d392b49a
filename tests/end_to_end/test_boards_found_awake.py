"""Boards that were found in another state than after power-on, and ways back on which something fails."""

from __future__ import annotations

import os
import pty
import select
import signal
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from as_a_person import asicrc, emulator, start, stored, wait_for_line
from board_watch import seconds_until_safe, states

import asicrc as library
from asicrc.devices.control_channel import ControlChannel
from asicrc.errors import DeviceError
from asicrc.transports.serial_port import SerialTransport
from firmware_protocols.bitaxe_raw import GpioSet, I2cWrite
from firmware_protocols.board_parts import ds4432u, emc2101
from firmware_protocols.device import DeviceLost

LOWEST_MV = 1000.0
BUSY = ("cores=2", "time_scale=800", "zero_bits=12")


@contextmanager
def board(log: Path, *options: str) -> Iterator[str]:
    with emulator(
        "board=ultra", f"board_log={log}", "report=0", *BUSY, *options, module="simulators.bitaxe"
    ) as url:
        yield url


def wake(url: str, *, volts: float, fan_percent: float) -> None:
    """Leave the board as some other program would: out of reset, at a voltage, with a fan speed."""
    for _ in range(5):  # a busy machine may keep the emulator from its replies
        with suppress(DeviceLost, DeviceError):
            return _wake_once(url, volts, fan_percent)
    raise AssertionError("the board does not answer")


def _wake_once(url: str, volts: float, fan_percent: float) -> None:
    control = SerialTransport(url.partition(":")[2].partition(",")[0], 115_200)
    try:
        channel = ControlChannel(control)
        channel.ask(I2cWrite(ds4432u.ADDRESS, ds4432u.write_code(ds4432u.code_for(volts))))
        duty = emc2101.duty_for(fan_percent)
        channel.ask(I2cWrite(emc2101.ADDRESS, emc2101.write_register(emc2101.Register.FAN_SETTING, duty)))
        channel.ask(GpioSet(0, True))
        time.sleep(0.3)
    finally:
        control.close()


def capture_on(url: str, path: Path, *more: str) -> tuple[str, ...]:
    settings = ("--voltage-mv", "1200", "--frequency-mhz", "400")
    return ("capture", "-d", url, "-o", str(path), *settings, *more)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_board_found_awake_is_put_back_awake_also_after_a_kill(tmp_path: Path) -> None:
    log = tmp_path / "board.jsonl"
    with board(log) as url:
        wake(url, volts=1.15, fan_percent=60)
        run = asicrc(*capture_on(url, tmp_path / "a.asicrc", "--duration", "3s", "--json"), timeout_s=200)
        assert run.code == 0, run.out + run.err
        assert run.json["restored"] is True
        last = states(log)[-1]
        assert not last["reset"] and abs(last["voltage_mv"] - 1150) < 5 and abs(last["fan_percent"] - 60) < 2
        process = start(*capture_on(url, tmp_path / "b.asicrc", "--duration", "60s"))
        wait_for_line(process, lambda line: stored(line) > 10)
        killed_ns = time.monotonic_ns()
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        assert seconds_until_safe(log, killed_ns, LOWEST_MV) is not None
        restored = asicrc("restore", tmp_path / "b.asicrc", "-d", url, "--json")
        assert restored.code == 0, restored.out + restored.err
        last = states(log)[-1]
        assert not last["reset"] and abs(last["voltage_mv"] - 1150) < 5 and abs(last["fan_percent"] - 60) < 2


@pytest.mark.long
@pytest.mark.timeout(300)
def test_an_original_voltage_above_the_limits_never_moves_a_hashing_chip(tmp_path: Path) -> None:
    log = tmp_path / "board.jsonl"
    with board(log) as url:
        wake(url, volts=1.4, fan_percent=100)
        run = asicrc(*capture_on(url, tmp_path / "a.asicrc", "--duration", "3s", "--json"), timeout_s=200)
        assert run.code == 0, run.out + run.err
    hashing = [state for state in states(log) if state["frequency_mhz"] > 0]
    assert all(abs(state["voltage_mv"] - 1200) < 5 for state in hashing)
    assert abs(states(log)[-1]["voltage_mv"] - LOWEST_MV) < 5


@pytest.mark.long
@pytest.mark.timeout(300)
def test_after_a_stop_for_heat_a_board_found_awake_is_left_cold(tmp_path: Path) -> None:
    log, path = tmp_path / "board.jsonl", tmp_path / "a.asicrc"
    with board(log, "heat_speed=50", "faults=overheat:1") as url:
        wake(url, volts=1.25, fan_percent=30)
        run = asicrc(*capture_on(url, path, "--duration", "60s", "--json"), timeout_s=200)
        assert run.code == 5, run.out + run.err
        assert any(word in run.json["reason"] for word in ("above the limit", "warms by more than")), run.json
        assert run.json["restored"] is False
        last = states(log)[-1]
        assert last["reset"] and last["voltage_mv"] <= LOWEST_MV + 1 and last["fan_percent"] == 100
    with library.load(path) as capture:
        assert {s.name for s in capture.settings() if s.kind == "made_safe"} == {
            *("reset_released", "voltage_mv", "fan_percent"),
        }


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("ambient_c=79",), "above the limit of 72"),
        (("faults=fan_stopped",), "the fan does not turn"),
    ],
)
def test_a_hot_board_or_a_dead_fan_is_not_mined_on(
    options: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    log, path = tmp_path / "board.jsonl", tmp_path / "a.asicrc"
    with board(log, *options) as url:
        run = asicrc(*capture_on(url, path, "--duration", "20s", "--json"), timeout_s=200)
        assert run.code == 5, run.out + run.err
        assert words in run.json["reason"]
        assert states(log)[-1]["reset"]


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_silent_control_port_does_not_keep_the_chip_at_work(tmp_path: Path) -> None:
    log, path = tmp_path / "board.jsonl", tmp_path / "a.asicrc"
    with board(log) as url, proxied_control(url) as (through, silence):
        process = start(*capture_on(through, path, "--duration", "60s"))
        wait_for_line(process, lambda line: stored(line) > 10)
        silence.set()
        _, err = process.communicate(timeout=60)
        assert process.returncode in (3, 5), err
        deadline = time.monotonic() + 30
        while states(log)[-1]["frequency_mhz"] > 0 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert states(log)[-1]["frequency_mhz"] == 0
    with library.load(path) as capture:
        assert capture.sealed and capture.meta["restored"] is False


@contextmanager
def proxied_control(url: str) -> Iterator[tuple[str, threading.Event]]:
    """The URL with a control port that can be made silent: it takes bytes, and none come back."""
    control, _, rest = url.partition(":")[2].partition(",")
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    board_end = os.open(control, os.O_RDWR | os.O_NOCTTY)
    silence, over = threading.Event(), threading.Event()

    def carry() -> None:
        while not over.is_set():
            readable, _, _ = select.select([ours, board_end], [], [], 0.05)
            for source, sink in ((ours, board_end), (board_end, ours)):
                if source in readable:
                    data = os.read(source, 4096)
                    if not silence.is_set():
                        os.write(sink, data)

    carrier = threading.Thread(target=carry)
    carrier.start()
    try:
        yield f"bitaxe-raw:{os.ttyname(theirs)},{rest}", silence
    finally:
        over.set()
        carrier.join()
        for fd in (ours, theirs, board_end):
            os.close(fd)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_program_that_stood_still_says_what_became_of_the_board(tmp_path: Path) -> None:
    log, path = tmp_path / "board.jsonl", tmp_path / "a.asicrc"
    with board(log) as url:
        process = start(*capture_on(url, path, "--duration", "60s"))
        wait_for_line(process, lambda line: stored(line) > 10)
        stopped_ns = time.monotonic_ns()
        os.kill(process.pid, signal.SIGSTOP)
        assert seconds_until_safe(log, stopped_ns, LOWEST_MV) is not None
        os.kill(process.pid, signal.SIGCONT)
        _, err = process.communicate(timeout=60)
        # It may meet the silent chip before the guardian has reported what it did.
        assert process.returncode in (3, 5), err
        assert "guardian" in err and "reset held" in err
        assert states(log)[-1]["reset"]
    with library.load(path) as capture:
        assert capture.sealed
