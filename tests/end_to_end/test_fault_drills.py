"""Ten drills against an emulator that was started on its own, and one more for each that has two faces.

Each ends in a safe device that is put back (by the log of the emulator itself), and in a sealed file that
tells what happened. Miners on the network have theirs in test_network_miners.
"""

from __future__ import annotations

import resource
import signal
import time
from pathlib import Path

import pytest
from as_a_person import stored, wait_for_line
from board_watch import comes_true, states
from drill_bench import board, killed, on_a_small_disk, told

import asicrc as library

LONG = pytest.mark.long
SAFE_WITHIN_S = 30.0
"""It is 2 s by the guardian's own clock; a busy machine may stand still for as long again, more than once.
That it does not wait for a silence first, its report says."""
pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("overheat:1/8&heat_speed=4", ("above the limit of 72 degC", "warms by more than")),
        pytest.param("sensor_lost:1/9", ("no temperature can be read",), marks=LONG),
        pytest.param("fan_stopped:1/9", ("the fan does not turn",), marks=LONG),
        pytest.param(
            "regulator_reset:1",
            ("something has changed voltage_mv from 120", "nobody asked for that"),
            marks=LONG,
        ),
    ],
    ids=["overheat", "sensor lost", "fan stopped", "set point changed by the firmware"],
)
def test_a_board_that_is_not_well_is_made_safe_and_can_be_put_back(
    fault: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "a.asicrc"
    with board(tmp_path, *f"faults={fault}".split("&")) as bitaxe:
        run = bitaxe.capture(path)
        assert run.code == 5, run.out + run.err
        assert run.json["reason"].startswith("stopped for safety")
        assert any(word in run.json["reason"] for word in words), run.json["reason"]
        assert comes_true(lambda: bitaxe.now["reset"] and not bitaxe.now["frequency_mhz"]), bitaxe.now
        assert bitaxe.now["voltage_mv"] <= 1001
        assert max(state["temperature_c"] for state in states(bitaxe.log)) < 110
        file = told(path)
        assert any(word in file.reason for word in words) and file.restored is False
        assert file.made_safe["reset_released"] == 0
        again = bitaxe.restored_by_hand(path)
        assert again.code == 0 and again.json["restored"] is True, again.out + again.err
        assert bitaxe.is_as_found(), bitaxe.now


def test_a_set_point_that_is_ignored_is_found_out_before_anything_runs(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with board(tmp_path, "faults=voltage_ignored") as bitaxe:
        run = bitaxe.capture(path)
        assert run.code == 5, run.out + run.err
        assert "the regulator says" in run.json["reason"]
        assert not any(state["frequency_mhz"] for state in states(bitaxe.log)), "the chip never ran"
        now = bitaxe.now
        assert now["reset"] and now["fan_percent"] == 100, "the guardian has seen to that"
        assert now["voltage_mv"] == bitaxe.found["voltage_mv"]
    file = told(path)
    assert file.reason.startswith("refused: voltage_mv") and file.events == 0
    assert file.restored is False, "the one setting that nobody can put back, and that nobody has changed"
    with library.load(path) as capture:
        restored = {s.name: s.came_true for s in capture.settings() if s.kind == "restored"}
    assert [name for name, came_true in restored.items() if not came_true] == ["voltage_mv"]


@LONG
def test_a_device_that_is_gone_is_put_back_when_it_is_there_again(tmp_path: Path) -> None:
    path, ports = tmp_path / "a.asicrc", tmp_path / "ports"
    ports.mkdir()
    with board(tmp_path, "faults=unplugged:1.5/6", f"links={ports}") as bitaxe:
        run = bitaxe.capture(path)
        assert run.code == 3, run.out + run.err
        assert "device lost" in run.json["reason"] and str(ports) in run.json["reason"]
        assert run.json["restored"] is False
        file = told(path)
        assert file.restored is False and "device lost" in file.reason and file.events > 0
        again = bitaxe.restored_by_hand(path)
        assert again.code == 0 and again.json["restored"] is True, again.out + again.err
        assert bitaxe.is_as_found(), bitaxe.now


@LONG
def test_a_board_that_starts_anew_is_noticed_within_a_look(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with board(tmp_path, "faults=reboot:1.5") as bitaxe:
        run = bitaxe.capture(path)
        assert run.code == 3, run.out + run.err
        assert "microcontroller has started anew" in run.json["reason"]
        assert run.json["restored"] is True and bitaxe.is_as_found(), bitaxe.now
    file = told(path)
    assert file.restored is True and file.events > 0
    with library.load(path) as capture:
        last_ns = capture.events()["t_ns"][-1]
        said_ns = next(line.t_ns for line in capture.log() if "started anew" in line.text)
        looks_ns = [one.t_ns for one in capture.readings() if one.channel == "temperature_c"]
    assert sum(last_ns < t_ns < said_ns for t_ns in looks_ns) <= 2


@LONG
def test_a_full_disk_ends_in_a_device_that_is_put_back_and_a_sealed_file(tmp_path: Path) -> None:
    """A disk of 10 MiB, in a name space of its own, of which a capture keeps 8 for its end."""
    path = tmp_path / "a.asicrc"
    disk = tmp_path / "disk"
    disk.mkdir()
    with board(tmp_path) as bitaxe:
        run = on_a_small_disk(
            disk, path, *bitaxe.capture_command(disk / path.name, "--job-interval", "50ms", "--json")
        )
        assert run.code == 6, run.out + run.err
        assert "disk is full" in run.json["reason"] and "free space" not in run.json["reason"]
        assert run.json["restored"] is True and bitaxe.is_as_found(), bitaxe.now
    file = told(path)
    assert "disk is full" in file.reason and "disk is full" in file.log
    assert file.restored is True
    assert file.events == run.json["events"] >= max(map(stored, run.err.splitlines())) > 0


@LONG
def test_a_file_that_may_not_grow_ends_in_a_device_that_is_put_back_and_a_file_that_can_be_sealed(
    tmp_path: Path,
) -> None:
    def small_files_only() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    path = tmp_path / "a.asicrc"
    with board(tmp_path) as bitaxe:
        process = bitaxe.started(path, "--job-interval", "50ms", "--json", preexec=small_files_only)
        out, err = process.communicate(timeout=200)
        assert process.returncode == 6, out + err
        assert str(path) in out and "free space" in out
        assert bitaxe.is_as_found(), bitaxe.now
        acknowledged = max(map(stored, err.splitlines()))
        with library.load(path) as capture:
            assert len(capture.events()) >= acknowledged > 0
        again = bitaxe.restored_by_hand(path)
        assert again.code == 0 and again.json["file"] == "sealed", again.out + again.err
        assert bitaxe.is_as_found()
    assert told(path).events >= acknowledged


@LONG
def test_ctrl_c_twice_leaves_a_safe_board_that_restore_puts_back(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with board(tmp_path) as bitaxe:
        process = bitaxe.started(path)
        line = wait_for_line(process, lambda line: stored(line) > 20)
        process.send_signal(signal.SIGINT)
        time.sleep(0.15)  # the way back takes longer
        twice_ns = time.monotonic_ns()
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        process.communicate(timeout=60)  # the guardian has the other end of stderr
        assert process.returncode != 0
        with library.load(path) as capture:
            was_back = capture.sealed  # the way back ends with it; a busy machine may be there already
        safe = not was_back and bitaxe.was_safe_within(SAFE_WITHIN_S, twice_ns)
        assert safe or bitaxe.is_as_found(), bitaxe.now  # it may be there, and about to be sealed
        again = bitaxe.restored_by_hand(path)
        assert again.code == 0 and again.json["restored"] is True, again.out + again.err
        assert bitaxe.is_as_found(), bitaxe.now
    assert told(path).events >= stored(line)


@pytest.mark.long
def test_after_a_kill_the_guardian_makes_it_safe_and_restore_puts_it_back(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with board(tmp_path) as bitaxe:
        process = bitaxe.started(path)
        line = wait_for_line(process, lambda line: stored(line) > 20)
        killed_ns = killed(process)
        _, err = process.communicate(timeout=60)
        assert bitaxe.was_safe_within(SAFE_WITHIN_S, killed_ns), bitaxe.now
        assert "guardian" in err and "reset held" in err, "it says what it did"
        assert "the program that drove it is gone" in err, "and why"
        again = bitaxe.restored_by_hand(path)
        assert again.code == 0 and again.json["restored"] is True, again.out + again.err
        assert bitaxe.is_as_found(), bitaxe.now
    file = told(path)
    assert "the session was killed" in file.reason and "ended without sealing" in file.log
    assert file.events >= stored(line)
