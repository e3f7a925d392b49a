"""The scanner against hashlib, against known blocks, across threads, and against the clock."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from firmware_protocols.bitcoin import Header, target_from_compact
from simulators.sha256d import scan, scan_chip_order, scanner
from simulators.sha256d.lowering import chosen_lowering
from simulators.sha256d.rows import LANES

CHECKOUT = Path(__file__).resolve().parents[2]
EVERY_HASH = 2**256 - 1
NONCE_SPAN = 2**32

GENESIS = Header(
    version=1,
    prev_hash=bytes(32),
    merkle_root=bytes.fromhex("4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b")[::-1],
    ntime=1231006505,
    nbits=0x1D00FFFF,
    nonce=2083236893,
)
BLOCK_125552 = Header(
    version=1,
    prev_hash=bytes.fromhex("00000000000008a3a41b85b8b29ad444def299fee21793cd8b9e567eab02cd81")[::-1],
    merkle_root=bytes.fromhex("2b12fcf1b09288fcaff797d71e950e71ae42b91e8bdb2304758dfcffc2b620e3")[::-1],
    ntime=1305998791,
    nbits=0x1A44B9F2,
    nonce=2504433986,
)


def hashlib_hits(header80: bytes, start: int, count: int, target: int, order: str = "<I") -> list[int]:
    first_block = hashlib.sha256(header80[:64])
    hits = []
    for nonce in range(start, start + count):
        inner = first_block.copy()
        inner.update(header80[64:76] + struct.pack(order, nonce))
        value = int.from_bytes(hashlib.sha256(inner.digest()).digest(), "little")
        if value <= target:
            hits.append(nonce)
    return hits


@pytest.mark.parametrize("block", [GENESIS, BLOCK_125552], ids=["genesis", "125552"])
def test_finds_the_nonce_of_a_real_block_and_no_other(block: Header) -> None:
    start = block.nonce - 54_321
    target = target_from_compact(block.nbits)
    assert scan(block.pack(), start, 100_000, target).tolist() == [block.nonce]
    assert scan(block.pack(), start, 54_321, target).size == 0
    assert scan(block.pack(), block.nonce, 1, target).tolist() == [block.nonce]


def test_chip_order_finds_the_same_block_under_the_byte_swapped_word() -> None:
    word = int.from_bytes(struct.pack("<I", GENESIS.nonce), "big")
    found = scan_chip_order(GENESIS.pack(), word - 1000, 2000, target_from_compact(GENESIS.nbits))
    assert found.tolist() == [word]


def test_the_exact_hash_is_the_last_target_that_it_meets() -> None:
    value = GENESIS.hash_value()
    assert scan(GENESIS.pack(), GENESIS.nonce, 1, value).tolist() == [GENESIS.nonce]
    assert scan(GENESIS.pack(), GENESIS.nonce, 1, value - 1).size == 0


STARTS = st.one_of(
    st.integers(0, 600),
    st.integers(0, NONCE_SPAN - 1),
    st.integers(NONCE_SPAN - 5000, NONCE_SPAN - 1),
    st.integers(2**31 - 3000, 2**31 + 3000),
)
TARGETS = st.one_of(
    st.sampled_from([0, EVERY_HASH, EVERY_HASH // 2, EVERY_HASH // 16, EVERY_HASH // 256]),
    st.integers(EVERY_HASH // 512, EVERY_HASH),
)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    header80=st.binary(min_size=80, max_size=80),
    start=STARTS,
    count=st.one_of(st.integers(0, 5000), st.integers(0, 3), st.integers(LANES - 1, LANES + 1)),
    target=TARGETS,
    chip_order=st.booleans(),
)
def test_agrees_with_hashlib(header80: bytes, start: int, count: int, target: int, chip_order: bool) -> None:
    count = min(count, NONCE_SPAN - start)
    search, order = (scan_chip_order, ">I") if chip_order else (scan, "<I")
    found = search(header80, start, count, target)
    assert found.dtype == np.uint32
    assert found.tolist() == hashlib_hits(header80, start, count, target, order)


@pytest.mark.parametrize("search", [scan, scan_chip_order])
def test_dense_hits_survive_the_limit_of_a_pass(
    search: object, monkeypatch: pytest.MonkeyPatch, header80: bytes
) -> None:
    assert callable(search)
    monkeypatch.setattr(scanner, "_CANDIDATES_PER_PASS", 1000)  # several passes, none a whole block
    monkeypatch.setattr(scanner, "_NONCES_PER_PASS", 2001)
    start = NONCE_SPAN - 4321
    assert search(header80, start, 4321, EVERY_HASH).tolist() == list(range(start, NONCE_SPAN))


def test_a_scan_of_more_hits_than_one_pass_holds_returns_each_once(header80: bytes) -> None:
    count = (1 << 16) + LANES + 7
    assert scan(header80, 5, count, EVERY_HASH).tolist() == list(range(5, 5 + count))


def test_the_nonce_in_the_header_is_ignored(header80: bytes) -> None:
    target = EVERY_HASH // 64
    expected = scan(header80, 0, 4096, target)
    assert expected.size > 20
    np.testing.assert_array_equal(scan(header80[:76] + b"\xff" * 4, 0, 4096, target), expected)


def test_two_threads_at_once_find_what_one_finds(header80: bytes) -> None:
    other = bytes(255 - byte for byte in header80)
    target = EVERY_HASH >> 10
    work = [(header80, 0), (other, 1 << 20), (header80, 3_000_001), (other, 77)]
    alone = [scan_chip_order(header, start, 200_000, target) for header, start in work]
    together: dict[int, NDArray[np.uint32]] = {}
    begin = threading.Barrier(2)

    def run(indices: list[int]) -> None:
        begin.wait()
        for index in indices:
            header, start = work[index]
            together[index] = scan_chip_order(header, start, 200_000, target)

    threads = [threading.Thread(target=run, args=(indices,)) for indices in ([0, 1], [2, 3])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert min(found.size for found in alone) > 100
    for index, expected in enumerate(alone):
        np.testing.assert_array_equal(together[index], expected)


def test_the_interpreter_runs_on_while_a_thread_scans(header80: bytes) -> None:
    scan(header80, 0, 1, 0)
    worker = threading.Thread(target=scan, args=(header80, 0, 3_000_000, 0))
    worker.start()
    turns = 0
    while worker.is_alive():
        time.sleep(0.001)
        turns += 1
    assert turns > 5  # about 250 ms of scanning; with the interpreter lock held it would be one or two


@pytest.mark.parametrize("size", [0, 79, 81])
def test_refuses_what_is_no_header(size: int) -> None:
    with pytest.raises(ValueError, match=f"80 bytes, not {size}"):
        scan(bytes(size), 0, 1, 0)


@pytest.mark.parametrize(
    ("start", "count"), [(-1, 5), (0, -1), (NONCE_SPAN, 1), (NONCE_SPAN - 1, 2), (0, NONCE_SPAN + 1)]
)
@pytest.mark.parametrize("search", [scan, scan_chip_order])
def test_refuses_a_range_outside_32_bits(search: object, header80: bytes, start: int, count: int) -> None:
    assert callable(search)
    with pytest.raises(ValueError, match=r"in two calls"):
        search(header80, start, count, 0)


@pytest.mark.parametrize("target", [-1, 2**256])
def test_refuses_a_target_outside_256_bits(header80: bytes, target: int) -> None:
    with pytest.raises(ValueError, match="a target runs from 0"):
        scan(header80, 0, 1, target)


def test_numpy_integers_do_not_wrap(header80: bytes) -> None:
    last = np.uint32(NONCE_SPAN - 1)
    assert scan(header80, last, np.uint8(1), EVERY_HASH).tolist() == [NONCE_SPAN - 1]
    with pytest.raises(ValueError, match="leaves that range"):
        scan(header80, last, np.uint32(2), EVERY_HASH)


def test_empty_ranges_are_empty_up_to_the_end(header80: bytes) -> None:
    for start in (0, 7, NONCE_SPAN):
        assert scan(header80, start, 0, EVERY_HASH).tolist() == []


def test_a_kernel_that_hashlib_contradicts_is_reported(
    header80: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> tuple[int, int]:
        candidates = arguments[-1]
        assert isinstance(candidates, np.ndarray)
        candidates[0] = 0
        return 1, NONCE_SPAN

    monkeypatch.setattr(scanner, "find_candidates", broken)
    with pytest.raises(RuntimeError, match="0x00000000, which hashlib rejects"):
        scan(header80, 0, 1, 0)


@pytest.mark.long
@pytest.mark.parametrize("cache", ["kept", "nowhere"])
def test_a_fresh_process_scans_without_warnings(cache: str, tmp_path: Path) -> None:
    """With a folder for compiled kernels and, as in a read-only container, without any."""
    prepare = ""
    if cache == "nowhere":
        prepare = "from numba.core import caching; caching.CacheImpl._locator_classes = []\n"
    program = (
        prepare + "from simulators.sha256d import scan, scan_chip_order\n"
        f"print(scan(bytes.fromhex('{GENESIS.pack().hex()}'), {GENESIS.nonce} - 9, 20, 0xFFFF << 208))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment,
        timeout=300,
    )
    assert result.stdout == f"[{GENESIS.nonce}]\n"
    if cache == "nowhere":
        assert "NUMBA_CACHE_DIR" in result.stderr
    else:
        assert result.stderr == ""


@pytest.mark.long
@pytest.mark.alone
def test_tens_of_times_a_hashlib_midstate_loop(header80: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """Pairs measured in turn, so that a busy machine slows both; the median pair counts."""
    hashlib_count, scan_count = 1 << 15, 1 << 18
    scan(header80, 0, 1, 0)
    rates = []
    for _ in range(25):
        begin = time.perf_counter()
        assert hashlib_midstate_loop(header80, hashlib_count) == 0
        between = time.perf_counter()
        assert scan(header80, 0, scan_count, 0).size == 0
        end = time.perf_counter()
        rates.append((hashlib_count / (between - begin) / 1e6, scan_count / (end - between) / 1e6))
    hashlib_mhs, scan_mhs = np.median(rates, axis=0)
    ratio = float(np.median([fast / slow for slow, fast in rates]))
    with capsys.disabled():
        print(f"\nhashlib {hashlib_mhs:.2f} MH/s, scan {scan_mhs:.2f} MH/s, median ratio {ratio:.1f}")
    assert ratio >= (20 if chosen_lowering().name == "vector-16" else 10)


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
    return np.random.default_rng(20240601).bytes(80)
