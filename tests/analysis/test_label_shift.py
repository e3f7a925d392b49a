"""False alarms, power and coverage of the test for shifted cores, on data sets made up by the hundred."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from scipy import stats

from asicrc.analysis.label_shift import LabelShifts, label_shifts
from asicrc.errors import NoAnswer

ALARM = 0.01
"""Design level under the promise of 5 %."""
FLOOR_S = 20e-6


@dataclass(frozen=True)
class Null:
    """Time differences of pairs, seconds, with nothing but the host in them."""

    n: int = 1000
    jobs: int = 10
    cores: int = 8
    heavy: bool = False
    unequal: bool = False

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Values, cores, jobs. Two stamps of 20 us rms each; `heavy`: t with 2 degrees of freedom, one in 20
        late by milliseconds, and bursts in which neighbours are late together."""
        job = np.sort(rng.integers(0, self.jobs, self.n))
        share = rng.dirichlet(np.ones(self.cores)) if self.unequal else None
        core = rng.choice(self.cores, self.n, p=share)
        noise = rng.normal(0, FLOOR_S * 2**0.5, self.n)
        if self.heavy:
            noise = rng.standard_t(2, self.n) * FLOOR_S
            noise += (rng.random(self.n) < 0.05) * rng.exponential(2e-3, self.n)
            for first in rng.integers(0, self.n, 5):
                noise[first : first + rng.integers(2, 20)] += rng.exponential(3e-3)
        return noise + rng.normal(0, 2e-3, self.jobs)[job], core, job


NULLS = {
    "normal": Null(),
    "heavy tails and bursts": Null(heavy=True),
    "unequal cores": Null(cores=16, heavy=True, unequal=True),
    "112 cores": Null(cores=112, heavy=True),
    "2.5 pairs a job": Null(jobs=400, heavy=True, unequal=True),
    "few pairs": Null(n=60, cores=4, heavy=True),
}


@cache
def many(name: str, shift_s: float, sets: int) -> list[LabelShifts]:
    """Results of so many data sets; in each of them core 1 is shifted."""
    return [_one(NULLS[name], k, shift_s) for k in range(sets)]


def _one(null: Null, k: int, shift_s: float) -> LabelShifts:
    rng = np.random.default_rng([17, k])
    values, core, job = null.draw(rng)
    return label_shifts(values + shift_s * (core == 1), core, job, rng, permutations=199)


def alarms(results: list[LabelShifts], level: float) -> int:
    return sum(min(shift.p_corrected for shift in result.shifts) <= level for result in results)


def covering(results: list[LabelShifts], shift_s: float) -> int:
    """In how many data sets the intervals of all cores hold what is true."""
    return sum(
        all(s.low <= (shift_s if s.label == 1 else 0.0) <= s.high for s in result.shifts)
        for result in results
    )


@pytest.mark.parametrize("name", NULLS)
def test_false_alarms_are_nominal_and_intervals_cover(name: str) -> None:
    """At 5 %, where 60 data sets can tell; the verdict uses 1 %."""
    results = many(name, 0.0, 60)
    assert alarms(results, 0.05) <= stats.binom.ppf(0.999, 60, 0.05)
    assert covering(results, 0.0) >= stats.binom.ppf(0.001, 60, 0.95)


@pytest.mark.parametrize("name", NULLS)
def test_the_intervals_of_all_cores_hold_at_once_with_a_shift(name: str) -> None:
    assert covering(many(name, 50e-6, 40), 50e-6) >= stats.binom.ppf(0.001, 40, 0.95)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NULLS)
def test_false_alarms_stay_below_5_percent(name: str) -> None:
    results = many(name, 0.0, 1000)
    found, nominal, covered = alarms(results, ALARM), alarms(results, 0.05), covering(results, 0.0)
    upper = float(stats.beta.ppf(0.95, found + 1, 1000 - found))
    print(f"\n{name}: {found} alarms of 1000 (upper bound {upper:.3f}), {nominal} at 5 %, {covered} cover")
    assert upper <= 0.05
    assert nominal <= stats.binom.ppf(0.999, 1000, 0.05)
    assert covered >= stats.binom.ppf(0.001, 1000, 0.95)


