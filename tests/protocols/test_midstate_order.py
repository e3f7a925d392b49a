"""What is conjectured of the order in which a BM1387 reaches nonces."""

from __future__ import annotations

import numpy as np
import pytest
from bm13xx_frames import BM1366, BM1387, BM1397
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from firmware_protocols.bm13xx import (
    MidstateOrder,
    NonceOrder,
    ScanOrder,
    midstate_variant,
    nonce_fields,
    nonce_from_fields,
    scan_order,
)
from firmware_protocols.errors import LocalProtocolError

SINGLE = midstate_variant(BM1387, 1)
# rapsacw/BM1387-miner-snippets:README.md, two chips at 120 and 125 MHz, nonce bytes as they came.
EVERY_19_MS = "056fde770c3766d082fb56f8107720750a695dd20c1c6d17"
EVERY_76_MS = (
    "a8cff0a187fcbcc2c70d28048bf0d4b71d99ee220ac3f4d13124b68642f91e57c4447f10c21893f5938c67ee20363792"
    "45b235f3067e3399bf500c5f27a79098b6834b940d08838e0761f8219b765ac81cfd7dea2d49cfe7189933611f31cb85"
    "363fffc6390bd30530c86a2a"
)


def header_integers(nonces: str) -> list[int]:
    return np.frombuffer(bytes.fromhex(nonces), "<u4").tolist()


@pytest.mark.parametrize(("nonces", "job_interval_s"), [(EVERY_19_MS, 0.019), (EVERY_76_MS, 0.076)])
def test_nonces_that_an_owner_published_lie_where_the_order_has_them(
    nonces: str, job_interval_s: float
) -> None:
    """Uniformly from the beginning of a job to its end. The interval is printed in whole milliseconds."""
    values = header_integers(nonces)
    chips = nonce_fields(SINGLE, values, address_interval=128).chip.tolist()
    orders = {
        address: scan_order(SINGLE, hertz, None, chips=2, chip_address=address)
        for address, hertz in ((0, 120e6), (128, 125e6))
    }
    expected = [float(orders[chip].expected_s(nonce, 0)) for chip, nonce in zip(chips, values, strict=True)]
    assert max(expected) < job_interval_s + 0.5e-3
    assert stats.kstest(np.array(expected) / job_interval_s, "uniform").pvalue > 0.05


def test_at_another_rate_or_direction_they_would_not() -> None:
    share = 1 << 24
    positions = nonce_fields(SINGLE, header_integers(EVERY_76_MS)).counter25 % share
    assert (
        positions.max() > 0.9 * 0.076 * 125e6
    )  # slower by a tenth, the last ones would not have been reached
    for wrong in (share - positions, positions / 2):
        assert stats.kstest(wrong / (0.076 * 122.5e6), "uniform").pvalue < 1e-4


def test_a_work_of_an_s9() -> None:
    order = scan_order(SINGLE, 650e6, 0, chips=63, chip_address=8)
    assert isinstance(order, MidstateOrder)
    assert (order.window, order.batches, order.repeats, order.confidence) == (1 << 19, 1, False, "low")
    assert order.scan_period_s == order.batch_period_s == pytest.approx(0.8066e-3, rel=1e-4)
    assert order.position_period_s == 1 / 650e6
    nonce = nonce_from_fields(SINGLE, 100, (8 << 17) + 6500)
    assert order.expected_s(nonce, 0) == pytest.approx(10e-6)
    assert order.position_of(nonce) == order.position_of(nonce, 12) == 6500
    assert order.counter_at(6500) == (8 << 17) + 6500


@given(
    st.sampled_from((1, 2, 4)),
    st.sampled_from((1, 2, 3, 4, 16, 63, 64)),
    st.sampled_from(("interleaved", "sequential")),
    st.data(),
)
def test_positions_and_times(count: int, chips: int, way: str, data: st.DataObject) -> None:
    address = data.draw(st.integers(0, chips - 1)) * (256 // chips)
    order = MidstateOrder(BM1387, 500e6, count, chips, address, way)  # type: ignore[arg-type]
    position = data.draw(st.integers(0, order.window - 1))
    midstate = data.draw(st.integers(0, count - 1))
    nonce = nonce_from_fields(BM1387, 7, order.counter_at(position))
    assert order.window * chips <= 1 << 25 < 2 * order.window * chips
    assert order.position_of(nonce) == position
    batch = int(order.batch_of(midstate))
    assert midstate in order.versions_of_batch(batch)
    assert batch == (midstate if way == "sequential" else 0)
    tried = position * count + midstate if way == "interleaved" else midstate * order.window + position
    assert order.expected_s(nonce, midstate) == pytest.approx(tried / 500e6)
    assert order.expected_s(nonce, midstate) < order.scan_period_s == count * order.window / 500e6
    assert order.batches * order.batch_period_s == pytest.approx(order.scan_period_s)


def test_all_midstates_come_to_all_positions_once() -> None:
    order = MidstateOrder(BM1387, 1.0, 4, 64)
    times = order.expected_s(nonce_from_fields(BM1387, 0, np.arange(100))[:, None], np.arange(4))
    assert times.ravel().tolist() == list(range(400))
    assert order.expected_s(0, 0x7 << 2 | 1) == 1  # bits above the midstate are the job's own


@pytest.mark.parametrize(
    ("model", "arguments", "text"),
    [
        (BM1397, (425e6, 5000), "not known: the order of the four midstates"),
        (BM1387, (650e6, 5000), "HASH_COUNTING_NUMBER 5000 does"),
        (BM1366, (500e6, None), "for a chip to hash, not 0"),
        (BM1387, (0.0, None), "above 0 Hz"),
    ],
)
def test_orders_that_are_not_known(model: object, arguments: tuple[float, int | None], text: str) -> None:
    with pytest.raises(LocalProtocolError, match=text):
        scan_order(model, *arguments)  # type: ignore[arg-type]


def test_values_that_no_chain_has() -> None:
    for arguments, text in (
        ({"model": BM1366}, "another scan order"),
        ({"chips": 65}, "1 to 64 chips"),
        ({"chips": 0}, "1 to 64 chips"),
        ({"subcores": 3}, "1, 2 or 4"),
    ):
        with pytest.raises(LocalProtocolError, match=text):
            MidstateOrder(**{"model": BM1387, "frequency_hz": 5e8, **arguments})  # type: ignore[arg-type]
    with pytest.raises(LocalProtocolError, match="1 batches and is then over"):
        MidstateOrder(BM1387, 5e8).versions_of_batch(1)


def test_both_kinds_of_order_answer_the_same_questions() -> None:
    orders: list[NonceOrder] = [
        scan_order(BM1366, 500e6, 5000, subcores=4, chips=2, chip_address=128),
        scan_order(BM1387, 500e6, None, subcores=2, chips=2, chip_address=128),
    ]
    assert orders[0] == ScanOrder(BM1366, 500e6, 5000, 4, 128)
    for order in orders:
        assert order.batch_period_s == pytest.approx(order.scan_period_s / order.batches)
        assert order.window * order.position_period_s <= order.batch_period_s * (1 + 1e-5)
        assert len(order.versions_of_batch(0)) == order.versions_per_batch
        assert order.counter_at(0) == 128 << 17
    assert [order.repeats for order in orders] == [True, False]
