"""Error rates against closed forms and scikit-learn, and what pairs of devices are worth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score, roc_curve

from asicrc.analysis.fingerprint import Trials, error_rates
from asicrc.analysis.fingerprint.error_rates import equal_error_rate


def trials(devices: int, again: int, apart: float, seed: int = 0, *, size: int = 5) -> Trials:
    """Squared distances of noisy recordings of points that lie `apart` standard errors from each other."""
    rng = np.random.default_rng([seed, devices])
    place = apart * rng.standard_normal((devices, size))
    template = place + rng.standard_normal((devices, size))
    shown = place[:, None] + rng.standard_normal((devices, again, size))
    distance = ((template[:, None, None] - shown[None]) ** 2).sum(axis=-1) / 2
    row = np.arange(devices)
    own = distance[row, row].copy()
    distance[row, row] = np.nan
    return Trials(own, distance)


def test_equal_errors_of_two_normal_laws() -> None:
    rng = np.random.default_rng(1)
    own, other = rng.standard_normal(200_000), 2.0 + rng.standard_normal(200_000)
    eer, auc = equal_error_rate(own, other)
    assert eer == pytest.approx(stats.norm.cdf(-1.0), abs=0.003)
    assert auc == pytest.approx(stats.norm.cdf(2.0 / np.sqrt(2.0)), abs=0.003)


@pytest.mark.parametrize("seed", range(5))
def test_curve_and_area_as_scikit_learn_has_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    own, other = np.round(rng.normal(0, 1, 40), 1), np.round(rng.normal(1, 1, 300), 1)  # with ties
    label = np.concatenate([np.zeros(40), np.ones(300)])
    eer, auc = equal_error_rate(own, other)
    assert auc == pytest.approx(roc_auc_score(label, np.concatenate([own, other])), abs=1e-12)
    # scikit-learn counts what lies above a threshold: here the impostors that are rejected
    own_above, other_above, _ = roc_curve(label, np.concatenate([own, other]), drop_intermediate=False)
    far, frr = 1 - other_above, own_above
    crossing = np.flatnonzero((far - frr)[:-1] * (far - frr)[1:] <= 0)[0]
    low, high = sorted((max(far[crossing], frr[crossing]), max(far[crossing + 1], frr[crossing + 1])))
    assert min(low, high) - 0.05 <= eer <= high
    assert abs(np.interp(eer, far[::-1], frr[::-1]) - eer) < 0.03


def test_no_error_still_has_a_bound_that_falls_with_the_devices() -> None:
    bounds = []
    for devices in (10, 20, 60):
        rates = error_rates(trials(devices, 3, 30.0), 1e9, seed=1)
        assert rates.eer.estimate == rates.eer.low == 0.0
        bounds.append(rates.eer.high)
        own, other = rates.trials_worth
        assert devices <= own <= 3 * devices
        assert devices / 2 <= other <= devices * (devices - 1) * 3
        assert rates.eer_worst_high >= rates.eer.high
    assert bounds[0] > bounds[1] > bounds[2] > 0
    assert bounds[2] < 0.10 < bounds[0]


def test_devices_that_are_alike_are_no_better_than_chance() -> None:
    rates = error_rates(trials(50, 3, 0.0), 15.0, seed=2)
    assert rates.eer.low < 0.5 < rates.eer.high
    assert rates.eer.low > 0.10
    assert rates.alike.p_value > 0.01
    assert rates.identified.estimate < 0.2


def test_devices_that_differ_are_told_apart() -> None:
    rates = error_rates(trials(50, 3, 20.0), 15.0, seed=3)
    assert rates.eer.high <= 0.10
    assert rates.alike.p_value <= 0.001
    assert rates.identified.estimate == 1.0
    assert rates.far.estimate < 0.01
    assert rates.frr.estimate < 0.05


def test_pairs_that_hang_together_are_worth_as_few_as_there_are_devices() -> None:
    """Every score of a device moves with that device: n (n - 1) pairs know no more than n numbers do."""
    rng = np.random.default_rng(5)
    n = 40
    of_device = rng.standard_normal(n)
    other = (of_device[:, None] + of_device[None])[:, :, None] + 1e-3 * rng.standard_normal((n, n, 2))
    other[np.arange(n), np.arange(n)] = np.nan
    own = of_device[:, None] + 1e-3 * rng.standard_normal((n, 2))
    hanging = error_rates(Trials(own, other), 0.0)
    assert hanging.trials_worth[0] == pytest.approx(n, rel=0.2)
    assert hanging.trials_worth[1] < 2 * n
    free = rng.standard_normal((n, n, 2))
    free[np.arange(n), np.arange(n)] = np.nan
    loose = error_rates(Trials(rng.standard_normal((n, 2)), free), 0.0)
    assert loose.trials_worth[1] > 5 * hanging.trials_worth[1]


@pytest.mark.parametrize("apart", [1.0, 3.0])
def test_the_interval_holds_what_it_promises(apart: float) -> None:
    truth = np.mean(
        [error_rates(trials(150, 3, apart, seed), 1.0, replicates=1).eer.estimate for seed in (1, 2, 3)]
    )
    held = 0
    for seed in range(20):
        eer = error_rates(trials(24, 3, apart, 100 + seed), 1.0, replicates=99).eer
        held += eer.low <= truth <= eer.high
    assert held >= 18  # fewer have a probability of 8 % at exactly 95 %


def test_missing_recordings_are_left_out() -> None:
    whole = trials(12, 3, 20.0)
    own, other = whole.own.copy(), whole.other.copy()
    own[3, 1:], other[:, 3, 1:] = np.nan, np.nan
    rates = error_rates(Trials(own, other), 15.0)
    assert rates.frr.n == 34
    assert rates.far.n == 11 * 12 * 3 - 11 * 2
    with pytest.raises(ValueError, match="pairs"):
        error_rates(Trials(np.full((12, 3), np.nan), other), 15.0)
