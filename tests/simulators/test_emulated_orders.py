"""Which candidates of midstate and 16-sub-core chips come when, against plain counting with hashlib."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from bm1366_host import CHAIN_INACTIVE, WireJob, set_address, write_register
from hypothesis import given, settings
from hypothesis import strategies as st
from midstate_host import BM1397_CLOCK_425_MHZ, MidstateJob, bm1387_write
from test_emulated_registers import CORES, Line, s9

from firmware_protocols.bm13xx import model_by_name
from simulators import sha256d
from simulators.bm13xx.chain import MidstateOrder
from simulators.bm13xx.proofs import Proof, ProofSource
from simulators.bm13xx.scale import parse_scale
from simulators.bm13xx.sweep import HashSettings
from simulators.bm13xx.turns import Turns

HZ = 650e6


def turns(midstates: int, space: int, *, interleaved: bool = True, scale: float = 1000.0) -> Turns:
    return Turns(HashSettings(HZ, None, 0, None), 0, scale, 10**9, midstates, space, interleaved)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from([1, 2, 4]),
    st.sampled_from([8, 64, 1024]),
    st.booleans(),
    st.lists(st.integers(0, 10**7), min_size=1, max_size=6),
    st.floats(1.0, 1e5),
)
def test_a_work_is_taken_once_in_order_and_then_no_more(
    midstates: int, space: int, interleaved: bool, steps: list[int], scale: float
) -> None:
    order = turns(midstates, space, interleaved=interleaved, scale=scale)
    cursor = order.cursor()
    end_ns = order.start_ns + round(midstates * space / HZ * scale * 1e9) + 1
    seen: list[tuple[int, int]] = []
    times: list[int] = []
    begin_ns = order.start_ns
    for until_ns in [*sorted(order.start_ns + step % (end_ns - order.start_ns) for step in steps), end_ns]:
        piece = [
            (midstate, position)
            for midstate, first, stop in cursor.ranges(until_ns)
            for position in range(first, stop)
        ]
        due = [order.due_ns(*candidate) for candidate in piece]
        assert all(begin_ns <= t_ns < until_ns for t_ns in due)
        seen += piece
        times += due
        begin_ns = until_ns
    assert len(seen) == len(set(seen)) == midstates * space
    assert cursor.ended
    assert list(cursor.ranges(end_ns + 10**12)) == []
    for (midstate, position), t_ns in zip(seen, times, strict=True):
        number = position * midstates + midstate if interleaved else midstate * space + position
        assert abs(t_ns - order.start_ns - number / HZ * scale * 1e9) <= 1


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([1, 2, 4]), st.booleans(), st.integers(0, 10**6), st.floats(100e6, 1e9))
def test_a_changed_clock_neither_repeats_nor_skips_a_candidate_of_a_work(
    midstates: int, interleaved: bool, change_ns: int, other_hz: float
) -> None:
    first = turns(midstates, 256, interleaved=interleaved)
    t_ns = first.start_ns + change_ns
    second = first.changed(t_ns, HashSettings(other_hz, None, 0, None))
    before = sum(stop - start for _, start, stop in first.cursor().ranges(t_ns))
    after = sum(stop - start for _, start, stop in second.cursor().ranges(t_ns + 10**12))
    assert abs(before + after - midstates * 256) <= 1


def found(line: Line, until_ns: int, *options: tuple[str, str]) -> tuple[list[Proof], ProofSource]:
    """All proofs of a chain's work that is due, in slices of odd sizes."""
    assert line.chain.work is not None
    scale = parse_scale([("chip", line.model.name.lower()), ("chips", str(len(line.chain.chips))), *options])
    source = ProofSource(line.chain.work, scale, model_by_name(scale.chip))
    proofs: list[Proof] = []
    for t_ns in [*range(source.start_ns + 1777, until_ns, 17_777), until_ns]:
        slice_proofs = source.advance(t_ns, sha256d, lambda: False)
        assert slice_proofs is not None
        assert all(proof.due_ns < t_ns for proof in slice_proofs)
        proofs += slice_proofs
    return proofs, source


