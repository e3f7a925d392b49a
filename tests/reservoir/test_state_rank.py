from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from asicrc.errors import NoAnswer, UsageError
from asicrc.reservoir.metrics import (
    effective_rank,
    participation_ratio,
    separation,
    state_rank,
    state_rank_of_replays,
)
from asicrc.reservoir.metrics.noise_edge import noise_edge, noise_edge_against_noise, tracy_widom_quantile


def test_tracy_widom_quantiles_are_the_tabulated_ones() -> None:
    # Bejan 2005, order 1
    for alpha, quantile in ((0.10, 0.4501), (0.05, 0.9793), (0.01, 2.0234)):
        assert tracy_widom_quantile(alpha) == pytest.approx(quantile, abs=0.015)


@pytest.mark.parametrize(("steps", "features"), [(50, 20), (20, 50), (200, 10)])
def test_noise_reaches_its_edge_as_often_as_stated(steps: int, features: int) -> None:
    rng = np.random.default_rng(1)
    edge = noise_edge(steps, features)
    largest = [np.linalg.norm(rng.normal(size=(steps, features)), 2) ** 2 for _ in range(400)]
    beyond = int(np.sum(np.array(largest) > edge))
    assert stats.binom.ppf(0.001, 400, 0.03) <= beyond <= stats.binom.ppf(0.999, 400, 0.06)
    assert (np.sqrt(steps) + np.sqrt(features)) ** 2 == pytest.approx(edge, rel=0.25)


def test_estimated_noise_tends_to_known_noise() -> None:
    against = noise_edge_against_noise(40, 10, 10**6)
    assert against / (1 - against) * 10**6 == pytest.approx(noise_edge(40, 10), rel=0.03)


@pytest.mark.parametrize(("runs", "streams", "features"), [(2, 30, 10), (3, 20, 15)])
def test_correlated_noise_of_unknown_size_has_no_rank(runs: int, streams: int, features: int) -> None:
    rng = np.random.default_rng(2)
    mixing = rng.normal(size=(features, features)) * np.logspace(-3, 3, features)
    alarms = [
        state_rank_of_replays(rng.normal(size=(runs, streams, features)) @ mixing).rank > 0
        for _ in range(200)
    ]
    assert np.sum(alarms) <= stats.binom.ppf(0.999, 200, 0.06)


def test_rank_of_a_signal_in_noise() -> None:
    rng = np.random.default_rng(3)
    signal = rng.normal(size=(80, 5)) @ rng.normal(size=(5, 12)) * 3
    replays = signal + rng.normal(size=(2, 80, 12))
    assert state_rank_of_replays(replays).rank == 5
    assert state_rank(replays[0], 1.0).rank == 5
    assert state_rank(signal).rank == 5
    assert state_rank(signal + 1e-4).rank == 5
    # what a fixed relative cut would have said
    values = np.linalg.svd(replays[0] - replays[0].mean(axis=0), compute_uv=False)
    assert np.sum(values > 1e-3 * values[0]) == 12


def test_quality_is_kernel_less_generalisation() -> None:
    rng = np.random.default_rng(4)
    mixing = rng.normal(size=(8, 20))
    kernel = rng.normal(size=(60, 8)) @ mixing + 0.1 * rng.normal(size=(3, 60, 20))
    alike = rng.normal(size=(60, 2)) @ mixing[:2] + 0.1 * rng.normal(size=(3, 60, 20))
    found = separation(kernel, alike)
    assert (found.kernel.rank, found.generalisation.rank, found.quality) == (8, 2, 6)
    assert found.as_json()["quality"] == 6


def test_ranks_that_cannot_be_told() -> None:
    rng = np.random.default_rng(5)
    for call, error, message in (
        (lambda: state_rank_of_replays(rng.normal(size=(1, 10, 3))), NoAnswer, "1 replay"),
        (lambda: state_rank_of_replays(rng.normal(size=(2, 10, 30))), NoAnswer, "do not give the noise"),
        (lambda: state_rank_of_replays(np.ones((2, 10, 3))), NoAnswer, "constant"),
        (lambda: state_rank(rng.normal(size=(2, 3))), NoAnswer, "2 streams"),
        (lambda: state_rank(rng.normal(size=(9, 3)), 0.0), UsageError, "above 0"),
        (lambda: state_rank(np.ones((9, 3))), NoAnswer, "constant"),
    ):
        with pytest.raises(error, match=message):
            call()


@pytest.mark.parametrize(("steps", "features"), [(400, 40), (5000, 10)])
def test_participation_ratio_of_noise_is_its_number_of_features(steps: int, features: int) -> None:
    rng = np.random.default_rng(6)
    found = participation_ratio(rng.normal(size=(steps, features)))
    assert found.estimate == pytest.approx(features, rel=0.02)
    plain = np.linalg.eigvalsh(np.cov(rng.normal(size=(steps, features)).T))
    assert plain.sum() ** 2 / np.sum(plain**2) == pytest.approx(features / (1 + features / steps), rel=0.02)


def test_dimensions_of_known_spectra() -> None:
    rng = np.random.default_rng(7)
    spectrum = np.array([4.0, 2.0, 1.0, 1.0])
    x = rng.normal(size=(50_000, 4)) * np.sqrt(spectrum) @ stats.ortho_group.rvs(4, random_state=8)
    share = spectrum / spectrum.sum()
    ratio = participation_ratio(x, standardise=False)
    assert ratio.low <= 1 / np.sum(share**2) <= ratio.high
    rank = effective_rank(x, standardise=False)
    assert rank.low <= np.exp(-np.sum(share * np.log(share))) <= rank.high
    line = np.outer(rng.normal(size=1000), [1.0, -2.0, 30.0])
    assert participation_ratio(line).estimate == pytest.approx(1.0, abs=1e-6)
    assert effective_rank(line).estimate == pytest.approx(1.0, abs=1e-6)
    with pytest.raises(NoAnswer, match="too few"):
        participation_ratio(x[:50])


def test_interval_of_the_participation_ratio_covers() -> None:
    spectrum, hits, repeats = np.array([3.0, 1.0, 0.5]), 0, 150
    truth = spectrum.sum() ** 2 / np.sum(spectrum**2)
    for k in range(repeats):
        x = np.random.default_rng([9, k]).normal(size=(500, 3)) * np.sqrt(spectrum)
        found = participation_ratio(x, standardise=False)
        hits += found.low <= truth <= found.high
    assert hits >= stats.binom.ppf(0.001, repeats, 0.94)
