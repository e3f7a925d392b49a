"""Twins by URL and by name: what commands and other packages see of them."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.devices import open_device
from asicrc.errors import UsageError


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "asicrc.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=500, check=False)


@pytest.mark.long
def test_a_capture_of_ten_minutes_takes_seconds_and_is_analysed(tmp_path: Path) -> None:
    url = "twin:lv06?kind=ordinary&seed=1"
    done = run("capture", "-d", url, "--duration", "10m", "-o", "c.asicrc", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["duration_s"] == pytest.approx(600, abs=1) and told["synthetic"] > 200
    assert told["events"] == told["valid"] == 0  # no proof of work stands behind any
    analysed = run("analyze", "c.asicrc", "--json", folder=tmp_path)
    assert analysed.returncode == 0, analysed.stderr
    found = json.loads(analysed.stdout)
    assert found["synthetic"] == found["events"] == told["synthetic"]
    assert found["intervals"]["mean_s"]["estimate"] == pytest.approx(1 / 0.44, rel=0.3)
    assert found["scan_order"] is None and "not testable here" in found["unanswered"]["scan_order"]
    words = run("analyze", "c.asicrc", folder=tmp_path).stdout
    assert "made by a statistical model" in words
    verified = run("verify", "c.asicrc", folder=tmp_path)
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("twin:s10", "no twin of 's10'"),
        ("twin:lv06?kind=perfect", "kind=perfect"),
        ("twin:lv06?sead=1", "did you mean seed?"),
        ("twin:lv06?seed=-1", "seed=-1"),
        ("twin:lv06?seed=1.5", "seed=1.5"),
        ("twin:lv06?loss=much", "loss=much is no number"),
        ("twin:lv06?loss=2", "loss=2"),
        ("twin:lv06?heartbeat_depth=3", "heartbeat_depth"),
        ("twin:lv06?ambient_c=400", "ambient_c=400"),
        ("twin:lv06?zero_bits=10", "zero_bits"),
        ("twin:bm1366?cores=500", "cores"),
        ("twin:bm1366?heartbeat_depth=0.1", "heartbeat_depth"),
        ("twin:lv06?jitter_s", "jitter_s"),
        ("twin:lv06?loss=0.1&loss=0.2", "twice"),
    ],
)
def test_what_a_url_cannot_say_is_told_in_a_line(url: str, says: str) -> None:
    with pytest.raises(UsageError, match=says.replace("?", r"\?")) as caught, open_device(url):
        pass
    assert "\n" not in caught.value.message


def test_a_bad_option_of_a_command_is_an_error_of_usage(tmp_path: Path) -> None:
    url = "twin:lv06?kind=perfect"
    done = run("capture", "-d", url, "--duration", "1s", "-o", "c.asicrc", folder=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) <= 2 and "kind=perfect" in done.stderr
    assert not (tmp_path / "c.asicrc").exists()


def test_the_devices_are_told_of(tmp_path: Path) -> None:
    assert "twin:" in run("devices", folder=tmp_path).stdout


def test_the_named_twins_are_found_by_their_entry_points() -> None:
    made = {
        entry.name: entry.load()("s9", seed=4, effects={"rate_change": 0.1}, ambient_c=20.0)
        for entry in entry_points(group="asicrc.twins")
    }
    assert made["ideal"].identity.url == "twin:s9?kind=ideal&seed=4"
    assert set(made) == {"ideal", "ordinary", "planted"}
    for name, twin in made.items():
        details = twin.identity.details
        assert (details["kind"], details["seed"], details["planted"]) == (name, 4, True)
        assert details["ambient_c"] == 20.0 and twin.identity.simulated


def test_a_session_in_memory_is_the_same_twice() -> None:
    def captured() -> tuple[list[int], list[float]]:
        with open_device("twin:s9?kind=planted&seed=3") as twin:
            plan = CapturePlan(Path(), 20.0, mode="handshake")
            capture = capture_in_memory(twin, plan)
        return capture.events()["t_ns"].tolist(), [r.value for r in capture.readings()]

    first = captured()
    assert captured() == first and len(first[0]) > 100