@pytest.mark.parametrize("name", ["normal", "heavy tails and bursts"])
def test_a_shift_of_50_us_in_1000_pairs_is_found(name: str) -> None:
    """At a floor of 20 us rms: found, on the right core, and above the floor of two stamps."""
    results = many(name, 50e-6, 40)
    by_core = [{s.label: s for s in result.shifts}[1] for result in results]
    hits = sum(s.p_corrected <= ALARM and s.low > FLOOR_S * 2**0.5 for s in by_core)
    assert stats.beta.ppf(0.05, hits, 40 - hits + 1) >= 0.9


def test_only_the_core_that_moved_is_named() -> None:
    results = many("normal", 500e-6, 40)
    others = sum(any(s.p_corrected <= ALARM for s in r.shifts if s.label != 1) for r in results)
    assert others <= stats.binom.ppf(0.999, 40, 0.05)


def test_a_job_of_two_pairs_does_not_hide_half_of_a_shift() -> None:
    rng = np.random.default_rng(5)
    job = np.repeat(np.arange(1000), 2)
    core = rng.integers(0, 4, 2000)
    values = rng.normal(0, 1.0, 2000) + 5.0 * (core == 1) + rng.normal(0, 50, 1000)[job]
    shifts = {s.label: s.shift for s in label_shifts(values, core, job, rng, permutations=199).shifts}
    assert shifts[1] == pytest.approx(5.0, abs=0.4)
    assert shifts[0] == pytest.approx(0.0, abs=0.4)


def test_of_two_cores_nobody_can_say_which_one_moved() -> None:
    rng = np.random.default_rng(6)
    core = rng.integers(0, 2, 500)
    found = label_shifts(rng.normal(0, 1, 500) + 4.0 * core, core, np.zeros(500, np.int64), rng).shifts
    assert [s.shift for s in found] == pytest.approx([-2, 2], abs=0.2)
    assert all(s.p_corrected <= ALARM for s in found)


def test_the_smallest_shift_is_found_with_the_power_that_is_said() -> None:
    smallest_s = float(np.median([result.smallest for result in many("normal", 0.0, 60)]))
    by_core = [{s.label: s for s in result.shifts}[1] for result in many("normal", smallest_s, 60)]
    hits = sum(s.low > 0 for s in by_core)
    assert stats.binom.ppf(0.001, 60, 0.8) <= hits <= stats.binom.ppf(0.999, 60, 0.9)


def test_labels_with_few_values_are_left_out() -> None:
    rng = np.random.default_rng(7)
    core = np.concatenate([rng.integers(0, 3, 200), [3, 3, 4]])
    result = label_shifts(rng.normal(0, 1, 203), core, np.zeros(203, np.int64), rng, permutations=199)
    assert [s.label for s in result.shifts] == [0, 1, 2]
    assert result.left_out == 2


@pytest.mark.parametrize(
    ("values", "core", "job", "said"),
    [
        (np.arange(19.0), np.arange(19) % 2, np.zeros(19, np.int64), "19 pairs"),
        (np.arange(40.0), np.arange(40) % 2, np.arange(40), "0 pairs in jobs of two"),
        (np.arange(40.0), np.zeros(40, np.int64), np.zeros(40, np.int64), "1 cores or chips"),
        (np.repeat([0.0, 1.0], [30, 10]), np.arange(40) % 2, np.zeros(40, np.int64), "do not vary"),
    ],
)
def test_what_cannot_be_answered(values: np.ndarray, core: np.ndarray, job: np.ndarray, said: str) -> None:
    with pytest.raises(NoAnswer, match=said):
        label_shifts(values, core, job, np.random.default_rng(1))


def test_columns_have_one_length() -> None:
    with pytest.raises(ValueError, match="3 values, 2 labels"):
        label_shifts(np.zeros(3), np.zeros(2, np.int64), np.zeros(3, np.int64), np.random.default_rng(1))
