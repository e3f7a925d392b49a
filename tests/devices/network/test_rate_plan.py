"""Shares per step, empty steps, hours: against plain arithmetic and a simulated Poisson process."""

from __future__ import annotations

import math

import numpy as np
import pytest

from asicrc.errors import UsageError
from asicrc.work.rate_plan import rate_plan


def test_an_lv06_at_its_lowest_difficulty_brings_a_share_in_two_seconds() -> None:
    plan = rate_plan(500.0, 256.0, 1000.0, 4000)
    assert plan.shares_per_s == pytest.approx(0.4547, abs=1e-4)
    assert plan.hours == pytest.approx(4000 / 0.4547 / 3600, rel=1e-3)
    assert rate_plan(13_500.0, 256.0, 1000.0).shares_per_s == pytest.approx(12.28, abs=0.01)
    assert rate_plan(175.0, 4096.0, 1000.0, algorithm="lbry").shares_per_s == pytest.approx(2.55, abs=0.01)


def test_a_difficulty_below_the_firmwares_lowest_changes_nothing() -> None:
    plan = rate_plan(500.0, 1.0, 1000.0, lowest_difficulty=256.0)
    assert plan.difficulty == 256.0
    assert plan.requested_difficulty == 1.0
    assert plan.shares_per_s == rate_plan(500.0, 256.0, 1000.0).shares_per_s
    assert plan.difficulty_for_step is None


def test_the_share_of_empty_steps_is_that_of_a_poisson_process() -> None:
    plan = rate_plan(500.0, 256.0, 3000.0)
    counts = np.random.default_rng(1).poisson(plan.shares_per_step, 100_000)
    assert float(np.mean(counts == 0)) == pytest.approx(plan.empty_step_share, abs=0.005)
    assert rate_plan(500.0, 256.0, plan.step_ms_for_few_empty).empty_step_share == pytest.approx(0.05)


def test_the_difficulty_for_a_step_is_the_highest_power_of_two_that_does() -> None:
    plan = rate_plan(13_500.0, 256.0, 1000.0)
    power = plan.difficulty_for_step
    assert power is not None
    assert math.log2(power) == int(math.log2(power))
    assert rate_plan(13_500.0, power, 1000.0).empty_step_share <= 0.05
    assert rate_plan(13_500.0, 2 * power, 1000.0).empty_step_share > 0.05


@pytest.mark.parametrize(
    "wrong", [(0.0, 256.0, 1.0, 1), (1.0, -1.0, 1.0, 1), (1.0, 1.0, 0.0, 1), (1.0, 1.0, 1.0, 0)]
)
def test_what_is_no_rate_is_refused(wrong: tuple[float, float, float, int]) -> None:
    with pytest.raises(UsageError):
        rate_plan(*wrong)
    with pytest.raises(UsageError):
        rate_plan(math.nan, 256.0, 1.0)
