"""One clear message and the documented exit code for everything that a user meets."""

from __future__ import annotations

import os
import select
import signal
import threading
import tty
from itertools import pairwise
from pathlib import Path

import pytest
from as_a_person import Run, asicrc, asicrc_here, emulator, kill_with_guardian, start, stored, wait_for_line

import asicrc as library
from firmware_protocols.bm13xx import Register, model_by_name, pll_from_register


def error_of(run: Run) -> tuple[str, str]:
    """Message and hint; there is nothing else on stdout."""
    error = run.json["error"]
    assert error["code"]
    return error["message"], error["hint"] or ""


def capture(url: str, path: Path, *more: str) -> Run:
    """In this process: what is refused here comes to none of its own."""
    return asicrc_here("capture", "-d", url, "--duration", "20s", "-o", path, "--json", *more)


@pytest.mark.parametrize(
    ("url", "code", "message"),
    [
        ("serial:/dev/ttyNONE", 3, "there is no port /dev/ttyNONE"),
        ("serial:/dev/null", 3, "/dev/null cannot be opened"),
        ("sim:bm1366?silent=1", 3, "no chip answers"),
        ("sim:bm1366?chip_id=1368", 3, "answers as BM1368, not as BM1366"),
        ("sim:bm9999", 2, "bm9999"),
        ("sim:bm1366?corse=4", 2, "corse"),
        ("serial:/dev/x?chip=bm1385", 2, "no chip is called"),
        ("carrier-pigeon:x", 2, "carrier-pigeon"),
        ("nonsense", 2, "not a device URL"),
        ("replay:/nonexistent", 4, "/nonexistent"),
    ],
)
def test_a_device_that_is_not_there(url: str, code: int, message: str, tmp_path: Path) -> None:
    run = capture(url, tmp_path / "a.asicrc")
    assert run.code == code, run.err
    said, hint = error_of(run)
    assert message in said
    assert hint
    assert not list(tmp_path.iterdir())


def test_a_chip_is_found_at_its_own_baud_rate(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with emulator("--zero-bits", "16") as url:
        run = asicrc("capture", "-d", url + "&baud=9600", "--duration", "1s", "-o", path)
    assert run.code == 0, run.err
    assert asicrc("show", path, "--json").json["identity"]["details"]["baud_at_open"] == 115_200


def test_noise_on_the_line_is_told_from_silence(tmp_path: Path) -> None:
    host, device = os.openpty()
    tty.setraw(device)
    answering = threading.Thread(target=answer_with_noise, args=(host,), daemon=True)
    answering.start()
    try:
        run = capture(f"serial:{os.ttyname(device)}", tmp_path / "a.asicrc")
    finally:
        os.close(device)
        answering.join(60)
        os.close(host)
    assert run.code == 3
    said, hint = error_of(run)
    assert "bytes that are no frames of a BM1366" in said
    assert "?baud=" in hint


def answer_with_noise(host: int) -> None:
    """Eleven bytes for whatever comes and fifty times a second besides, until the other end is closed."""
    while True:
        try:
            if select.select([host], [], [], 0.02)[0]:
                os.read(host, 4096)
            os.write(host, bytes(range(11)))
        except OSError:
            return


def test_outside_the_envelope_nothing_is_written(tmp_path: Path) -> None:
    run = capture("sim:bm1366", tmp_path / "a.asicrc", "--frequency-mhz", "900")
    assert run.code == 5
    assert "50 to 575 MHz" in error_of(run)[0]
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    path.write_text("mine")
    assert capture("sim:bm1366", path).code == 2
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    "arguments", [["capture"], ["show"], ["fly"], ["capture", "-d", "sim:bm1366", "--duration", "soon"]]
)
def test_usage(arguments: list[str]) -> None:
    run = asicrc_here(*arguments, "--json")
    assert run.code == 2
    assert error_of(run)[0]


