from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from asicrc.analysis.scan_order import scan_order_residuals
from asicrc.analysis.stamp_quantum import quantisation_rms_s, stamp_quantum_s
from asicrc.errors import NoAnswer
from asicrc.evidence import EvidenceVerdict
from firmware_protocols.bm13xx import ScanOrder, model_by_name, nonce_from_fields

Rows = Callable[[str], list[dict[str, str]]]

BM1366 = model_by_name("BM1366")
ORDER = ScanOrder(BM1366, 485e6, 0x151C)
JITTER_S = 20e-6
OFFSET_S = 1.2e-3
PPM = 20.0


def _capture(
    rng: np.random.Generator,
    n: int,
    *,
    jobs: int = 1,
    life_s: float = 2.0,
    load_jitter_s: float = 0.0,
    core_slope_s: float = 0.0,
    step_s: float | None = None,
    time_scale: float = 1.0,
    periods: int = 1,
) -> dict[str, Any]:
    """Events of a BM1366 with a known clock, offset and trend, as arguments of the analysis."""
    bits = rng.integers(0, int(life_s / ORDER.batch_period_s) * 8, n)
    core = rng.integers(0, BM1366.cores, n)
    position = rng.integers(0, ORDER.window, n)
    nonce = nonce_from_fields(BM1366, core, ORDER.counter_at(position))
    expected = ORDER.expected_s(nonce, bits)
    job = np.sort(rng.integers(1, jobs + 1, n))
    due = expected + rng.integers(0, periods, n) * ORDER.scan_period_s
    t = due * time_scale * (1 + PPM * 1e-6) + OFFSET_S + core_slope_s * core
    t += rng.normal(0, JITTER_S, n) + rng.normal(0, load_jitter_s, jobs + 1)[job]
    if step_s is not None:
        t = np.floor((t + rng.uniform(0, step_s, jobs + 1)[job]) / step_s) * step_s
    return {
        "t_ns": np.round(t * 1e9).astype(np.int64),
        "expected_s": expected,
        "period_s": ORDER.scan_period_s,
        "batch": ORDER.batch_of(bits),
        "core": core,
        "version": bits,
        "position_s": position / ORDER.frequency_hz,
        "time_scale": time_scale,
        "job": None if jobs == 1 else job,
    }


@pytest.mark.long
@pytest.mark.parametrize("jobs", [1, 12, 150], ids=["one job", "few jobs", "many jobs"])
def test_clock_and_offset_are_covered_and_trends_are_not_invented(jobs: int) -> None:
    repeats, clock, offset, alarms = 60, 0, 0, 0
    for k in range(repeats):
        rng = np.random.default_rng([31, jobs, k])
        load = 0.0 if jobs == 1 else 50e-6
        found = scan_order_residuals(**_capture(rng, 120, jobs=jobs, load_jitter_s=load))
        clock += found.clock_ppm.low <= PPM <= found.clock_ppm.high
        offset += found.offset_scaled_ms.low <= OFFSET_S * 1e3 <= found.offset_scaled_ms.high
        beyond_the_clock = (f for name, f in found.trends.items() if name != "batch")
        alarms += any(f.verdict is EvidenceVerdict.SUPPORTED for f in beyond_the_clock)
    least, most = stats.binom.ppf([0.0005, 0.9995], repeats, 0.95)
    assert least <= clock <= most
    assert offset >= least
    assert alarms <= stats.binom.ppf(0.999, repeats, 0.05)


def test_a_planted_trend_is_recovered() -> None:
    found = scan_order_residuals(
        **_capture(np.random.default_rng(32), 400, core_slope_s=1e-6), jitter_floor_s=JITTER_S
    )
    trend = found.trends["core"]
    assert trend.verdict is EvidenceVerdict.SUPPORTED
    assert trend.effect.low <= 1e-3 <= trend.effect.high
    assert trend.smallest_effect is not None
    assert trend.smallest_effect < 1e-3
    assert "depends on core" in found.statement
    assert found.trends["version"].verdict is EvidenceVerdict.REFUTED


def test_a_trend_below_the_floor_is_seen_and_not_called_structure() -> None:
    rng = np.random.default_rng(32)
    capture = _capture(rng, 400, core_slope_s=0.1e-6)  # 11 us over all cores, half of the floor
    below = scan_order_residuals(**capture, jitter_floor_s=JITTER_S).trends["core"]
    assert below.p_corrected is not None
    assert below.p_corrected < 0.01
    assert below.verdict is not EvidenceVerdict.SUPPORTED
    without = scan_order_residuals(**capture).trends["core"]
    assert without.verdict is EvidenceVerdict.NOT_RESOLVED


def test_a_clock_error_shows_over_batches_and_is_not_called_structure() -> None:
    found = scan_order_residuals(**_capture(np.random.default_rng(33), 400), jitter_floor_s=JITTER_S)
    per_batch_ms = PPM * 1e-6 * ORDER.batch_period_s * 1e3
    assert found.trends["batch"].effect.low <= per_batch_ms <= found.trends["batch"].effect.high
    assert "depends on" not in found.statement
    assert found.residual_rms_scaled_ms < found.residual_rms_ms
    assert found.floor_ratio is not None
    assert found.floor_ratio.low <= 1 <= found.floor_ratio.high
    assert found.statement.startswith("nothing above the floor of 0.02 ms")


def test_jitter_above_the_floor_is_said() -> None:
    found = scan_order_residuals(**_capture(np.random.default_rng(34), 400), jitter_floor_s=JITTER_S / 2)
    assert found.floor_ratio is not None
    assert found.floor_ratio.low > 1
    assert "exceeds the floor" in found.statement


