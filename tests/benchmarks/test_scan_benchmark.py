"""The scanner beside a hashlib midstate loop, in interleaved pairs of one run. Figures, no verdict."""

from __future__ import annotations

import hashlib
import struct
import time

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from simulators.sha256d import scan, scan_chip_order

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