@pytest.mark.parametrize("command", ["show", "verify", "analyze", "export"])
@pytest.mark.parametrize(
    ("content", "name"), [(None, "missing"), (b"", "empty"), (b"not a capture at all" * 100, "text")]
)
def test_no_capture(command: str, content: bytes | None, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    run = asicrc_here(command, path, "--json")
    assert run.code == 4
    assert str(path) in error_of(run)[0]


def test_a_file_that_was_changed_is_found_out(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "a.asicrc"
    enough = ("--duration", "60s", "--max-events", "20")
    assert asicrc("capture", "-d", "sim:bm1366", *enough, "-o", path, "--json").code == 0
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE events SET nonce = nonce + 1 WHERE seq = 3")
    connection.close()
    run = asicrc("verify", path, "--json")
    assert run.code == 4
    assert run.json["digest_ok"] is False
    assert run.json["disagreements"] == 1
    assert run.json["low"] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_restores_and_seals(number: signal.Signals, tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    process = start("capture", "-d", "sim:bm1366", "--duration", "40s", "-o", path, "--json")
    wait_for_line(process, lambda line: stored(line) > 20)
    os.killpg(process.pid, number)  # as a terminal does: to every process of the group
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert number.name in out
    with library.load(path) as capture_:
        assert capture_.sealed
        assert [s for s in capture_.settings() if s.kind == "restored"]
        assert len(capture_.events()) > 20


def readable(path: Path, at_least: int) -> bool:
    with library.load(path) as capture_:
        return len(capture_.events()) >= at_least


@pytest.mark.long
def test_after_a_kill_the_device_is_put_back(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with emulator() as url:
        process = start("capture", "-d", url, "--duration", "40s", "-o", path)
        line = wait_for_line(process, lambda line: stored(line) > 20)
        kill_with_guardian(process)
        again = asicrc("check", "-d", url, "--json")
        assert again.code == 0, again.err
        assert again.json["hash_counting_number"] != 0  # still at work
        alone = asicrc("restore", path, "--json")
        assert alone.code == 2, "an emulator's line may be somebody else's by now"
        run = asicrc("restore", path, "-d", url, "--json")
        assert run.code == 0, run.err
        assert run.json["restored"] is True
        after = asicrc("check", "-d", url, "--json").json
        assert after["hash_counting_number"] == 0
        assert after["host_baud"] == 115_200
    assert asicrc("verify", path, "--json").json["events"] >= stored(line)
    shown = asicrc("show", path, "--json").json
    assert shown["sealed"] is True
    assert "restore" in shown["ended"]
    assert shown["segments"] == 2
    assert asicrc("restore", path, "--json").code == 2


@pytest.mark.long
def test_restore_refuses_another_device(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with emulator() as url:
        process = start("capture", "-d", url, "--duration", "40s", "-o", path)
        wait_for_line(process, lambda line: stored(line) > 0)
        kill_with_guardian(process)
    with emulator("--chips", "2") as other:
        run = asicrc("restore", path, "-d", other, "--json")
    assert run.code == 3
    assert "2 x BM1366 on a bare line answer here" in error_of(run)[0]


@pytest.mark.long
def test_check_changes_nothing_and_passive_sends_nothing(tmp_path: Path) -> None:
    with emulator() as url:
        first = asicrc("check", "-d", url, "--json").json
        second = asicrc("check", "-d", url, "--json").json
        quiet = asicrc("check", "-d", url, "--passive", "--duration", "1s", "--json").json
        worked = asicrc("check", "-d", url, "--with-work", "--duration", "2s", "--json", cwd=tmp_path).json
        third = asicrc("check", "-d", url, "--json").json
    registers = ("pll0_register", "ticket_mask_register", "hash_counting_number", "version_mask_register")
    assert [first[name] for name in registers] == [second[name] for name in registers]
    assert first["jitter_floor"]["n"] >= 16, "32 are asked for, and each has a third of a second"
    assert quiet["bytes"] == 0
    assert worked["with_work"]["valid"] == worked["with_work"]["events"] > 0
    assert worked["with_work"]["jitter_floor"]["rms_s"] > 0
    assert worked["with_work"]["restored"] is True
    assert third["hash_counting_number"] == first["hash_counting_number"]


@pytest.mark.parametrize(
    "setting", [("--difficulty", "inf"), ("--frequency-mhz", "nan"), ("--difficulty", "1e300")]
)
def test_absurd_settings_are_refused_before_a_file_is_made(setting: tuple[str, str], tmp_path: Path) -> None:
    assert capture("sim:bm1366", tmp_path / "a.asicrc", *setting).code in (2, 5)
    assert not list(tmp_path.iterdir())


def test_a_killed_storage_process_ends_the_capture_and_restores(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with emulator() as url:
        process = start("capture", "-d", url, "--duration", "40s", "-o", path, "--json")
        line = wait_for_line(process, lambda line: stored(line) > 20)
        (storage,) = (
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and storage_of(entry, process.pid)
        )
        os.kill(storage, signal.SIGKILL)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 6
        assert "acknowledged is in the file" in out
        assert asicrc("check", "-d", url, "--json").json["hash_counting_number"] == 0
    assert readable(path, stored(line))


def storage_of(entry: Path, parent: int) -> bool:
    try:
        status, command = (entry / "stat").read_text(), (entry / "cmdline").read_bytes()
    except OSError:
        return False  # it has just ended
    return int(status.rpartition(")")[2].split()[1]) == parent and b"storage_process" in command


@pytest.mark.long
def test_the_clock_is_ramped_from_where_it_is(tmp_path: Path) -> None:
    """After a kill at 300 MHz the next session goes down in steps, and says how it found the chip."""
    with emulator() as url:
        first = tmp_path / "a.asicrc"
        process = start("capture", "-d", url, "--frequency-mhz", "300", "--duration", "40s", "-o", first)
        wait_for_line(process, lambda line: stored(line) > 0)
        kill_with_guardian(process)
        second = tmp_path / "b.asicrc"
        assert (
            asicrc("capture", "-d", url, "--frequency-mhz", "100", "--duration", "1s", "-o", second).code == 0
        )
    with library.load(second) as capture_:
        written = [chunk.data for chunk in capture_.wire() if chunk.direction == "tx"]
        log = " ".join(line.text for line in capture_.log())
    clocks = [
        pll_from_register(model_by_name("bm1366"), int.from_bytes(data[6:10], "big")).mhz
        for data in written
        if data[2:4] == b"\x51\x09" and data[5] == Register.PLL0
    ]
    assert clocks[0] == pytest.approx(293.75, abs=6.25)
    steps = [abs(b - a) for a, b in pairwise(clocks)]
    assert max(steps) <= 7
    assert "found at work, at 300 MHz" in log


@pytest.mark.long
def test_nohup_is_respected(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"

    def like_nohup() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    enough = ("--duration", "60s", "--max-events", "200")
    process = start("capture", "-d", "sim:bm1366", *enough, "-o", path, preexec=like_nohup)
    wait_for_line(process, lambda line: stored(line) > 0)
    process.send_signal(signal.SIGHUP)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "event count reached" in out
