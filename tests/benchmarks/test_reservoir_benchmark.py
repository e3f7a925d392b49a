"""The echo state network beside reservoirpy, the search for the penalty beside RidgeCV, in pairs of one run.

`make bench` prints figures and judges nothing. The ratios that are promised are held by the long tests, on a
machine that has nothing else to do.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture
from sklearn.linear_model import RidgeCV

from asicrc.reservoir.esn_presets import preset_esn, preset_of
from asicrc.reservoir.metrics.scores import nrmse
from asicrc.reservoir.readouts import RidgeReadout
from asicrc.reservoir.tasks.narma import narma

Floats = NDArray[np.float64]

STEPS, TRAIN, WASHOUT = 10_000, 7_000, 200
PAIRS = 7
SERIES = 200  # numbers that no search has used
ALPHAS = np.logspace(-9, 3, 13)
DEFAULT = "its own connectivity, 0.1"
SAME = "the same in-degree"


class Pair(NamedTuple):
    """Seconds and NRMSE of both, on the same series."""

    our_s: float
    their_s: float
    our_nrmse: float
    their_nrmse: float


def esn_pair(units: int, number: int, connectivity: str) -> Pair:
    """Fit 7,000 steps of NARMA-10 and run 3,000, both with our preset.

    reservoirpy has no search for its penalty: it is handed the one that ours found. Its input is standardised
    beforehand, and all its units hear it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mat_gen = pytest.importorskip("reservoirpy.mat_gen")
        nodes = pytest.importorskip("reservoirpy.nodes")
    task = narma(10, STEPS, SERIES + number)
    u, y = task.u[:, None], task.y[:, None]
    scaled = (u - u[:TRAIN].mean()) / u[:TRAIN].std()
    preset = preset_of("narma10", units)

    ours = preset_esn("narma10", units, seed=number, washout=WASHOUT)
    begin = time.perf_counter()
    ours.fit(u[:TRAIN], task.y[:TRAIN])
    our_prediction, _ = ours.run(u[TRAIN:], ours.last_state_)
    our_s = time.perf_counter() - begin

    begin = time.perf_counter()
    theirs = nodes.Reservoir(
        units,
        lr=preset.leak,
        sr=preset.spectral_radius,
        input_scaling=preset.input_scaling,
        bias=mat_gen.uniform(low=-preset.bias_scaling, high=preset.bias_scaling),
        rc_connectivity=0.1 if connectivity == DEFAULT else preset.degree / units,
        input_connectivity=1.0,
        seed=number,
    ) >> nodes.Ridge(float(ours.alpha_))
    theirs.fit(scaled[:TRAIN], y[:TRAIN], warmup=WASHOUT)
    their_prediction = theirs.run(scaled[TRAIN:])
    their_s = time.perf_counter() - begin
    return Pair(our_s, their_s, nrmse(task.y[TRAIN:], our_prediction), nrmse(y[TRAIN:], their_prediction))


def ridge_pair(states: Floats, y: Floats) -> Pair:
    """13 penalties on 6,800 rows; errors on the rows after."""
    rows, rest = slice(WASHOUT, TRAIN), slice(TRAIN, STEPS)
    begin = time.perf_counter()
    ours = RidgeReadout(ALPHAS).fit(states[rows], y[rows])
    between = time.perf_counter()
    theirs = RidgeCV(ALPHAS).fit(states[rows], y[rows])
    end = time.perf_counter()
    return Pair(
        between - begin,
        end - between,
        nrmse(y[rest], ours.predict(states[rest])),
        nrmse(y[rest], theirs.predict(states[rest])),
    )


def states_of(units: int) -> tuple[Floats, Floats]:
    task = narma(10, STEPS, SERIES)
    network = preset_esn("narma10", units, input_scaling=0.1, dtype="float64").fit(task.u[:, None], task.y)
    return np.asarray(network.transform(task.u[:, None]), dtype=np.float64), task.y


def warm() -> None:
    """Loops compiled or loaded, libraries imported, before a clock starts."""
    task = narma(10, 300, SERIES)
    preset_esn("narma10", 20).fit(task.u[:, None], task.y).predict(task.u[:, None])


def in_pairs(pair: Callable[[int], Pair], pairs: int, benchmark: Any = None) -> Floats:
    """(pairs, 4); one round of the benchmark is a pair."""
    warm()
    found: list[Pair] = []

    def one() -> None:
        found.append(pair(len(found)))

    if benchmark is None:
        for _ in range(pairs):
            one()
    else:
        benchmark.pedantic(one, rounds=pairs)
    return np.array(found)


def figures(found: Floats) -> dict[str, float]:
    return {
        "our_s": float(np.median(found[:, 0])),
        "their_s": float(np.median(found[:, 1])),
        "median_ratio": float(np.median(found[:, 1] / found[:, 0])),
        "our_nrmse": float(found[:, 2].mean()),
        "their_nrmse": float(found[:, 3].mean()),
    }


def show(name: str, found: Floats, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in figures(found).items()))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("connectivity", [DEFAULT, SAME])
@pytest.mark.parametrize("units", [100, 500, 1000])
def test_esn_beside_reservoirpy(
    benchmark: BenchmarkFixture, units: int, connectivity: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = in_pairs(lambda number: esn_pair(units, number, connectivity), PAIRS, benchmark)
    benchmark.extra_info.update(figures(found))
    show(f"ESN of {units} beside reservoirpy with {connectivity}", found, capsys)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("units", [100, 500, 1000])
def test_penalties_beside_ridge_cv(
    benchmark: BenchmarkFixture, units: int, capsys: pytest.CaptureFixture[str]
) -> None:
    states, y = states_of(units)
    found = in_pairs(lambda _: ridge_pair(states, y), 3, benchmark)
    benchmark.extra_info.update(figures(found))
    show(f"13 penalties for {units} features beside RidgeCV", found, capsys)


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("units", "ratio"), [(100, 5.0), (500, 3.0), (1000, 1.5)])
def test_esn_is_faster_at_equal_error(units: int, ratio: float, capsys: pytest.CaptureFixture[str]) -> None:
    """Equal: not worse by more than two standard errors of the paired difference."""
    found = in_pairs(lambda number: esn_pair(units, number, DEFAULT), PAIRS)
    show(f"ESN of {units} beside reservoirpy with {DEFAULT}", found, capsys)
    assert figures(found)["median_ratio"] >= ratio
    worse = found[:, 2] - found[:, 3]
    assert worse.mean() <= 2 * worse.std(ddof=1) / np.sqrt(PAIRS)


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.timeout(600)
@pytest.mark.parametrize("units", [100, 500, 1000])
def test_penalties_are_tried_faster_at_equal_error(units: int, capsys: pytest.CaptureFixture[str]) -> None:
    states, y = states_of(units)
    found = in_pairs(lambda _: ridge_pair(states, y), 3)
    show(f"13 penalties for {units} features beside RidgeCV", found, capsys)
    assert figures(found)["median_ratio"] >= 2.0
    np.testing.assert_allclose(found[:, 2], found[:, 3], rtol=0.01)
