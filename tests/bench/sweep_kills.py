"""Runs of `asicrc sweep` that are killed and gone on with, and what is compared of them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from asicrc.capture import Capture, load
from asicrc.capture.points import PointState
from asicrc.errors import BadFile
from firmware_protocols.device import NonceBatch

URL = "twin:lv06?kind=ordinary&seed=5"
STARTS_WITHIN_S = 40.0
LOCKED = 6
"""Exit code of a session that finds the file still held by the storage process of the killed one."""


def plan_text(voltages: int, clocks: int, repeats: int, dwell_s: float) -> str:
    return f"""
name = "killed"
seed = 11
order = "random"
repeats = {repeats}
[settings]
difficulty = 8
fan_percent = 60
[grid]
voltage_mv = {{ from = 1150, to = {1150 + 10 * (voltages - 1)}, step = 10 }}
frequency_mhz = {{ from = 400, to = {400 + 5 * (clocks - 1)}, step = 5 }}
[settle]
window_s = 2
longest_s = 4
[settle.steady.temperature_c]
slope_per_min = 3
spread = 1
[dwell]
duration_s = {dwell_s}
"""


def asicrc(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "asicrc.cli.main", *arguments]


def uninterrupted(plan: Path, path: Path) -> None:
    done = subprocess.run(
        asicrc("sweep", str(plan), "-d", URL, "-o", str(path)), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


def killed(plan: Path, path: Path, kills: int, rng: np.random.Generator) -> int:
    """Run the sweep, killed `kills` times on the way; return how many points had been begun by then."""
    command = asicrc("sweep", str(plan), "-d", URL, "-o", str(path))
    for _ in range(kills):
        before = rows(path)
        kill_after(command, path, before, float(rng.uniform(0.0, 0.5)))
        command = asicrc("resume", str(path), "-d", URL)
    while True:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode != LOCKED:
            break
        time.sleep(0.2)
    assert done.returncode == 0, done.stderr
    return rows(path)


def kill_after(command: list[str], path: Path, before: int, seconds: float) -> None:
    """Once it has begun another point, and a random time after that."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while True:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and rows(path) <= before:
            if time.monotonic() > deadline:
                process.kill()
                raise AssertionError(f"it does not begin: {process.communicate()}")
            time.sleep(0.02)
        if process.poll() is None:
            break
        _, said = process.communicate()
        assert process.returncode == LOCKED, said
        time.sleep(0.2)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def rows(path: Path) -> int:
    """Points in the file so far."""
    if not path.exists():
        return 0
    try:
        return len(load(path).points())
    except BadFile:  # the writer is just leaving, or coming
        return 0


def completed(capture: Capture) -> dict[tuple[int, int], tuple[dict[str, Any], NonceBatch]]:
    """What the points that were taken to their end have, each as seen from its own start."""
    events, found = capture.events(), {}
    first_job = {job.number: job.sent_ns for job in capture.jobs()}
    for point in capture.points():
        if point.state is not PointState.DONE:
            continue
        assert point.key not in found, "a point was taken to its end twice"
        mine = events[point.holds(events)].copy()
        jobs = [number for number, sent_ns in first_job.items() if number in set(mine["job"].tolist())]
        mine["t_ns"] -= point.t_start_ns
        mine["t_sent_ns"] -= point.t_start_ns
        mine["job"] -= np.uint64(min(jobs, default=0))
        mine["seq"] -= np.uint64(point.plan["first_seq"])
        mine["segment"] = 0
        plan = {key: value for key, value in point.plan.items() if key not in SINCE_THE_BEGINNING}
        plan["length_ns"] = point.t_end_ns - point.t_start_ns
        found[point.key] = (plan, mine)
    return found


SINCE_THE_BEGINNING = ("first_seq", "end_seq", "first_job", "end_job", "segment", "settle_start_ns")
"""Of a point's record: what depends on where in the file it stands."""
