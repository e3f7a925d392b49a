"""The promises of the store, kept against SIGKILL and against more events than any chip sends."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
from as_a_person import asicrc, in_two_tries, start, stored, wait_for_line

import asicrc as library


def emulators_of(parent: int) -> set[int]:
    """Process ids of the emulators that a capture started: other people's may run beside it."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                status = (entry / "stat").read_text()
            except OSError:
                continue  # it has just ended
            if b"simulators.bm13xx" in command and int(status.rpartition(")")[2].split()[1]) == parent:
                found.add(int(entry.name))
    return found


def is_alive(pid: int) -> bool:
    try:
        return b"simulators.bm13xx" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def kill_after(wait_s: float, path: Path, *, at_work: bool) -> tuple[int, int]:
    """SIGKILL a capture; return acknowledged and stored events.

    `wait_s` counts from its command, or with `at_work` from its first acknowledged events.
    """
    url = "sim:bm1366?flood_rate=400&flood_seconds=60"
    process = start("capture", "-d", url, "--difficulty", "1", "--duration", "60s", "-o", path)
    first = wait_for_line(process, lambda line: stored(line) > 0) if at_work else ""
    time.sleep(wait_s)
    os.kill(process.pid, signal.SIGSTOP)  # so that it starts no emulator after this count
    emulators = emulators_of(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    _, err = process.communicate(timeout=60)  # returns when the storage process has ended too
    acknowledged = max(map(stored, (first, *err.splitlines())))
    deadline = time.monotonic() + 30
    while any(map(is_alive, emulators)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_alive, emulators)), "the emulator outlived its host"
    if not path.exists():
        assert acknowledged == 0
        return 0, 0
    with library.load(path) as capture:
        assert not capture.sealed
        events = len(capture.events())
    assert events >= acknowledged
    shown = asicrc("show", path, "--json")
    assert shown.code == 0
    checked = asicrc("verify", path, "--json")
    assert checked.code == 0, checked.out
    assert checked.json["events"] == checked.json["valid"] == events
    return acknowledged, events


def test_a_killed_capture_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    acknowledged, events = kill_after(0.7, tmp_path / "a.asicrc", at_work=True)
    assert acknowledged > 0
    assert events > 0


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "kills", [pytest.param(6, marks=pytest.mark.long), pytest.param(20, marks=pytest.mark.soak)]
)
def test_kills_at_random_moments(kills: int, tmp_path: Path) -> None:
    """Of its start and of its work in turn."""
    moments, seen = random.Random(20), []
    for i in range(kills):
        at_work = bool(i % 2)
        wait_s = moments.uniform(0.0, 3.0) if at_work else moments.uniform(0.3, 4.0)
        seen.append(kill_after(wait_s, tmp_path / f"{i}.asicrc", at_work=at_work))
    print(f"\nacknowledged/stored in {kills} kills: {' '.join(f'{a}/{s}' for a, s in seen)}")
    assert all(acknowledged > 0 for acknowledged, _ in seen[1::2])


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("rate", "burst", "seconds"), [(5000, 1, 30), (20_000, 2000, 5)], ids=["sustained", "bursts"]
)
def test_a_flood_is_stored_without_loss(rate: int, burst: int, seconds: int, tmp_path: Path) -> None:
    in_two_tries(lambda folder: store_flood(rate, burst, seconds, folder / "flood.asicrc"), tmp_path)


def store_flood(rate: int, burst: int, seconds: int, path: Path) -> None:
    offered = rate * seconds
    url = f"sim:bm1366?flood_rate={rate}&flood_burst={burst}&flood_seconds={seconds}"
    limit = (
        "--duration",
        f"{seconds * 4 + 60}s",
        "--max-events",
        str(offered),
        "--difficulty",
        "1",
        "--job-interval",
        "1h",
    )
    run = asicrc("capture", "-d", url, *limit, "-o", path, "--json", timeout_s=280)
    assert run.code == 0, run.err
    result = run.json
    assert result["events"] == offered
    assert result["valid"] == offered
    assert result["damaged_frames"] == 0
    assert result["lag_s"] <= 1
    with library.load(path) as capture:
        events = capture.events()
        sent = next(job.sent_ns for job in capture.iter_jobs())
    received_s = (int(events["t_ns"][-1]) - int(events["t_ns"][0])) / 1e9
    said = [json.loads(line) for line in run.err.splitlines() if line.startswith("{") and "offered" in line]
    print(
        f"\noffered {offered} ({said}), received {offered / received_s:.0f}/s over {received_s:.1f} s, "
        f"first {(int(events['t_ns'][0]) - sent) / 1e9:.1f} s after the job, stored {result['events']}, "
        f"lag at the end {result['lag_s']:.3f} s, longest {result['worst_lag_s']:.3f} s"
    )
    checked = asicrc("verify", path, "--json", timeout_s=200).json
    assert checked["valid"] == offered
    assert checked["duplicate"] == 0
