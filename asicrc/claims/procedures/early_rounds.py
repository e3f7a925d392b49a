"""S08 and S28: does an early state of the hash tell what becomes of it?

Any computer decides that. A full answer takes a million hits of twelve zero bits, some minutes: it is given
where the budget is a day or more. Else fewer are taken, and the answer is as wide as they make it.
"""

from __future__ import annotations

from collections.abc import Callable

from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.procedure import Context, Cost, Procedure
from asicrc.claims.procedures.asked_of import AskedOf
from asicrc.claims.procedures.deciding import COMPUTATION, COMPUTED
from asicrc.claims.twins.asking import TwinQuestion, effect_in
from asicrc.claims.twins.rounds import (
    CONTROL,
    EARLY,
    HEADLINE,
    LATER,
    PER_KIND,
    PLANTED_AUC,
    find_early,
    find_later,
    take_early,
    take_later,
)
from asicrc.evidence import EvidenceVerdict, Finding
from asicrc.filtering.round_study import RoundStudy, study_rounds

WANTED, WANTED_ZERO_BITS = 1_000_000, 12
HASHES_A_SECOND, SCORED_A_SECOND = 2e7, 4e4
"""Of one thread: hashes that are looked through, and hits whose registers are learnt from at seven rounds."""
UNIT, RATIO_UNIT = "AUC", "best tenth over worst"
NEEDS = (
    f"{WANTED:,} hits and as many others, {WANTED_ZERO_BITS} zero bits: any computer, some minutes: "
    "asicrc tpf study --per-class 1000000, or --budget 24h"
)
QUICK, ENOUGH_S = 50_000, 86_400.0
"""Of either kind, where the budget is below a day: nobody asked for minutes."""


def _computed(
    question: TwinQuestion, rounds: tuple[int, ...], find: Callable[[RoundStudy], Finding]
) -> Callable[[Context], ClaimOutcome]:
    def answer(context: Context) -> ClaimOutcome:
        per_kind = _affordable(context)
        study = study_rounds(
            (*rounds, CONTROL),
            zero_bits=WANTED_ZERO_BITS,
            per_kind=per_kind,
            seed=int(context.seed.generate_state(1)[0]),
            threads=max(context.jobs, 1),
            say=context.say,
        )
        finding = find(study)
        at_five = next(score for score in study.scores if score.rounds_before == HEADLINE)
        reproduced = (
            []
            if at_five.discrimination is None
            else [Reproduced("AUC after round 5 of the second hash", "above 1/2", at_five.discrimination.auc)]
        )
        return ClaimOutcome(
            question.claim,
            COMPUTED,
            finding.verdict,
            finding.verdict,
            f"{finding.question} {finding.effect.estimate:.4f} [{finding.effect.low:.4f}, "
            f"{finding.effect.high:.4f}]: {finding.note}.",
            reproduced,
            finding.nulls,
            smallest_effect=finding.smallest_effect,
            effect_unit=question.effect_unit,
            needs="" if finding.verdict is not EvidenceVerdict.NOT_RESOLVED else NEEDS,
        )

    return answer


def _affordable(context: Context) -> int:
    return WANTED if context.budget_s >= ENOUGH_S else QUICK


def _cost(asked: AskedOf) -> Callable[[str, Context], Cost]:
    def cost(source: str, context: Context) -> Cost:
        if source != COMPUTATION:
            return asked.cost(source, context)
        n = _affordable(context)
        return Cost(seconds=1.2 * n * ((1 << WANTED_ZERO_BITS) / HASHES_A_SECOND + 1 / SCORED_A_SECOND))

    return cost


def _procedures(
    question: TwinQuestion, rounds: tuple[int, ...], find: Callable[[RoundStudy], Finding]
) -> tuple[Procedure, Procedure]:
    asked = AskedOf(question)
    computed = _computed(question, rounds, find)
    return (
        Procedure(question.claim, frozenset({COMPUTATION}), computed, _cost(asked)),
        asked.procedure(),
    )


_PLANTED = (
    f"a register bit that tells the hits by an AUC of {PLANTED_AUC:g}, in {PER_KIND:,} hashes of either kind"
)
PROCEDURES: tuple[Procedure, ...] = (
    *_procedures(
        TwinQuestion("S08", take_early, find_early, effect_in(), _PLANTED, 12, 1.3, UNIT, NEEDS),
        EARLY,
        find_early,
    ),
    *_procedures(
        TwinQuestion("S28", take_later, find_later, effect_in(), _PLANTED, 12, 1.4, RATIO_UNIT, NEEDS),
        (HEADLINE, *LATER),
        find_later,
    ),
)
