from __future__ import annotations

import numpy as np
import pytest

from asicrc.errors import NoAnswer
from asicrc.evidence.surrogates import circularly_shifted, iaaft, shuffled, surrogate_test


def test_iaaft_keeps_values_and_spectrum_and_loses_nonlinear_order() -> None:
    rng = np.random.default_rng(1)
    x = np.empty(1024)
    x[0] = 0.4
    for t in range(1, len(x)):
        x[t] = 3.9 * x[t - 1] * (1 - x[t - 1])  # the logistic map: white to the eye, and deterministic

    def reversal(y: np.ndarray) -> float:
        return float(np.mean((y[1:] - y[:-1]) ** 3))

    def curvature(y: np.ndarray) -> float:
        return abs(float(np.corrcoef(y[1:], (y[:-1] - y.mean()) ** 2)[0, 1]))

    surrogates = list(iaaft(x, 39, rng))
    for one in surrogates[:3]:
        assert np.array_equal(np.sort(one), np.sort(x))
        amplitude = [np.abs(np.fft.rfft(y - y.mean())) for y in (one, x)]
        assert np.corrcoef(*amplitude)[0, 1] > 0.99
    test = surrogate_test("curvature", curvature, x, surrogates, null="a linear process")
    assert test.p_value == 1 / 40
    linear = np.convolve(rng.standard_normal(1023 + 8), np.ones(8) / 8, "valid")
    honest = surrogate_test("reversal", reversal, linear, iaaft(linear, 39, rng), null="l", two_sided=True)
    assert honest.p_value > 0.05


def test_shuffling_keeps_groups_apart() -> None:
    rng = np.random.default_rng(2)
    values, groups = np.arange(30.0), np.repeat([5, 1, 3], 10)
    for one in shuffled(values, 5, rng, groups):
        for group in (1, 3, 5):
            assert set(one[groups == group]) == set(values[groups == group])
    assert not np.array_equal(next(iter(shuffled(values, 1, rng))), values)


def test_shifts_are_far_enough_and_not_repeated() -> None:
    rng = np.random.default_rng(3)
    x = np.arange(50)
    shifts = [int(np.flatnonzero(one == 0)[0]) for one in circularly_shifted(x, 31, rng, least=10)]
    assert len(set(shifts)) == 31
    assert min(shifts) >= 10
    assert max(shifts) <= 40
    with pytest.raises(NoAnswer, match="cannot be shifted"):
        list(circularly_shifted(x, 3, rng, least=26))


def test_p_values_of_surrogates_hold_their_level() -> None:
    rng = np.random.default_rng(4)
    p = [
        surrogate_test(
            "lag 1",
            lambda y: float(np.mean(y[1:] * y[:-1])),
            data := rng.standard_normal(60),
            shuffled(data, 99, rng),
            null="any order",
            two_sided=True,
        ).p_value
        for _ in range(400)
    ]
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.08
    with pytest.raises(NoAnswer, match="no surrogate"):
        surrogate_test("none", lambda y: 0.0, [1.0], [], null="")
    with pytest.raises(NoAnswer, match="all the same"):
        list(iaaft(np.ones(40), 1, rng))


def test_a_statistic_that_is_not_a_number_is_no_evidence() -> None:
    orders = list(shuffled(np.arange(20.0), 19, np.random.default_rng(5)))
    with pytest.raises(NoAnswer, match="for the data"):
        surrogate_test("lag", lambda y: float("nan"), np.arange(20.0), orders, null="any order")
    with pytest.raises(NoAnswer, match="for 19 surrogates"):
        surrogate_test(
            "lag", lambda y: 0 / y[0] if y[0] else float("nan"), np.ones(20), [0 * o for o in orders], null=""
        )


def test_what_any_order_gives_is_reached_by_all_whatever_its_sign() -> None:
    values = np.array([0.1, -0.7, 0.3, -0.2, 1e-3] * 5)
    orders = shuffled(values, 99, np.random.default_rng(6))
    assert surrogate_test("sum", lambda y: float(y.sum()), values, orders, null="any order").p_value == 1.0