@pytest.mark.parametrize("midstates", [1, 2, 4])
@pytest.mark.parametrize("order", ["interleaved", "sequential"])
def test_a_bm1387_finds_every_proof_of_its_space_where_the_conjecture_has_it(
    midstates: int, order: MidstateOrder
) -> None:
    """3 chips, 2 cores, the first 600 candidates of each: all hashed again, one by one."""
    line, job = s9(63, order=order), MidstateJob.example(3, 0x24, midstates)
    line.send(bm1387_write(0x18, 0x80))
    line.send(job.body(), 1000)
    assert line.chain.work is not None
    end_ns = 1000 + round(600 / 0.65)
    proofs, source = found(line, end_ns, ("zero_bits", "5"), ("cores", "2"))
    expected = {}
    for chip in range(63):
        for core in range(2):
            for number in range(600):
                position, index = divmod(number, midstates) if order == "interleaved" else (number, 0)
                word = chip << 26 | position << 7 | core
                value = job.hash_value(word.to_bytes(4, "big"), index)
                if value >> (256 - 6) == 0:
                    expected[word, index] = 1000 + number / 0.65
    raw = [proof.frame for proof in proofs]
    got = {(int.from_bytes(frame[:4], "big"), frame[5] & 3): frame for frame in raw}
    assert set(got) == set(expected)
    assert len(got) == len(raw)
    assert all(len(frame) == 7 and frame[5] & ~3 == 0x24 for frame in raw)
    due = {(int.from_bytes(proof.frame[:4], "big"), proof.frame[5] & 3): proof.due_ns for proof in proofs}
    assert all(abs(due[key] - expected[key]) <= 1 for key in expected)
    assert source.hashes == 63 * 2 * 600
    assert not source.exhausted


def test_a_bm1387_numbers_the_solutions_of_each_chip() -> None:
    line = s9(2)
    line.send(MidstateJob.example(4, 0x24).body())
    proofs, _ = found(line, 40_000, ("zero_bits", "8"), ("cores", "2"))
    for chip in (0, 4):
        indexes = [proof.frame[4] for proof in proofs if proof.frame[0] & 0xFC == chip]
        assert len(indexes) > 20
        assert indexes == [number % 8 for number in range(len(indexes))]


def test_a_bm1387_hashes_with_opened_cores_only() -> None:
    line = s9(1, busy_works=2)
    line.send(MidstateJob.example(4, 0).body())
    proofs, source = found(line, 100_000, ("zero_bits", "8"), ("cores", "4"))
    assert {proof.frame[3] & 0x7F for proof in proofs} == {0, 1}
    assert source.asked_hashes_per_s == pytest.approx(2 * 650e6 / 650)


@pytest.mark.parametrize("midstates", [1, 4])
def test_a_bm1387_falls_silent_when_its_work_is_exhausted(midstates: int) -> None:
    """63 chips leave 2**19 candidates: at 650 MHz a midstate lasts 0.8 ms."""
    line = s9(63)
    line.send(MidstateJob.example(5, 0, midstates).body())
    assert line.chain.work is not None
    source = ProofSource(
        line.chain.work, parse_scale([("chip", "bm1387"), ("chips", "63"), ("cores", "1")]), line.model
    )
    for group in source._groups:
        assert sum(stop - first for _, first, stop in group.cursor.ranges(10**12)) == midstates << 19
    assert source.exhausted
    assert source.advance(10**13, sha256d, lambda: False) == []


