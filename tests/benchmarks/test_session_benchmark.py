"""Events a second through a session into a sealed file, and into memory. Figures, and one limit."""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from virtual_device import VirtualDevice

from asicrc.capture import load
from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.capture.session import run_capture
from asicrc.capture.stop_request import StopRequest
from asicrc.capture.storage_link import StorageLink
from firmware_protocols.device import Batch, NonceBatch, Verdict, empty_events

PROMISED_PER_S = 50_000
EVENTS = 200_000


class Flood(VirtualDevice):
    """As many synthetic events as are asked for, made beforehand, `each` in a read of 50 ms."""

    def __init__(self, total: int, each: int) -> None:
        super().__init__()
        self._made: NonceBatch = empty_events(total)
        self._made["seq"] = np.arange(total)
        self._made["t_ns"] = np.sort(np.random.default_rng(1).integers(0, total * 50_000_000 // each, total))
        self._made["job"], self._made["synthetic"] = 1, True
        self._made["verdict"], self._made["difficulty"] = Verdict.VALID, 256.0
        self._each, self._taken = each, 0

    def read(self, until_ns: int) -> Batch:
        events = self._made[self._taken : self._taken + self._each].copy()
        self._taken += len(events)
        self.clock.t_ns = int(events["t_ns"][-1]) if len(events) else until_ns
        return Batch(nonces=events, ended=None if self._taken < len(self._made) else "all are there")


class Watched(StorageLink):
    """Knows when everything was committed, before the seal with its digest of the whole file."""

    stored_s = 0.0

    def seal(self, reason: str, wire_counters: dict[str, int]) -> dict[str, Any]:
        self.flush()
        self.stored_s = time.perf_counter()
        return super().seal(reason, wire_counters)


def into_a_file(path: Path, total: int, each: int) -> tuple[float, float]:
    """Seconds until all is committed, and until the file is sealed."""
    device = Flood(total, each)
    with Watched() as storage:
        begun_s = time.perf_counter()
        plan = CapturePlan(path, duration_s=1e6, progress="none")
        run_capture(device, "virtual:", plan, StopRequest(), storage)
        return storage.stored_s - begun_s, time.perf_counter() - begun_s


@pytest.mark.alone
@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("each", [50, 5_000])
def test_at_least_50_000_synthetic_events_a_second_reach_the_file(tmp_path: Path, each: int) -> None:
    path, total = tmp_path / "a.asicrc", 500_000
    stored_s, sealed_s = into_a_file(path, total, each)
    with load(path) as capture:
        assert capture.sealed
        counters = capture.counters()
        assert (counters.synthetic, counters.events, counters.valid) == (total, 0, 0)
    print(
        f"{total} events in reads of {each}: stored after {stored_s:.1f} s ({total / stored_s:.0f}/s), "
        f"sealed after {sealed_s:.1f} s"
    )
    assert total / stored_s >= PROMISED_PER_S


def test_session_into_a_file(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    names = count()
    benchmark.pedantic(lambda: into_a_file(tmp_path / f"{next(names)}.asicrc", EVENTS, 1000), rounds=5)
    note_rate(benchmark)


def test_session_in_memory(benchmark: BenchmarkFixture) -> None:
    def fresh() -> tuple[tuple[Flood], dict[str, object]]:
        return (Flood(EVENTS, 1000),), {}

    benchmark.pedantic(
        lambda device: capture_in_memory(device, CapturePlan(duration_s=1e6)), setup=fresh, rounds=5
    )
    note_rate(benchmark)


def note_rate(benchmark: BenchmarkFixture) -> None:
    if benchmark.stats is not None:
        benchmark.extra_info["events_per_s"] = EVENTS / benchmark.stats.stats.median
