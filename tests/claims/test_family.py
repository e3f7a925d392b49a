"""Many effects asked of one device: what chance finds among them is not called found."""

from __future__ import annotations

import pytest
from fake_procedures import fake, supported

from asicrc.claims.outcome import ClaimOutcome
from asicrc.claims.planning import Sources
from asicrc.claims.result import ClaimsRun
from asicrc.claims.run import run_claims
from asicrc.evidence import EvidenceVerdict

DEVICE = Sources(device_url="axeos://10.0.0.2")
EFFECTS = ["H01", "H02", "H03", "H08", "H16", "S04"]


def of_device(claim: str, p: float, source: str = "device") -> ClaimOutcome:
    found = supported(claim, source)
    return ClaimOutcome(
        claim, source, found.value_verdict, found.interpretation_verdict, "Found.", p_corrected=p
    )


def asked(p_values: dict[str, float], source: str = "device") -> ClaimsRun:
    known = [
        fake(claim, "device", answer=lambda _, claim=claim, p=p: of_device(claim, p, source))
        for claim, p in p_values.items()
    ]
    return run_claims(list(p_values), DEVICE, procedures=known, budget_s=100.0)


def test_a_weak_effect_among_many_is_not_resolved_and_a_strong_one_is_found() -> None:
    found = asked(dict.fromkeys(EFFECTS, 0.009) | {"H01": 1e-6})
    first, *others = [one.outcome for one in found.results]
    assert first.interpretation_verdict is EvidenceVerdict.SUPPORTED
    assert first.p_corrected == pytest.approx(6e-6)
    assert [one.p_corrected for one in others] == pytest.approx([0.045] * 5)
    assert all(one.interpretation_verdict is EvidenceVerdict.SUPPORTED for one in others)
    found = asked(dict.fromkeys(EFFECTS, 0.011) | {"H01": 1e-6})
    for outcome in (one.outcome for one in found.results[1:]):
        assert outcome.interpretation_verdict is EvidenceVerdict.NOT_RESOLVED
        assert "asked for 6 effects" in outcome.note
        assert "for this claim alone" in outcome.needs


def test_one_claim_alone_and_ordinary_physics_are_not_corrected() -> None:
    for p_values in ({"H01": 0.04}, {"H07": 0.04, "H13": 0.04, "H18": 0.04}):
        for one in asked(p_values).results:
            assert one.outcome.interpretation_verdict is EvidenceVerdict.SUPPORTED
            assert one.outcome.p_corrected == 0.04
