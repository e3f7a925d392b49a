"""Scans from a midstate and of many runs at once: against hashlib, and against results of real chips."""

from __future__ import annotations

import hashlib
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from midstate_host import midstate
from test_scan import EVERY_HASH, GENESIS, NONCE_SPAN, TARGETS, hashlib_hits, hashlib_midstate_loop

from firmware_protocols.bitcoin import target_from_compact, target_from_zero_bits
from simulators.sha256d import (
    scan,
    scan_chip_order,
    scan_header_runs,
    scan_midstate,
    scan_midstate_runs,
    scanner,
)
from simulators.sha256d.rows import LANES

HEADER = np.random.default_rng(20240603).bytes(80)


@pytest.mark.parametrize("word", [0x7203EA83, 0xE16BF809])
def test_finds_what_a_bm1387_finds_while_its_cores_are_opened(word: int) -> None:
    """Known answers to the work of zero midstates and all ones (xertSuns1/braiins, hash-verified)."""
    found = scan_midstate(bytes(32), b"\xff" * 12, word - 50_000, 100_000, target_from_zero_bits(32))
    assert found.tolist() == [word]


@pytest.mark.parametrize("chip_order", [True, False])
def test_finds_a_real_block_from_its_midstate(chip_order: bool) -> None:
    header = GENESIS.pack()
    number = int.from_bytes(header[76:], "big" if chip_order else "little")
    found = scan_midstate(
        midstate(header[:64]),
        header[64:76],
        number - 1000,
        2000,
        target_from_compact(GENESIS.nbits),
        chip_order,
    )
    assert found.tolist() == [number]


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    header80=st.binary(min_size=80, max_size=80),
    start=st.one_of(st.integers(0, 600), st.integers(NONCE_SPAN - 5000, NONCE_SPAN - 1)),
    count=st.one_of(st.integers(0, 3000), st.integers(LANES - 1, LANES + 1)),
    target=TARGETS,
    chip_order=st.booleans(),
)
def test_agrees_with_hashlib_over_the_whole_header(
    header80: bytes, start: int, count: int, target: int, chip_order: bool
) -> None:
    count = min(count, NONCE_SPAN - start)
    found = scan_midstate(midstate(header80[:64]), header80[64:76], start, count, target, chip_order)
    assert found.dtype == np.uint32
    assert found.tolist() == hashlib_hits(header80, start, count, target, ">I" if chip_order else "<I")


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    starts=st.lists(st.integers(0, NONCE_SPAN - 128 * 700), max_size=9),
    count=st.one_of(st.integers(0, 40), st.sampled_from([LANES - 1, LANES, LANES + 1, 600])),
    step=st.sampled_from([1, 2, 128]),
    bits=st.integers(0, 5),
)
def test_runs_are_as_many_scans_one_after_the_other(
    starts: list[int], count: int, step: int, bits: int
) -> None:
    target = EVERY_HASH >> bits
    expected = []
    for number, start in enumerate(starts):
        for counter in range(start, start + count * step, step):
            header = HEADER[:76] + counter.to_bytes(4, "big")
            value = hashlib.sha256(hashlib.sha256(header).digest()).digest()
            if int.from_bytes(value, "little") <= target:
                expected.append((number, counter))
    for numbers, counters in (
        scan_header_runs(HEADER, starts, count, target, step),
        scan_midstate_runs(midstate(HEADER[:64]), HEADER[64:76], starts, count, target, step),
    ):
        assert list(zip(numbers.tolist(), counters.tolist(), strict=True)) == expected


def test_runs_survive_the_limit_of_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "_CANDIDATES_PER_PASS", 700)
    monkeypatch.setattr(scanner, "_NONCES_PER_PASS", 1501)
    starts = [5, 10_000, 3, NONCE_SPAN - 777]
    numbers, counters = scan_header_runs(HEADER, starts, 777, EVERY_HASH)
    assert numbers.tolist() == [number for number in range(4) for _ in range(777)]
    assert counters.tolist() == [start + i for start in starts for i in range(777)]


def test_a_run_may_end_with_the_last_nonce_and_not_beyond() -> None:
    last = NONCE_SPAN - 1
    _, counters = scan_header_runs(HEADER, [last - 128 * 9], 10, EVERY_HASH, 128)
    assert counters.tolist()[-1] == last
    with pytest.raises(ValueError, match="leaves that range"):
        scan_header_runs(HEADER, [0, last - 128 * 9 + 1], 10, EVERY_HASH, 128)
    with pytest.raises(ValueError, match="leaves that range"):
        scan_header_runs(HEADER, [-1], 1, EVERY_HASH)


@pytest.mark.parametrize(("state", "tail"), [(31, 12), (33, 12), (32, 11), (32, 16)])
def test_refuses_other_sizes(state: int, tail: int) -> None:
    with pytest.raises(ValueError, match=f"not {state} and {tail}"):
        scan_midstate(bytes(state), bytes(tail), 0, 1, 0)


@pytest.mark.parametrize(("starts", "step"), [([1.5], 1), ([[1], [2]], 1), ([1], 0), ([1], -1)])
def test_refuses_runs_that_are_none(starts: list[float], step: int) -> None:
    with pytest.raises(ValueError, match=r"runs|upwards"):
        scan_header_runs(HEADER, starts, 3, EVERY_HASH, step)


def test_a_wrong_confirmation_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> tuple[int, int]:
        candidates = arguments[-1]
        assert isinstance(candidates, np.ndarray)
        candidates[0] = 0
        return 1, NONCE_SPAN

    monkeypatch.setattr(scanner, "find_candidates", broken)
    with pytest.raises(RuntimeError, match="0x00000000, which hashlib rejects"):
        scan_midstate(bytes(32), bytes(12), 0, 1, 0)


@pytest.mark.long
@pytest.mark.alone
def test_a_midstate_scan_and_short_runs_keep_the_pace(capsys: pytest.CaptureFixture[str]) -> None:
    """At least ten times a hashlib midstate loop, also in 256 runs of 100; pairs measured in turn."""
    count, starts = 1 << 15, list(range(256))
    state, tail = midstate(HEADER[:64]), HEADER[64:76]
    rates: dict[str, list[float]] = {"header": [], "midstate": [], "runs": []}
    scan(HEADER, 0, 1, 0)
    for _ in range(15):
        begin = time.perf_counter()
        assert hashlib_midstate_loop(HEADER, count) == 0
        hashlib_s = (time.perf_counter() - begin) / count
        for name, search, hashes in (
            ("header", lambda: scan_chip_order(HEADER, 0, 1 << 18, 0), 1 << 18),
            ("midstate", lambda: scan_midstate(state, tail, 0, 1 << 18, 0), 1 << 18),
            ("runs", lambda: scan_midstate_runs(state, tail, starts, 100, 0, 128), 25_600),
        ):
            begin = time.perf_counter()
            search()
            rates[name].append(hashlib_s / ((time.perf_counter() - begin) / hashes))
    medians = {name: float(np.median(ratios)) for name, ratios in rates.items()}
    with capsys.disabled():
        print("\ntimes a hashlib midstate loop: " + ", ".join(f"{k} {v:.1f}" for k, v in medians.items()))
    assert min(medians.values()) >= 10
