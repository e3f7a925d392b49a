"""Two emulated rigs publish through a broker to a collector, and one after the other is killed."""

from __future__ import annotations

import json
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


def test_nothing_is_lost_when_broker_collector_and_publisher_are_killed(
    any_broker: BrokerProcess,
    started: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
) -> None:
    middle = any_broker
    out = tmp_path / "out"
    collect = ("collect", middle.url, "-o", str(out), "--json")
    collector = started(*collect)
    sources = {rig: tmp_path / f"{rig}.asicrc" for rig in ("left", "right")}
    captures = {}
    for seed, (rig, path) in enumerate(sources.items(), 1):
        beside = ["--mqtt", middle.url, "--rig", rig] if rig == "left" else []
        captures[rig] = started(
            *("capture", "-d", f"sim:bm1366?seed={seed}", "--duration", "20s", "-o", str(path), "--json"),
            *("--seed", str(seed), *beside),
        )
    wait_for(sources["right"].exists, 60)
    publish = ("publish", str(sources["right"]), "--mqtt", middle.url, "--rig", "right", "--json")
    publisher = started(*publish)
    wait_for(lambda: len(gathered(out)) == 2 and min(gathered(out).values()) > 20, 60)

    middle.kill()  # with all that it had
    before = gathered(out)
    time.sleep(2)
    middle.start()
    # On a busy machine a capture may be over by now, and what is left of it comes later.
    wait_for(
        lambda: all(gathered(out)[r] > n + 20 or captures[r].poll() is not None for r, n in before.items()),
        60,
    )

    for victim in (collector, publisher):
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    time.sleep(1)
    collector = started(*collect)
    publisher = started(*publish)

    for capture in captures.values():
        answer, _ = capture.communicate(timeout=90)
        assert capture.returncode == 0
        assert json.loads(answer)["restored"] is True
    # A capture waits ten seconds at most for what is not sent; the rest is sent from its file.
    later = started("publish", str(sources["left"]), "--mqtt", middle.url, "--rig", "left", "--json")
    for process in (publisher, later):
        answer, _ = process.communicate(timeout=90)
        assert json.loads(answer)["collected"] is True
    collector.send_signal(signal.SIGINT)
    answer, _ = collector.communicate(timeout=60)
    assert collector.returncode == 130
    assert json.loads(answer)["refused"] == 0

    for rig, path in sources.items():
        (copy,) = (out / rig).glob("*.asicrc")
        source = load(path)
        assert load(copy).meta["digest"] == source.meta["digest"]
        assert load(copy).events().tobytes() == source.events().tobytes()
        assert verify(copy).digest_ok
        print(f"{middle.kind}: {rig}: {len(source.events())} events, all there")
    assert not list(out.glob("*/*-wal"))
