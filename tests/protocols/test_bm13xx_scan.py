"""Jobs, nonce fields and the order in which a chip scans."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from bm13xx_frames import BM1366, BM1368, BM1370, BM1397, NONCE
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols.bm13xx import (
    MODELS,
    ChipModel,
    ScanOrder,
    excess_bits,
    full_coverage_hcn,
    job_header_candidates,
    job_header_of,
    next_job_header,
    nonce_fields,
    nonce_from_fields,
    rolled_version,
    subcore_of,
)
from firmware_protocols.errors import LocalProtocolError

BITAXE = ScanOrder(BM1366, 550e6, 0xFFFFF)


def test_job_headers_come_back() -> None:
    for model in MODELS.values():
        header = 0
        seen = []
        for _ in range(40):
            header = next_job_header(model, header)
            seen.append(header)
            response = header << model.job_id_shift | model.subcore_mask
            assert job_header_of(model, response) == header
            assert header in job_header_candidates(model, response)
        assert len(set(seen)) >= 16
    assert [next_job_header(m, 120) for m in (BM1366, BM1368, BM1397)] == [0, 16, 124]


def test_the_bm1368_does_not_return_the_highest_id_bit() -> None:
    assert job_header_of(BM1368, 0xA2) == 0x50
    assert job_header_candidates(BM1368, 0xA2) == (0x50, 0xD0)
    assert job_header_candidates(BM1366, 0xA2) == (0xA0,)


def test_version_bits_are_28_to_13() -> None:
    assert rolled_version(0x20000000, 0x0047) == 0x2008E000
    assert rolled_version(0x20000000, 0xFFFF) == 0x3FFFE000


@given(st.sampled_from(sorted(MODELS)), st.data())
def test_nonces_and_their_fields(name: str, data: st.DataObject) -> None:
    model = MODELS[name]
    core = data.draw(st.integers(0, model.core_numbers - 1))
    counter = data.draw(st.integers(0, (1 << 25) - 1))
    nonce = nonce_from_fields(model, core, counter)
    fields = nonce_fields(model, nonce, 0xFF)
    assert (fields.core, fields.counter25, fields.subcore) == (core, counter, model.subcore_mask)
    place = counter >> 17 & (0xFC if name == "BM1387" else 0xFE)
    assert fields.chip == (place if model.nonce_has_address else -1)


def test_fields_of_arrays() -> None:
    nonces = np.array([NONCE.nonce, 0xFFFFFFFF], np.uint32)
    fields = nonce_fields(BM1366, nonces, np.array([7, 8], np.uint8))
    assert fields.core.tolist() == [86, 127]
    assert fields.chip.tolist() == [106, 254]
    assert fields.subcore.tolist() == [7, 0]
    assert nonce_fields(BM1366, nonces, 5).subcore.tolist() == [5, 5]
    assert nonce_fields(BM1366, nonces).subcore.tolist() == [-1, -1]
    assert nonce_fields(BM1366, nonces, address_interval=64).chip.tolist() == [64, 192]
    assert nonce_fields(BM1366, nonces, address_interval=256).chip.tolist() == [0, 0]
    assert nonce_fields(BM1368, nonces).chip.tolist() == [-1, -1]
    assert nonce_fields(BM1366, np.empty(0, np.uint32)).core.shape == (0,)
    assert subcore_of(BM1370, np.array([0x9C, 0x0F])).tolist() == [12, 15]
    # The last counter value of the last core is the largest nonce, byte by byte.
    assert nonce_from_fields(BM1366, [0, 111], [0, (1 << 25) - 1]).tolist() == [0, 0xFFFFFFDF]


def test_excess_bits_count_whole_bits_on_every_model() -> None:
    assert excess_bits(BM1366, [0, 1, 7]).tolist() == [0, 1, 7]
    assert excess_bits(BM1368, [0, 1, 2, 3, 15]).tolist() == [0, 0, 1, 1, 7]
    assert excess_bits(BM1370, 0x0C) == 6
    with pytest.raises(LocalProtocolError, match="does not report"):
        excess_bits(BM1397, 0)


def test_fields_out_of_range() -> None:
    for core, counter, text in ((112, 0, "0 to 111"), (-1, 0, "0 to 111"), (0, 1 << 25, "25 bits")):
        with pytest.raises(LocalProtocolError, match=text):
            nonce_from_fields(BM1366, core, counter)
    with pytest.raises(LocalProtocolError, match="32 bits"):
        nonce_fields(BM1366, 1 << 32)
    with pytest.raises(LocalProtocolError, match="2 to 256 apart"):
        nonce_fields(BM1366, 0, address_interval=1)


def test_the_published_bitaxe_run() -> None:
    assert BITAXE.batch_period_s == pytest.approx(83.8914e-3, abs=1.3e-7)
    assert BITAXE.scan_period_s == pytest.approx(687.24, abs=0.01)
    assert BITAXE.window == 1 << 25
    assert BITAXE.confidence == "high"
    nonce = int.from_bytes(bytes.fromhex("7a1c12c8"), "little")
    assert float(BITAXE.expected_s(nonce, 0x3E)) == pytest.approx(0.590585, abs=1e-6)


def test_the_stamps_of_a_bitaxe_follow_the_scan_order(bitaxe_timed: Path) -> None:
    with bitaxe_timed.open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    nonces = [int.from_bytes(bytes.fromhex(row["nonce_wire_hex"]), "little") for row in rows]
    versions = [int(row["version_bits_hex"], 16) for row in rows]
    arrival = np.array([float(row["t_ms"]) for row in rows]) / 1e3
    expected = BITAXE.expected_s(nonces, versions)
    epoch = np.round((arrival - expected) / BITAXE.scan_period_s)
    residual = arrival - expected - epoch * BITAXE.scan_period_s
    assert len(rows) == 60
    assert set(epoch) == {0.0, 1.0}
    assert np.sqrt(np.mean((residual - residual.mean()) ** 2)) < 2.9e-3  # a step of 10 ms alone gives 2.89
    other = ScanOrder(BM1366, 550e6, 0xFFFFF, chip_address=128)
    wrong = arrival - other.expected_s(nonces, versions) - epoch * BITAXE.scan_period_s
    assert wrong.std() > 20e-3


@pytest.mark.parametrize(("hcn", "ticks"), [(4442, 4508.6), (5404, 5470.2)])
def test_the_edge_of_the_sweep_on_hash_boards(hcn: int, ticks: float) -> None:
    """Largest position seen, in ticks of 80 ns, among 13,460 and 3,248 nonces: just inside the window."""
    window = ScanOrder(BM1366, 550e6, hcn).window
    assert 0 < window - ticks * 80e-9 * 550e6 < 1.0 * 80e-9 * 550e6


@given(
    st.sampled_from([m for m in MODELS.values() if m.hcn_overrun_ticks is not None]),
    st.integers(0, 255),
    st.integers(0, (1 << 25) - 1),
    st.integers(0, 65535),
    st.sampled_from((None, 1, 2)),
)
def test_positions_and_batches_invert(
    model: ChipModel, place: int, position: int, version: int, subcores: int | None
) -> None:
    order = ScanOrder(model, 500e6, 5000, subcores, place)
    nonce = nonce_from_fields(model, 3, order.counter_at(position))
    assert order.position_of(nonce) == position
    assert order.position_of(nonce, place) == position
    batch = int(order.batch_of(version))
    assert version in order.versions_of_batch(batch)
    assert order.versions_of_batch(batch + order.batches) == order.versions_of_batch(batch)
    assert len(order.versions_of_batch(batch)) == (subcores or model.subcores)
    assert order.expected_s(nonce, version) == pytest.approx(batch * order.batch_period_s + position / 500e6)


def test_expectations_broadcast() -> None:
    nonces = nonce_from_fields(BM1366, 0, [0, 1 << 17, 2 << 17])
    assert BITAXE.position_of(nonces, [0, 1, 2]).tolist() == [0, 0, 0]
    times = BITAXE.expected_s(nonces[:, None], np.array([0, 8]))
    assert times.shape == (3, 2)
    assert times.dtype == np.float64
    assert times[0].tolist() == [0, BITAXE.batch_period_s]


def test_sweeps_end_with_the_counter() -> None:
    short = ScanOrder(BM1366, 485e6, 0x151C)
    assert short.window == pytest.approx(2 * (0x151C + 67) * 485 / 25, abs=1)
    assert ScanOrder(BM1366, 485e6, 1 << 24).window == 1 << 25


def test_full_coverage() -> None:
    hcn = full_coverage_hcn(BM1366, 550e6)
    assert hcn == pytest.approx((1 << 25) * 25 / 1100 - 67, abs=1)
    assert ScanOrder(BM1366, 550e6, hcn).window == 1 << 25
    assert ScanOrder(BM1366, 550e6, hcn - 1).window < 1 << 25
    share = ScanOrder(BM1366, 550e6, full_coverage_hcn(BM1366, 550e6, 77)).window
    assert (1 << 18) <= share < (1 << 18) + 100


@pytest.mark.parametrize(
    ("model", "frequency_hz", "hcn", "subcores", "text"),
    [
        (BM1397, 425e6, 5000, None, "not known: the order of the four midstates"),
        (BM1366, 0.0, 5000, None, "above 0 Hz"),
        (BM1366, float("inf"), 5000, None, "above 0 Hz"),
        (BM1366, 5e8, 0, None, "for a chip to hash"),
        (BM1366, 5e8, 5000, 3, "power of two"),
        (BM1366, 5e8, 5000, 0, "power of two"),
    ],
)
def test_scans_that_no_chip_does(
    model: ChipModel, frequency_hz: float, hcn: int, subcores: int | None, text: str
) -> None:
    with pytest.raises(LocalProtocolError, match=text):
        ScanOrder(model, frequency_hz, hcn, subcores)


def test_coverage_that_cannot_be() -> None:
    for model, frequency_hz, chips, text in (
        (BM1366, 5e8, 0, "needs chips"),
        (BM1366, 0.0, 1, "needs chips"),
        (BM1397, 5e8, 1, "not known"),
        (BM1366, 5e8, 1 << 20, "within the overrun"),
    ):
        with pytest.raises(LocalProtocolError, match=text):
            full_coverage_hcn(model, frequency_hz, chips)
