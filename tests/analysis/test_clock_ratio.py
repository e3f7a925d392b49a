"""The clocks of two runs against each other, recovered from made-up times."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from asicrc.analysis.clock_ratio import ClockRatio, RunTimes, clock_ratio, fit_clocks
from asicrc.analysis.robust_fit import numbered
from asicrc.analysis.robust_slopes import robust_slopes
from asicrc.errors import NoAnswer

RATIO = 1.5
HASH_CLOCK_PPM, CRYSTAL_PPM = 12.0, 35.0


def fitted(k: int, *, n: int, jobs: int, life_s: float, sweep_s: float, late_share: float) -> ClockRatio:
    """Run B: 1.5 times the hash clock and 12 ppm, a crystal 35 ppm faster. 50 us of jitter, late stamps."""
    rng = np.random.default_rng([23, k])
    job = numbered(np.sort(rng.integers(0, jobs, n)))
    due_s = rng.random(n) * life_s
    batch_s = due_s // sweep_s * sweep_s
    place_s = due_s - batch_s

    def times(batches_s: np.ndarray, places_s: np.ndarray) -> np.ndarray:
        late_s = (rng.random(n) < late_share) * rng.exponential(1.5e-3, n)
        load_s = rng.normal(0, 2e-3, jobs)[job]
        return batches_s + places_s + rng.normal(0, 5e-5, n) + late_s + load_s

    slower_s = place_s / RATIO
    a = RunTimes(times(batch_s, place_s), batch_s, place_s, 200e6)
    b = RunTimes(
        times(batch_s / (1 + CRYSTAL_PPM * 1e-6), slower_s / (1 + HASH_CLOCK_PPM * 1e-6)),
        batch_s,
        slower_s,
        200e6 * RATIO,
    )
    return clock_ratio(fit_clocks(a, b, job))


def test_a_frequency_step_comes_out_to_10_ppm_though_most_stamps_are_late() -> None:
    clock = fitted(1, n=2000, jobs=2, life_s=10.0, sweep_s=60.0, late_share=0.6)
    assert clock.stated_ratio == RATIO
    assert abs(clock.off_ppm.estimate - HASH_CLOCK_PPM) < 10
    assert clock.off_ppm.high - clock.off_ppm.low < 20
    assert clock.crystal_ppm is None
    assert clock.crystal_unanswered


@pytest.mark.parametrize(
    ("jobs", "life_s", "sweep_s"), [(2, 10.0, 60.0), (10, 2.0, 0.17)], ids=["one sweep", "many sweeps"]
)
@pytest.mark.parametrize("late_share", [0.0, 0.5])
def test_the_intervals_cover(jobs: int, life_s: float, sweep_s: float, late_share: float) -> None:
    sets = 30
    many = [
        fitted(k, n=300, jobs=jobs, life_s=life_s, sweep_s=sweep_s, late_share=late_share)
        for k in range(sets)
    ]
    covered = sum(clock.off_ppm.low <= HASH_CLOCK_PPM <= clock.off_ppm.high for clock in many)
    assert covered >= stats.binom.ppf(0.001, sets, 0.95)
    crystals = [clock.crystal_ppm for clock in many if clock.crystal_ppm is not None]
    assert len(crystals) == (sets if sweep_s < life_s else 0)
    covered = sum(crystal.low <= CRYSTAL_PPM <= crystal.high for crystal in crystals)
    assert covered >= stats.binom.ppf(0.001, len(crystals), 0.95)


def test_single_late_stamps_do_not_decide() -> None:
    rng = np.random.default_rng(4)
    job, place_s = np.repeat([0, 1], 150), rng.random(300) * 10
    jitter = rng.normal(0, 5e-5, (2, 300))
    late = jitter.copy()
    late[1, np.argsort(place_s)[-5:]] += 0.5  # at the far end, where the lever is longest
    runs = [RunTimes(place_s + e, np.zeros(300), place_s, 1e8) for e in (jitter[0], jitter[1], late[1])]
    ratios = [clock_ratio(fit_clocks(runs[0], other, job)).off_ppm for other in runs[1:]]
    assert ratios[1].estimate == pytest.approx(ratios[0].estimate, abs=2)


def test_too_few_pairs_and_places_that_do_not_vary() -> None:
    few = RunTimes(np.arange(10.0), np.zeros(10), np.arange(10.0), 1e8)
    with pytest.raises(NoAnswer, match="10 pairs"):
        fit_clocks(few, few, np.zeros(10, np.int64))
    flat = RunTimes(np.arange(50.0), np.zeros(50), np.ones(50), 1e8)
    with pytest.raises(NoAnswer, match="too few different places"):
        fit_clocks(flat, flat, np.zeros(50, np.int64))
    backwards = RunTimes(-np.arange(50.0), np.zeros(50), np.arange(50.0), 1e8)
    with pytest.raises(NoAnswer, match="do not follow"):
        fit_clocks(backwards, backwards, np.zeros(50, np.int64))


def test_slopes_of_the_prompt_stamps() -> None:
    """70 % late by milliseconds: the others decide."""
    rng = np.random.default_rng(8)
    group = np.repeat(np.arange(5), 300)
    x = rng.random((1500, 2)) * [2.0, 0.1]
    late = (rng.random(1500) < 0.7) * rng.exponential(2e-3, 1500)
    y = np.array([3.0, 1, 4, 1, 5])[group] + x @ [1e-3, -2e-3] + rng.normal(0, 2e-5, 1500) + late
    fit = robust_slopes(y, x, group)
    assert fit.slopes == pytest.approx([1e-3, -2e-3], abs=1e-4)
    assert fit.slopes[0] == pytest.approx(1e-3, abs=1e-5)
    assert 1e-5 < fit.scale < 8e-5
