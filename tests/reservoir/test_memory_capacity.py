from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from asicrc.errors import NoAnswer, UsageError
from asicrc.reservoir.metrics import memory_capacity
from asicrc.reservoir.metrics.capacity_null import CapacityNull
from asicrc.reservoir.metrics.memory_capacity import corrected_curve
from asicrc.reservoir.metrics.state_basis import state_basis


def delay_line(u: np.ndarray, taps: int) -> np.ndarray:
    """(T, taps) u[t-1] .. u[t-taps]."""
    return np.column_stack([np.concatenate([np.zeros(k), u[:-k]]) for k in range(1, taps + 1)])


@pytest.mark.parametrize("draw", ["uniform", "gaussian", "binary"])
def test_an_ideal_delay_line_remembers_its_taps(draw: str) -> None:
    rng = np.random.default_rng(1)
    u = {"uniform": rng.uniform(-1, 1, 10_000), "gaussian": rng.normal(size=10_000)}.get(draw)
    if u is None:
        u = rng.integers(0, 2, 10_000).astype(float)
    found = memory_capacity(delay_line(u, 30), u, 60)
    assert found.total.estimate == pytest.approx(30.0, abs=0.1)
    assert found.significant_total.estimate == pytest.approx(30.0, abs=1e-9)
    assert np.flatnonzero(found.table.significant).tolist() == list(range(1, 31))
    assert found.present.low <= 0.0 <= found.present.high
    assert (found.rank, found.half_delay) == (30, 31)


def test_interval_covers_a_delay_line() -> None:
    # the delays beyond the line share the same chance correlations of the input, which plain sums forget
    hits, repeats = 0, 100
    for k in range(repeats):
        u = np.random.default_rng([13, k]).normal(size=2000)
        found = memory_capacity(delay_line(u, 10), u, 30).total
        hits += found.low <= 10.0 <= found.high
    assert hits >= stats.binom.ppf(0.001, repeats, 0.95)


def test_scale_and_mixing_do_not_matter() -> None:
    rng = np.random.default_rng(2)
    u = rng.uniform(0, 0.5, 5000)
    x = delay_line(u, 10)
    mixed = x @ rng.normal(size=(10, 10)) * np.logspace(-6, 6, 10) + 1e3
    assert memory_capacity(mixed, u, 30).total.estimate == pytest.approx(
        memory_capacity(x, u, 30).total.estimate, abs=1e-4
    )


def test_duplicated_and_constant_features_do_not_count() -> None:
    rng = np.random.default_rng(3)
    u = rng.uniform(-1, 1, 3000)
    x = delay_line(u, 4)
    found = memory_capacity(np.column_stack([x, x[:, :2] + x[:, 2:], np.full(3000, 0.1)]), u, 20)
    assert found.rank == 4
    assert found.total.estimate == pytest.approx(4.0, abs=0.1)


def test_noise_remembers_nothing() -> None:
    rng = np.random.default_rng(4)
    u = rng.uniform(-1, 1, 10_000)
    found = memory_capacity(rng.poisson(3.0, (10_000, 30)), u, 60)
    assert found.total.low <= 0.0 <= found.total.high
    assert found.total.high < 0.1
    assert found.significant_total.estimate == 0.0
    # without the correction it would read (K + 1) r / (T - 1)
    assert found.table.capacity.sum() == pytest.approx(61 * 30 / 9939, rel=0.2)


def test_the_curve_alone_is_that_of_the_table() -> None:
    rng = np.random.default_rng(4)
    u = rng.random(400)
    states = np.column_stack([delay_line(u, 4) + rng.standard_normal((400, 4)), np.ones(400)])
    np.testing.assert_array_equal(
        corrected_curve(states, u, 9), memory_capacity(states, u, 9).table.corrected
    )


def test_null_is_the_beta_law() -> None:
    rank, n, repeats = 8, 120, 3000
    rng = np.random.default_rng(5)
    q = np.linalg.qr(rng.poisson(1.0, (n, rank)) - 1.0)[0]
    q = np.linalg.qr(q - q.mean(axis=0))[0]
    z = rng.normal(size=(n, repeats))
    z -= z.mean(axis=0)
    capacity = np.sum((q.T @ z) ** 2, axis=0) / np.sum(z**2, axis=0)
    null = CapacityNull(rank, n)
    assert stats.kstest(null.p_values(capacity), "uniform").pvalue > 0.001
    assert capacity.mean() == pytest.approx(null.mean, abs=4 * capacity.std() / np.sqrt(repeats))
    corrected = null.corrected(capacity)
    assert corrected.mean() == pytest.approx(0.0, abs=4 * corrected.std() / np.sqrt(repeats))
    assert null.corrected(np.ones(1))[0] == 1.0


def test_reference_figures_of_the_null() -> None:
    null = CapacityNull(50, 2000)
    assert null.mean == pytest.approx(0.02501, abs=1e-5)
    assert null.threshold(0.001, 1) == pytest.approx(0.04298, abs=1e-5)


