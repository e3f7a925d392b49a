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

import asicrc as library

LOWEST_MV = 1000.0
SAFE_WITHIN_S = 6.0
"""It is 2 s by the guardian's own clock; a busy machine may stand still for as long again, more than once."""


def board_emulator_options(log: Path) -> tuple[str, ...]:
    return ("board=ultra", f"board_log={log}", "report=0")


def start_on(url: str, path: Path) -> subprocess.Popen[str]:
    return start(
        *("capture", "-d", url, "--duration", "60s", "-o", path),
        *("--voltage-mv", "1200", "--frequency-mhz", "300"),
    )


def kill_and_time(url: str, log: Path, path: Path, wait_s: float, *, at_work: bool) -> float | None:
    """SIGKILL a capture; seconds until the board was safe, None when it had not been touched yet.

    `wait_s` counts from its command, or with `at_work` from the moment when it first touches the board.
    """
    begun_ns = time.monotonic_ns()
    process = start_on(url, path)
    while at_work and not was_touched(log, begun_ns):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    time.sleep(wait_s)
    killed_ns = time.monotonic_ns()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    time.sleep(0.1)
    if not was_touched(log, begun_ns):
        since = [state for state in states(log) if state["t_ns"] > begun_ns]
        assert all(state["reset"] and not state["frequency_mhz"] for state in since)
        return None
    safe_s = seconds_until_safe(log, killed_ns, LOWEST_MV)
    assert safe_s is not None, states(log)[-1]
    return safe_s


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


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "kills", [pytest.param(6, marks=pytest.mark.long), pytest.param(20, marks=pytest.mark.soak)]
)
def test_kills_at_random_moments_leave_a_safe_board(kills: int, tmp_path: Path) -> None:
    """Of its start and of its work in turn."""
    log = tmp_path / "board.jsonl"
    moments = random.Random(5)
    times: list[float | None] = []
    with emulator(*board_emulator_options(log), module="simulators.bitaxe") as url:
        for number in range(kills):
            path, at_work = tmp_path / f"{number}.asicrc", bool(number % 2)
            wait_s = moments.uniform(0.0, 3.0) if at_work else moments.uniform(0.7, 3.0)
            times.append(kill_and_time(url, log, path, wait_s, at_work=at_work))
            assert times[-1] is None or times[-1] <= SAFE_WITHIN_S, times
            if path.exists():
                asicrc("restore", path, "-d", url, "--json")
    touched = [seconds for seconds in times if seconds is not None]
    print(f"\nsafe after {len(touched)} kills of a touched board, s: {[round(s, 3) for s in touched]}")
    assert None not in times[1::2]
