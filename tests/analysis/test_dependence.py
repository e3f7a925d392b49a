"""The theorems on finite distributions as properties, and estimates against laws with a known truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from asicrc.analysis.dependence import beats_baseline, discrete_information, finite, ksg_information
from asicrc.errors import NoAnswer

SEED = np.random.SeedSequence(11)


@st.composite
def distributions(draw: st.DrawFn, size: int | None = None, positive: bool = False) -> np.ndarray:
    n = draw(st.integers(1, 6)) if size is None else size
    low = 0.01 if positive else 0.0
    weights = draw(st.lists(st.floats(low, 1), min_size=n, max_size=n).filter(lambda w: sum(w) > 0.01))
    return np.array(weights) / sum(weights)


@st.composite
def joints(draw: st.DrawFn) -> np.ndarray:
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return draw(distributions(rows * columns)).reshape(rows, columns)


@given(distributions())
def test_nothing_diverges_from_itself(p: np.ndarray) -> None:
    assert finite.divergence(p, p) == 0
    assert 0 <= finite.entropy(p) <= math.log(len(p)) + 1e-12


@given(st.data())
def test_divergence_is_never_below_0_and_infinite_off_the_support(data: st.DataObject) -> None:
    p = data.draw(distributions())
    q = data.draw(distributions(len(p)))
    found = finite.divergence(p, q)
    assert found >= 0
    assert math.isinf(found) == bool(((p > 0) & (q == 0)).any())


def test_what_a_convention_of_ln_0_as_0_gets_wrong() -> None:
    assert math.isinf(finite.divergence([0.5, 0.5], [1, 0]))


@given(distributions(), distributions())
def test_independence_is_no_information(p: np.ndarray, q: np.ndarray) -> None:
    joint = finite.product(p, q)
    first, second = finite.marginals(joint)
    assert np.allclose(first, p)
    assert np.allclose(second, q)
    assert finite.mutual_information(joint) < 1e-12
    assert finite.best_accuracy(joint) <= finite.baseline_accuracy(joint) + 1e-12


@given(joints())
@example(np.array([[0.0, 1.0], [5e-324, 0.0]]))  # whose marginals have a product that no float above 0 is
def test_information_is_never_below_0_nor_above_either_entropy(joint: np.ndarray) -> None:
    found = finite.mutual_information(joint)
    first, second = finite.marginals(joint)
    assert -1e-12 <= found <= min(finite.entropy(first), finite.entropy(second)) + 1e-9
    by_entropies = finite.entropy(first) + finite.entropy(second) - finite.entropy(joint.ravel())
    assert found == pytest.approx(by_entropies, abs=1e-9)


@given(joints())
def test_a_guess_that_beats_the_baseline_implies_dependence(joint: np.ndarray) -> None:
    best = finite.accuracy(joint, lambda s: int(joint[s].argmax()))
    assert best == pytest.approx(finite.best_accuracy(joint))
    if best > finite.baseline_accuracy(joint) + 1e-9:
        assert finite.mutual_information(joint) > 0


@given(st.data())
def test_a_channel_keeps_its_source_and_mixes_its_rows(data: st.DataObject) -> None:
    source = data.draw(distributions())
    size = data.draw(st.integers(1, 4))
    channel = np.array([data.draw(distributions(size)) for _ in source])
    joint = finite.through_channel(source, channel)
    first, second = finite.marginals(joint)
    assert np.allclose(first, source)
    assert np.allclose(second, source @ channel)


@given(st.data())
def test_devices_that_differ_have_a_witness(data: st.DataObject) -> None:
    p = data.draw(distributions())
    q = data.draw(distributions(len(p)))
    if np.array_equal(p, q):
        with pytest.raises(ValueError, match="from itself"):
            finite.witness(p, q)
    else:
        outcome = finite.witness(p, q)
        assert p[outcome] != q[outcome]


def test_the_identity_channel_on_a_bit() -> None:
    joint = finite.through_channel([0.5, 0.5], np.eye(2))
    assert finite.mutual_information(joint) == pytest.approx(math.log(2))
    assert finite.best_accuracy(joint) == 1
    assert finite.baseline_accuracy(joint) == 0.5


@pytest.mark.parametrize("wrong", [[0.5, 0.6], [-0.1, 1.1], [], [math.nan, 1]])
def test_what_is_no_distribution(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        finite.entropy(wrong)


def test_counts_as_shares() -> None:
    assert finite.empirical([1, 3]).tolist() == [0.25, 0.75]
    with pytest.raises(ValueError, match="at least one"):
        finite.empirical([0, 0])


def test_labels_agree_with_scikit_learn_and_with_the_truth() -> None:
    rng = np.random.default_rng(1)
    joint = np.array([[0.3, 0.1], [0.2, 0.4]])
    cells = rng.choice(4, 4000, p=joint.ravel())
    found = discrete_information(cells // 2, cells % 2, seed=SEED, permutations=199)
    assert found.plug_in == pytest.approx(mutual_info_score(cells // 2, cells % 2), abs=1e-12)
    assert found.mi.low < finite.mutual_information(joint) < found.mi.high
    assert found.test.p_value == 1 / 200


def test_independent_labels_raise_few_alarms_and_their_intervals_hold_0() -> None:
    alarms = missed = 0
    for number, child in enumerate(SEED.spawn(100)):
        rng = np.random.default_rng(number)
        found = discrete_information(
            rng.integers(0, 4, 300), rng.integers(0, 5, 300), seed=child, permutations=99
        )
        alarms += found.test.p_value <= 0.05
        missed += not found.mi.low <= 0 <= found.mi.high
    assert alarms <= 12
    assert missed <= 12


def test_what_both_share_with_a_stratum_is_no_dependence() -> None:
    rng = np.random.default_rng(3)
    stratum = rng.integers(0, 2, 3000)
    s, o = (stratum + (rng.random(3000) < 0.2)) % 2, (stratum + (rng.random(3000) < 0.2)) % 2
    assert discrete_information(s, o, seed=SEED, permutations=199).test.p_value == 1 / 200
    assert discrete_information(s, o, strata=stratum, seed=SEED, permutations=199).test.p_value > 0.01


def test_neighbours_give_the_information_of_a_normal_pair() -> None:
    rng = np.random.default_rng(4)
    rho = 0.6
    x = rng.normal(size=3000)
    y = rho * x + math.sqrt(1 - rho**2) * rng.normal(size=3000)
    found = ksg_information(x, y, seed=SEED, permutations=99)
    truth = -0.5 * math.log(1 - rho**2)
    assert found.mi.low < truth < found.mi.high
    assert found.mi.estimate == pytest.approx(truth, abs=0.03)
    assert found.test.p_value == 1 / 100


def test_neighbours_find_what_no_correlation_shows() -> None:
    rng = np.random.default_rng(5)
    x = rng.uniform(-1, 1, 1000)
    found = ksg_information(x, x**2 + 0.1 * rng.normal(size=1000), seed=SEED, permutations=99)
    assert found.mi.low > 0.3


def test_independent_numbers_raise_few_alarms() -> None:
    alarms = 0
    for number, child in enumerate(SEED.spawn(60)):
        rng = np.random.default_rng(number)
        found = ksg_information(rng.normal(size=200), rng.exponential(size=200), seed=child, permutations=59)
        alarms += found.test.p_value <= 0.05
    assert alarms <= 9


def test_too_few_ties_and_rows_that_do_not_fit() -> None:
    with pytest.raises(NoAnswer, match="10 pairs"):
        ksg_information(np.arange(10.0), np.arange(10.0), seed=SEED)
    with pytest.raises(NoAnswer, match="tied"):
        ksg_information(np.zeros(200), np.arange(200.0), seed=SEED)
    with pytest.raises(NoAnswer, match="either varies"):
        discrete_information(np.zeros(100, int), np.arange(100) % 2, seed=SEED)
    with pytest.raises(ValueError, match="do not pair"):
        discrete_information([1, 2], [1], seed=SEED)
    with pytest.raises(ValueError, match="not a number"):
        ksg_information([math.nan] * 200, np.arange(200.0), seed=SEED)


def test_predictors_against_the_majority() -> None:
    rng = np.random.default_rng(6)
    actual = rng.random(2000) < 0.4
    good = np.where(rng.random(2000) < 0.8, actual, ~actual)
    assert beats_baseline(good, actual, False).test.p_value < 1e-6
    chance = rng.random(2000) < 0.5
    assert beats_baseline(chance, actual, False).test.p_value > 0.05
    same = beats_baseline(np.zeros(2000, bool), actual, False)
    assert (same.test.p_value, same.accuracy.estimate) == (1.0, same.baseline)


def test_a_filter_that_keeps_winners_loses_by_accuracy() -> None:
    """Hits are one in 4096: a filter that finds each of them and continues a tenth else is no 'better'."""
    hit = np.arange(40960) % 4096 == 0
    continued = hit | (np.arange(40960) % 10 == 0)
    found = beats_baseline(continued, hit, False)
    assert found.test.p_value > 0.99
    assert found.accuracy.estimate < found.baseline
