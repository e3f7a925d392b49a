"""The bench of the fault drills: an emulator that was started on its own, and what its log says is true."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from as_a_person import COMMAND, Run, as_from_a_terminal, asicrc, start
from board_watch import comes_true, is_safe, states

import asicrc as library
from asicrc.capture.recheck import verify

LOWEST_MV = 1000.0
BUSY = ("cores=2", "time_scale=800", "zero_bits=12", "report=0")
"""About 0.5 MH/s: leaves a machine room that has other things to do."""
SET_TO = ("--voltage-mv", "1200", "--frequency-mhz", "300")


@contextmanager
def simulated(*arguments: str) -> Iterator[str]:
    """`asicrc simulate ...` as a process of its own; the URL that it names in its first line."""
    process = subprocess.Popen(
        [*COMMAND, "simulate", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        text=True,
        start_new_session=True,
        preexec_fn=as_from_a_terminal,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        if process.stdout is not None:
            process.stdout.close()


@dataclass
class Board:
    """An emulated Bitaxe Ultra. `found` is its true state before anybody has touched it."""

    url: str
    log: Path
    found: dict[str, Any]

    @property
    def now(self) -> dict[str, Any]:
        return states(self.log)[-1]

    def capture_command(self, path: Path, *more: str) -> tuple[str, ...]:
        return ("capture", "-d", self.url, "-o", str(path), "--duration", "150s", *SET_TO, *more)

    def capture(self, path: Path, *more: str) -> Run:
        return asicrc(*self.capture_command(path, "--json", *more), timeout_s=300)

    def started(
        self, path: Path, *more: str, preexec: Callable[[], None] = as_from_a_terminal
    ) -> subprocess.Popen[str]:
        return start(*self.capture_command(path, *more), preexec=preexec)

    def was_safe_within(self, seconds: float, since_ns: int) -> bool:
        """Whether a state that is safe came so soon after `since_ns` (CLOCK_MONOTONIC)."""
        return any(
            state["t_ns"] - since_ns < seconds * 1e9 and is_safe(state, LOWEST_MV)
            for state in states(self.log)
            if state["t_ns"] >= since_ns
        )

    def is_as_found(self) -> bool:
        """In reset again with its fan as it was, and no more voltage than it had or than is allowed."""

        def found_again() -> bool:
            now = self.now
            return bool(
                now["reset"] == self.found["reset"]
                and abs(now["fan_percent"] - self.found["fan_percent"]) < 1
                and now["voltage_mv"] <= max(LOWEST_MV + 1, self.found["voltage_mv"])
                and not now["frequency_mhz"]
            )

        return comes_true(found_again)

    def restored_by_hand(self, path: Path, *, within_s: float = 60.0) -> Run:
        """`asicrc restore`, tried again until what was broken is mended."""
        end = time.monotonic() + within_s
        while True:
            run = asicrc("restore", path, "-d", self.url, "--json")
            if run.code == 0 or time.monotonic() > end:
                return run
            time.sleep(0.5)


@contextmanager
def board(tmp_path: Path, *options: str) -> Iterator[Board]:
    log = tmp_path / "board.jsonl"
    with simulated("bitaxe", f"board_log={log}", *BUSY, *options) as url:
        deadline = time.monotonic() + 60
        while not states(log):
            assert time.monotonic() < deadline, "the board says nothing"
            time.sleep(0.02)
        yield Board(url, log, states(log)[0])


def on_a_small_disk(disk: Path, keep_as: Path, *arguments: str) -> Run:
    """Run the command with `disk` on a file system of 10 MiB; what it wrote there is copied to `keep_as`.

    Skips the test where no such thing can be made.
    """
    unshare = shutil.which("unshare")
    made = f"mount -t tmpfs -o size=10m none {shlex.quote(str(disk))}"
    if unshare is None or subprocess.run([unshare, "-rm", "sh", "-c", made], capture_output=True).returncode:
        pytest.skip("no file system of its own can be mounted here (unshare -rm, tmpfs)")
    script = f"{made} || exit 99; {shlex.join([*COMMAND, *arguments])}; code=$?; "
    script += f"cp {shlex.quote(str(disk / keep_as.name))} {shlex.quote(str(keep_as))}; exit $code"
    done = subprocess.run(
        [unshare, "-rm", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
        preexec_fn=as_from_a_terminal,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Run(done.returncode, done.stdout, done.stderr)


@dataclass
class Told:
    """What a sealed file says happened."""

    reason: str
    log: str
    restored: bool | None
    made_safe: dict[str, float | None]
    events: int


def told(path: Path) -> Told:
    """Fails unless the file is sealed and agrees with itself."""
    checked = verify(path)
    assert checked.sealed is True and checked.digest_ok is True and not checked.disagreements
    assert checked.counters.events == checked.counters.valid
    with library.load(path) as capture:
        return Told(
            str(capture.meta["end_reason"]),
            "\n".join(line.text for line in capture.log()),
            capture.meta.get("restored"),
            {s.name: s.read_back for s in capture.settings() if s.kind == "made_safe"},
            checked.counters.events,
        )


def killed(process: subprocess.Popen[str]) -> int:
    """SIGKILL; when that was (CLOCK_MONOTONIC, ns)."""
    at_ns = time.monotonic_ns()
    os.kill(process.pid, signal.SIGKILL)
    return at_ns
