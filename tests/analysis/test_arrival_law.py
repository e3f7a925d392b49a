"""The law of the intervals: CV against a dead time, entropy without a unit, the mixture of latencies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from asicrc.analysis.arrivals.entropy import (
    BIN_MEANS,
    LAST_MEANS,
    differential_entropy,
    entropy_finding,
    exponential_entropy,
    relative_entropy,
)
from asicrc.analysis.arrivals.latency_mixture import fit_latency_mixture
from asicrc.analysis.arrivals.law import cv_finding, excess_of, law_test
from asicrc.errors import NoAnswer

Rows = Callable[[str], list[dict[str, str]]]


@pytest.mark.parametrize(("n", "dead_s"), [(60, 0.0), (400, 0.02), (3000, 0.05)])
def test_a_poisson_process_behind_a_dead_time_is_left_alone(n: int, dead_s: float) -> None:
    rng = np.random.default_rng([1, n])
    repeats = 1500
    p = np.array([law_test(dead_s + rng.exponential(0.1, n)).test.p_value for _ in range(repeats)])
    for level in (0.05, 0.01):
        most = stats.binom.ppf(0.9999, repeats, level)
        assert np.count_nonzero(p <= level) <= most
    assert np.mean(p <= 0.05) >= 0.015  # it does reject what it says it rejects


def test_the_dead_time_is_found_and_its_cv_is_the_null() -> None:
    rng = np.random.default_rng(2)
    found = law_test(0.02 + rng.exponential(0.08, 4000))
    assert found.dead_time_s == pytest.approx(0.02, abs=1e-4)
    assert found.cv_null == pytest.approx(0.8, abs=0.01)
    finding = cv_finding(0.02 + rng.exponential(0.08, 20_000))
    assert finding.verdict == "refuted"
    assert abs(finding.effect.estimate) < 0.02
    assert np.array_equal(np.sort(excess_of(np.array([3.0, 1.0, 2.0, 5.0]))), [1.0, 2.0, 4.0])


@pytest.mark.parametrize("cv", [0.95, 1.05])
def test_a_shift_of_the_cv_is_found(cv: float) -> None:
    """The size that was fixed beforehand: 0.05 with 4,000 intervals, at half of 1 %."""
    rng = np.random.default_rng([3, round(cv * 100)])
    p = [law_test(rng.gamma(1 / cv**2, cv**2, 4000)).test.p_value for _ in range(200)]
    assert np.mean(np.array(p) <= 0.005) >= 0.9


def test_n_decides_whether_a_margin_can_be() -> None:
    rng = np.random.default_rng(4)
    few = cv_finding(rng.exponential(0.1, 300))
    assert few.verdict == "not resolved"
    assert "5198 intervals decide it" in few.note
    assert few.smallest_effect == pytest.approx(2.8 / np.sqrt(300), rel=0.1)
    assert cv_finding(rng.exponential(0.1, 12_000)).verdict == "refuted"
    strong = cv_finding(rng.gamma(4, 0.025, 1000))
    assert strong.verdict == "supported"
    # a regular process has no short intervals: part of that looks like a dead time, which is not counted
    assert -0.5 < strong.effect.estimate < -0.3


def test_entropy_has_no_unit_and_its_reference_is_exact() -> None:
    rng = np.random.default_rng(5)
    x = rng.exponential(0.1, 5000)
    assert relative_entropy(x) == pytest.approx(relative_entropy(x * 1000), abs=1e-12)
    edges = np.arange(0, LAST_MEANS + 0.01, BIN_MEANS)
    share = np.diff(np.append(1 - np.exp(-edges), 1.0))
    assert exponential_entropy() == pytest.approx(float(stats.entropy(share)), rel=1e-12)
    assert relative_entropy(x) == pytest.approx(0.0, abs=0.01)
    assert differential_entropy(x) == pytest.approx(1.0, abs=0.05)
    for shape in (0.7, 3.0):
        law = stats.gamma(shape, scale=0.1 / shape)
        expected = float(law.entropy()) - np.log(0.1)
        assert differential_entropy(rng.gamma(shape, 0.1 / shape, 20_000)) == pytest.approx(
            expected, abs=0.03
        )
        assert expected < 1  # the exponential has the most


def test_entropy_is_refuted_of_a_poisson_process_and_found_of_another() -> None:
    rng = np.random.default_rng(6)
    p, inside = [], 0
    for _ in range(300):
        finding = entropy_finding(0.01 + rng.exponential(0.1, 1500))
        p.append(finding.p_corrected)
        inside += finding.effect.low <= 0 <= finding.effect.high
    assert np.count_nonzero(np.array(p) <= 0.01) <= stats.binom.ppf(0.9999, 300, 0.012)
    assert inside >= 270
    assert finding.verdict == "refuted"
    assert entropy_finding(rng.gamma(3.0, 0.03, 1500)).verdict == "supported"


def test_published_latencies_are_a_mixture_by_its_own_bootstrap(published_rows: Rows) -> None:
    """S9: exponential and hard dead time are rejected; of the mixture the test that knows of its five fitted
    parameters says more than the plain one, and the CV has nothing beyond it."""
    latency_s = np.array([float(row["jitter_ms"]) / 1e3 for row in published_rows("s9_shares.csv")])
    assert latency_s.std(ddof=1) / latency_s.mean() == pytest.approx(0.834, abs=5e-4)
    assert law_test(latency_s).test.p_value < 1e-6
    mixture = fit_latency_mixture(latency_s, 1, replicates=99)
    assert mixture.wait_s == pytest.approx(0.0804, rel=0.02)  # 13.7 TH/s at difficulty 256
    assert 0.02 < mixture.delay_s < 0.03
    plain = stats.kstwo.sf(mixture.test.statistic, mixture.n)
    assert plain == pytest.approx(0.17, abs=0.03)
    assert mixture.test.p_value <= plain / 3
    assert abs(mixture.cv_beyond.estimate) < 0.03
    assert mixture.cv_p > 0.05


@pytest.mark.long
def test_the_mixture_is_not_rejected_where_it_is_the_truth() -> None:
    rng = np.random.default_rng(7)
    p, wait, n = [], [], 600
    for k in range(6):
        late = rng.normal(0.026, 0.009, n) + rng.exponential(0.08, n)
        x = np.where(rng.random(n) < 0.08, rng.exponential(0.01, n), np.abs(late))
        found = fit_latency_mixture(x, k, replicates=19)
        p.append(found.test.p_value)
        wait.append(found.wait_s)
    assert np.count_nonzero(np.array(p) <= 0.05) <= 2
    assert np.mean(wait) == pytest.approx(0.08, rel=0.05)


def test_what_cannot_be_asked_says_so(published: Callable[[str], Path]) -> None:
    with pytest.raises(NoAnswer, match="needs 50"):
        law_test(np.arange(1.0, 40.0))
    with pytest.raises(NoAnswer, match="do not vary"):
        law_test(np.full(100, 0.1))
    with pytest.raises(NoAnswer, match="takes 200"):
        entropy_finding(np.arange(1.0, 100.0))
    with pytest.raises(NoAnswer, match="missing or negative"):
        fit_latency_mixture([0.1] * 300 + [np.nan])
    with pytest.raises(NoAnswer, match="200"):
        fit_latency_mixture(np.full(300, 1e-6))
