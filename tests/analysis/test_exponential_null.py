from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from asicrc.analysis.exponential import exponential_finding, exponential_test, quantised
from asicrc.analysis.interval_models import fit_interval_models
from asicrc.errors import NoAnswer
from asicrc.evidence import EvidenceVerdict

Rows = Callable[[str], list[dict[str, str]]]


def _alarms(draw: Callable[[np.random.Generator], np.ndarray], quantum_s: float | None) -> int:
    return sum(
        exponential_test(draw(np.random.default_rng([7, k])), k, quantum_s=quantum_s, replicates=199).p_value
        <= 0.05
        for k in range(200)
    )


def test_false_alarms_are_nominal_with_an_estimated_rate() -> None:
    least, most = stats.binom.ppf([0.001, 0.999], 200, 0.05)
    assert least <= _alarms(lambda rng: rng.exponential(0.3, 150), None) <= most


def test_rounded_stamps_raise_no_alarm_when_their_step_is_known() -> None:
    def rounded(rng: np.random.Generator) -> np.ndarray:
        return quantised(rng.exponential(0.05, (1, 400)), 0.01, rng)[0]

    least, most = stats.binom.ppf([0.001, 0.999], 200, 0.05)
    assert least <= _alarms(rounded, 0.01) <= most
    assert _alarms(rounded, None) > 2 * most


def test_a_finding_supports_refutes_or_leaves_open() -> None:
    rng = np.random.default_rng(5)
    assert exponential_finding(0.2 + rng.exponential(0.8, 500)).verdict is EvidenceVerdict.SUPPORTED
    assert exponential_finding(rng.exponential(1.0, 100)).verdict is EvidenceVerdict.NOT_RESOLVED
    plain = exponential_finding(rng.exponential(1.0, 20_000), replicates=99)
    assert plain.verdict is EvidenceVerdict.REFUTED
    assert plain.smallest_effect == pytest.approx(2.8016 / np.sqrt(20_000))


def test_too_few_intervals_are_no_answer() -> None:
    with pytest.raises(NoAnswer, match="19 intervals"):
        exponential_test(np.ones(19))
    with pytest.raises(NoAnswer, match="missing or negative"):
        exponential_test(np.append(np.ones(30), -1.0))
    with pytest.raises(NoAnswer, match="too coarse"):
        fit_interval_models(np.random.default_rng(1).exponential(1.0, 100), quantum_s=0.5)


@pytest.mark.long
def test_dead_time_is_found_without_bias_and_covered() -> None:
    repeats, hits, dead = 100, 0, []
    for k in range(repeats):
        x = 0.2 + np.random.default_rng([8, k]).exponential(0.8, 100)
        found = fit_interval_models(x, replicates=1)
        dead.append(found.models[1].dead_s)
        hits += found.dead_time_s.low <= 0.2 <= found.dead_time_s.high
    assert np.mean(dead) == pytest.approx(0.2, abs=4 * np.std(dead) / np.sqrt(repeats))
    assert hits >= stats.binom.ppf(0.001, repeats, 0.95)


@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("exponential", lambda rng: rng.exponential(1.0, 400)),
        ("dead time + exponential", lambda rng: 0.2 + rng.exponential(0.8, 400)),
        ("spread dead time + exponential", lambda rng: rng.normal(0.5, 0.1, 400) + rng.exponential(0.5, 400)),
    ],
)
def test_the_right_model_wins_and_fits(name: str, draw: Callable[[np.random.Generator], np.ndarray]) -> None:
    found = fit_interval_models(draw(np.random.default_rng(21)), replicates=39)
    assert found.best.name == name
    assert found.goodness_of_fit.p_value > 0.05
    if name == "spread dead time + exponential":
        assert found.dead_time_s.low <= 0.5 <= found.dead_time_s.high
        assert found.best.spread_s == pytest.approx(0.1, rel=0.4)


def test_a_wrong_family_is_rejected() -> None:
    rng = np.random.default_rng(22)
    two_rates = np.where(rng.random(800) < 0.5, rng.exponential(0.1, 800), rng.exponential(2.0, 800))
    assert fit_interval_models(two_rates, replicates=39).goodness_of_fit.p_value <= 0.05


def test_published_controls_and_shares(published_rows: Rows) -> None:
    shares = [float(row["jitter_ms"]) / 1e3 for row in published_rows("s9_shares.csv")]
    finding = exponential_finding(shares)
    assert finding.nulls[0].statistic == pytest.approx(0.112, abs=5e-4)
    assert finding.verdict is EvidenceVerdict.SUPPORTED
    steady = np.diff([int(row["t_ns"]) for row in published_rows("cpu_pow_steady_seed00_events.csv")]) / 1e9
    assert exponential_finding(steady).nulls[0].p_value > 0.05


@pytest.mark.parametrize(
    "name", ["cpu_pow_steady_seed00_events.csv", "cpu_pow_heartbeat_2p4_seed00_events.csv"]
)
def test_short_controls_resolve_nothing(published_rows: Rows, name: str) -> None:
    t_ns = np.array([int(row["t_ns"]) for row in published_rows(name)])
    finding = exponential_finding(np.diff(t_ns) / 1e9)
    assert finding.verdict is EvidenceVerdict.NOT_RESOLVED
    assert finding.smallest_effect is not None
    assert finding.smallest_effect > 0.3
