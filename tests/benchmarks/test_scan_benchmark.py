"""The scanner beside a hashlib midstate loop, in interleaved pairs of one run. Figures, no verdict."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from simulators.sha256d import round_toggles, scan, scan_chip_order
from simulators.sha256d.lowering import LOWERINGS, OVERRIDE, target_features

SCAN_COUNT = 1 << 18
HASHLIB_COUNT = 1 << 15
PAIRS = 15


def test_scan_beside_hashlib(
    benchmark: BenchmarkFixture, header80: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """One round is a pair; prints both rates and the median ratio of the pairs."""
    hashlib_mhs: list[float] = []
    scan_mhs: list[float] = []

    def pair() -> None:
        begin = time.perf_counter()
        hashlib_midstate_loop(header80, HASHLIB_COUNT)
        between = time.perf_counter()
        scan(header80, 0, SCAN_COUNT, 0)
        end = time.perf_counter()
        hashlib_mhs.append(HASHLIB_COUNT / (between - begin) / 1e6)
        scan_mhs.append(SCAN_COUNT / (end - between) / 1e6)

    scan(header80, 0, 1, 0)  # compiled or loaded before the clock starts
    benchmark.pedantic(pair, rounds=PAIRS)  # type: ignore[no-untyped-call]
    ratio = float(np.median(np.divide(scan_mhs, hashlib_mhs)))
    figures = {
        "hashlib_mhs": float(np.median(hashlib_mhs)),
        "scan_mhs": float(np.median(scan_mhs)),
        "scan_best_mhs": max(scan_mhs),
        "median_ratio": ratio,
    }
    benchmark.extra_info.update(figures)
    with capsys.disabled():
        print("\n" + ", ".join(f"{name} {value:.2f}" for name, value in figures.items()))
    assert len(scan_mhs) >= PAIRS


def test_two_threads_beside_one(
    benchmark: BenchmarkFixture, header80: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pairs in turn; prints the median and the best ratio."""
    ratios: list[float] = []

    def pair() -> None:
        times = []
        for threads in (1, 2):
            begin = time.perf_counter()
            scan(header80, 0, 1 << 22, 0, threads=threads)
            times.append(time.perf_counter() - begin)
        ratios.append(times[0] / times[1])

    scan(header80, 0, 1, 0)
    benchmark.pedantic(pair, rounds=PAIRS)  # type: ignore[no-untyped-call]
    figures = {"median_ratio": float(np.median(ratios)), "best_ratio": max(ratios)}
    benchmark.extra_info.update(figures)
    with capsys.disabled():
        print("\n" + ", ".join(f"{name} {value:.2f}" for name, value in figures.items()))
    assert len(ratios) >= PAIRS


def test_the_observer_with_full_toggles(
    benchmark: BenchmarkFixture, header80: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """All 128 rounds of batches that stay in the cache, one thread."""
    nonces = np.arange(4096, dtype=np.uint32)
    out = np.empty((128, nonces.size), np.uint16)
    round_toggles(header80, nonces, out)
    benchmark.pedantic(round_toggles, (header80, nonces, out), rounds=200, iterations=5)  # type: ignore[no-untyped-call]
    rates = nonces.size / np.array(benchmark.stats.stats.data) / 1e6
    with capsys.disabled():
        print(f"\nround toggles: {np.median(rates):.1f} MH/s (best {rates.max():.1f})")
    assert rates.size == 200


FORCED = {
    "vector-16": {},
    "sha-ni": {},
    "vector-8": {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+sse4.1,+avx,+avx2"},
    "vector-4": {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ""},
    "loops": {},
}
"""What numba is told of the CPU for a figure of each lowering; no word means the CPU as it is."""
IN_A_PROCESS = """
import json, time
begin = time.perf_counter()
import numba
imported = time.perf_counter()
from simulators.sha256d import scan
scan(bytes(80), 0, 1, 0)
ready = time.perf_counter()
rates = []
for _ in range(20):
    start = time.perf_counter()
    scan(bytes(80), 0, 1 << 18, 0)
    rates.append((1 << 18) / (time.perf_counter() - start) / 1e6)
print(json.dumps([sorted(rates)[10], max(rates), ready - imported]))
"""


@pytest.mark.parametrize("name", FORCED)
def test_each_lowering(
    name: str, benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """In processes of their own, the first of which compiles: prints MH/s and the time to the first hash."""
    needs = next(lowering.needs for lowering in LOWERINGS if lowering.name == name)
    if not needs <= target_features():
        pytest.skip(f"this CPU lacks {', '.join(sorted(needs - target_features()))}")
    environment = os.environ | FORCED[name] | {OVERRIDE: name, "NUMBA_CACHE_DIR": str(tmp_path)}
    figures: list[list[float]] = []

    def process() -> None:
        command = [sys.executable, "-c", IN_A_PROCESS]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        figures.append(json.loads(run.stdout))

    benchmark.pedantic(process, rounds=2)  # type: ignore[no-untyped-call]
    (_, _, cold_s), (median, best, warm_s) = figures
    with capsys.disabled():
        print(
            f"\n{name}: {median:.1f} MH/s (best {best:.1f}), ready {cold_s:.1f} s cold, {warm_s:.2f} s cached"
        )
    assert len(figures) == 2


@pytest.mark.parametrize("count", [1, 1000, 100_000])
def test_one_call(benchmark: BenchmarkFixture, header80: bytes, count: int) -> None:
    """What a slice costs an emulator, at a ticket mask of 2**16."""
    scan_chip_order(header80, 0, 1, 0)
    found = benchmark(scan_chip_order, header80, 0, count, (1 << 240) - 1)
    assert found.size <= count


def hashlib_midstate_loop(header80: bytes, count: int) -> int:
    """Nonces of a zero top word, tested as fast as plain Python can."""
    first_block = hashlib.sha256(header80[:64])
    rest = header80[64:76]
    sha256 = hashlib.sha256
    nonce_bytes = struct.Struct("<I").pack
    hits = 0
    for nonce in range(count):
        inner = first_block.copy()
        inner.update(rest + nonce_bytes(nonce))
        hits += sha256(inner.digest()).digest()[28:] == b"\0\0\0\0"
    return hits


@pytest.fixture
def header80() -> bytes:
    return np.random.default_rng(20240602).bytes(80)
