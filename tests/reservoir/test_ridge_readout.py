"""The readout beside closed forms, brute force and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from asicrc.reservoir.readouts import (
    BlockedKFold,
    GramSums,
    GroupedRuns,
    RidgeReadout,
    RidgeReadoutClassifier,
    TriangularSums,
    nrmse_scorer,
)

Floats = NDArray[np.float64]
ALPHAS = np.logspace(-4, 4, 9)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def rows_of(
    rng: np.random.Generator, n: int = 300, p: int = 8, k: int = 1, noise: float = 1.0
) -> tuple[Floats, Floats]:
    x = rng.normal(2.0, 1.0, (n, p)) * np.logspace(0, 1.5, p)
    y = x @ rng.normal(size=(p, k)) + 5 + noise * rng.normal(size=(n, k))
    return x, y


@pytest.mark.parametrize("solver", ["auto", "gram", "svd"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("alpha", [1e-3, 10.0, 1e4])
def test_one_penalty_is_ridge(rng: np.random.Generator, solver: Any, intercept: bool, alpha: float) -> None:
    x, y = rows_of(rng, k=2)
    ours = RidgeReadout(alpha, solver=solver, fit_intercept=intercept).fit(x, y)
    theirs = Ridge(alpha, fit_intercept=intercept).fit(x, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_ * np.ones(2), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), rtol=1e-8)


@pytest.mark.parametrize("solver", ["gram", "svd"])
@pytest.mark.parametrize("intercept", [True, False])
def test_curve_is_generalised_cross_validation(
    rng: np.random.Generator, solver: Any, intercept: bool
) -> None:
    """Golub, Heath and Wahba 1979, from the matrix that turns y into its fit."""
    x, y = rows_of(rng, n=60, k=2)
    readout = RidgeReadout(ALPHAS, solver=solver, fit_intercept=intercept, alpha_per_target=True).fit(x, y)
    n = len(x)
    xc = x - x.mean(axis=0) if intercept else x
    for i, alpha in enumerate(ALPHAS):
        hat = xc @ np.linalg.solve(xc.T @ xc + alpha * np.eye(x.shape[1]), xc.T)
        hat = hat + (1 / n if intercept else 0)
        residual = y - hat @ y
        expected = (residual**2).mean(axis=0) / (1 - np.trace(hat) / n) ** 2
        np.testing.assert_allclose(readout.alpha_curve_[i], expected, rtol=1e-7)
    np.testing.assert_array_equal(readout.alpha_, ALPHAS[readout.alpha_curve_.argmin(axis=0)])


def test_choice_is_about_that_of_leaving_one_out(rng: np.random.Generator) -> None:
    x, y = rows_of(rng, n=80, p=40, noise=30.0)
    ours, theirs = RidgeReadout(ALPHAS).fit(x, y[:, 0]), RidgeCV(ALPHAS).fit(x, y[:, 0])
    assert abs(np.log10(ours.alpha_ / theirs.alpha_)) <= 1
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), atol=0.2 * y.std())


@pytest.mark.parametrize("solver", ["gram", "svd"])
def test_blocked_curve_is_the_error_of_held_out_blocks(rng: np.random.Generator, solver: Any) -> None:
    x, y = rows_of(rng, n=90, k=2)
    readout = RidgeReadout(ALPHAS, alpha_selection="blocked_cv", n_splits=3, gap=4, solver=solver).fit(x, y)
    squares = np.zeros((len(ALPHAS), 2))
    for train, test in BlockedKFold(3, 4).split(x):
        for i, alpha in enumerate(ALPHAS):
            squares[i] += ((y[test] - Ridge(alpha).fit(x[train], y[train]).predict(x[test])) ** 2).sum(axis=0)
    np.testing.assert_allclose(readout.alpha_curve_, squares / 90, rtol=1e-7)


def test_blocked_search_holds_out_whole_runs(rng: np.random.Generator) -> None:
    x, y2 = rows_of(rng, n=90)
    y = y2[:, 0]
    runs = np.repeat([7, 7, 3, 9], [20, 10, 30, 30])
    readout = RidgeReadout(ALPHAS, alpha_selection="blocked_cv", n_splits=3).fit(x, y, groups=runs)
    squares = np.zeros(len(ALPHAS))
    for train, test in GroupedRuns().split(x, groups=runs):
        for i, alpha in enumerate(ALPHAS):
            squares[i] += ((y[test] - Ridge(alpha).fit(x[train], y[train]).predict(x[test])) ** 2).sum()
    np.testing.assert_allclose(readout.alpha_curve_, squares / 90, rtol=1e-7)


def test_blocks_resist_rows_that_know_each_other(rng: np.random.Generator) -> None:
    """Slow features and slow noise: rows are far fewer than they seem, which only blocks notice."""
    n, p = 400, 60
    x = np.cumsum(rng.normal(size=(n, p)), axis=0)
    y = np.cumsum(rng.normal(size=n))
    alphas = np.logspace(-2, 8, 11)
    blocked = RidgeReadout(alphas, alpha_selection="blocked_cv", gap=20).fit(x, y)
    assert blocked.alpha_ >= 100 * RidgeReadout(alphas).fit(x, y).alpha_


def test_penalty_for_each_target_or_one_for_all(rng: np.random.Generator) -> None:
    x, _ = rows_of(rng, n=60, p=40)
    clear = 1000 * (x @ rng.normal(size=40))
    noise = rng.normal(size=60)
    y = np.column_stack([clear, noise])
    each = RidgeReadout(ALPHAS, alpha_per_target=True).fit(x, y)
    assert each.alpha_[0] < each.alpha_[1]
    for i in range(2):
        alone = RidgeReadout(ALPHAS).fit(x, y[:, i])
        assert alone.alpha_ == each.alpha_[i]
        np.testing.assert_allclose(each.coef_[i], alone.coef_, rtol=1e-9)
    one = RidgeReadout(ALPHAS).fit(x, y)
    judged = (one.alpha_curve_ / y.var(axis=0)).mean(axis=1)
    assert one.alpha_ == ALPHAS[judged.argmin()]
    scaled = RidgeReadout(ALPHAS).fit(x, y * [1e-6, 1.0])
    assert scaled.alpha_ == one.alpha_


def test_default_search_knows_no_units(rng: np.random.Generator) -> None:
    x, y = rows_of(rng, noise=20.0)
    here, there = RidgeReadout().fit(x, y), RidgeReadout().fit(1e-6 * x, 1e3 * y)
    np.testing.assert_allclose(there.predict(1e-6 * x), 1e3 * here.predict(x), rtol=1e-6)
    np.testing.assert_allclose(there.alpha_, 1e-12 * here.alpha_, rtol=1e-6)


def test_edge_of_the_search_is_told(rng: np.random.Generator) -> None:
    x, y = rows_of(rng, noise=20.0)
    assert RidgeReadout([1e4, 1e5, 1e6]).fit(x, y).alpha_at_edge_
    inner = RidgeReadout(np.logspace(-6, 12, 40)).fit(x, y)
    assert not inner.alpha_at_edge_
    assert not RidgeReadout(1.0).fit(x, y).alpha_at_edge_


@pytest.mark.parametrize("solver", ["auto", "svd"])
def test_parts_add_up_to_the_whole(rng: np.random.Generator, solver: Any) -> None:
    x, y = rows_of(rng, n=500, k=2)
    x += 1e4  # far from 0, where plain sums of squares would lose their digits
    whole = RidgeReadout(ALPHAS, solver=solver).fit(x, y)
    parts = RidgeReadout(ALPHAS, solver=solver)
    for rows in np.split(np.arange(500), [1, 90, 91, 333]):
        parts.partial_fit(x[rows], y[rows])
    np.testing.assert_allclose(parts.coef_, whole.coef_, rtol=1e-7)
    np.testing.assert_allclose(parts.predict(x), whole.predict(x), rtol=1e-10)
    np.testing.assert_allclose(parts.alpha_curve_, whole.alpha_curve_, rtol=1e-7)
    assert parts.alpha_ == whole.alpha_
    continued = RidgeReadout(ALPHAS, solver=solver).fit(x[:200], y[:200]).partial_fit(x[200:], y[200:])
    np.testing.assert_allclose(continued.predict(x), whole.predict(x), rtol=1e-10)


@pytest.mark.parametrize("kind", [GramSums, TriangularSums])
def test_sums_of_processes_merge(rng: np.random.Generator, kind: Any) -> None:
    x, y = rows_of(rng, n=500, k=2)
    merged = kind.empty(8, 2)
    for rows in np.split(np.arange(500), [100, 350]):
        merged.merge(kind.of(x[rows], y[rows]))
    readout = RidgeReadout(ALPHAS).fit_sums(merged.merge(kind.empty(8, 2)))
    np.testing.assert_allclose(readout.predict(x), RidgeReadout(ALPHAS).fit(x, y).predict(x), rtol=1e-10)
    with pytest.raises(ValueError, match="do not go to"):
        merged.merge(kind.empty(7, 2))


def test_rows_taken_out_of_sums(rng: np.random.Generator) -> None:
    x, y = rows_of(rng, n=200, k=2)
    rest = GramSums.of(x, y).without(GramSums.of(x[50:90], y[50:90]))
    kept = np.r_[0:50, 90:200]
    direct = GramSums.of(x[kept], y[kept])
    assert rest.n == direct.n
    for name in ("mean_x", "mean_y", "xx", "xy", "yy"):
        np.testing.assert_allclose(getattr(rest, name), getattr(direct, name), rtol=1e-9, atol=1e-9)
    with pytest.raises(ValueError, match="leaves none"):
        GramSums.of(x, y).without(GramSums.of(x, y))


def test_ill_conditioned_rows_keep_their_digits() -> None:
    """Powers of t up to the 13th: squared, their conditioning is beyond double precision."""
    t = np.linspace(-1, 1, 200)
    x = t[:, None] ** np.arange(1, 14)
    y = np.cos(3 * t)
    readout = RidgeReadout([1e-22, 1e-20, 1e-2]).fit(x, y)
    best = np.linalg.lstsq(np.column_stack([np.ones(200), x]), y)[0]
    least = np.abs(y - np.column_stack([np.ones(200), x]) @ best).max()
    assert np.abs(y - readout.predict(x)).max() < 2 * least < 1e-7
    with pytest.raises(ValueError, match="all penalties are below"):
        RidgeReadout(1e-20, solver="gram").fit(x, y)
    squared = RidgeReadout([1e-20, 1e-2], solver="gram").fit(x, y)
    assert squared.alpha_ == 1e-2
    assert np.isinf(squared.alpha_curve_[0])


def test_penalties_too_small_for_squares_matter_only_where_one_may_be_best(rng: np.random.Generator) -> None:
    x, y = rows_of(rng, n=60, p=40, noise=100.0)
    alphas = [1e-30, 1e-3, 1.0, 1e3, 1e6]
    readout = RidgeReadout(alphas).fit(x, y[:, 0])
    assert readout.alpha_ > 1e-3
    np.testing.assert_array_equal(np.isinf(readout.alpha_curve_), [True, False, False, False, False])
    assert readout.alpha_ == RidgeReadout(alphas, solver="svd").fit(x, y[:, 0]).alpha_
    x, y = rows_of(rng, n=500, noise=1.0)
    assert np.isfinite(RidgeReadout([1e-30, 1e6, 1e7]).fit(x, y[:, 0]).alpha_curve_).all()


def test_nearly_all_explained_is_not_left_to_squares(rng: np.random.Generator) -> None:
    x, y = rows_of(rng, noise=1e-8)
    readout = RidgeReadout().fit(x, y[:, 0])
    assert np.abs(readout.predict(x) - y[:, 0]).max() < 1e-7
    assert RidgeReadout(solver="gram").fit(x, y[:, 0]).score(x, y[:, 0]) > 1 - 1e-9


def test_more_features_than_rows(rng: np.random.Generator) -> None:
    x, y = rows_of(rng, n=30, p=100)
    for alpha in (1e-2, 10.0):
        expected = Ridge(alpha).fit(x, y[:, 0]).predict(x)
        np.testing.assert_allclose(RidgeReadout(alpha).fit(x, y[:, 0]).predict(x), expected, rtol=1e-6)
    assert np.isfinite(RidgeReadout().fit(x, y[:, 0]).coef_).all()


def test_no_penalty_is_least_squares(rng: np.random.Generator) -> None:
    x, y = rows_of(rng)
    doubled = np.column_stack([x, x[:, 0]])  # one direction in which nothing varies
    readout = RidgeReadout(0.0).fit(doubled, y[:, 0])
    best = np.linalg.lstsq(np.column_stack([np.ones(len(x)), x]), y[:, 0])[0]
    np.testing.assert_allclose(readout.predict(doubled), best[0] + x @ best[1:], rtol=1e-9)


def test_washout_leaves_out_the_start_of_each_run(rng: np.random.Generator) -> None:
    x, y = rows_of(rng, n=120)
    runs = np.repeat([0, 1, 0], 40)
    kept = np.r_[10:40, 50:80, 90:120]
    inside = RidgeReadout(ALPHAS, washout=10).fit(x, y, groups=runs)
    outside = RidgeReadout(ALPHAS).fit(x[kept], y[kept])
    np.testing.assert_array_equal(inside.coef_, outside.coef_)
    assert len(inside.predict(x)) == 120
    parts = RidgeReadout(ALPHAS, washout=10).partial_fit(x[:20], y[:20])
    parts.partial_fit(x[20:40], y[20:40], new_run=False).partial_fit(x[40:], y[40:], groups=runs[40:])
    np.testing.assert_allclose(parts.coef_, outside.coef_, rtol=1e-9)


def test_search_never_sees_test_rows(rng: np.random.Generator) -> None:
    """A grid search over the readout inside a pipeline gives it training rows alone."""
    x, y = rows_of(rng, n=200, noise=20.0)
    seen: list[int] = []

    class Watched(RidgeReadout):
        def fit(self, X: Any, y: Any, groups: Any = None) -> Any:  # noqa: N803
            seen.append(len(X))
            return super().fit(X, y, groups)

    search = GridSearchCV(
        make_pipeline(StandardScaler(), Watched()),
        {"watched__alpha_selection": ["gcv", "blocked_cv"]},
        cv=BlockedKFold(4, gap=5),
        scoring=nrmse_scorer(washout=5),
    )
    search.fit(x, y[:, 0])
    assert sorted(seen) == [140, 140, 140, 140, 145, 145, 145, 145, 200]
    assert -1 < search.best_score_ < 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha_selection": "best"}, "alpha_selection is 'best'"),
        ({"solver": "lu"}, "solver is 'lu'"),
        ({"alphas": []}, "give penalties"),
        ({"alphas": [1.0, -1.0]}, "give penalties"),
        ({"alphas": [np.nan]}, "give penalties"),
        ({"washout": -1}, "washout is -1"),
        ({"washout": 300}, "leaves none of 300 rows"),
        ({"alpha_selection": "blocked_cv", "gap": 300}, "leaves no training row"),
    ],
)
def test_errors_say_what_is_wrong(rng: np.random.Generator, parameters: dict[str, Any], message: str) -> None:
    x, y = rows_of(rng)
    with pytest.raises(ValueError, match=message):
        RidgeReadout(**parameters).fit(x, y)


def test_missing_values_and_lengths_are_refused(rng: np.random.Generator) -> None:
    x, y = rows_of(rng)
    holed = x.copy()
    holed[7, 2] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        RidgeReadout().fit(holed, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        RidgeReadout().fit(x, y[:-1])
    with pytest.raises(ValueError, match="one label for each row"):
        RidgeReadout().fit(x, y, groups=np.zeros(10))
    with pytest.raises(ValueError, match="have no blocks"):
        RidgeReadout(alpha_selection="blocked_cv").fit_sums(GramSums.of(x, y))
    assert not hasattr(RidgeReadout(alpha_selection="blocked_cv"), "partial_fit")


def test_classes_of_states(rng: np.random.Generator) -> None:
    labels = np.array(["low", "mid", "top"])[rng.integers(0, 3, 600)]
    centres = {"low": [0, 0], "mid": [3, 0], "top": [0, 3]}
    x = np.array([centres[label] for label in labels]) + rng.normal(size=(600, 2))
    readout = RidgeReadoutClassifier(washout=5).fit(x[:400], labels[:400])
    assert readout.score(x[400:], labels[400:]) > 0.8
    assert readout.decision_function(x).shape == (600, 3)
    two = labels != "top"
    binary = RidgeReadoutClassifier().fit(x[two], labels[two])
    assert binary.coef_.shape == (1, 2)
    np.testing.assert_array_equal(binary.predict(x[two]) == "mid", binary.decision_function(x[two]) > 0)


def test_classifier_in_parts(rng: np.random.Generator) -> None:
    x = rng.normal(size=(300, 4))
    y = (x[:, 0] > 0).astype(int) + 2 * (x[:, 1] > 1)
    whole = RidgeReadoutClassifier(ALPHAS).fit(x, y)
    parts = RidgeReadoutClassifier(ALPHAS).partial_fit(x[:10], y[:10], classes=[0, 1, 2, 3])
    parts.partial_fit(x[10:], y[10:])
    np.testing.assert_allclose(parts.coef_, whole.coef_, rtol=1e-9)
    with pytest.raises(ValueError, match="not among the classes"):
        parts.partial_fit(x[:1], [9])
    with pytest.raises(ValueError, match="needs all classes"):
        clone(parts).partial_fit(x, y)
