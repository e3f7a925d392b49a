"""Sweeps on emulated silicon: killed without warning, gone on with, and everything put back."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from as_a_person import asicrc, emulator, start

import asicrc as package
from asicrc.capture.points import PointState
from asicrc.errors import BadFile

pytestmark = pytest.mark.long

CHIP = """
name = "a chip"
order = "serpentine"
[grid]
frequency_mhz = [200, 250]
difficulty = [1, 2]
[settle]
at_least_s = 0.3
[dwell]
duration_s = 2
"""
MINER = """
name = "a miner"
[settings]
difficulty = 256
[grid]
frequency_mhz = [450, 485]
voltage_mv = [1200, 1225]
[settle]
at_least_s = 1
[dwell]
events = 20
longest_s = 30
"""


def killed_in_its_second_point(*arguments: str | Path, path: Path) -> None:
    process = start(*arguments)
    deadline = time.monotonic() + 150
    while points(path) < 2:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise AssertionError(process.communicate())
        time.sleep(0.1)
    time.sleep(0.7)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    time.sleep(3)  # the storage process lets go, and a guardian has acted


def points(path: Path) -> int:
    try:
        return len(package.load(path).points())
    except BadFile:
        return 0


def check_resumed(path: Path, planned: int) -> None:
    with package.load(path) as capture:
        assert capture.sealed
        states = [point.state for point in capture.points()]
        assert states.count(PointState.DONE) == planned
        assert states.count(PointState.ABORTED) <= 1  # none, where the kill came just between two points
        assert len(capture.segments()) >= 2
        originals = {s.name: s.read_back for s in capture.settings() if s.kind == "original"}
        for setting in capture.settings():
            if setting.kind == "restored" and setting.name in originals:
                assert setting.read_back == originals[setting.name], setting
    report = asicrc("verify", path, "--json").json
    assert (report["digest_ok"], report["disagreements"]) == (True, 0)


@pytest.mark.timeout(600)
def test_a_chip_on_a_line(tmp_path: Path) -> None:
    path, plan = tmp_path / "a.asicrc", tmp_path / "p.toml"
    plan.write_text(CHIP)
    with emulator("waits=0.02") as url:
        killed_in_its_second_point("sweep", plan, "-d", url, "-o", path, "--plain", path=path)
        assert not package.load(path).sealed
        run = asicrc("resume", path, "-d", url, "--json", timeout_s=200)
        assert run.code == 0, run.err
        assert (run.json["complete"], run.json["restored"]) == (True, True)
    check_resumed(path, 4)


@contextmanager
def miner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    options = ("zero_bits=8", "boot_s=0.3", "retry_s=0.2", "telemetry_s=0.5", "report=0")
    with emulator("lv06", "profile=esp-head", *options, module="simulators.miners") as url:
        yield url


def info(url: str) -> dict[str, Any]:
    """What an AxeOS miner says of itself, asked past asicrc."""
    address = url.partition("?")[0].replace("axeos:", "http:")
    with urllib.request.urlopen(f"{address}/api/system/info", timeout=30) as reply:
        return dict(json.load(reply))


@pytest.mark.timeout(600)
def test_a_miner_on_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, plan = tmp_path / "a.asicrc", tmp_path / "p.toml"
    plan.write_text(MINER)
    with miner(monkeypatch, tmp_path) as url:
        before = info(url)
        killed_in_its_second_point("sweep", plan, "-d", url, "-o", path, "--plain", path=path)
        refused = asicrc("resume", path, "--json")
        assert refused.code == 2, "a file does not get to name a miner on a network"
        run = asicrc("resume", path, "-d", url, "--json", timeout_s=200)
        assert run.code == 0, run.err
        assert "the miner is put back first" in run.err
        assert (run.json["complete"], run.json["restored"]) == (True, True)
        after = info(url)
        for name in ("frequency", "coreVoltage", "stratumURL", "stratumPort", "stratumUser", "pools"):
            assert after.get(name) == before.get(name), name
    check_resumed(path, 4)