@pytest.mark.parametrize("law", ["gaussian", "poisson", "drifting"])
def test_false_finds_are_as_rare_as_stated(law: str) -> None:
    false, covered, repeats = 0, 0, 120
    for k in range(repeats):
        rng = np.random.default_rng([6, k])
        u = rng.uniform(-1, 1, 800)
        x = rng.poisson(0.5, (800, 6)).astype(float) if law == "poisson" else rng.normal(size=(800, 6))
        if law == "drifting":
            x = np.cumsum(x, axis=0)
        found = memory_capacity(x, u, 25)
        false += bool(found.table.significant.any())
        covered += found.total.low <= 0.0 <= found.total.high
    assert false <= stats.binom.ppf(0.999, repeats, 0.05)
    assert covered >= stats.binom.ppf(0.001, repeats, 0.95)


def test_interval_covers_a_partial_memory() -> None:
    # taps with noise of variance 1/6 beside a uniform input of variance 1/3: each is worth 2/3
    hits, repeats, truth = 0, 150, 5 * (1 / 3) / (1 / 3 + 1 / 6)
    for k in range(repeats):
        rng = np.random.default_rng([7, k])
        u = rng.uniform(-1, 1, 1500)
        x = delay_line(u, 5) + rng.normal(0, np.sqrt(1 / 6), (1500, 5))
        found = memory_capacity(x, u, 15)
        hits += found.total.low <= truth <= found.total.high
    assert hits >= stats.binom.ppf(0.001, repeats, 0.95)


def test_surrogates_stand_in_where_the_input_is_not_white() -> None:
    rng = np.random.default_rng(8)
    u = np.convolve(rng.normal(size=4020), np.ones(20) / 20, mode="valid")[:4000]
    noise = np.cumsum(rng.normal(size=(4000, 5)), axis=0)  # a random walk, as a warming device
    noise -= np.linspace(0, 1, 4000)[:, None] * noise[-1]
    with pytest.raises(NoAnswer, match="not white: its autocorrelation at lag 1"):
        memory_capacity(noise, u, 20)
    found = memory_capacity(noise, u, 20, surrogates=39, seed=1)
    beta = CapacityNull(found.rank, found.n).threshold(0.05, 21)
    assert found.table.threshold > beta
    assert (found.table.capacity > beta).any()  # what the wrong null would have found
    assert not found.table.significant.any()
    assert memory_capacity(delay_line(u, 10), u, 20, surrogates=39).table.significant[1:11].all()


def test_surrogates_do_not_hide_memory() -> None:
    rng = np.random.default_rng(9)
    u = rng.uniform(-1, 1, 3000)
    x = delay_line(u, 5) + rng.normal(size=(3000, 5))
    plain, shifted = (memory_capacity(x, u, 20, surrogates=s) for s in (0, 19))
    assert np.flatnonzero(plain.table.significant).tolist() == [1, 2, 3, 4, 5]
    assert np.flatnonzero(shifted.table.significant).tolist() == [1, 2, 3, 4, 5]
    assert plain.total == shifted.total


def test_what_cannot_be_answered_is_said() -> None:
    rng = np.random.default_rng(10)
    u, x = rng.uniform(-1, 1, 500), rng.normal(size=(500, 3))
    hole = x.copy()
    hole[17, 2] = np.nan
    for states, drive, options, error, message in (
        (hole, u, {}, UsageError, r"1 of 1500 values of the state matrix .* first at \(17, 2\)"),
        (x, u[:499], {}, UsageError, "499"),
        (x, np.where(u > 0.9, np.nan, u), {}, UsageError, "input"),
        (x[:60], u[:60], {}, NoAnswer, "too few"),
        (np.tile(x, 50), u, {}, NoAnswer, "490 steps are too few for a capacity of 150"),
        (np.ones((500, 2)), u, {}, NoAnswer, "constant"),
        (x, np.ones(500), {}, NoAnswer, "does not vary"),
        (x, u, {"max_delay": 0}, UsageError, "max_delay"),
        (x, u, {"surrogates": 5}, UsageError, "5 surrogates"),
        (x, u, {"alpha": 1.5}, UsageError, "alpha"),
    ):
        with pytest.raises(error, match=message):
            memory_capacity(states, drive, **{"max_delay": 10, **options})  # type: ignore[arg-type]


def test_basis_is_orthonormal_even_when_states_are_nearly_the_same() -> None:
    rng = np.random.default_rng(11)
    x = rng.normal(size=(5000, 1)) + 1e-7 * rng.normal(size=(5000, 6))
    basis = state_basis(x)
    assert basis.rank == 6
    np.testing.assert_allclose(basis.q.T @ basis.q, np.eye(7), atol=1e-12)
    assert state_basis(x, tolerance=1e-5).rank == 1


def test_json_has_the_estimate_and_what_it_rests_on() -> None:
    rng = np.random.default_rng(12)
    u = rng.uniform(-1, 1, 1000)
    found = memory_capacity(delay_line(u, 3), u, 5, washout=50).as_json()
    assert set(found["total"]) == {"estimate", "low", "high", "n"}
    assert found["n"] == 950
    assert found["significant_delays"] == [1, 2, 3]
