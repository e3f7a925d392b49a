"""Effects that were asked of one device, corrected for their number: by chance one of twenty is found.

Each claim keeps its level by itself, whatever was tried within it. A night that asks for many keeps it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from asicrc.claims.claim import Kind
from asicrc.claims.planning import Sources, needs_of
from asicrc.claims.result import ClaimResult
from asicrc.evidence import PROMISED_LEVEL, EvidenceVerdict
from asicrc.evidence.multiplicity import holm


def corrected_for_number(results: Sequence[ClaimResult], sources: Sources) -> list[ClaimResult]:
    """The results in their order; an effect (kind E) stays found where its p-value by Holm 1979, over all of
    them that the device was asked for, is 5 % or less.

    What is decided without a p-value is not counted, and a refutation, which is an interval inside a margin,
    is not touched: asking more does not make it easier.
    """
    family = {
        place: one.outcome.p_corrected
        for place, one in enumerate(results)
        if Kind.EFFECT in one.claim.kinds
        and one.outcome.source == "device"
        and one.outcome.p_corrected is not None
    }
    stepped = dict(zip(family, holm([*family.values()]), strict=True)) if len(family) > 1 else {}
    return [
        _corrected(one, stepped[place], len(family), sources) if place in stepped else one
        for place, one in enumerate(results)
    ]


def _corrected(one: ClaimResult, p: float, asked: int, sources: Sources) -> ClaimResult:
    outcome = replace(one.outcome, p_corrected=p)
    if outcome.interpretation_verdict is EvidenceVerdict.SUPPORTED and p > PROMISED_LEVEL:
        outcome = replace(
            outcome,
            interpretation_verdict=EvidenceVerdict.NOT_RESOLVED,
            note=f"{outcome.note} The device was asked for {asked} effects; among so many p = {p:.2g}.",
            needs=f"new data, asked for this claim alone: {needs_of(one.claim, sources)}",
        )
    return replace(one, outcome=outcome)
