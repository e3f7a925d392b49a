"""The echo state network beside plain numpy loops and reservoirpy, and its rules for starting anew."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from asicrc.reservoir.echo_states import EchoStates
from asicrc.reservoir.esn import ESN
from asicrc.reservoir.esn_presets import NARMA10, preset_esn, preset_of
from asicrc.reservoir.esn_search import SearchPlan, SearchSpace, esn_errors, search_esn
from asicrc.reservoir.esn_weights import RingWeights, ring_weights, spectral_radius
from asicrc.reservoir.metrics.scores import nrmse
from asicrc.reservoir.readouts import BlockedKFold, RidgeReadout, RidgeReadoutClassifier, nrmse_scorer
from asicrc.reservoir.tasks.narma import narma

Floats = NDArray[np.float64]


def numpy_states(network: EchoStates, x: Floats) -> Floats:
    """The update of the docstring with a full matrix, in double precision."""
    ring = RingWeights(network.weights_.astype(np.float64), network.offsets_)
    w, w_in = ring.dense(), network.input_weights_.astype(np.float64)
    u = (x - network.input_mean_) / network.input_deviation_
    state = np.zeros(network.units)
    states = np.empty((len(x), network.units))
    for t in range(len(x)):
        total = w @ state + u[t] @ w_in + network.bias_
        state = (1 - network.leak) * state + network.leak * np.tanh(total)
        states[t] = state
    return states


@pytest.fixture
def inputs() -> Floats:
    return np.random.default_rng(0).uniform(0, 0.5, (600, 2))


@pytest.mark.parametrize("units", [1, 2, 3, 17, 64, 200])
@pytest.mark.parametrize("leak", [1.0, 0.3])
def test_double_precision_equals_numpy(inputs: Floats, units: int, leak: float) -> None:
    network = EchoStates(units, dtype="float64", leak=leak, degree=7, input_scaling=0.8, seed=4).fit(inputs)
    np.testing.assert_allclose(network.transform(inputs), numpy_states(network, inputs), rtol=0, atol=1e-12)


def test_single_precision_is_near(inputs: Floats) -> None:
    network = EchoStates(100, input_scaling=0.8, leak=0.7).fit(inputs)
    states = network.transform(inputs)
    assert states.dtype == np.float32
    np.testing.assert_allclose(states, numpy_states(network, inputs), rtol=0, atol=2e-5)


def test_hyperbolic_tangent_over_its_range() -> None:
    """One unit without recurrence shows the function itself."""
    x = np.concatenate([np.linspace(-30, 30, 20_001), np.logspace(-8, 0, 500), [0.0, 1e6, -1e6]])[:, None]
    for dtype, error in (("float64", 1e-15), ("float32", 4e-7)):
        network = EchoStates(
            1, spectral_radius=0.0, input_scaling=1.0, bias_scaling=0.0, standardise=False, dtype=dtype
        ).fit(x)
        argument = x * network.input_weights_[0, 0].astype(np.float64)
        got = network.transform(x).astype(np.float64)
        assert np.abs(got - np.tanh(argument)).max() < error
        small = np.abs(argument) < 0.1
        np.testing.assert_allclose(got[small], np.tanh(argument[small]), rtol=10 * error)


def test_equals_reservoirpy_with_the_same_matrices(inputs: Floats) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nodes = pytest.importorskip("reservoirpy.nodes")
    network = EchoStates(40, dtype="float64", leak=0.6, seed=2).fit(inputs)
    theirs = nodes.Reservoir(
        W=RingWeights(network.weights_, network.offsets_).dense(),
        Win=network.input_weights_.T.copy(),
        bias=network.bias_,
        lr=network.leak,
    )
    u = (inputs - network.input_mean_) / network.input_deviation_
    np.testing.assert_allclose(network.transform(inputs), theirs.run(u), rtol=0, atol=1e-12)


@pytest.mark.parametrize("units", [1, 2, 60, 128, 129, 300])
def test_spectral_radius_is_one(units: int) -> None:
    ring = ring_weights(units, 8, 5)
    exact = np.abs(np.linalg.eigvals(ring.dense())).max()
    assert exact == pytest.approx(1.0, abs=1e-3)
    assert spectral_radius(ring) == pytest.approx(1.0, abs=1e-3)
    assert ring.weights.shape == (min(8, units), units)
    assert len(set(ring.offsets.tolist())) == min(8, units)
    np.testing.assert_array_equal((ring.dense() != 0).sum(axis=1), min(8, units))
    np.testing.assert_array_equal(ring.sparse().toarray(), ring.dense())
    assert not ring.weights.flags.writeable


def test_seeds_draw_different_networks_and_the_same_again(inputs: Floats) -> None:
    one, two, again = (EchoStates(30, seed=s).fit(inputs) for s in (1, 2, 1))
    np.testing.assert_array_equal(one.transform(inputs), again.transform(inputs))
    assert np.abs(one.transform(inputs) - two.transform(inputs)).max() > 0.1
    assert set(one.input_weights_.ravel()).isdisjoint(one.bias_)


def task(n: int = 1500, seed: int = 3) -> tuple[Floats, Floats]:
    series = narma(5, n, seed)
    return series.u[:, None], series.y


@pytest.mark.parametrize("chunk_rows", [1, 7, 10_000])
def test_chunks_change_nothing(chunk_rows: int) -> None:
    x, y = task(400)
    whole, parts = ESN(30).fit(x, y), ESN(30, chunk_rows=chunk_rows).fit(x, y)
    np.testing.assert_array_equal(whole.transform(x), parts.transform(x))
    np.testing.assert_allclose(parts.predict(x), whole.predict(x), rtol=1e-5)
    np.testing.assert_array_equal(whole.last_state_, parts.last_state_)


@pytest.mark.parametrize("input_to_readout", [True, False])
@pytest.mark.parametrize("search", [{}, {"solver": "svd"}, {"alpha_selection": "blocked_cv", "gap": 30}])
def test_fit_is_a_readout_of_its_states(search: dict[str, Any], input_to_readout: bool) -> None:
    x, y = task(600)
    network = ESN(40, washout=50, dtype="float64", input_to_readout=input_to_readout, **search).fit(x, y)
    states = network.transform(x)
    if input_to_readout:
        states = np.column_stack([states, (x - x.mean()) / x.std()])
    readout = RidgeReadout(washout=50, **search).fit(states, y)
    assert network.alpha_ == pytest.approx(readout.alpha_, rel=1e-6)
    np.testing.assert_allclose(network.predict(x), readout.predict(states), rtol=0, atol=1e-7)
    assert network.coef_.shape == (40 + input_to_readout,)
    assert network.intercept_ == pytest.approx(readout.intercept_, rel=1e-4, abs=1e-6)


def test_fewer_rows_than_units_fall_back_to_the_rows() -> None:
    x, y = task(60)
    network = ESN(100).fit(x, y)
    readout = RidgeReadout().fit(network.transform(x), y)
    np.testing.assert_allclose(network.predict(x), readout.predict(network.transform(x)), rtol=1e-9)


def test_penalties_too_small_for_squares_fall_back_to_the_rows() -> None:
    x, y = task(400)
    alphas = np.logspace(-20, -2, 10)
    network = ESN(50, dtype="float64", alphas=alphas).fit(x, y)
    readout = RidgeReadout(alphas, solver="svd").fit(network.transform(x), y)
    assert network.alpha_ == readout.alpha_
    np.testing.assert_allclose(network.predict(x), readout.predict(network.transform(x)), rtol=1e-6)


def test_each_call_starts_anew_and_leaves_nothing() -> None:
    x, y = task()
    network = ESN(50, washout=100).fit(x[:1000], y[:1000])
    before = {k: np.copy(v) for k, v in vars(network).items() if isinstance(v, np.ndarray)}
    first = network.predict(x[1000:])
    np.testing.assert_array_equal(network.predict(x[1000:]), first)
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(network, name), value)
    np.testing.assert_array_equal(network.transform(x)[999], network.last_state_)


def test_a_state_carries_a_series_on() -> None:
    x, y = task()
    network = ESN(50, washout=100).fit(x[:1000], y[:1000])
    whole = network.predict(x)
    after = network.predict(x[1000:], state=network.last_state_)
    np.testing.assert_allclose(after, whole[1000:], rtol=0, atol=1e-10)
    state: Any = None
    pieces = []
    for rows in np.array_split(np.arange(1500), 7):
        piece, state = network.run(x[rows], state)
        pieces.append(piece)
    np.testing.assert_allclose(np.concatenate(pieces), whole, rtol=0, atol=1e-10)
    cold = network.predict(x[1000:])
    assert np.abs(cold - whole[1000:])[0] > 1e-3
    np.testing.assert_allclose(cold[200:], whole[1200:], atol=1e-4)


def test_runs_start_from_the_zero_state() -> None:
    x, y = task(600)
    runs = np.repeat([0, 1, 2], [100, 300, 200])
    network = ESN(30, washout=20).fit(x, y, groups=runs)
    apart = [network.predict(x[runs == r]) for r in range(3)]
    np.testing.assert_allclose(network.predict(x, groups=runs), np.concatenate(apart), rtol=0, atol=1e-10)
    np.testing.assert_array_equal(network.transform(x, groups=runs)[100:400], network.transform(x[100:400]))
    kept = np.concatenate([np.arange(20, 100), np.arange(120, 400), np.arange(420, 600)])
    readout = RidgeReadout().fit(network.transform(x, groups=runs)[kept], y[kept])
    np.testing.assert_allclose(
        network.predict(x, groups=runs)[kept],
        readout.predict(network.transform(x, groups=runs)[kept]),
        rtol=1e-6,
    )


def test_runs_in_parts_are_the_runs_at_once() -> None:
    x, y = task(900)
    runs = np.repeat([0, 1, 2], 300)
    settings: dict[str, Any] = {"washout": 30, "standardise": False, "dtype": "float64"}
    whole = ESN(40, **settings).fit(x, y, groups=runs)
    parts = ESN(40, **settings).partial_fit(x[:300], y[:300]).partial_fit(x[300:], y[300:], groups=runs[300:])
    np.testing.assert_allclose(parts.predict(x), whole.predict(x), rtol=0, atol=1e-7)
    with pytest.raises(ValueError, match="features"):
        parts.partial_fit(np.column_stack([x, x]), y)
    assert not hasattr(ESN(alpha_selection="blocked_cv"), "partial_fit")


def test_clone_and_parameters() -> None:
    network = ESN(70, leak=0.5, alphas=np.array([1.0, 2.0]), seed=9)
    again = clone(network)
    assert again.get_params()["units"] == 70
    assert again.get_params()["seed"] == 9
    assert not hasattr(again, "readout_")
    again.set_params(units=5, degree=3)
    assert again.fit(*task(50)).coef_.shape == (5,)


@pytest.mark.parametrize("cv", [TimeSeriesSplit(3, gap=10), BlockedKFold(3, gap=10)])
def test_grid_search(cv: Any) -> None:
    x, y = task()
    search = GridSearchCV(
        ESN(60, washout=100, input_scaling=0.02),
        {"spectral_radius": [0.1, 0.7], "alpha_selection": ["gcv", "blocked_cv"]},
        cv=cv,
        scoring=nrmse_scorer(washout=100),
    )
    search.fit(x[:1000], y[:1000])
    assert search.best_params_["spectral_radius"] == 0.7
    assert nrmse(y[1100:], search.predict(x[1000:])[100:]) < 0.4


def test_states_feed_a_classifier() -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, 1200)
    before = np.concatenate([[0, 0], bits[:-2]])
    pipeline = make_pipeline(EchoStates(50, spectral_radius=0.5), RidgeReadoutClassifier(washout=10))
    pipeline.fit(bits[:800, None].astype(float), (bits ^ before)[:800])
    assert pipeline.score(bits[800:, None].astype(float), (bits ^ before)[800:]) > 0.97
    assert list(pipeline[0].get_feature_names_out()[:2]) == ["unit0", "unit1"]


def test_inputs_are_scaled_by_the_training_rows() -> None:
    x, y = task(500)
    network = ESN(30).fit(x, y)
    far = ESN(30).fit(1e6 + 1e-3 * x, y)
    np.testing.assert_allclose(far.predict(1e6 + 1e-3 * x), network.predict(x), atol=1e-3)
    constant = ESN(30).fit(np.column_stack([x, np.full(500, 7.0)]), y)
    assert np.isfinite(constant.predict(np.column_stack([x, np.full(500, 8.0)]))).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"leak": 0.0}, "leak is 0"),
        ({"leak": 1.5}, "leak is 1.5"),
        ({"units": 0}, "0 unit"),
        ({"degree": 0}, "of degree 0"),
        ({"spectral_radius": -1.0}, "spectral_radius is -1"),
        ({"input_scaling": np.nan}, "input_scaling is nan"),
        ({"bias_scaling": np.inf}, "bias_scaling is inf"),
        ({"dtype": "float16"}, "dtype is 'float16'"),
        ({"chunk_rows": 0}, "chunk_rows is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"washout": 500}, "leaves none of 500 rows"),
    ],
)
def test_errors_say_what_is_wrong(parameters: dict[str, Any], message: str) -> None:
    x, y = task(500)
    with pytest.raises(ValueError, match=message):
        ESN(**parameters).fit(x, y)


def test_missing_values_and_states_are_refused() -> None:
    x, y = task(100)
    network = ESN(20).fit(x, y)
    holed = x.copy()
    holed[3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        network.predict(holed)
    with pytest.raises(ValueError, match="NaN"):
        ESN(20).fit(x, np.where(np.arange(100) == 5, np.nan, y))
    with pytest.raises(ValueError, match="one state of"):
        network.predict(x, state=np.zeros(19))
    with pytest.raises(ValueError, match="one state of"):
        network.predict(x, groups=np.arange(100) // 50, state=np.zeros(20))


@given(
    units=st.integers(1, 40),
    degree=st.integers(1, 50),
    n=st.integers(1, 60),
    features=st.integers(1, 3),
    leak=st.floats(0.01, 1),
)
def test_any_size_works(units: int, degree: int, n: int, features: int, leak: float) -> None:
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=(n, features)), rng.normal(size=n)
    network = ESN(units, degree=degree, leak=leak, seed=1).fit(x, y)
    assert np.isfinite(network.predict(x)).all()
    assert np.abs(network.transform(x)).max() <= 1.0 + 1e-6


@pytest.mark.parametrize(("units", "limit"), [(50, 0.40), (100, 0.27), (200, 0.23), (400, 0.14)])
def test_tuned_networks_on_narma10(units: int, limit: float) -> None:
    """Train 4,800, test 5,000, washout 200, 10 seeds that no search has seen."""
    seeds = range(10)
    assert set(seeds).isdisjoint(NARMA10.series)
    errors = []
    for seed in seeds:
        series = narma(10, 10_000, seed)
        network = preset_esn("narma10", units, seed=seed, washout=200).fit(
            series.u[:5000, None], series.y[:5000]
        )
        errors.append(
            nrmse(series.y[5000:], network.predict(series.u[5000:, None], state=network.last_state_))
        )
    print(f"ESN of {units}: NRMSE {np.mean(errors):.3f} +- {np.std(errors, ddof=1):.3f}")
    assert np.mean(errors) <= limit


def test_presets_of_other_sizes() -> None:
    assert preset_of("narma10", 60).units == 50
    assert preset_of("narma10", 150).units == 200
    assert preset_of("narma10", 5000).units == 400
    network = preset_esn("narma10", 60, seed=3, leak=0.9, washout=10)
    assert (network.units, network.seed, network.leak, network.washout) == (60, 3, 0.9, 10)
    with pytest.raises(ValueError, match="no presets for 'henon'"):
        preset_of("henon", 100)
    with pytest.raises(ValueError, match="give 1 or more"):
        preset_of("narma10", 0)


def test_search_is_reproducible_and_uses_each_series_once() -> None:
    asked: list[int] = []

    def series(number: int) -> Any:
        asked.append(number)
        return narma(10, 900, number)

    plan = SearchPlan(draws=8, first=1, kept=2, second=2, finalists=2, last=2)
    found = search_esn(20, series, n_train=600, washout=50, plan=plan)
    assert asked == [10_000, 10_001, 10_002, 10_003, 10_004]
    again = search_esn(20, series, n_train=600, washout=50, plan=plan, n_jobs=2)
    assert again == found
    scores = esn_errors(
        {"units": 20} | found.parameters,
        [narma(10, 900, n) for n in (10_003, 10_004)],
        [10_003, 10_004],
        600,
        50,
    )
    assert scores.mean() == pytest.approx(found.nrmse_mean)
    space = SearchSpace(leak=(0.5, 0.6), no_leak=0.0, degrees=(3,))
    narrow = search_esn(20, series, n_train=600, washout=50, space=space, plan=plan)
    assert 0.5 <= narrow.parameters["leak"] <= 0.6
    assert narrow.parameters["degree"] == 3


@pytest.mark.long
def test_search_finds_the_preset_again() -> None:
    """Its record can be repeated: the same search, on this machine."""
    record = preset_of("narma10", 50)
    found = search_esn(50, lambda number: narma(10, 10_000, number), n_train=5000, washout=200)
    assert found.nrmse_mean == pytest.approx(record.nrmse_mean, abs=0.01)
    assert found.nrmse_deviation == pytest.approx(record.nrmse_deviation, abs=0.01)