def test_nothing_is_claimed_without_a_floor() -> None:
    found = scan_order_residuals(**_capture(np.random.default_rng(35), 100))
    assert found.floor_ms is None
    assert found.quantisation_ms is None
    assert "proves nothing" in found.statement


def test_jobs_share_the_error_of_their_load() -> None:
    found = scan_order_residuals(**_capture(np.random.default_rng(36), 300, jobs=30, load_jitter_s=1e-3))
    assert found.jobs == 30
    assert found.job_offset_spread_ms == pytest.approx(1.0, rel=0.5)
    assert found.clock_ppm.high - found.clock_ppm.low < 20  # the shared error does not enter the clock
    assert found.residual_rms_ms > 0.5


def test_stamps_in_steps_are_explained_by_their_rounding() -> None:
    inside = 0
    for k in range(40):
        found = scan_order_residuals(
            **_capture(np.random.default_rng([37, k]), 100, jobs=20, step_s=0.01), seed=k
        )
        assert found.quantisation_ms == 10
        assert found.within_quantisation is not None
        inside += found.within_quantisation
    assert inside >= 34


def test_later_periods_and_slow_emulators_are_folded() -> None:
    found = scan_order_residuals(
        **_capture(np.random.default_rng(38), 300, time_scale=50.0, periods=3), jitter_floor_s=JITTER_S
    )
    assert 150 < found.periods < 250
    assert found.residual_rms_scaled_ms == pytest.approx(0.02, rel=0.2)
    assert found.clock_ppm.estimate == pytest.approx(PPM, abs=0.01)


def test_an_outlier_does_not_pull_the_fold() -> None:
    capture = _capture(np.random.default_rng(39), 100)
    capture["t_ns"][7] += 10**9
    found = scan_order_residuals(**capture)
    assert found.residual_max_ms == pytest.approx(990, rel=0.02)
    assert found.residual_mad_ms < 0.1


def test_unknown_places_leave_their_trend_out_with_a_reason() -> None:
    capture = _capture(np.random.default_rng(40), 100)
    capture["core"] = np.full(100, -1)
    capture["version"] = np.full(100, 3)
    found = scan_order_residuals(**capture)
    assert found.trends_left_out["core"] == "not known for 100 of 100 events"
    assert "does not vary" in found.trends_left_out["version"]
    assert set(found.trends) == {"batch", "position"}


def test_what_cannot_be_answered_says_why() -> None:
    capture = _capture(np.random.default_rng(41), 9)
    with pytest.raises(NoAnswer, match="9 events; residuals"):
        scan_order_residuals(**capture)
    capture = _capture(np.random.default_rng(42), 30)
    missing = capture | {"t_ns": np.where(np.arange(30) == 3, np.iinfo(np.int64).min, capture["t_ns"])}
    with pytest.raises(NoAnswer, match="missing for 1 of 30"):
        scan_order_residuals(**missing)
    with pytest.raises(NoAnswer, match="could be another period"):
        scan_order_residuals(**capture | {"period_s": 1e-3})
    with pytest.raises(ValueError, match="core has shape"):
        scan_order_residuals(**capture | {"core": [1, 2]})


def test_steps_of_stamps_are_found_only_where_there_are_any() -> None:
    rng = np.random.default_rng(43)
    assert stamp_quantum_s(rng.integers(0, 10**6, 50) * 10_000_000 + 123) == 0.01
    assert stamp_quantum_s(rng.integers(0, 10**12, 50)) is None
    assert stamp_quantum_s(np.arange(10) * 10_000_000) is None
    rounding = quantisation_rms_s(0.01, 60, rng)
    assert rounding.low < 0.01 / np.sqrt(12) < rounding.high
    # two roundings, one of them shared: the variances add
    twice = quantisation_rms_s(0.01, 60, rng, job=np.arange(60), load_rounded=True)
    assert twice.estimate == pytest.approx(0.01 / np.sqrt(6), rel=0.02)


def test_published_bm1366_results(published_rows: Rows) -> None:
    rows = published_rows("bitaxe_bm1366_timed_addr00.csv")
    order = ScanOrder(BM1366, 550e6, 0xFFFFF)
    nonce = np.array([int.from_bytes(bytes.fromhex(r["nonce_wire_hex"]), "little") for r in rows], np.uint32)
    bits = np.array([int(r["version_bits_hex"], 16) for r in rows])
    found = scan_order_residuals(
        np.array([int(r["t_ms"]) for r in rows]) * 1_000_000,
        order.expected_s(nonce, bits),
        order.scan_period_s,
        batch=order.batch_of(bits),
        core=nonce.byteswap() >> 25,
        version=bits,
        position_s=order.position_of(nonce) / order.frequency_hz,
    )
    assert order.scan_period_s == pytest.approx(687.24, abs=0.01)
    assert (found.n, found.periods) == (60, 3)
    assert found.quantisation_ms == 10
    assert found.residual_rms_ms == pytest.approx(2.51, abs=0.01)
    assert found.within_quantisation
    margin_ms = (found.offset_ms.high - found.offset_ms.low) / 2
    assert found.residual_max_ms < 5 + margin_ms
    assert found.clock_ppm.low < 0 < found.clock_ppm.high
    assert all(f.verdict is not EvidenceVerdict.SUPPORTED for f in found.trends.values())
    written = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert written["quantisation_ms"] == 10
    assert set(written["clock_ppm"]) == {"estimate", "low", "high", "n"}
