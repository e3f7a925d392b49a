"""The counting rules: exact tails, false alarms as rare as stated, collapses and bursts found."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from asicrc.bench.supervision.exact_tails import (
    binomial_at_least,
    binomial_at_most,
    highest_mean,
    highest_share,
    lowest_share,
    poisson_at_most,
)
from asicrc.bench.supervision.rate_watch import EVENTS_EXPECTED, Collapse, RateWatch
from asicrc.bench.supervision.share_watch import Burst, ShareWatch

SHARE = 0.5
LOOSE_LEVEL = 0.02
"""Of the simulations: at the built-in level of one in a million nothing could be counted."""


@given(st.integers(0, 3000), st.floats(1e-3, 4000))
def test_the_poisson_tail_is_scipys(n: int, mean: float) -> None:
    if n < mean:
        assert poisson_at_most(n, mean) == pytest.approx(stats.poisson.cdf(n, mean), rel=1e-8, abs=1e-300)
    else:
        assert poisson_at_most(n, mean) == 1.0


@given(st.integers(1, 2000), st.floats(1e-4, 1 - 1e-4), st.data())
def test_the_binomial_tails_are_scipys(n: int, share: float, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    if k < n * share:
        expected = stats.binom.cdf(k, n, share)
        assert binomial_at_most(k, n, share) == pytest.approx(expected, rel=1e-7, abs=1e-300)
    if k > n * share:
        expected = stats.binom.sf(k - 1, n, share)
        assert binomial_at_least(k, n, share) == pytest.approx(expected, rel=1e-7, abs=1e-300)


@pytest.mark.parametrize("level", [1e-6, 1e-3, 0.025])
@pytest.mark.parametrize("n", [0, 1, 7, 400])
def test_the_bounds_are_garwoods_and_clopper_and_pearsons(n: int, level: float) -> None:
    assert highest_mean(n, level) == pytest.approx(stats.chi2.isf(level, 2 * (n + 1)) / 2, rel=1e-6)
    assert highest_share(n, 500, level) == pytest.approx(stats.beta.isf(level, n + 1, 500 - n), rel=1e-6)
    low = stats.beta.ppf(level, n, 501 - n) if n else 0.0
    assert lowest_share(n, 500, level) == pytest.approx(low, rel=1e-6)


def windows(
    rate_hz: float,
    should_hz: float | None,
    count: int,
    rng: np.random.Generator,
    *,
    level: float = LOOSE_LEVEL,
    reference_hz: float = 20.0,
) -> tuple[int, int]:
    """How many of `count` judged windows are collapses, of a Poisson process looked at once a second.

    Without `should_hz` each of them has a reference of its own.
    """
    alarms = judged = 0
    watch = RateWatch(SHARE, expected_hz=should_hz, level=level)
    while judged < count:
        if should_hz is None and watch.expected_hz is None:
            watch.add(int(rng.poisson(reference_hz)), 1.0)
            continue
        before = watch._window
        alarms += watch.add(int(rng.poisson(rate_hz)), 1.0) is not None
        if watch._window is not before:
            judged += 1
            if should_hz is None:
                watch.begin()
    return alarms, judged


@pytest.mark.parametrize("should_hz", [0.5, 5.0, 200.0])
def test_at_the_edge_of_what_is_allowed_false_alarms_are_as_rare_as_stated(should_hz: float) -> None:
    alarms, judged = windows(SHARE * should_hz, should_hz, 800, np.random.default_rng(1))
    assert stats.binomtest(alarms, judged, LOOSE_LEVEL, alternative="greater").pvalue > 1e-3, alarms
    assert alarms > 0, "the simulation reaches the edge"


def test_and_so_are_they_against_a_rate_that_was_measured() -> None:
    alarms, judged = windows(SHARE * 20.0, None, 800, np.random.default_rng(2))
    assert stats.binomtest(alarms, judged, LOOSE_LEVEL, alternative="greater").pvalue > 1e-3, alarms
    assert alarms > 0


@pytest.mark.parametrize("hz", [0.05, 0.5, 20.0])
def test_a_device_at_its_rate_gives_none(hz: float) -> None:
    assert windows(hz, hz, 300, np.random.default_rng(3))[0] == 0


def test_nor_does_one_whose_events_come_in_bunches() -> None:
    rng, watch = np.random.default_rng(4), RateWatch(SHARE)
    for second in range(4000):
        bunch = int(rng.poisson(40)) if second % 4 == 0 else 0
        assert watch.add(bunch, 1.0) is None


@given(st.floats(1e-3, EVENTS_EXPECTED / 10.0))
def test_too_few_events_never_cry_wolf(should_hz: float) -> None:
    watch = RateWatch(SHARE, expected_hz=should_hz)
    quiet_s = EVENTS_EXPECTED / should_hz
    for _ in range(99):
        assert watch.add(0, quiet_s / 100) is None


@pytest.mark.parametrize("should_hz", [None, 20.0])
@pytest.mark.parametrize(("share", "most"), [(0.0, "19%"), (0.1, "45%"), (0.2, "50%")])
def test_a_collapse_is_found_and_bounded(should_hz: float | None, share: float, most: str) -> None:
    rng, watch = np.random.default_rng(5), RateWatch(SHARE, expected_hz=should_hz)
    for _ in range(60):
        assert watch.add(int(rng.poisson(20.0)), 1.0) is None
    found: Collapse | None = None
    seconds = next(
        second
        for second in itertools.count(1)
        if (found := watch.add(int(rng.poisson(share * 20.0)), 1.0)) is not None
    )
    assert seconds <= 40
    assert found is not None and found.at_most < SHARE
    assert found.at_most < float(most[:-1]) / 100
    assert "collapsed" in str(found)


def test_a_reference_is_not_learned_from_a_device_that_was_away() -> None:
    watch = RateWatch(SHARE)
    for _ in range(9):
        watch.add(20, 1.0)
    watch.leave_out()
    assert watch.expected_hz is None
    for _ in range(10):
        watch.add(20, 1.0)
    assert watch.expected_hz == 20.0
    watch.leave_out()
    assert watch.expected_hz == 20.0
    watch.begin(7.0)
    assert watch.expected_hz == 7.0


def test_a_chip_that_is_done_with_its_work_before_the_next_comes_is_no_collapsed_one() -> None:
    """Ten seconds of a job of thirty: windows of two jobs see the mean of them."""
    rng = np.random.default_rng(9)
    watch, hasty = RateWatch(SHARE, shortest_s=60.0), RateWatch(SHARE)
    found = False
    for second in range(3000):
        events = int(rng.poisson(60.0)) if second % 30 < 10 else 0
        assert watch.add(events, 1.0) is None
        found |= hasty.add(events, 1.0) is not None
    assert found, "in windows of ten seconds it would be taken for one"


def share_windows(share: float, allowed: float, count: int, per_s: int, level: float) -> tuple[int, int]:
    rng, watch = np.random.default_rng(6), ShareWatch("x", allowed, level=level)
    bad = total = alarms = judged = 0
    now_ns = 0
    while judged < count:
        before = watch._since
        alarms += watch.add(bad, total, now_ns) is not None
        judged += before is not None and watch._since is not before
        now_ns += 10**9
        bad += int(rng.binomial(per_s, share))
        total += per_s
    return alarms, judged


@pytest.mark.parametrize("per_s", [2, 30])
def test_bursts_at_the_edge_are_as_rare_as_stated(per_s: int) -> None:
    alarms, judged = share_windows(0.25, 0.25, 800, per_s, LOOSE_LEVEL)
    assert stats.binomtest(alarms, judged, LOOSE_LEVEL, alternative="greater").pvalue > 1e-3
    assert alarms > 0
    assert share_windows(0.1, 0.25, 800, per_s, 1e-6)[0] == 0


def test_a_burst_is_found_and_told() -> None:
    watch = ShareWatch("proofs are invalid", 0.25)
    assert watch.add(0, 0, 0) is None
    assert watch.add(0, 100, 10 * 10**9) is None
    burst = watch.add(70, 200, 20 * 10**9)
    assert isinstance(burst, Burst)
    assert str(burst) == (
        "70 of 100 proofs are invalid in 10 s: at least 46% of them are, and 25% are allowed"
    )
    assert watch.add(71, 249, 30 * 10**9) is None, "fewer than 50 are not judged"


def test_few_events_are_no_burst() -> None:
    watch = ShareWatch("x", 0.25)
    watch.add(0, 0, 0)
    for second in range(1, 100):
        assert watch.add(min(second, 49), min(second, 49), second * 10**9) is None
