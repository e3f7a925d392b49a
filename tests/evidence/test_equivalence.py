from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.weightstats import ttost_ind

from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate
from asicrc.evidence.equivalence import (
    difference_of_groups,
    equivalence_of_estimate,
    equivalence_of_groups,
    equivalence_of_means,
    equivalence_test,
)


def test_two_means_as_statsmodels_has_it() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.93, 0.22, 60), rng.normal(0.95, 0.3, 90)
    effect, test = equivalence_of_means(a, b, 0.1)
    assert test.p_value == pytest.approx(ttost_ind(b, a, -0.1, 0.1, usevar="unequal")[0], rel=1e-9)
    assert effect.low < b.mean() - a.mean() < effect.high


def test_no_effect_is_shown_no_more_often_than_the_level() -> None:
    """At the margin itself equivalence is wrong; within it the test has power where n is large."""
    rng = np.random.default_rng(3)

    def share(difference: float) -> float:
        found = [
            equivalence_of_means(rng.normal(0, 1, 100), rng.normal(difference, 1, 100), 0.5)[1].p_value
            for _ in range(800)
        ]
        return float(np.mean(np.array(found) <= 0.05))

    assert share(0.5) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 800)
    assert share(0.0) >= 0.9


def test_groups_are_as_far_apart_as_the_worst_pair() -> None:
    """H06: CV of windows of ten intervals after three histories, 87 windows each, margin 0.1."""
    rng = np.random.default_rng(4)

    def windows() -> np.ndarray:
        rows = rng.exponential(1.0, (87, 10))
        return rows.std(axis=1, ddof=1) / rows.mean(axis=1)

    apart = {"cold": windows(), "warm": windows(), "shifted": windows() + 0.3}
    effect, test = equivalence_of_groups(apart, 0.1)
    assert "shifted" in test.name
    assert abs(effect.estimate) == pytest.approx(0.3, abs=0.15)
    assert test.p_value > 0.5
    p = [equivalence_of_groups({"a": windows(), "b": windows()}, 0.1)[1].p_value for _ in range(200)]
    assert np.mean(np.array(p) <= 0.05) >= 0.7
    assert difference_of_groups(apart, 0.1).p_value < 1e-6


def test_groups_at_the_margin_are_called_beyond_it_as_seldom_as_stated() -> None:
    """Two of four groups a margin above the others: four of the six pairs lie at it."""
    rng = np.random.default_rng(6)

    def p_value(shift: float) -> float:
        means = (0.0, 0.0, shift, shift)
        return difference_of_groups({f"{k}": rng.normal(m, 1, 40) for k, m in enumerate(means)}, 0.5).p_value

    assert np.mean([p_value(0.5) <= 0.05 for _ in range(400)]) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
    assert np.mean([p_value(1.6) <= 0.05 for _ in range(50)]) >= 0.9
    with pytest.raises(NoAnswer, match="1 groups"):
        difference_of_groups({"a": np.arange(9)}, 0.1)
    with pytest.raises(ValueError, match="margin"):
        difference_of_groups({"a": np.arange(9), "b": np.arange(9)}, 0.0)


def test_an_interval_is_enough() -> None:
    within = Estimate(0.01, -0.02, 0.04, 500, method="m")
    assert equivalence_of_estimate(within, 0.05).p_value == pytest.approx(
        equivalence_test(0.01, 0.03 / 1.959964, 0.05, n=500).p_value, rel=1e-6
    )
    with pytest.raises(NoAnswer, match="open on the side"):
        equivalence_of_estimate(Estimate(0.0, -0.1, math.inf, 5, method="m"), 0.05)


def test_what_cannot_be_compared_says_so() -> None:
    with pytest.raises(NoAnswer, match="groups of 3 and 5"):
        equivalence_of_means([1, 2, 3], [1, 2, 3, 4, 5], 0.1)
    with pytest.raises(NoAnswer, match="1 groups"):
        equivalence_of_groups({"a": [1.0] * 9}, 0.1)
    with pytest.raises(ValueError, match="margin above 0"):
        equivalence_test(0.0, 1.0, 0.0, n=5)
