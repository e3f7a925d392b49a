"""Runs of `asicrc sweep` that are killed and gone on with, and what is compared of them."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from forked_commands import ForkedCommands

from asicrc.capture import Capture, load
from asicrc.capture.points import PointState
from asicrc.errors import BadFile
from firmware_protocols.device import NonceBatch

URL = "twin:lv06?kind=ordinary&seed=5"
IMPORTS = ("asicrc.bench.sweep", "simulators.twins.opening")
"""Of a command that takes a sweep on a twin."""
STARTS_WITHIN_S = 150.0
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


def uninterrupted(commands: ForkedCommands, plan: Path, path: Path) -> None:
    said = path.with_suffix(".txt")
    assert commands.run("sweep", plan, "-d", URL, "-o", path, said=said) == 0, said.read_text()


def killed(commands: ForkedCommands, plan: Path, path: Path, kills: int, rng: np.random.Generator) -> int:
    """Run the sweep, killed `kills` times on the way, each time up to 13 points on; how many were begun."""
    arguments, said = ["sweep", str(plan), "-d", URL, "-o", str(path)], path.with_suffix(".txt")
    begun = 0
    for session in range(1, kills + 1):
        begun += int(rng.integers(0, 13))
        kill_after(commands, arguments, path, session, begun, float(rng.uniform(0.0, 0.05)))
        _, begun = sessions_and_points(path)
        arguments = ["resume", str(path), "-d", URL]
    while (code := commands.run(*arguments, said=said)) == LOCKED:
        time.sleep(0.1)
    assert code == 0, said.read_text()
    return sessions_and_points(path)[1]


def kill_after(
    commands: ForkedCommands, arguments: list[str], path: Path, session: int, before: int, seconds: float
) -> None:
    """So long after the session of that number has begun, and there are more points than `before`."""
    said = path.with_suffix(".txt")
    deadline = time.monotonic() + STARTS_WITHIN_S
    while True:
        process_id, code = commands.start(*arguments, said=said), None
        while not _has_begun(path, session, before) and (code := commands.poll(process_id)) is None:
            if time.monotonic() > deadline:
                os.kill(process_id, signal.SIGKILL)
                raise AssertionError(f"it does not begin: {said.read_text()}")
            time.sleep(0.02)
        if code is None:
            break
        assert code == LOCKED, said.read_text()
        time.sleep(0.1)
    time.sleep(seconds)
    os.kill(process_id, signal.SIGKILL)
    assert commands.wait(process_id) == -signal.SIGKILL, "the sweep was over before it was killed"


def _has_begun(path: Path, session: int, before: int) -> bool:
    sessions, points = sessions_and_points(path)
    return sessions >= session and points > before


def sessions_and_points(path: Path) -> tuple[int, int]:
    """In the file so far."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while path.exists():
        try:
            with load(path) as capture:
                return len(capture.segments()), len(capture.points())
        except BadFile:  # the writer is just leaving, or coming
            assert time.monotonic() < deadline, f"{path} cannot be read"
            time.sleep(0.02)
    return 0, 0


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
