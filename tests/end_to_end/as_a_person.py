"""The command as a person runs it, and an emulator that stays."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from asicrc.cli.main import _run

COMMAND = [sys.executable, "-m", "asicrc.cli.main"]


@dataclass
class Run:
    """How a command ended. `json` is its one line of stdout."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        lines = self.out.splitlines()
        assert len(lines) == 1, self
        (line,) = lines
        value = json.loads(line, parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))
        assert isinstance(value, dict)
        return value


def asicrc(
    *arguments: str | Path,
    timeout_s: float = 150,
    preexec: Callable[[], None] | None = None,
    cwd: Path | None = None,
) -> Run:
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
        preexec_fn=preexec,
        cwd=cwd,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Run(done.returncode, done.stdout, done.stderr)


def report_of(run: Run) -> dict[str, Any]:
    """What an emulator with `report=1` said at its end: what it sent, and how well it kept its times."""
    (line,) = (line for line in run.err.splitlines() if line.startswith('{"ended"'))
    return dict(json.loads(line))


def kept_up(report: dict[str, Any]) -> bool:
    """Whether the machine let the emulator hash in time: one that is starved finds proofs too late, and
    leaves work unfinished at the end of a job."""
    return bool(report["abandoned_ms"] == 0 and report["late"] <= 0.02 * report["proofs_found"])


def in_two_tries(course: Callable[[Path], None], tmp_path: Path) -> None:
    """A course in real time, in a folder of its own: a busy machine may spoil it, but not twice."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    try:
        return course(first)
    except AssertionError as error:
        print(f"not this time: {error}")
    second.mkdir()
    course(second)


def asicrc_here(*arguments: str | Path) -> Run:
    """The command in this process, for what needs none of its own: a second less each."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = _run([*map(str, arguments)])
    return Run(code, out.getvalue(), err.getvalue())


def as_from_a_terminal() -> None:
    """A shell that puts the tests into the background has them ignore Ctrl-C, and their children too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(*arguments: str | Path, preexec: Callable[[], None] = as_from_a_terminal) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        preexec_fn=preexec,
    )


def kill_with_guardian(process: subprocess.Popen[str]) -> None:
    """SIGKILL a capture and the process that would make its board safe, as when the machine loses power."""
    os.kill(process.pid, signal.SIGSTOP)  # so that it does not notice the other's end first
    os.kill(guardian_of(process.pid), signal.SIGKILL)
    process.kill()
    process.communicate(timeout=60)


def guardian_of(parent: int) -> int:
    """Process id of the guardian that a capture started."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                status = (entry / "stat").read_text()
            except OSError:
                continue  # it has just ended
            if b"guardian_process.py" in command and int(status.rpartition(")")[2].split()[1]) == parent:
                return int(entry.name)
    raise AssertionError(f"process {parent} has no guardian")


def wait_for_line(process: subprocess.Popen[str], wanted: Callable[[str], bool]) -> str:
    """Read stderr until a line is wanted; the test's own timeout bounds it."""
    assert process.stderr is not None
    for line in process.stderr:
        if wanted(line):
            return line
    raise AssertionError(f"the process ended without it, code {process.wait()}")


def stored(line: str) -> int:
    """The number of acknowledged events that a progress line states."""
    words = line.split()
    return int(words[words.index("stored") + 1]) if "stored" in words else 0


@contextmanager
def emulator(*options: str, module: str = "simulators.bm13xx") -> Iterator[str]:
    """An emulator of its own process, ended through its stdin; gives the URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=60)
        if process.stdout is not None:
            process.stdout.close()
