"""The mixed model's test is a t test over groups where groups are of one size: held against a likelihood."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats

from asicrc.errors import NoAnswer
from asicrc.evidence.random_intercept import random_intercept

GROUPS, REPEATS = 12, 4


def table(seed: int, between: float) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return 0.3 + between * rng.normal(size=(GROUPS, 1)) + rng.normal(size=(GROUPS, REPEATS))


def restricted_likelihood_fit(y: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean, its standard error, and the share between groups, by the general formula (Harville 1977)."""
    n = y.size
    blocks = np.kron(np.eye(len(y)), np.ones((y.shape[1], y.shape[1])))
    x = np.ones((n, 1))

    def parts(logs: NDArray[np.float64]) -> tuple[float, float, float]:
        v = np.exp(logs[0]) * blocks + np.exp(logs[1]) * np.eye(n)
        inverse = np.linalg.inv(v)
        information = float((x.T @ inverse @ x)[0, 0])
        mean = float((x.T @ inverse @ y.ravel())[0]) / information
        rest = y.ravel() - mean
        deviance = np.linalg.slogdet(v)[1] + np.log(information) + rest @ inverse @ rest
        return float(deviance), mean, information

    best = optimize.minimize(lambda logs: parts(logs)[0], [-1.0, 0.0], method="Nelder-Mead", tol=1e-10)
    _, mean, information = parts(best.x)
    return mean, information**-0.5, float(1 / (1 + np.exp(best.x[1] - best.x[0])))


def test_it_is_what_restricted_likelihood_gives() -> None:
    y = table(1, between=0.8)
    found = random_intercept(y)
    mean, error, share = restricted_likelihood_fit(y)
    t = float(stats.t.ppf(0.975, GROUPS - 1))
    assert found.mean.estimate == pytest.approx(mean, abs=1e-6)
    assert (found.mean.high - found.mean.low) / 2 == pytest.approx(t * error, rel=1e-4)
    assert found.between_share.estimate == pytest.approx(share, abs=1e-4)
    ours = stats.ttest_1samp(found.group_means, 0.0)
    assert ours.statistic == pytest.approx(mean / error, rel=1e-4)


def test_where_no_difference_between_groups_shows_the_likelihood_pools_and_is_wider() -> None:
    y = next(
        y for y in (table(seed, 0.0) for seed in range(20)) if random_intercept(y).between_share.estimate == 0
    )
    found = random_intercept(y)
    _, error, share = restricted_likelihood_fit(y)
    assert share < 1e-3
    assert error == pytest.approx(float(y.std(ddof=1)) / y.size**0.5, rel=1e-3)
    assert (found.mean.high - found.mean.low) / 2 < float(stats.t.ppf(0.975, GROUPS - 1)) * error
    assert found.between_share.low == 0.0 < found.between_share.high


def test_the_test_of_the_mean_keeps_its_level_without_any_difference_between_groups() -> None:
    alarms = 0
    for seed in range(400):
        mean = random_intercept(table(seed, between=0.0) - 0.3).mean
        alarms += mean.low > 0 or mean.high < 0
    assert stats.binomtest(alarms, 400, 0.05).pvalue > 0.001


def test_the_interval_of_the_share_covers_it() -> None:
    share = 0.5
    inside = 0
    for seed in range(400):
        found = random_intercept(table(seed, between=1.0)).between_share
        inside += found.low <= share <= found.high
    assert stats.binomtest(inside, 400, 0.95).pvalue > 0.001


@pytest.mark.parametrize(
    "values", [[[1.0, 2.0]], [[1.0], [2.0]], [[1.0, np.nan], [1.0, 2.0]], [[1.0, 1.0], [2.0, 2.0]]]
)
def test_what_is_no_table_of_groups(values: list[list[float]]) -> None:
    with pytest.raises(NoAnswer):
        random_intercept(values)
