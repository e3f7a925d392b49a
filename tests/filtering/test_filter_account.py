"""What a filter saves and loses, against closed forms; AUC, leaks and formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from asicrc.errors import NoAnswer
from asicrc.evidence.discrimination import detectable_auc, discriminate
from asicrc.filtering import account, formulas
from asicrc.filtering.label_leak import confounded_with_time, label_leak
from asicrc.filtering.policies import baselines


def test_aborting_everything_saves_what_the_papers_say_and_keeps_nothing() -> None:
    hit = np.arange(1000) < 10
    done = account(np.zeros(1000, bool), hit, rounds_before=5, rounds=64)
    assert done.saving.estimate == 59 / 64
    assert done.recall is not None
    assert done.gain is not None
    assert (done.recall.estimate, done.gain.estimate) == (0, 0)
    assert done.recall.high == pytest.approx(1 - 0.025 ** (1 / 10))
    assert done.energy_per_hit == float("inf")
    assert done.as_json()["energy_per_hit"] is None


def test_no_filter_gains_nothing() -> None:
    hit = np.arange(1000) < 10
    done = account(np.ones(1000, bool), hit, rounds_before=5, rounds=64)
    assert done.gain is not None
    assert done.gain.estimate == pytest.approx(1.0)
    assert done.saving.estimate == 0


def test_a_perfect_filter_reaches_n_over_k() -> None:
    hit = np.arange(100_000) < 20
    done = account(hit, hit, rounds_before=5, rounds=64)
    assert done.gain is not None
    assert done.gain.estimate == pytest.approx(64 / 5, rel=0.01)
    assert done.gain.high <= 64 / 5 * 1.001
    assert formulas.equivalent_hash_rate(5, 64) == 12.8


def test_balanced_classes_are_weighed_as_hits_are_in_nature() -> None:
    hit = np.arange(2000) < 1000
    continued = np.concatenate(
        [np.ones(900, bool), np.zeros(100, bool), np.ones(200, bool), np.zeros(800, bool)]
    )
    done = account(continued, hit, rounds_before=64, rounds=128, hit_share=2.0**-12)
    expected = 0.9 * 2.0**-12 + 0.2 * (1 - 2.0**-12)
    assert done.continue_rate.estimate == pytest.approx(expected)
    assert done.gain is not None
    assert done.gain.estimate == pytest.approx(0.9 / (0.5 + 0.5 * expected))
    assert done.gain.low < done.gain.estimate < done.gain.high


def test_a_filter_by_chance_gains_at_most_one() -> None:
    rng = np.random.default_rng(3)
    gains = []
    for number in range(300):
        hit = np.arange(4000) < 200
        done = account(rng.random(4000) < 0.3, hit, rounds_before=number % 65, rounds=64)
        assert done.gain is not None
        gains.append(done.gain.low > 1)
    assert sum(gains) <= 15, "a lower bound above 1 by chance in over 5 %"


def test_baselines_stand_beside_every_filter() -> None:
    hit = np.arange(1000) < 100
    seed = np.random.SeedSequence(1)
    found = baselines(hit, continue_rate=0.25, seed=seed, rounds_before=5, rounds=64)
    assert found["abort_all"].saving.estimate == found["majority"].saving.estimate == 59 / 64
    assert found["continue_all"].saving.estimate == 0
    assert found["random_abort"].continue_rate.estimate == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize(
    ("continued", "hit", "k"),
    [([True], [True, False], 5), ([], [], 5), ([True], [True], 65), ([True], [True], -1)],
)
def test_accounts_that_make_no_sense(continued: list[bool], hit: list[bool], k: int) -> None:
    with pytest.raises(ValueError, match=r"rows of one length|rounds of 64"):
        account(continued, hit, rounds_before=k, rounds=64)


def test_shares_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        account([True, False], [True, False], rounds_before=1, rounds=64, hit_share=2)
    with pytest.raises(ValueError, match="some that hit"):
        account([True, False], [True, True], rounds_before=1, rounds=64, hit_share=0.1)


def test_auc_agrees_with_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(7)
    hit = rng.random(3000) < 0.3
    score = np.round(rng.normal(0.4 * hit, 1), 1)
    found = discriminate(score, hit)
    assert found.auc.estimate == pytest.approx(roc_auc_score(hit, score), abs=1e-12)
    assert found.auc.low < stats.norm.cdf(0.4 / np.sqrt(2)) < found.auc.high
    assert found.p_corrected < 1e-6


def test_intervals_cover_and_alarms_are_nominal() -> None:
    """Under the null 500 times: 95 % intervals miss 0.5 in 5 %, up to 4 standard errors."""
    rng = np.random.default_rng(2)
    missed = alarms = 0
    for _ in range(500):
        hit = rng.random(400) < 0.3
        found = discriminate(rng.normal(size=400), hit)
        missed += not found.auc.low <= 0.5 <= found.auc.high
        alarms += found.p_corrected <= 0.05
    assert missed <= 25 + 4 * 4.9
    assert alarms <= 25 + 4 * 4.9


def test_the_detectable_auc_is_detected() -> None:
    rng = np.random.default_rng(4)
    smallest = detectable_auc(300, 300)
    shift = float(np.sqrt(2) * stats.norm.ppf(smallest))
    hit = np.arange(600) < 300
    found = [discriminate(rng.normal(shift * hit, 1), hit).p_corrected <= 0.05 for _ in range(300)]
    assert 0.70 <= np.mean(found) <= 0.90


def test_many_tried_widen_the_interval() -> None:
    hit = np.arange(200) < 100
    score = np.random.default_rng(5).normal(size=200)
    one, twenty = discriminate(score, hit), discriminate(score, hit, tried=20)
    assert twenty.auc.low < one.auc.low
    assert twenty.p_corrected >= one.p_corrected
    assert twenty.detectable > one.detectable


def test_kinds_apart_leave_something_open() -> None:
    hit = np.arange(40) < 20
    apart = discriminate(hit.astype(float), hit)
    assert apart.auc.estimate == apart.auc.high == 1.0
    assert apart.auc.low == pytest.approx(0.025 ** (1 / 20))
    assert discriminate(-hit.astype(float), hit).auc.low == 0.0
    with pytest.raises(NoAnswer, match="all 40 scores are the same"):
        discriminate(np.zeros(40), hit)  # an AUC of 1/2 without any width would refute every claim


def test_too_few_or_no_numbers() -> None:
    with pytest.raises(NoAnswer, match="4 hits and 36 others"):
        discriminate(np.zeros(40), np.arange(40) < 4)
    with pytest.raises(ValueError, match="not a number"):
        discriminate([np.nan] * 40, np.arange(40) < 20)
    with pytest.raises(ValueError, match="one length"):
        discriminate([1.0], [True, False])


def test_a_label_made_of_a_feature_is_named() -> None:
    rng = np.random.default_rng(6)
    shares = rng.poisson(0.3, 200).astype(float)
    features = np.column_stack([rng.normal(size=200), shares])
    found = label_leak(features, ("jitter", "shares"), shares > 0)
    assert found is not None
    assert "shares is above 0.5, in all 200 rows" in found.rule
    below = label_leak(-features, ("jitter", "shares"), shares > 0)
    assert below is not None
    assert "below" in below.rule
    assert label_leak(features, ("jitter", "shares"), rng.random(200) < 0.3) is None
    assert label_leak(np.arange(6.0)[:, None], ("t",), np.arange(6) > 2) is None, (
        "six rows separate by chance"
    )


def test_a_label_that_is_time_is_named() -> None:
    found = confounded_with_time(np.arange(112) < 12)
    assert found is not None
    assert found.rule.startswith("the first 12 rows are all those of label 1")
    assert confounded_with_time(np.arange(112) % 9 == 0) is None
    assert confounded_with_time(np.zeros(10, bool)) is None


def test_the_papers_arithmetic() -> None:
    assert formulas.saving_of_aborting(5, 64) == 0.921875
    assert formulas.combined_saving_as_printed(0.921875, 0.25) == pytest.approx(0.9414, abs=1e-4)
    assert formulas.combined_saving(0.921875, 0.25) == 0.9375
    assert 1 / (1 - formulas.combined_saving(0.921875, 0.25)) == 16
    assert formulas.gain(0.5, 0.5, 0, 64) == 1
    for wrong in (lambda: formulas.gain(2, 0.5, 5, 64), lambda: formulas.saving_of_aborting(65, 64)):
        with pytest.raises(ValueError, match=r"no gain|decides after"):
            wrong()


def test_the_intervals_of_many_filters_hold_together() -> None:
    """So that of twenty filters without knowledge one does not gain by chance."""
    rng = np.random.default_rng(7)
    hit, goes_on = np.arange(1000) < 500, rng.random(1000) < 0.5
    one = account(goes_on, hit, rounds_before=4, rounds=128, hit_share=2**-6)
    many = account(goes_on, hit, rounds_before=4, rounds=128, hit_share=2**-6, tried=20)
    kept = int(goes_on[:500].sum())
    assert one.recall is not None and many.recall is not None
    assert one.gain is not None and many.gain is not None
    assert many.recall.low == pytest.approx(stats.beta.ppf(0.05 / 20 / 2, kept, 500 - kept + 1))
    assert many.gain.low < one.gain.low < one.gain.estimate == many.gain.estimate
    assert many.gain.high > one.gain.high
    assert many.gain.level == pytest.approx(1 - 0.05 / 20)
