"""The ratio of the best to the worst tenth: covers the truth, and is refused where tenths have too few."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from asicrc.errors import NoAnswer
from asicrc.filtering.tenths import detectable_ratio, ratio_of_tenths


def drawn(seed: int, shift: float, n: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(shift, 1, n), rng.normal(0, 1, n)]), np.arange(2 * n) < n


def truth(shift: float) -> float:
    """Hits shifted by so many standard deviations: their shares beyond the outer tenths of the others."""
    edge = stats.norm.isf(0.1)
    return float(stats.norm.sf(edge - shift) / stats.norm.cdf(-edge - shift))


@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_the_interval_covers_the_ratio(shift: float) -> None:
    inside = 0
    for seed in range(300):
        found = ratio_of_tenths(*drawn(seed, shift))
        inside += found.low <= truth(shift) <= found.high
    assert stats.binomtest(inside, 300, 0.95).pvalue > 0.001


def test_several_that_were_tried_widen_it() -> None:
    one, seven = (ratio_of_tenths(*drawn(1, 0.2), tried=tried) for tried in (1, 7))
    assert one.estimate == seven.estimate
    assert seven.low < one.low < one.high < seven.high


def test_what_is_detectable_is_seen_four_times_in_five() -> None:
    n = 2000
    shift = math.log(detectable_ratio(n)) / math.log(truth(0.1)) * 0.1
    seen = sum(ratio_of_tenths(*drawn(seed, shift, n)).low > 1 for seed in range(200))
    assert 0.7 < seen / 200 < 0.9


def test_scores_without_tenths_are_refused() -> None:
    with pytest.raises(NoAnswer, match="tenth"):
        ratio_of_tenths(np.r_[np.ones(500), np.zeros(500)], np.arange(1000) < 500)
    with pytest.raises(NoAnswer, match="without"):
        ratio_of_tenths(np.ones(10), np.ones(10, bool))
