from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import linalg, stats

from asicrc.errors import NoAnswer, UsageError
from asicrc.reservoir.metrics import nrmse
from asicrc.reservoir.tasks import Task, narma, narma_target

PUBLISHED = {
    5: lambda y, u, t: (
        0.3 * y[t] + 0.05 * y[t] * sum(y[t - i] for i in range(5)) + 1.5 * u[t - 4] * u[t] + 0.1
    ),
    10: lambda y, u, t: (
        0.3 * y[t] + 0.05 * y[t] * sum(y[t - i] for i in range(10)) + 1.5 * u[t - 9] * u[t] + 0.1
    ),
    20: lambda y, u, t: (
        np.tanh(0.3 * y[t] + 0.05 * y[t] * sum(y[t - i] for i in range(20)) + 1.5 * u[t - 19] * u[t] + 0.01)
        + 0.2
    ),
    30: lambda y, u, t: (
        0.2 * y[t] + 0.04 * y[t] * sum(y[t - i] for i in range(30)) + 1.5 * u[t - 29] * u[t] + 0.001
    ),
    2: lambda y, u, t: 0.4 * y[t] + 0.4 * y[t] * y[t - 1] + 0.6 * u[t] ** 3 + 0.1,
}


@pytest.mark.parametrize("order", PUBLISHED)
def test_recurrence_is_the_published_one(order: int) -> None:
    task = narma(order, 300, 7)
    y = np.concatenate([[np.nan], task.y])  # row t of the task is y[t+1]
    for t in range(order, 300):
        assert y[t + 1] == pytest.approx(PUBLISHED[order](y, task.u, t), rel=1e-12)
    assert task.alignment == "y[t+1]"
    assert task.u.min() >= 0
    assert task.u.max() < 0.5


def test_start_from_zero_is_the_slow_loop() -> None:
    u = np.random.default_rng(1).uniform(0, 0.5, 200)
    y = np.zeros(201)
    for t in range(200):
        older = u[t - 9] if t >= 9 else 0.0
        y[t + 1] = 0.3 * y[t] + 0.05 * y[t] * y[max(t - 9, 0) : t + 1].sum() + 1.5 * older * u[t] + 0.1
    np.testing.assert_allclose(narma_target(u, 10), y[1:], rtol=1e-12)
    np.testing.assert_array_equal(narma_target(u, 10, variant="same_step")[1:], narma_target(u, 10)[:-1])


def test_reservoirpy_variant_is_reservoirpy() -> None:
    from reservoirpy.datasets import narma as theirs

    task = narma(10, 500, 3, variant="reservoirpy", burn_in=0)
    _, y = theirs(490, order=10, a1=0.3, a2=0.05, b=1.5, c=0.1, u=task.u[:, None])
    np.testing.assert_allclose(task.y[10:], y[:, 0], rtol=1e-12)
    assert task.alignment == "y[t]"


@pytest.mark.parametrize("order", [2, 10])
def test_rcbench_variant_is_one_lag_off_with_a_stretched_input(order: int) -> None:
    task = narma(order, 400, 3, variant="rcbench")
    u = (task.u - task.u.min()) / np.ptp(task.u) * 0.5
    y = np.zeros(400)
    if order == 2:
        for t in range(2, 400):
            y[t] = 0.4 * y[t - 1] + 0.4 * y[t - 1] * y[t - 2] + 0.6 * u[t - 1] ** 3 + 0.1
    else:
        y[:9] = u[:9]
        for t in range(10, 399):
            y[t + 1] = 0.3 * y[t] + 0.05 * y[t] * y[t - 10 : t].sum() + 1.5 * u[t - 10] * u[t] + 0.1
    np.testing.assert_allclose(task.y, y, rtol=1e-12)


def test_one_lag_off_is_another_series() -> None:
    u = narma(10, 10_000, 3).u
    published, other = narma_target(u, 10), narma_target(u, 10, variant="reservoirpy")
    # both aligned with the series: y[t+1] in one, y[t] a row later in the other
    assert nrmse(published[200:-1], other[201:]) == pytest.approx(0.75, abs=0.03)


