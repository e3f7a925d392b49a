"""The order of the intervals: neighbours, sums of many, long memory; each blind to their law."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from arrival_samples import stamps_of, stream_of
from scipy import signal, stats
from statsmodels.stats.diagnostic import acorr_ljungbox

from asicrc.analysis.arrivals.dispersion import (
    dispersion_finding,
    dispersion_test,
    variance_ratio,
    variance_ratio_se,
)
from asicrc.analysis.arrivals.long_memory import fluctuation_exponent, long_memory_finding
from asicrc.analysis.arrivals.scores import normal_scores
from asicrc.analysis.arrivals.serial import portmanteau, serial_correlations, serial_finding
from asicrc.analysis.event_stream import EventStream
from asicrc.errors import NoAnswer
from asicrc.evidence import Finding

FINDERS: dict[str, Callable[[EventStream], Finding]] = {
    "serial": serial_finding,
    "dispersion": dispersion_finding,
    "long_memory": long_memory_finding,
}


def _heavy(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.pareto(2.2, n) + 0.01


@pytest.mark.parametrize("name", FINDERS)
def test_false_alarms_stay_at_the_level_whatever_the_law(name: str) -> None:
    repeats, n = 400, 600
    rng = np.random.default_rng([1, len(name)])
    p = [
        FINDERS[name](stream_of(draw(rng, n))).p_corrected
        for draw in (_heavy, lambda rng, n: rng.exponential(0.1, n))
        for _ in range(repeats // 2)
    ]
    for level in (0.05, 0.01):
        assert np.count_nonzero(np.array(p) <= level) <= stats.binom.ppf(0.9999, repeats, level)
    assert np.mean(np.array(p) <= 0.2) >= 0.1


def test_serial_correlation_is_found_and_none_is_refuted() -> None:
    rng = np.random.default_rng(2)
    noise = rng.standard_normal(6000)
    correlated = np.exp(signal.lfilter([1.0], [1.0, -0.15], noise))
    found = serial_finding(stream_of(correlated))
    assert found.verdict == "supported"
    assert found.effect.low < 0.15 < found.effect.high + 0.02
    none = serial_finding(stream_of(rng.exponential(0.1, 8000)))
    assert none.verdict == "refuted"
    assert none.nulls[2].p_value < 0.05  # equivalence
    assert none.smallest_effect == pytest.approx(2.8 / np.sqrt(8000), rel=0.1)


def test_portmanteau_is_that_of_statsmodels() -> None:
    scores = normal_scores(np.random.default_rng(3).exponential(1.0, 500))
    rho, pairs = serial_correlations(scores, np.zeros(500, np.int64), 10)
    theirs = acorr_ljungbox(scores, lags=[10])
    # theirs divide the sum of products by n, ours by the number of pairs
    n = np.arange(1, 11)
    ours = portmanteau(rho * (500 - n) / 500, pairs)
    assert ours.statistic == pytest.approx(float(theirs["lb_stat"].iloc[0]), rel=1e-3)
    assert ours.p_value == pytest.approx(float(theirs["lb_pvalue"].iloc[0]), abs=2e-3)


def test_no_pair_crosses_a_segment() -> None:
    rng = np.random.default_rng(4)
    x = rng.exponential(0.1, 300)
    t = stamps_of(x)
    segment = np.repeat([1, 2, 3], [101, 100, 100])
    _, pairs = serial_correlations(normal_scores(x[:297]), np.repeat([1, 2, 3], 99), 2)
    assert pairs.tolist() == [3 * 98, 3 * 97]
    finding = serial_finding(EventStream.of(t, segment))
    assert finding.effect.n == 100 - 1 + 99 - 1 + 99 - 1


def test_bunching_shows_in_sums_and_a_dead_time_does_not() -> None:
    rng = np.random.default_rng(5)
    bunched = np.repeat(rng.choice([0.05, 0.15], 100), 60) * rng.exponential(1.0, 6000)
    found = dispersion_finding(stream_of(bunched))
    assert found.verdict == "supported"
    assert found.effect.estimate > 0.5
    quiet = dispersion_finding(stream_of(0.05 + rng.exponential(0.05, 40_000)))
    assert quiet.verdict == "refuted"


def test_variance_ratio_has_the_standard_error_it_says() -> None:
    rng = np.random.default_rng(6)
    values = [variance_ratio(rng.standard_normal(2000), 20) for _ in range(600)]
    assert np.std(values) == pytest.approx(variance_ratio_se(2000, 20), rel=0.1)
    assert np.mean(values) == pytest.approx(0.0, abs=0.02)


def test_index_of_dispersion() -> None:
    rng = np.random.default_rng(7)
    p = [dispersion_test(rng.poisson(10, 100)).p_value for _ in range(500)]
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.09
    regular = dispersion_test(rng.binomial(20, 0.5, 200))
    assert regular.p_value < 1e-4
    with pytest.raises(NoAnswer, match="3 windows of 4 events"):
        dispersion_test([3, 4, 5])


@pytest.mark.parametrize(("hurst", "tolerance"), [(0.5, 0.05), (0.8, 0.06)])
def test_exponent_of_fractional_noise(hurst: float, tolerance: float) -> None:
    """Exact fractional Gaussian noise by circulant embedding (Davies and Harte 1987)."""
    n, rng = 4096, np.random.default_rng(8)
    lag = np.arange(n + 1)
    power = [np.abs(lag + step) ** (2 * hurst) for step in (1.0, 0.0, -1.0)]
    cov = 0.5 * (power[0] - 2 * power[1] + power[2])
    eigen = np.fft.fft(np.concatenate([cov, cov[-2:0:-1]])).real
    noise = rng.standard_normal(2 * n) + 1j * rng.standard_normal(2 * n)
    series = np.fft.fft(np.sqrt(np.maximum(eigen, 0) / (2 * n)) * noise)[:n].real
    assert fluctuation_exponent(series) == pytest.approx(hurst, abs=tolerance)
    finding = long_memory_finding(stream_of(np.exp(series)))
    assert finding.verdict == ("refuted" if hurst == 0.5 else "supported")


def test_too_few_and_constant() -> None:
    rng = np.random.default_rng(9)
    short = stream_of(rng.exponential(0.1, 90))
    for finder in FINDERS.values():
        with pytest.raises(NoAnswer, match="takes"):
            finder(short)
