from __future__ import annotations

import json
import math

import pytest

from asicrc.evidence import Estimate, EvidenceVerdict, Finding, TestResult, judge


def _effect(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, low, high, 50, method="given")


@pytest.mark.parametrize(
    ("low", "high", "p", "margin", "verdict"),
    [
        (0.2, 0.4, 0.001, None, EvidenceVerdict.SUPPORTED),
        (0.2, 0.4, 0.001, 0.1, EvidenceVerdict.SUPPORTED),
        (0.01, 0.04, 0.001, 0.1, EvidenceVerdict.REFUTED),  # there, but too small to matter
        (-0.04, 0.04, 0.9, 0.1, EvidenceVerdict.REFUTED),
        (-0.04, 0.04, 0.9, None, EvidenceVerdict.NOT_RESOLVED),  # absence needs a margin
        (-0.3, 0.3, 0.9, 0.1, EvidenceVerdict.NOT_RESOLVED),
    ],
)
def test_judging_never_rests_on_not_significant(
    low: float, high: float, p: float, margin: float | None, verdict: EvidenceVerdict
) -> None:
    assert judge(_effect(low, high), p, margin=margin) is verdict


def test_a_margin_lies_around_the_null_value() -> None:
    assert judge(_effect(0.98, 1.03), 0.5, null_value=1.0, margin=0.05) is EvidenceVerdict.REFUTED
    assert judge(_effect(0.94, 1.03), 0.5, null_value=1.0, margin=0.05) is EvidenceVerdict.NOT_RESOLVED


def test_json_knows_no_nan_and_no_infinity() -> None:
    estimate = Estimate(math.nan, -math.inf, 2.0, 3, method="given")
    assert estimate.as_json() == {"estimate": None, "low": None, "high": 2.0, "n": 3}
    result = TestResult("t", math.inf, 0.5, 3, "none")
    finding = Finding("?", estimate, [result], math.nan, EvidenceVerdict.NOT_TESTABLE_HERE)
    written = json.loads(json.dumps(finding.as_json(), allow_nan=False))
    assert written["verdict"] == "not testable here"
    assert written["smallest_effect"] is None
    assert written["nulls"][0]["statistic"] is None


def test_scaling_keeps_the_interval_in_order() -> None:
    scaled = _effect(1.0, 3.0).scaled(-2.0)
    assert (scaled.estimate, scaled.low, scaled.high) == (-4.0, -6.0, -2.0)
