from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from asicrc.errors import NoAnswer, UsageError
from asicrc.reservoir.metrics import (
    nmse,
    nmse_of_columns,
    nrmse,
    nrmse_at_horizon,
    nrmse_estimate,
    nrmse_range,
    nrmse_variance,
    scores,
    squared_correlations,
    valid_prediction_times,
)
from asicrc.reservoir.tasks import narma


def test_normalisations_of_the_same_errors() -> None:
    y = narma(10, 5000, 1).y
    constant = np.full(5000, y.mean())
    assert nrmse(y, constant) == pytest.approx(1.0)
    # over the range the same errors look 6 to 9 times smaller, over the variance 9 times larger
    assert 6 < 1 / nrmse_range(y, constant) < 9
    assert nrmse_variance(y, constant) == pytest.approx(1 / y.std())
    assert 8.5 < nrmse_variance(y, constant) < 10
    noisy = y + np.random.default_rng(1).normal(0, 0.05, 5000)
    all_of_them = scores(y, noisy)
    assert all_of_them.nrmse == nrmse(y, noisy)
    assert all_of_them.nmse == pytest.approx(nrmse(y, noisy) ** 2)
    assert all_of_them.rmse == pytest.approx(nrmse(y, noisy) * y.std())
    assert all_of_them.rmse == pytest.approx(nrmse_range(y, noisy) * np.ptp(y))
    assert all_of_them.rmse == pytest.approx(nrmse_variance(y, noisy) * y.var())
    assert set(all_of_them.as_json()) >= {"nrmse", "nrmse_range", "nrmse_variance", "target_variance", "n"}


def test_reservoirpy_norms_are_ours() -> None:
    from reservoirpy.observables import nrmse as theirs

    rng = np.random.default_rng(2)
    y = rng.normal(size=(300, 1))
    guess = y + rng.normal(size=(300, 1))
    assert theirs(y, guess, norm="minmax") == pytest.approx(nrmse_range(y, guess))
    assert theirs(y, guess, norm="var") == pytest.approx(nrmse_variance(y, guess))


def test_several_columns_are_averaged_in_the_square() -> None:
    rng = np.random.default_rng(3)
    y = rng.normal(size=(500, 2)) * [1.0, 50.0]
    guess = y + rng.normal(size=(500, 2)) * [0.5, 5.0]
    each = nmse_of_columns(y, guess)
    assert each == pytest.approx([0.25, 0.01], rel=0.15)
    assert nmse(y, guess) == pytest.approx(each.mean())
    assert nrmse(y, guess) == pytest.approx(np.sqrt(each.mean()))
    np.testing.assert_allclose(nmse(y[:, :1], guess[:, 0]), each[0])


def test_squared_correlation_knows_nothing_of_scale() -> None:
    rng = np.random.default_rng(4)
    y = rng.normal(size=(1000, 3))
    guess = np.column_stack([3 * y[:, 0] + 7, rng.normal(size=1000), np.zeros(1000)])
    found = squared_correlations(y, guess)
    assert found[0] == pytest.approx(1.0)
    assert found[1] < 0.02
    assert found[2] == 0.0


def test_interval_of_the_score_covers_it() -> None:
    hits, repeats = 0, 150
    for k in range(repeats):
        rng = np.random.default_rng([5, k])
        y = rng.normal(size=400)
        estimate = nrmse_estimate(y, y + rng.normal(0, 0.6, 400), k, replicates=199)
        hits += estimate.low <= 0.6 <= estimate.high
    assert hits >= stats.binom.ppf(0.001, repeats, 0.95)
    assert nrmse_estimate(y, y).high == 0.0
    with pytest.raises(NoAnswer, match="40 test steps"):
        nrmse_estimate(y[:40], y[:40] + 1)


def test_what_cannot_be_scored_is_refused() -> None:
    y = np.arange(10.0)
    for truth, guess, message in (
        (y, y[:9], "shape"),
        (y[:, None].repeat(2, 1), y, "shape"),
        (np.array([]), np.array([]), "shape"),
        (y, np.where(y == 3, np.nan, y), r"1 of 10 values of the prediction .* first at \(3,\)"),
        (np.where(y == 4, np.inf, y), y, "the target"),
    ):
        with pytest.raises(UsageError, match=message):
            nrmse(truth, guess)
    with pytest.raises(NoAnswer, match="does not vary in column 1"):
        nrmse(np.column_stack([y, y * 0]), np.column_stack([y, y]))


def test_valid_prediction_time_counts_lyapunov_times() -> None:
    truth = np.random.default_rng(6).normal(size=(3, 100, 2))
    scale = np.sqrt(np.mean(np.sum((truth - truth.mean(axis=(0, 1))) ** 2, axis=2)))
    run = truth.copy()
    run[0, 40:] += 0.5 * scale
    run[1, 10:] = np.nan
    times = valid_prediction_times(truth, run, dt=0.02, lyapunov_exponent=0.9, threshold=0.4)
    np.testing.assert_allclose(times, np.array([40, 10, 100]) * 0.02 * 0.9)
    with pytest.raises(UsageError, match="dt 0"):
        valid_prediction_times(truth, run, dt=0.0, lyapunov_exponent=0.9, threshold=0.4)


def test_error_at_a_horizon_over_starts() -> None:
    hits, repeats = 0, 200
    for k in range(repeats):
        rng = np.random.default_rng([7, k])
        truth = rng.normal(size=60)
        estimate = nrmse_at_horizon(truth, truth + rng.normal(0, 0.3, 60) * truth.std())
        hits += estimate.low <= 0.3 <= estimate.high
    assert hits >= stats.binom.ppf(0.001, repeats, 0.93)
    with pytest.raises(NoAnswer, match="5 starts"):
        nrmse_at_horizon(truth[:5], truth[:5])
