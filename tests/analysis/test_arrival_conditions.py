"""What a record was like: drift, changes, Allan deviation; and what makes a question pointless."""

from __future__ import annotations

import allantools
import numpy as np
import pytest
from arrival_samples import stamps_of, stream_of
from scipy import stats

from asicrc.analysis.arrivals.allan import allan_deviation, rate_allan_deviation
from asicrc.analysis.arrivals.change_points import change_points, rate_changes
from asicrc.analysis.arrivals.drift import rate_drift
from asicrc.analysis.arrivals.fitness import Asks, early_end, reason_against
from asicrc.analysis.battery import TESTS, run_battery
from asicrc.analysis.event_stream import EventStream
from asicrc.errors import NoAnswer


@pytest.mark.parametrize("m", [1, 2, 5, 20, 100])
def test_allan_deviation_is_that_of_allantools(m: int) -> None:
    y = 1e-6 * np.random.default_rng(1).standard_normal(3000)
    _, theirs, _, _ = allantools.oadev(y, rate=1.0, data_type="freq", taus=[m])
    ours = allan_deviation(y, m)
    assert ours is not None
    assert ours.estimate == pytest.approx(float(theirs[0]), rel=1e-9)
    assert ours.low < 1e-6 / np.sqrt(m) < ours.high


def test_allan_deviation_of_a_poisson_process_falls_as_it_should() -> None:
    rng = np.random.default_rng(2)
    points = rate_allan_deviation(stream_of(rng.exponential(0.1, 20_000)))
    assert len(points) >= 8
    held = [point.deviation.low <= (point.poisson or 0.0) <= point.deviation.high for point in points]
    assert np.mean(held) >= 0.7  # neighbours are not independent
    assert allan_deviation(np.ones(10), 4) is None


def test_a_drift_is_measured_and_none_is_not_claimed() -> None:
    rng = np.random.default_rng(3)
    p = [rate_drift(stream_of(rng.gamma(1.4, 0.1, 400))).test.p_value for _ in range(600)]
    assert np.count_nonzero(np.array(p) <= 0.01) <= stats.binom.ppf(0.9999, 600, 0.01)
    hour = 3600.0
    u = rng.random(40_000)
    slope = 0.3  # of the rate, over the hour
    t = hour * (-(1 - slope / 2) + np.sqrt((1 - slope / 2) ** 2 + 2 * slope * np.sort(u))) / slope
    found = rate_drift(EventStream.of(np.round(t * 1e9).astype(np.int64)))
    assert found.share_per_hour.low < slope < found.share_per_hour.high
    assert found.test.p_value < 1e-6


def test_changes_are_found_where_they_are() -> None:
    rng = np.random.default_rng(4)
    p = [rate_changes(stream_of(rng.exponential(0.1, 300))).test.p_value for _ in range(600)]
    assert np.count_nonzero(np.array(p) <= 0.01) <= stats.binom.ppf(0.9999, 600, 0.01)
    x = np.concatenate([rng.exponential(0.1, 800), rng.exponential(0.14, 800), rng.exponential(0.08, 800)])
    found = rate_changes(stream_of(x))
    assert len(found.points) == 2
    assert found.points[0].index == pytest.approx(800, abs=80)
    assert found.points[1].before > found.points[1].after


def test_regimes_of_a_sweep() -> None:
    """H02: the CV from point to point, each of 40 points with its sampling noise; a shift at one of them."""
    rng = np.random.default_rng(5)
    cv = rng.normal(1.0, 0.016, 40)
    assert not change_points(cv, least=5).points
    cv[25:] += 0.05
    found = change_points(cv, least=5)
    assert [point.index for point in found.points] == [pytest.approx(25, abs=2)]
    assert found.points[0].after - found.points[0].before == pytest.approx(0.05, abs=0.02)
    with pytest.raises(NoAnswer, match="takes 20"):
        change_points([1.0, 2.0])


def _reasons(stream: EventStream) -> dict[str, str]:
    battery = run_battery(stream)
    assert set(battery.findings) == set(TESTS)
    said = {}
    for key, finding in battery.findings.items():
        if finding.verdict == "not testable here":
            shown = finding.as_json()
            assert shown["effect"]["estimate"] is None
            assert shown["p_corrected"] is None
            said[key] = finding.note
    return said


def test_nothing_is_said_of_a_record_that_cannot_be_asked() -> None:
    """A reason and never a number: too few, constant, at once, clock set, gap, sealed early."""
    rng = np.random.default_rng(6)
    x = rng.exponential(0.1, 2000)
    whole = set(TESTS)
    assert _reasons(stream_of(x)) == {}
    assert set(_reasons(stream_of(x[:15]))) == whole
    constant = _reasons(stream_of(np.full(2000, 0.1)))
    assert set(constant) == whole
    assert "a host paces" in constant["cv"]
    assert "same stamp" in _reasons(EventStream.of(np.zeros(300, np.int64)))["cv"]

    gap = x.copy()
    gap[700] = 30.0
    said = _reasons(stream_of(gap))
    assert set(said) == whole
    assert "a gap of 30 s after event 701" in said["heartbeat"]

    t = stamps_of(x)
    t[900:] -= 5 * 10**8  # the clock goes back half a second
    stepped = EventStream.of(t, sort=True)
    assert stepped.backward == 1
    assert "went back 1 times" in _reasons(stepped)["serial"]

    early = stream_of(x, problems={"early": "the capture was sealed after 3 of 60 s"})
    assert set(_reasons(early)) == whole


def test_coarse_stamps_forbid_the_law_and_not_slow_periods() -> None:
    rng = np.random.default_rng(7)
    x = rng.exponential(0.1, 3000)
    tied = np.floor(stamps_of(x) / 2e7).astype(np.int64) * 20_000_000
    said = _reasons(EventStream.of(tied))
    assert set(said) == {"cv", "entropy", "serial", "dispersion", "long_memory"}
    assert "share a stamp" in said["cv"]
    coarse = _reasons(stream_of(x, quantum_s=0.01))
    assert "too coarse" in coarse["cv"]
    floored = _reasons(stream_of(x, floor_s=0.02))
    assert "jitter floor is 0.02 s" in floored["entropy"]
    assert "heartbeat" not in floored
    fast = run_battery(stream_of(x, quantum_s=0.2)).findings["heartbeat"]
    assert "show nothing above" in fast.note


def test_heavy_tails_are_a_law_and_no_gap() -> None:
    rng = np.random.default_rng(8)
    bursts = np.where(rng.random(3000) < 0.1, rng.exponential(1.0, 3000), rng.exponential(0.01, 3000))
    assert reason_against(stream_of(bursts), Asks.LAW, 50) is None


def test_when_a_capture_ended_early() -> None:
    plan = {"duration_s": 60.0, "max_events": None}
    pulled = {"start_ns": 0, "end_ns": 12 * 10**9}
    meta = {"plan": plan, "pulled": pulled}
    said = early_end(meta, sealed=True, events=100, end_reason="device lost")
    assert said is not None
    assert "after 12 of 60 s (device lost)" in said
    assert early_end(meta, sealed=False, events=100, end_reason="") is not None
    whole = {**meta, "pulled": {"start_ns": 0, "end_ns": 60 * 10**9}}
    assert early_end(whole, sealed=True, events=100, end_reason="duration reached") is None
    counted = {**meta, "plan": {**plan, "max_events": 100}}
    assert early_end(counted, sealed=True, events=94, end_reason="event count reached") is None
    assert early_end(counted, sealed=True, events=94, end_reason="interrupted") is not None
    assert early_end({}, sealed=True, events=5, end_reason="imported from x") is None
