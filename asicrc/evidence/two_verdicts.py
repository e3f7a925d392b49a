"""Two questions, two answers: does the procedure give the number, and does the number mean what is said.

A twin has a known truth, so it can tell of the instrument and never of silicon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from asicrc.evidence.finding import Finding
from asicrc.evidence.verdict import EvidenceVerdict

SUPPORTED, REFUTED = EvidenceVerdict.SUPPORTED, EvidenceVerdict.REFUTED


class Source(StrEnum):
    """What the data are of."""

    DEVICE = "device"
    PUBLISHED = "published data"
    COMPUTATION = "computation"
    TWIN = "twin"


class Instrument(StrEnum):
    """What a known truth says of the instrument."""

    VALIDATED = "validated"
    FAILED = "failed"
    NOT_RESOLVED = "not resolved"


@dataclass(frozen=True, slots=True)
class TwoVerdicts:
    """`value`: does the published procedure give the published number? `interpretation`: does the number
    mean what is claimed? `instrument` is None unless the data are a twin's. `reason` is of the second."""

    value: EvidenceVerdict
    interpretation: EvidenceVerdict
    reason: str
    instrument: Instrument | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "value_verdict": self.value.value,
            "interpretation_verdict": self.interpretation.value,
            "instrument": None if self.instrument is None else self.instrument.value,
            "reason": self.reason,
        }


def two_verdicts(
    finding: Finding,
    source: Source,
    *,
    value: EvidenceVerdict = EvidenceVerdict.NOT_TESTABLE_HERE,
    explained: str = "",
    planted: bool | None = None,
    needs: str = "a device",
) -> TwoVerdicts:
    """The verdicts on a claim whose effect was looked for in `finding`.

    `explained` names what ordinary thing makes the effect, where one does: then the effect may be there and
    still mean nothing. `planted` says of a twin whether the effect was put in. `needs` says what a verdict on
    silicon would take.
    """
    is_explained = finding.verdict is SUPPORTED and bool(explained)
    if source is Source.TWIN:
        # what is explained would be no claim about a device either
        told = EvidenceVerdict.NOT_RESOLVED if is_explained else finding.verdict
        instrument, said = instrument_verdict(told, planted)
        if is_explained and instrument is not None:
            said = f"{'planted' if planted else 'not planted'}, there, and explained by {explained}"
        reason = f"a twin tells of the instrument, not of silicon ({said}); it takes {needs}"
        return TwoVerdicts(
            EvidenceVerdict.NOT_TESTABLE_HERE, EvidenceVerdict.NOT_TESTABLE_HERE, reason, instrument
        )
    if is_explained:
        return TwoVerdicts(value, EvidenceVerdict.NOT_RESOLVED, f"there, and explained by {explained}")
    return TwoVerdicts(value, finding.verdict, finding.note)


def instrument_verdict(found: EvidenceVerdict, planted: bool | None) -> tuple[Instrument | None, str]:
    """Hold a verdict against the truth; None where it is not known whether the effect was put in."""
    if planted is None or found is EvidenceVerdict.NOT_TESTABLE_HERE:
        return None, "what is planted is not stated" if planted is None else "it could not be looked for"
    if planted:
        if found is SUPPORTED:
            return Instrument.VALIDATED, "planted and found"
        if found is REFUTED:
            return Instrument.FAILED, "planted and refuted"
        return Instrument.NOT_RESOLVED, "planted and not resolved"
    if found is SUPPORTED:
        return Instrument.FAILED, "not planted, and found"
    return Instrument.VALIDATED, "not planted, and not found"


def source_of(meta: Mapping[str, Any]) -> Source:
    """What a capture's own description says that its data are of."""
    identity = meta.get("identity")
    stated = identity if isinstance(identity, dict) else {}
    if "source" in meta:
        return Source.PUBLISHED
    return Source.TWIN if stated.get("simulated") else Source.DEVICE
