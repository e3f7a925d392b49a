"""Two emulated rigs publish through a broker to a collector, and one after the other is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from brokers import BrokerProcess

from asicrc.capture.reader import load
from asicrc.capture.recheck import verify

ASICRC = [sys.executable, "-m", "asicrc.cli.main"]
pytestmark = [pytest.mark.long, pytest.mark.alone]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command of asicrc; what still runs at the end is ended by its own pid."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        with (tmp_path / f"{arguments[0]}-{len(processes)}.log").open("w") as log:
            process = subprocess.Popen([*ASICRC, *arguments], stdout=subprocess.PIPE, stderr=log, text=True)
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def gathered(out: Path) -> dict[str, int]:
    """Events in each rig's file so far."""
    return {path.parent.name: len(load(path).events()) for path in out.glob("*/*.asicrc")}


def wait_for(what: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)


@pytest.mark.parametrize("kind", ["mosquitto", "amqtt"])
def test_nothing_is_lost_when_broker_collector_and_publisher_are_killed(
    kind: str,
    broker: Callable[[str], BrokerProcess],
    started: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
) -> None:
    middle = broker(kind)
    out = tmp_path / "out"
    collect = ("collect", middle.url, "-o", str(out), "--json", "--until-sealed", "2")
    collector = started(*collect)
    sources = {rig: tmp_path / f"{rig}.asicrc" for rig in ("left", "right")}
    captures = {
        rig: started(
            *("capture", "-d", f"sim:bm1366?seed={seed}", "--duration", "20s", "-o", str(path), "--json"),
            *("--seed", str(seed), "--mqtt", middle.url, "--rig", rig),
        )
        for seed, (rig, path) in enumerate(sources.items(), 1)
    }
    wait_for(lambda: len(gathered(out)) == 2 and min(gathered(out).values()) > 50, 60)

    middle.kill()  # with all that it had
    before = gathered(out)
    time.sleep(2)
    middle.start()
    wait_for(lambda: all(gathered(out)[rig] > count + 50 for rig, count in before.items()), 60)

    collector.send_signal(signal.SIGKILL)
    collector.wait()
    time.sleep(1)
    collector = started(*collect)

    for rig, capture in captures.items():
        answer, _ = capture.communicate(timeout=90)
        assert capture.returncode == 0, (tmp_path / f"capture-{rig}.log").name
        assert json.loads(answer)["restored"] is True
    # A capture waits ten seconds at most for what is not sent; the rest is sent from its file.
    for rig, path in sources.items():
        later = started(
            "publish", str(path), "--mqtt", middle.url, "--rig", rig, "--json", "--give-up", "60s"
        )
        answer, _ = later.communicate(timeout=90)
        if collector.poll() is None or json.loads(answer)["collected"] is not None:
            assert json.loads(answer)["collected"] is True
    answer, _ = collector.communicate(timeout=60)
    assert collector.returncode == 0

    for rig, path in sources.items():
        (copy,) = (out / rig).glob("*.asicrc")
        source = load(path)
        assert load(copy).meta["digest"] == source.meta["digest"]
        assert load(copy).events().tobytes() == source.events().tobytes()
        assert verify(copy).digest_ok
        print(f"{kind}: {rig}: {len(source.events())} events, all there")
    assert not list(out.glob("*/*-wal"))
    assert os.listdir(out / "left")
