"""The emulator's own account of the scan order, against the protocol package's and against plain counting."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import pytest
from bm1366_host import WireJob
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_protocols.bm13xx import FullJob, ScanOrder, decode_command, model_by_name
from simulators import sha256d
from simulators.bm13xx.chain import Work
from simulators.bm13xx.proofs import ProofSource
from simulators.bm13xx.scale import Scale
from simulators.bm13xx.sweep import COUNTER_SIZE, HashSettings, Sweep

MODEL = model_by_name("bm1366")


def hash_settings(mhz: float = 550.0, hcn: int = 0xFFFFF, version_mask: int | None = 0xFFFF) -> HashSettings:
    return HashSettings(mhz * 1e6, hcn, 0, version_mask)


def test_a_sweep_lasts_what_was_measured_on_silicon() -> None:
    assert hash_settings().sweep_s == pytest.approx(83.8914e-3, abs=1.3e-7)
    assert 8192 * hash_settings().sweep_s == pytest.approx(687.24, abs=0.01)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(50, 600),
    st.integers(1, 0x1FFFFF),
    st.integers(0, 65535),
    st.integers(0, 127),
    st.integers(0, COUNTER_SIZE - 1),
    st.sampled_from([1, 2, 8]),
    st.integers(0, 127),
)
def test_due_times_are_those_of_the_scan_order(
    mhz: float, hcn: int, version: int, half_address: int, position: int, subcores: int, core: int
) -> None:
    address = 2 * half_address
    sweep = Sweep(hash_settings(mhz, hcn), address << 17, 200.0, 10**12)
    order = ScanOrder(MODEL, mhz * 1e6, hcn, subcores=subcores, chip_address=address)
    word = core << 25 | ((address << 17) + position) % COUNTER_SIZE
    nonce = struct.unpack("<I", struct.pack(">I", word))[0]
    due_s = (sweep.due_ns(version // subcores, position) - 10**12) / 1e9
    expected_s = float(order.expected_s(nonce, version)) * 200.0
    assert due_s == pytest.approx(expected_s, rel=1e-12, abs=2e-9)
    assert (
        abs(sweep.stop_position(3) - order.window) <= 1
    )  # a candidate right at the edge may round either way


@pytest.mark.parametrize("subcores", [1, 2, 8])
def test_batches_take_the_versions_of_the_scan_order(subcores: int) -> None:
    order = ScanOrder(MODEL, 550e6, 5404, subcores=subcores)
    for batch in (0, 1, 7, 8191, 8192, 65535, 65536, 65537):
        assert hash_settings().versions(batch, subcores) == list(order.versions_of_batch(batch))


def test_a_partial_mask_rolls_its_own_bits_only() -> None:
    masked = hash_settings(version_mask=0b1010)
    assert [masked.versions(batch, 2) for batch in range(3)] == [[0, 2], [8, 10], [0, 2]]
    assert [hash_settings(version_mask=None).versions(batch, 8) for batch in range(2)] == [[0], [0]]


def test_a_sweep_longer_than_the_counter_reports_it_once() -> None:
    assert Sweep(hash_settings(550, 0x1FFFFF), 0, 1.0, 0).stop_position(5) == COUNTER_SIZE


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(0, 5), st.integers(0, 10**7), st.floats(50, 600), st.floats(50, 600))
def test_a_changed_clock_neither_repeats_nor_skips_a_candidate(
    hcn: int, address: int, change_ns: int, before_mhz: float, after_mhz: float
) -> None:
    first = Sweep(hash_settings(before_mhz, 20 * hcn), address, 300.0, 0)
    second = first.changed(change_ns, hash_settings(after_mhz, 20 * hcn))
    batch = second.start_batch
    assert second.first_position(batch) in range(
        first.position_at(batch, change_ns) - 1, first.position_at(batch, change_ns) + 2
    )
    assert second.due_ns(batch, second.first_position(batch)) >= change_ns - 1
    end_before = first.due_ns(batch + 1, 0)
    assert second.due_ns(batch + 1, 0) == pytest.approx(
        end_before, abs=2
    )  # sweeps end by CLKI, not by the clock


def test_changed_needs_a_moment_after_the_start() -> None:
    with pytest.raises(ValueError, match="before it starts"):
        Sweep(hash_settings(), 0, 1.0, 1000).changed(999, hash_settings())


def work(
    *addresses: int, hcn: int = 60, mhz: float = 485.0, ticket_bits: int = 1, rolling: bool = True
) -> Work:
    job = decode_command(WireJob.example(7).frame(), MODEL)
    assert isinstance(job, FullJob)
    used = HashSettings(mhz * 1e6, hcn, ticket_bits, 0xFFFF if rolling else None)
    sweeps = tuple(Sweep(used, address << 17, 1000.0, 10**9) for address in addresses)
    return Work(job, sweeps, tuple(11 if rolling else 9 for _ in addresses))


def enumerated(
    addresses: tuple[int, ...], batches: int, window: int, cores: int, subcores: int, zero_bits: int
) -> set[tuple[int, int]]:
    """(big-endian nonce word, version bits) of every proof, by hashing all of them with hashlib."""
    job, found = WireJob.example(7), set()
    for address in addresses:
        for version in range(batches * subcores):
            head = (0x20000000 | version << 13).to_bytes(4, "little") + job.header76[4:]
            start = hashlib.sha256(head[:64])
            for core in range(cores):
                for p in range(window):
                    word = core << 25 | ((address << 17) + p) % COUNTER_SIZE
                    inner = start.copy()
                    inner.update(head[64:] + word.to_bytes(4, "big"))
                    digest = hashlib.sha256(inner.digest()).digest()
                    if int.from_bytes(digest, "little") >> (256 - zero_bits) == 0:
                        found.add((word, version))
    return found


def proof_pairs(source: ProofSource, steps: list[int]) -> list[tuple[int, int, int]]:
    found = []
    for until_ns in steps:
        proofs = source.advance(until_ns, sha256d, lambda: False)
        assert proofs is not None
        found += [(p.due_ns, int.from_bytes(p.frame[2:6], "big"), p.version >> 13 & 0xFFFF) for p in proofs]
    return found


@pytest.mark.parametrize(("addresses", "subcores"), [((0,), 1), ((0,), 4), ((0, 2, 254), 1)])
def test_every_proof_of_the_swept_space_is_found_once_and_in_time(
    addresses: tuple[int, ...], subcores: int
) -> None:
    """For 3 whole batches, in slices of odd sizes; address 254 lets the counter wrap."""
    source = ProofSource(work(*addresses), Scale(zero_bits=6, cores=2, subcores=subcores), MODEL)
    sweep = work(*addresses).sweeps[0]
    window = sweep.stop_position(1)
    assert window == 4928  # ceil(2 * (60 + 67) / 25e6 * 485e6)
    end_ns = sweep.due_ns(3, 0)
    steps = [*range(10**9, end_ns, 777_777), end_ns]
    found = proof_pairs(source, steps)
    expected = enumerated(addresses, 3, window, 2, subcores, 7)
    assert len(found) == len({pair[1:] for pair in found}) == len(expected)
    assert {pair[1:] for pair in found} == expected
    assert source.hashes == len(addresses) * 3 * subcores * 2 * window
    slices = np.searchsorted(steps, [t for t, _, _ in found], side="right")
    assert (np.diff(slices) >= 0).all()


def test_the_scale_of_proofs_follows_the_wire_rules() -> None:
    source = ProofSource(work(0, ticket_bits=3), Scale(zero_bits=5, cores=2, subcores=4), MODEL)
    proofs = source.advance(10**9 + 20_000_000, sha256d, lambda: False)
    assert proofs
    job = WireJob.example(7)
    for proof in proofs:
        version_bits = int.from_bytes(proof.frame[8:10], "big")
        value = job.hash_value(proof.frame[2:6], version_bits)
        assert 256 - value.bit_length() - 8 == proof.frame[6]
        assert proof.frame[7] == 0x28 | version_bits & 7
        assert proof.nonce == int.from_bytes(proof.frame[2:6], "little")
        assert proof.version == 0x20000000 | version_bits << 13


def test_without_version_rolling_frames_are_short_and_the_sweep_repeats() -> None:
    source = ProofSource(work(0, rolling=False), Scale(zero_bits=6, cores=2), MODEL)
    sweep = work(0).sweeps[0]
    once = proof_pairs(source, [sweep.due_ns(1, 0)])
    again = proof_pairs(source, [sweep.due_ns(2, 0)])
    assert [pair[1] for pair in once] == [pair[1] for pair in again]
    proofs = source.advance(sweep.due_ns(3, 0), sha256d, lambda: False)
    assert proofs
    assert {len(proof.frame) for proof in proofs} == {9}
    assert {proof.frame[7] for proof in proofs} == {0x28}


def test_an_abandoned_slice_gives_nothing() -> None:
    source = ProofSource(work(0), Scale(), MODEL)
    assert source.advance(10**9 + 1_000_000, sha256d, lambda: True) is None
    assert source.horizon_ns == 10**9
