"""Procedures whose answers are known beforehand."""

from __future__ import annotations

from collections.abc import Callable

from asicrc.claims.outcome import ClaimOutcome, InstrumentCheck, Reproduced
from asicrc.claims.procedure import Context, Cost, Procedure
from asicrc.evidence import EvidenceVerdict, Instrument

SUPPORTED, UNTESTABLE = EvidenceVerdict.SUPPORTED, EvidenceVerdict.NOT_TESTABLE_HERE


def fake(
    claim: str,
    source: str = "computation",
    answer: Callable[[Context], ClaimOutcome] | None = None,
    cost: Cost | None = None,
) -> Procedure:
    of_cost = cost or Cost(seconds=1.0)
    default = on_twin if source == "twin" else supported
    return Procedure(
        claim, frozenset({source}), answer or (lambda _: default(claim)), lambda _source, _context: of_cost
    )


def supported(claim: str, source: str = "computation", note: str = "It is so.") -> ClaimOutcome:
    return ClaimOutcome(claim, source, SUPPORTED, SUPPORTED, note)


def untestable(claim: str, source: str, needs: str) -> ClaimOutcome:
    return ClaimOutcome(claim, source, UNTESTABLE, UNTESTABLE, "Nothing is there.", needs=needs)


def on_twin(claim: str) -> ClaimOutcome:
    checked = InstrumentCheck(Instrument.VALIDATED)
    return ClaimOutcome(
        claim, "twin", UNTESTABLE, UNTESTABLE, "Found.", instrument=checked, planted=("a beat",)
    )


def drawn(claim: str) -> Callable[[Context], ClaimOutcome]:
    """An answer that keeps the first number of its seed."""

    def answer(context: Context) -> ClaimOutcome:
        number = float(context.seed.spawn(1)[0].generate_state(1)[0])
        return ClaimOutcome(
            claim, "computation", SUPPORTED, SUPPORTED, "Drawn.", [Reproduced("number", None, number)]
        )

    return answer