def test_clipped_variant_is_that_of_the_published_columns(published: Callable[[str], Path]) -> None:
    with published("lv06_narma10_telemetry_v1.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    u, y = (np.array([float(row[name]) for row in rows]) for name in ("u_input", "y_target"))
    task = narma_target(u, 10, variant="clipped")
    # their series began earlier; the difference dies out
    assert np.abs(task[200:] - y[200:]).max() < 1e-12
    assert np.abs(task[:20] - y[:20]).max() > 1e-3
    assert narma(10, 2000, 1, variant="clipped").details["redraws"] == 0


def test_target_in_the_same_step_loses_a_lag() -> None:
    scores = {
        v: np.mean([_linear_score(narma(10, 10_000, s, variant=v), 10) for s in range(5)])  # type: ignore[arg-type]
        for v in ("published", "same_step")
    }
    assert scores["published"] == pytest.approx(0.589, abs=0.02)
    assert scores["same_step"] == pytest.approx(0.816, abs=0.02)


def test_linear_baselines_of_the_reference() -> None:
    tasks = [narma(10, 10_000, seed) for seed in range(10)]
    for taps, low, high in ((1, 0.87, 0.89), (10, 0.58, 0.61), (20, 0.38, 0.42)):
        assert low <= np.mean([_linear_score(task, taps) for task in tasks]) <= high
    constant = [nrmse(t.y[5000:], np.full(5000, t.y[200:5000].mean())) for t in tasks]
    assert np.mean(constant) == pytest.approx(1.0, abs=0.01)


@pytest.mark.long
def test_quadratic_baselines_of_the_reference() -> None:
    """By least squares; with the search that a device has they are in the soak tests of the benchmark."""
    tasks = [narma(10, 10_000, seed) for seed in range(10)]
    for taps, low, high in ((20, 0.14, 0.21), (30, 0.07, 0.14)):
        assert low <= np.mean([_quadratic_score(task, taps) for task in tasks]) <= high


def test_scale_of_the_series_is_that_of_the_reference() -> None:
    series = [narma(10, 10_000, seed).y for seed in range(60)]
    spread, extent = ([f(y) for y in series] for f in (np.std, np.ptp))
    assert min(spread) < 0.112 < max(spread)
    assert min(extent) < 0.873 < max(extent)
    assert np.mean(spread) == pytest.approx(0.112, abs=0.005)


@pytest.mark.parametrize(
    ("n", "seeds", "diverged_of_1000", "options"),
    [
        (1_000, 1000, 3, {}),
        (10_000, 500, 54, {}),
        (50_000, 60, 0, {"u_high": 0.4}),
        (1_000, 200, 340, {"order": 20, "variant": "unsaturated"}),
    ],
)
def test_divergence_is_as_frequent_as_in_the_reference(
    n: int, seeds: int, diverged_of_1000: int, options: dict[str, object]
) -> None:
    arguments = {"order": 10, "burn_in": 0, **options}
    redrawn = sum(narma(n=n, seed=s, **arguments).details["redraws"] > 0 for s in range(seeds))  # type: ignore[arg-type]
    table = [[redrawn, seeds - redrawn], [diverged_of_1000, 1000 - diverged_of_1000]]
    assert stats.fisher_exact(table).pvalue > 0.001


def test_redraws_are_counted_children_of_the_seed_and_never_clipped() -> None:
    diverging = [s for s in range(300) if narma(10, 2000, s).details["redraws"]]
    assert diverging
    task = narma(10, 2000, diverging[0])
    again = np.random.SeedSequence(diverging[0]).spawn(task.details["redraws"])[-1]
    np.testing.assert_array_equal(task.u, np.random.default_rng(again).uniform(0, 0.5, 2200)[200:])
    with pytest.raises(NoAnswer, match=r"diverges with this input, at step \d+"):
        narma_target(np.random.default_rng(diverging[0]).uniform(0, 0.5, 2200), 10)
    with pytest.raises(NoAnswer, match="diverged in 1000 draws"):
        narma(20, 20_000, 1, variant="unsaturated")


def test_a_seed_is_a_series() -> None:
    a, b = narma(10, 500, 5), narma(10, 500, np.random.SeedSequence(5))
    np.testing.assert_array_equal(a.u, b.u)
    np.testing.assert_array_equal(a.y, b.y)
    assert a.details == b.details
    child = np.random.SeedSequence(5).spawn(1)[0]
    c, d = narma(10, 500, child), narma(10, 500, child)
    np.testing.assert_array_equal(c.y, d.y)
    assert c.details["spawn_key"] == [0]
    assert not np.array_equal(a.u, c.u)


def test_what_is_not_defined_is_refused() -> None:
    for call, message in (
        (lambda: narma(7, 100, 1), "order 7"),
        (lambda: narma(10, 0, 1), "n is 0"),
        (lambda: narma(10, 100, -1), "seed is -1"),
        (lambda: narma(10, 100, 1, u_high=2.0), "u_high"),
        (lambda: narma(5, 100, 1, variant="clipped"), "not defined for order 5"),
        (lambda: narma(10, 100, 1, variant="other"), "no variant"),  # type: ignore[arg-type]
        (lambda: narma_target([0.1, np.nan], 10), "not finite"),
        (lambda: narma_target([0.1, 0.1], 10, variant="rcbench"), "does not vary"),
    ):
        with pytest.raises(UsageError, match=message):
            call()


def _linear_score(task: Task, taps: int) -> float:
    """Of u[t]..u[t-taps+1]."""
    return _least_squares_score(task, _taps(task.u, taps))


def _quadratic_score(task: Task, taps: int) -> float:
    """Of these and their products."""
    line = _taps(task.u, taps)
    one, other = np.triu_indices(taps)
    return _least_squares_score(task, np.column_stack([line, line[:, one] * line[:, other]]))


def _taps(u: np.ndarray, taps: int) -> np.ndarray:
    padded = np.concatenate([np.zeros(taps - 1), u])
    return np.lib.stride_tricks.sliding_window_view(padded, taps)


def _least_squares_score(task: Task, features: np.ndarray) -> float:
    """NRMSE of least squares by its normal equations: washout 200, train 4,800, test 5,000."""
    x = np.column_stack([np.ones(len(features)), features])
    train, y = x[200:5000], task.y[200:5000]
    weights = linalg.solve(train.T @ train, train.T @ y, assume_a="pos")
    return nrmse(task.y[5000:], x[5000:] @ weights)
