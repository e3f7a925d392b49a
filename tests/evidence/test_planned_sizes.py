from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import FTestPower, NormalIndPower

from asicrc.cli.main import _run
from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence.planned_sizes import QUANTITIES, auc_se, plan_size


@pytest.mark.parametrize("shift", [-0.05, 0.05])
def test_a_planned_number_of_intervals_has_the_power_it_says(shift: float) -> None:
    plan = plan_size("cv", shift, power=0.9)
    rng = np.random.default_rng(1)
    cv = 1 + shift
    rows = rng.gamma(1 / cv**2, cv**2, (400, plan.n))
    z = (rows.std(axis=1, ddof=1) / rows.mean(axis=1) - 1) * math.sqrt(plan.n)
    found = float(np.mean(np.abs(z) > 1.96))
    assert found == pytest.approx(plan.power, abs=4 * math.sqrt(0.09 / 400))
    assert plan_size("cv", shift, n=plan.n - 1).power < 0.9 <= plan.power


def test_a_planned_number_of_events_shows_the_heartbeat() -> None:
    plan = plan_size("heartbeat", 0.25, power=0.8, alpha=0.01)
    rng = np.random.default_rng(2)
    power = []
    for _ in range(400):
        t = rng.random(4 * plan.n) * 100.0
        kept = t[rng.random(len(t)) * 1.25 < 1 + 0.25 * np.sin(2 * np.pi * 2.4 * t)][: plan.n]
        power.append(abs(np.exp(2j * np.pi * 2.4 * kept).sum()) ** 2 / plan.n)
    assert np.mean(np.array(power) > -math.log(0.01)) == pytest.approx(plan.power, abs=0.08)


def test_a_planned_number_of_pairs_tells_two_classes_apart() -> None:
    plan = plan_size("auc", 0.6, power=0.8)
    rng = np.random.default_rng(3)
    shift = math.sqrt(2) * stats.norm.ppf(0.6)
    p = [
        stats.mannwhitneyu(rng.normal(0, 1, plan.n), rng.normal(shift, 1, plan.n)).pvalue for _ in range(400)
    ]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(plan.power, abs=0.08)
    assert auc_se(0.5, 100) == pytest.approx(math.sqrt((2 * 100 + 1) / (12 * 100**2)), rel=0.02)


def test_powers_are_those_of_statsmodels() -> None:
    ours = plan_size("residual", 3.0, n=100, floor_us=20.0).power
    assert ours == pytest.approx(NormalIndPower(ddof=0).power(3 / 20, 100, 0.05, ratio=0), rel=1e-6)
    capacity, features, n = 0.02, 20, 2000
    f = math.sqrt(capacity / (1 - capacity))
    theirs = FTestPower().power(f, n - 1 - features, features, 0.05, ncc=features + 1 - features)
    assert plan_size("memory", capacity, n=n, features=features).power == pytest.approx(theirs, abs=0.01)


def test_the_sizes_that_decide_the_claims() -> None:
    assert plan_size("cv-equivalence", 0.05).n == pytest.approx(5198, abs=2)
    assert plan_size("auc", 0.52, n=10_000, alpha=0.01).power > 0.98
    assert plan_size("heartbeat", 0.25, n=2588, alpha=0.01 / 7).power > 0.999
    assert plan_size("residual", 50.0, floor_us=20.0).n <= 3
    assert plan_size("residual", 1.0, floor_us=20.0).n > 1000  # not resolved by 1,000 events
    assert plan_size("eer", 0.01, bound=0.1).n >= 36  # of fewer not even 0 errors exclude 10 %
    assert 250 <= plan_size("counts", 1.25, power=0.5, alpha=0.0027).n <= 350  # three sigma at +25 %


def test_correction_and_inverse() -> None:
    assert plan_size("cv", 0.05, tried=7).n > plan_size("cv", 0.05).n
    question = QUANTITIES["heartbeat"]
    depth = question.smallest_effect(2588, 0.8)
    assert question.power_of(depth, 2588, 0.05) == pytest.approx(0.8, abs=1e-6)
    assert math.isnan(question.smallest_effect(3, 0.99))


def test_what_cannot_be_planned_says_so() -> None:
    with pytest.raises(UsageError, match="nothing is planned for 'luck'"):
        plan_size("luck", 1.0)
    with pytest.raises(UsageError, match="is no effect"):
        plan_size("cv", 0.0)
    with pytest.raises(UsageError, match="spread of the stamps"):
        plan_size("residual", 5.0)
    with pytest.raises(UsageError, match="do not go together"):
        plan_size("cv", 0.1, power=0.01)
    with pytest.raises(NoAnswer, match="more than"):
        plan_size("cv", 1e-9)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["plan-size", "cv", "--shift", "0.05", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["n"] == pytest.approx(4462, abs=5)
    assert said["power"] >= 0.9
    assert _run(["plan-size", "heartbeat", "--depth", "0.25", "--n", "2588"]) == 0
    assert "power  1" in capsys.readouterr().out
    assert _run(["plan-size", "cv", "--json"]) == 2
    assert "--shift" in json.loads(capsys.readouterr().out)["error"]["hint"]
