"""S20: does timing tell of the hash?"""

from __future__ import annotations

from asicrc.analysis.dependence.capture_leakage import leakage_in
from asicrc.capture.reader import Capture
from asicrc.claims.measured import not_here, outcome_of
from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.procedure import Procedure
from asicrc.claims.procedures.asked_of import AskedOf
from asicrc.claims.twins.asking import TwinQuestion, effect_in
from asicrc.claims.twins.leaks import EVENTS, PER_CLASS, PLANTED_AUC, find_leak, leak_finding, take_proofs
from asicrc.errors import NoAnswer

UNIT = "AUC"
NEEDS = f"a miner and {PER_CLASS:,} events of each class: {EVENTS:,} shares, or fewer on a direct line"


def of_capture(capture: Capture) -> ClaimOutcome:
    """On a direct line the residual against the scan order, else intervals and latencies."""
    identity = capture.identity
    details = {} if identity is None else identity.details
    try:
        found = leakage_in(capture, capture.path.name)
    except NoAnswer as error:
        return not_here("S20", capture.meta, error.message, NEEDS)
    planted = float(details.get("effect_leak_auc") or 0.5) != 0.5
    return outcome_of(
        "S20",
        leak_finding(found),
        capture.meta,
        planted=planted if identity is not None and identity.simulated else None,
        needs=NEEDS,
        effect_unit=UNIT,
        reproduced=[
            Reproduced(f"I(depth; {leak.timing})", "above 0", leak.information.mi, "nats")
            for leak in found.leaks
        ],
    )


_QUESTION = TwinQuestion(
    claim="S20",
    take=take_proofs,
    find=find_leak,
    there=effect_in(),
    planted=f"a leak of AUC {PLANTED_AUC:g} with {PER_CLASS:,} events in the smaller class",
    runs=10,
    seconds=3.5,
    effect_unit=UNIT,
    needs=NEEDS,
)
PROCEDURES: tuple[Procedure, ...] = (AskedOf(_QUESTION, of_capture).procedure(),)
