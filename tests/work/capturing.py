"""The command `asicrc capture` on a work server, and the load on it, each a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from free_ports import free_port

from asicrc.capture import Capture, load
from firmware_protocols.device import NonceBatch

HERE = Path(__file__).parent
EASY = 2.0**-28
"""One hash in 16 is a share."""


@dataclass
class Capturing:
    """A capture that runs. `result` is what the command printed, once it has ended."""

    process: subprocess.Popen[str]
    port: int
    path: Path
    said_path: Path
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def said(self) -> str:
        return self.said_path.read_text()

    def rss_kib(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def wait(self, timeout_s: float = 150) -> dict[str, Any]:
        out, _ = self.process.communicate(timeout=timeout_s)
        assert "Traceback" not in self.said, self.said
        self.result = json.loads(out)
        assert "error" not in self.result, self.result
        return self.result

    def capture(self) -> Capture:
        return load(self.path)


@contextmanager
def capturing(
    folder: Path, *options: str, url_options: str = "", difficulty: float = EASY, duration: str = "10m"
) -> Iterator[Capturing]:
    """Runs until it ends by itself, or is stopped; killed where the test fails before that."""
    port = free_port()
    said = folder / "said.txt"
    command = [sys.executable, "-m", "asicrc.cli.main", "capture", "--json", "--plain"]
    url = f"stratum://127.0.0.1:{port}{url_options}"
    command += ["-d", url, "--difficulty", repr(difficulty), "--duration", duration]
    path = folder / "a.asicrc"
    with said.open("w") as stderr:
        process = subprocess.Popen(
            [*command, "-o", str(path), *options],
            stdout=subprocess.PIPE,
            stderr=stderr,
            stdin=subprocess.DEVNULL,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    run = Capturing(process, port, path, said)
    try:
        deadline_s = time.monotonic() + 60
        while "point miners at" not in run.said:
            assert process.poll() is None and time.monotonic() < deadline_s, run.said
            time.sleep(0.02)
        yield run
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


class Loading:
    """`share_load.py`, mined and ready; `go` sends."""

    def __init__(self, port: int, results: Path, **options: object) -> None:
        command = [
            sys.executable,
            str(HERE / "share_load.py"),
            "--port",
            str(port),
            "--results",
            str(results),
        ]
        for name, value in options.items():
            command += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        self._results = results
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the load did not start"
        self.shares = int(json.loads(line)["ready"])
        self.done: dict[str, Any] = {}

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")

    def wait(self, timeout_s: float = 120) -> NonceBatch:
        """What was sent when, an array of `share_load.SENT`."""
        out, _ = self._process.communicate(timeout=timeout_s)
        assert self._process.returncode == 0
        self.done = json.loads(out)
        return np.load(self._results)

    def __enter__(self) -> Loading:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


def matched(capture: Capture, sent: NonceBatch) -> tuple[NonceBatch, NonceBatch]:
    """Events and the sending of each, in the order of the events. Every share was to be there once."""
    events = capture.events()
    miner_of = {job.number: int.from_bytes(job.extranonce1, "big") for job in capture.iter_jobs()}
    extranonce2 = np.array([int.from_bytes(e.tobytes(), "big") for e in events["extranonce2"][:, :4]])
    index = {
        (int(row["extranonce1"]), int(row["extranonce2"]), int(row["nonce"])): at
        for at, row in enumerate(sent)
    }
    order = [
        index.pop((miner_of[int(job)], int(extra), int(nonce)))
        for job, extra, nonce in zip(events["job"], extranonce2, events["nonce"], strict=True)
    ]
    assert not index, f"{len(index)} shares are not in the capture"
    return events, sent[order]
