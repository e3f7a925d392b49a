from __future__ import annotations

import math

import pytest

from asicrc.evidence import (
    ClaimMargins,
    Estimate,
    EvidenceVerdict,
    Finding,
    Instrument,
    Source,
    judge_claim,
    not_testable,
    two_verdicts,
)
from asicrc.evidence.two_verdicts import source_of

MARGINS = ClaimMargins(claimed=0.05, tolerated=0.01)


def _at(value: float, half: float) -> Estimate:
    return Estimate(value, value - half, value + half, 4000, method="m")


@pytest.mark.parametrize(
    ("effect", "p", "verdict"),
    [
        (_at(0.08, 0.03), 1e-6, "supported"),
        (_at(0.08, 0.03), 0.02, "not resolved"),  # the level is 1 %
        (_at(0.00, 0.03), 0.5, "refuted"),
        (_at(0.00, 0.06), 0.5, "not resolved"),  # "not significant" is no evidence of absence
        (_at(0.02, 0.01), 1e-9, "refuted"),  # there, and smaller than was claimed
        (_at(0.005, 0.06), 1e-9, "not resolved"),  # what confounds make supports nothing
        (_at(-0.09, 0.03), 1e-6, "supported"),
    ],
)
def test_margins_decide(effect: Estimate, p: float, verdict: str) -> None:
    assert judge_claim(effect, p, MARGINS) == verdict


def test_a_line_is_one_at_any_depth() -> None:
    assert judge_claim(_at(0.02, 0.01), 1e-9, MARGINS, any_size=True) is EvidenceVerdict.SUPPORTED
    with pytest.raises(ValueError, match="tolerated < claimed"):
        ClaimMargins(0.01, 0.02)


def _finding(verdict: EvidenceVerdict) -> Finding:
    return Finding("q", _at(0.1, 0.01), verdict=verdict, note="n")


def test_a_twin_tells_of_the_instrument_alone() -> None:
    truth = {
        (EvidenceVerdict.SUPPORTED, True): Instrument.VALIDATED,
        (EvidenceVerdict.REFUTED, True): Instrument.FAILED,
        (EvidenceVerdict.NOT_RESOLVED, True): Instrument.NOT_RESOLVED,
        (EvidenceVerdict.SUPPORTED, False): Instrument.FAILED,
        (EvidenceVerdict.REFUTED, False): Instrument.VALIDATED,
    }
    for (verdict, planted), instrument in truth.items():
        found = two_verdicts(_finding(verdict), Source.TWIN, planted=planted, needs="a night on an LV06")
        assert found.interpretation is found.value is EvidenceVerdict.NOT_TESTABLE_HERE
        assert found.instrument is instrument
        assert "a night on an LV06" in found.reason
    assert two_verdicts(_finding(EvidenceVerdict.SUPPORTED), Source.TWIN).instrument is None


def test_an_effect_that_something_ordinary_makes_means_nothing() -> None:
    found = two_verdicts(_finding(EvidenceVerdict.SUPPORTED), Source.DEVICE, explained="the dispatch")
    assert found.interpretation is EvidenceVerdict.NOT_RESOLVED
    assert "the dispatch" in found.reason
    for planted, instrument in ((False, Instrument.VALIDATED), (True, Instrument.NOT_RESOLVED)):
        twin = two_verdicts(
            _finding(EvidenceVerdict.SUPPORTED), Source.TWIN, planted=planted, explained="the dispatch"
        )
        assert twin.instrument is instrument
        assert "there, and explained by the dispatch" in twin.reason
    plain = two_verdicts(_finding(EvidenceVerdict.REFUTED), Source.PUBLISHED, explained="the dispatch")
    assert plain.interpretation is EvidenceVerdict.REFUTED
    assert plain.as_json()["instrument"] is None


def test_what_cannot_be_asked_has_no_number() -> None:
    said = not_testable("q", 3, "too few").as_json()
    assert said["verdict"] == "not testable here"
    assert said["effect"] == {"estimate": None, "low": None, "high": None, "n": 3}
    assert said["p_corrected"] is None
    assert math.isnan(not_testable("q", 3, "too few").effect.estimate)


def test_where_data_are_from() -> None:
    assert source_of({"source": {}}) is Source.PUBLISHED
    assert source_of({"identity": {"simulated": True}}) is Source.TWIN
    assert source_of({"identity": {"simulated": False}}) is Source.DEVICE
    assert source_of({}) is Source.DEVICE