def test_a_bm1397_tests_its_midstates_side_by_side_and_again() -> None:
    """The emulator's assumption: same positions for all midstates, counter from the chip's address up."""
    line, job = Line("bm1397", 2), MidstateJob.example(6, 0x1C)
    line.send(CHAIN_INACTIVE + set_address(0) + set_address(0x80))
    line.send(write_register(0x08, BM1397_CLOCK_425_MHZ) + b"\x55\xaa" + job.body())
    proofs, source = found(line, round(500 / 0.425), ("zero_bits", "6"), ("cores", "3"))
    expected = {
        (core << 25 | (address << 17) + position, index): position / 0.425
        for address in (0, 0x80)
        for core in range(3)
        for position in range(500)
        for index in range(4)
        if job.hash_value((core << 25 | (address << 17) + position).to_bytes(4, "big"), index) >> 250 == 0
    }
    assert len(expected) > 100
    assert {(int.from_bytes(p.frame[2:6], "big"), p.frame[7] & 3) for p in proofs} == set(expected)
    assert all(
        abs(p.due_ns - expected[int.from_bytes(p.frame[2:6], "big"), p.frame[7] & 3]) <= 1 for p in proofs
    )
    assert {(len(p.frame), p.frame[7] & 0xFC, p.frame[6] - (p.frame[7] & 3)) for p in proofs} == {
        (9, 0x1C, 0)
    }
    assert source.asked_hashes_per_s == pytest.approx(2 * 3 * 4 * 425e6 / source._scale.time_scale)
    sweep = line.sweeps[0]
    assert sweep.due_ns(1, 7) - sweep.due_ns(0, 7) == pytest.approx((1 << 25) / 0.425, abs=1)
    assert not source.exhausted


@pytest.mark.parametrize(("chip", "cores"), [("bm1368", 2), ("bm1370", 2)])
def test_chips_of_sixteen_subcores_follow_their_own_header_and_excess_rules(chip: str, cores: int) -> None:
    line, job = Line(chip, 2), WireJob.example(8, 0x90)
    start = write_register(0x08, 0x40900250) + write_register(0x10, 10) + CORES + write_register(0x14, 0x80)
    line.send(CHAIN_INACTIVE + set_address(0) + set_address(2) + start + write_register(0xA4, 0x9000FFFF))
    line.send(write_register(0x0C, 1 << 31 | 0xFFFF, 0) + write_register(0x0C, 1 << 31 | 0x7F00, 2))
    line.send(job.frame())
    sweep_ns = 2 * (10 + 133.6) / 25e6 * 1e9
    window = 3447  # ceil(2 * 143.6 * 300 / 25); the counter of the first chip wraps after 512
    proofs, _ = found(
        line, round(2 * sweep_ns), ("zero_bits", "7"), ("cores", str(cores)), ("subcores", "16")
    )
    expected = {}
    for start_counter in (0xFFFF << 9, 0x7F00 << 9):
        for version in range(32):
            head = (0x20000000 | version << 13).to_bytes(4, "little") + job.header76[4:]
            for core in range(cores):
                words = core << 25 | (start_counter + np.arange(window)) % (1 << 25)
                for position in np.flatnonzero(_hashes(head, words, 8)).tolist():
                    due = version // 16 * sweep_ns + position / 0.3
                    expected[int(words[position]), version] = due
    assert len(expected) > 500
    got = {}
    for proof in proofs:
        frame, version = proof.frame, int.from_bytes(proof.frame[8:10], "big")
        got[int.from_bytes(frame[2:6], "big"), version] = proof.due_ns
        value = job.hash_value(frame[2:6], version)
        assert frame[6] >> 1 == 256 - value.bit_length() - 8
        assert frame[7] == (0x10 << 1 | version & 15)
    assert set(got) == set(expected)
    assert len(proofs) == len(got)
    assert all(abs(got[key] - expected[key]) <= 1 for key in expected)
    odd = sum(proof.frame[6] & 1 for proof in proofs)
    assert 0.3 * len(proofs) < odd < 0.7 * len(proofs)


def _hashes(head: bytes, words: np.ndarray, zero_bits: int) -> list[bool]:
    begun = hashlib.sha256(head[:64])
    passed = []
    for word in words.tolist():
        inner = begun.copy()
        inner.update(head[64:76] + word.to_bytes(4, "big"))
        digest = hashlib.sha256(inner.digest()).digest()
        passed.append(int.from_bytes(digest, "little") >> (256 - zero_bits) == 0)
    return passed
