"""The CV of a few exponential intervals by chance."""

from __future__ import annotations

import math

import pytest

from asicrc.analysis.papers.window_cv import cv_by_chance


def test_of_two_intervals_the_law_is_known() -> None:
    """(x - y) / (x + y) of two exponentials is uniform from -1 to 1, so their CV is uniform from 0 to 1."""
    found = cv_by_chance(2, 0.092)
    error = 4 * math.sqrt(0.092 * 0.908 / 20_000)
    assert found.share_at_most == pytest.approx(0.092, abs=error)
    assert (found.low, found.middle, found.high) == pytest.approx((0.025, 0.5, 0.975), abs=0.02)


def test_of_many_the_spread_is_one_over_the_root() -> None:
    found = cv_by_chance(845, 0.71, seed=3)
    assert (found.high - found.low) / 3.92 == pytest.approx(1 / math.sqrt(845), rel=0.1)
    assert found.share_at_most == 0.0
    assert cv_by_chance(845, 0.71, seed=3) == found


def test_one_interval_has_no_cv() -> None:
    with pytest.raises(ValueError, match="2 or more"):
        cv_by_chance(1, 1.0)
