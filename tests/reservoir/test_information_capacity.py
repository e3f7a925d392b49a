from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import special, stats

from asicrc.errors import NoAnswer, UsageError
from asicrc.reservoir.metrics import (
    BINARY,
    EMPIRICAL,
    GAUSSIAN,
    UNIFORM,
    binary,
    gaussian,
    information_processing_capacity,
    memory_capacity,
    uniform,
)
from asicrc.reservoir.metrics.information_capacity import basis_functions, formula
from asicrc.reservoir.metrics.input_law import InputLaw

LAWS = {"uniform": UNIFORM, "gaussian": GAUSSIAN, "binary": BINARY}


def draw(law: str, n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if law == "uniform":
        return rng.uniform(-1, 1, n)
    return rng.normal(size=n) if law == "gaussian" else rng.choice([-1.0, 1.0], n)


def tanh_network(u: np.ndarray, nodes: int, seed: int, *, radius: float, gain: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(nodes, nodes))
    w *= radius / np.abs(np.linalg.eigvals(w)).max()
    drive, bias = rng.uniform(-gain, gain, nodes), rng.uniform(-0.3, 0.3, nodes)
    states, x = np.empty((len(u), nodes)), np.zeros(nodes)
    for t, value in enumerate(u):
        x = np.tanh(w @ x + drive * value + bias)
        states[t] = x
    return states


def test_fading_memory_of_full_rank_sums_to_its_rank() -> None:
    u = draw("uniform", 40_000, 1)
    x = tanh_network(u, 12, 2, radius=0.6, gain=0.5)
    found = information_processing_capacity(x, u, max_delays={1: 40, 2: 20, 3: 12, 4: 6, 5: 4}, washout=100)
    assert found.rank == 12
    assert found.total.estimate == pytest.approx(12, rel=0.02)
    assert found.significant_total.estimate == pytest.approx(12, rel=0.02)
    assert found.total.low <= 12 <= found.total.high
    assert sum(part.estimate for part in found.by_degree.values()) == pytest.approx(found.total.estimate)
    assert found.by_degree[2].low > 0
    assert found.by_degree[3].low > 0
    linear = memory_capacity(x, u, 40, washout=100)
    assert found.by_degree[1].estimate == pytest.approx(
        linear.total.estimate + linear.present.estimate, rel=1e-3
    )


@pytest.mark.parametrize("law", LAWS)
def test_products_of_the_basis_are_found_whole(law: str) -> None:
    n = 20_000
    u = draw(law, n, 3)
    past = [np.roll(u, k) for k in range(6)]
    states = [past[0], past[3], past[0] * past[2], past[1] * past[4] * past[5]]
    if law == "uniform":
        states.append(special.eval_legendre(3, past[2]) * past[1])
    elif law == "gaussian":
        states.append(special.eval_hermitenorm(3, past[2]) * past[1])
    else:
        states.append(past[0] * past[1] * past[2] * past[3])
    mixing = np.random.default_rng(4).normal(size=(5, 5))
    found = information_processing_capacity(
        np.column_stack(states)[10:] @ mixing, u[10:], law=LAWS[law], max_delays={1: 8, 2: 6, 3: 5, 4: 3}
    )
    assert found.total.estimate == pytest.approx(5, rel=0.02)
    names = {name for name, _ in found.strongest(5)}
    last = "P1(u[t]) P1(u[t-1]) P1(u[t-2]) P1(u[t-3])" if law == "binary" else "P1(u[t-1]) P3(u[t-2])"
    assert names == {
        "P1(u[t])",
        "P1(u[t-3])",
        "P1(u[t]) P1(u[t-2])",
        "P1(u[t-1]) P1(u[t-4]) P1(u[t-5])",
        last,
    }
    assert [value for _, value in found.strongest(5)] == pytest.approx([1.0] * 5, abs=1e-6)


def test_noise_computes_nothing() -> None:
    u = draw("uniform", 10_000, 5)
    x = np.random.default_rng(6).exponential(size=(10_000, 20))
    found = information_processing_capacity(x, u)
    assert found.total.low <= 0.0 <= found.total.high
    assert found.total.high < 0.3
    assert found.significant_total.estimate == 0.0
    assert len(found.functions) == 824


@pytest.mark.parametrize("law", LAWS)
def test_false_finds_are_as_rare_as_stated(law: str) -> None:
    false, covered, repeats = 0, 0, 80
    for k in range(repeats):
        u = draw(law, 700, 1000 + k)
        x = np.random.default_rng([7, k]).poisson(2.0, (700, 5))
        found = information_processing_capacity(x, u, law=LAWS[law], max_delays={1: 12, 2: 6, 3: 3})
        false += bool(found.table.significant.any())
        covered += found.total.low <= 0.0 <= found.total.high
    assert false <= stats.binom.ppf(0.999, repeats, 0.05)
    assert covered >= stats.binom.ppf(0.001, repeats, 0.95)


def test_capacity_is_that_of_a_plain_least_squares_fit() -> None:
    u = draw("uniform", 600, 8)
    x = tanh_network(u, 4, 9, radius=0.5, gain=1.0)
    found = information_processing_capacity(x, u, max_delays={1: 3, 2: 2}, surrogates=19, seed=3)
    rows = np.arange(3, 600)
    design = np.column_stack([np.ones(597), x[rows]])
    for i, function in enumerate(found.functions):
        z = np.ones(597)
        for delay, degree in function:
            z = z * special.eval_legendre(degree, u[rows - delay])
        residual = z - design @ np.linalg.lstsq(design, z, rcond=None)[0]
        z = z - z.mean()
        assert found.table.capacity[i] == pytest.approx(1 - residual @ residual / (z @ z), abs=1e-10)
    assert found.table.capacity.shape == (4 + 6,)


def test_one_block_left_out_is_a_fit_without_it() -> None:
    u = draw("uniform", 400, 10)
    x = tanh_network(u, 3, 11, radius=0.5, gain=1.0)
    table = memory_capacity(x, u, 2).table
    rows = np.arange(2, 400)
    edges = np.linspace(0, 398, 21).astype(int)
    kept = np.delete(rows, np.arange(edges[6], edges[7]))
    design = np.column_stack([np.ones(len(kept)), x[kept]])
    for delay in range(3):
        z = u[kept - delay]
        residual = z - design @ np.linalg.lstsq(design, z, rcond=None)[0]
        plain = 1 - residual @ residual / np.sum((z - z.mean()) ** 2)
        corrected = 1 - (1 - plain) * (len(kept) - 1) / (len(kept) - 4)
        assert table.left_out[6, delay] == pytest.approx(corrected, abs=1e-9)


def test_every_split_of_the_degree_and_every_delay_is_there() -> None:
    functions = basis_functions({1: 2, 2: 1, 3: 1})
    assert set(functions) == {
        ((0, 1),),
        ((1, 1),),
        ((2, 1),),
        ((0, 2),),
        ((0, 1), (1, 1)),
        ((1, 2),),
        ((0, 3),),
        ((0, 2), (1, 1)),
        ((0, 1), (1, 2)),
        ((1, 3),),
    }
    assert len(functions) == len(set(functions))
    assert set(basis_functions({2: 2}, powers=False)) == {
        ((0, 1), (1, 1)),
        ((0, 1), (2, 1)),
        ((1, 1), (2, 1)),
    }
    assert len(basis_functions({1: 99, 2: 39, 3: 8})) == 1085
    assert formula(((0, 2), (7, 1))) == "P2(u[t]) P1(u[t-7])"
    for bad in ({}, {0: 3}, {1: -1}, {6: 60}):
        with pytest.raises(UsageError):
            basis_functions(bad)


@pytest.mark.parametrize("law", [UNIFORM, GAUSSIAN, EMPIRICAL])
def test_polynomials_are_orthonormal(law: InputLaw) -> None:
    u = draw("gaussian" if law is GAUSSIAN else "uniform", 200_000, 12)
    if law is EMPIRICAL:
        u = u**2 + 0.3 * u
    table = law.polynomials(u, 4)
    products = table @ table.T / len(u)
    np.testing.assert_allclose(products, np.eye(4), atol=1e-9 if law is EMPIRICAL else 0.15)
    assert np.abs(table.mean(axis=1)).max() < 0.02


def test_ranges_and_laws_are_stated_and_checked() -> None:
    rng = np.random.default_rng(13)
    u = rng.uniform(0, 0.5, 5000)
    x = np.column_stack([np.roll(u, 1), np.roll(u, 2) ** 2])
    for law in (uniform(0, 0.5), EMPIRICAL):
        found = information_processing_capacity(x, u, law=law, max_delays={1: 4, 2: 4})
        assert found.total.estimate == pytest.approx(2, abs=0.02)
    bits = rng.integers(0, 2, 5000).astype(float)
    pair = np.column_stack([np.roll(bits, 1), bits * np.roll(bits, 1)])
    assert information_processing_capacity(
        pair, bits, law=binary(0, 1), max_delays={1: 3, 2: 3}
    ).total.estimate == pytest.approx(2, abs=0.02)
    wide = rng.normal(3.0, 2.0, 5000)
    assert information_processing_capacity(
        wide**2, wide, law=gaussian(3.0, 2.0), max_delays={1: 2, 2: 2}
    ).total.estimate == pytest.approx(1, abs=0.02)
    for law, error, message in (
        (uniform(0, 0.4), UsageError, "outside 0 to 0.4"),
        (UNIFORM, NoAnswer, "not uniform"),
        (GAUSSIAN, NoAnswer, "not gaussian"),
        (BINARY, UsageError, "not binary"),
    ):
        with pytest.raises(error, match=message):
            information_processing_capacity(x, u, law=law)
    with pytest.raises(NoAnswer, match="2 different values"):
        information_processing_capacity(pair, bits, law=EMPIRICAL)
    with pytest.raises(NoAnswer, match="not white"):
        information_processing_capacity(x[:-1], u[1:] / 2 + u[:-1] / 2, law=EMPIRICAL)
    for make in (lambda: uniform(1, 1), lambda: gaussian(0, 0), lambda: binary(2, 2)):
        with pytest.raises(UsageError):
            make()


@pytest.mark.long
def test_a_thousand_capacities_of_a_long_run_take_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    u = draw("uniform", 100_000, 14)
    x = np.random.default_rng(15).normal(size=(100_000, 50))
    began = time.perf_counter()
    found = information_processing_capacity(x, u, max_delays={1: 99, 2: 39, 3: 8})
    took = time.perf_counter() - began
    with capsys.disabled():
        print(f"\n{len(found.functions)} capacities, T = 100,000, N = 50: {took:.1f} s")
    assert len(found.functions) == 1085
    assert took < 100  # 1.5 s on a core of its own
