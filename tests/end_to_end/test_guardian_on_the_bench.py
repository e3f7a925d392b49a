"""Whoever dies, the board is made safe: the guardian behind real captures on emulated lines."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from as_a_person import asicrc, emulator, guardian_of, start, stored, wait_for_line
from board_watch import is_safe, seconds_until_safe, states
from forked_commands import ForkedCommands, forked_commands

import asicrc as library

LOWEST_MV = 1000.0
ACTS_WITHIN_S = 2.0
SAFE_WITHIN_S = 30.0
"""It is 2 s by the guardian's own clock; a busy machine may stand still for as long again, more than once."""


def board_emulator_options(log: Path) -> tuple[str, ...]:
    return ("board=ultra", f"board_log={log}", "report=0")


def start_on(url: str, path: Path) -> subprocess.Popen[str]:
    return start(*capture_on(url, path))


def capture_on(url: str, path: Path) -> tuple[str | Path, ...]:
    setting = ("--voltage-mv", "1200", "--frequency-mhz", "300")
    return ("capture", "-d", url, "--duration", "60s", "-o", path, *setting)


def kill_and_time(commands: ForkedCommands, url: str, log: Path, path: Path, wait_s: float) -> float:
    """SIGKILL a capture `wait_s` after it first touches the board; seconds until the board was safe."""
    begun_ns, said = time.monotonic_ns(), path.with_suffix(".txt")
    process_id = commands.start(*capture_on(url, path), said=said)
    while not was_touched(log, begun_ns):
        assert time.monotonic_ns() - begun_ns < 60e9, said.read_text()
        time.sleep(0.02)
    time.sleep(wait_s)
    killed_ns = time.monotonic_ns()
    os.kill(process_id, signal.SIGKILL)
    assert commands.wait(process_id) == -signal.SIGKILL, said.read_text()
    safe_s = seconds_until_safe(log, killed_ns, LOWEST_MV)
    assert safe_s is not None, states(log)[-1]
    return safe_s


def put_back(commands: ForkedCommands, url: str, path: Path) -> None:
    """As soon as those that a killed capture left have let go of port and file."""
    said, begun_s = path.with_suffix(".txt"), time.monotonic()
    while commands.run("restore", path, "-d", url, said=said):
        assert time.monotonic() - begun_s < 60, said.read_text()
        time.sleep(0.1)


def was_touched(log: Path, since_ns: int) -> bool:
    return any(
        state["fan_percent"] > 50 or not state["reset"] for state in states(log) if state["t_ns"] > since_ns
    )


@pytest.mark.timeout(300)
def test_a_killed_capture_leaves_a_bare_chip_halted(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with emulator("report=0") as url:
        process = start("capture", "-d", url, "--duration", "60s", "-o", path)
        wait_for_line(process, lambda line: stored(line) > 20)
        os.kill(process.pid, signal.SIGKILL)
        found = asicrc("check", "-d", url, "--json")  # waits while the guardian has the port
        process.communicate(timeout=60)
        assert found.code == 0, found.out
        assert found.json["hash_counting_number"] == 0
        assert asicrc("restore", path, "-d", url, "--json").json["restored"] is True


@pytest.mark.timeout(300)
def test_a_capture_stops_when_its_guardian_is_killed(tmp_path: Path) -> None:
    log, path = tmp_path / "board.jsonl", tmp_path / "a.asicrc"
    with emulator(*board_emulator_options(log), module="simulators.bitaxe") as url:
        process = start_on(url, path)
        wait_for_line(process, lambda line: stored(line) > 20)
        os.kill(guardian_of(process.pid), signal.SIGKILL)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 5, err
        assert "guardian" in err
        assert is_safe(states(log)[-1], LOWEST_MV)
    with library.load(path) as capture:
        assert capture.sealed
        assert str(capture.meta["end_reason"]).startswith("stopped for safety")
        assert capture.meta["restored"] is False, "it was made safe, and waits for `restore`"


@pytest.mark.long
@pytest.mark.timeout(600)
def test_20_kills_at_random_moments_leave_a_safe_board(tmp_path: Path) -> None:
    """Of its way up to work and of its work in turn."""
    log = tmp_path / "board.jsonl"
    moments = random.Random(5)
    times: list[float] = []
    imports = ("asicrc.capture.running", "asicrc.capture.restoring", "asicrc.devices.bitaxe_opening")
    with (
        emulator(*board_emulator_options(log), module="simulators.bitaxe") as url,
        forked_commands(*imports) as run,
    ):
        for number in range(20):
            path = tmp_path / f"{number}.asicrc"
            wait_s = moments.uniform(0.5, 2.5) if number % 2 else moments.uniform(0.0, 0.5)
            times.append(kill_and_time(run, url, log, path, wait_s))
            put_back(run, url, path)
    print(f"\nsafe after s: {[round(seconds, 3) for seconds in times]}")
    assert max(times) <= SAFE_WITHIN_S
    assert sorted(times)[16] <= ACTS_WITHIN_S, "17 of 20: a machine stands still now and then"
