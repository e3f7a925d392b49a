"""What an instrument makes of twins: how often it finds what was planted, how often what was not.

Nothing here says a word about silicon. The rule, fixed before any run: an instrument is `validated` where

- what is there is found so often that the exact interval of its power begins at 50 % or above, and not once
  refuted. Seven finds of seven do;
- what is not there is never found.

It `failed` where the power ends below 50 %, where what is there is refuted in more runs than 5 % could
explain, and where what is not there is found more often than the 5 % that are promised: both by an exact
test at 5 %. Anything between is not resolved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import numpy as np
from scipy import stats

from asicrc.claims.outcome import ClaimOutcome, InstrumentCheck
from asicrc.claims.procedure import USUAL_RUNS, Context
from asicrc.errors import UsageError
from asicrc.evidence import PROMISED_LEVEL, EvidenceVerdict, Finding, Instrument
from asicrc.evidence.binomial import clopper_pearson
from asicrc.reservoir.scale import config_seed, run_all

LEAST_POWER = 0.5
KINDS = ("ideal", "ordinary", "planted")
UNTESTABLE = EvidenceVerdict.NOT_TESTABLE_HERE

Take = Callable[[str, np.random.SeedSequence], Any]
"""What is measured of one twin of a kind, (kind, seed): the same for all claims that look at it."""


@dataclass(frozen=True, slots=True)
class TwinQuestion:
    """A claim, asked of twins.

    `take` and `find` are functions of a module: processes are given them. `find` judges what was taken.
    `there` says by kind whether what is claimed is in the twin: of an effect in `planted` alone, of ordinary
    physics also in `ordinary`. `planted` says in words what was put in, its size, and how. `runs` are as many
    as the question is worth, `seconds` what one takes. `effect_unit` is of the findings' effects.
    """

    claim: str
    take: Take
    find: Callable[[Any], Finding]
    there: Mapping[str, bool]
    planted: str
    runs: int
    seconds: float
    effect_unit: str
    needs: str


def effect_in(planted: bool = True, *, ordinary: bool = False, ideal: bool = False) -> dict[str, bool]:
    """`TwinQuestion.there`; as it stands, of an effect of kind E."""
    return dict(zip(KINDS, (ideal, ordinary, planted), strict=True))


def ask_twins(question: TwinQuestion, context: Context) -> ClaimOutcome:
    """Raises UsageError for a kind of twin that there is not."""
    kind = context.twin or ""
    if kind not in KINDS:
        raise UsageError(f"no twin is called {kind!r}", f"known: {', '.join(KINDS)}")
    findings = [question.find(taken) for taken in _taken(question, kind, context)]
    check, said = checked([finding.verdict for finding in findings], there=question.there[kind])
    sizes = [finding.smallest_effect for finding in findings if finding.smallest_effect is not None]
    effects = [finding.effect.estimate for finding in findings if np.isfinite(finding.effect.estimate)]
    middle = f"; middle of the effects {np.median(effects):.3g} {question.effect_unit}" if effects else ""
    what = _what_is_there(question, kind)
    return ClaimOutcome(
        claim=question.claim,
        source="twin",
        value_verdict=UNTESTABLE,
        interpretation_verdict=UNTESTABLE,
        note=f"{what}: {said}{middle}.",
        nulls=findings[0].nulls,
        smallest_effect=float(np.median(sizes)) if sizes else None,
        effect_unit=question.effect_unit,
        needs=question.needs,
        instrument=check,
        planted=(question.planted,) if kind == "planted" and question.planted else (),
    )


def runs_asked(question: TwinQuestion, context: Context) -> int:
    """As many as the question is worth, or fewer; more where the user asks for more than the usual."""
    return context.runs if context.runs > USUAL_RUNS else min(question.runs, context.runs)


def runs_within(question: TwinQuestion, context: Context) -> int:
    """As many as are asked for, or as the budget allows; one at the least."""
    affordable = int(context.budget_s * max(context.jobs, 1) / question.seconds)
    return max(1, min(runs_asked(question, context), affordable))


def checked(verdicts: Sequence[EvidenceVerdict], *, there: bool) -> tuple[InstrumentCheck, str]:
    """The check of the instrument, by the rule above, and how it came in words."""
    n = len(verdicts)
    found = sum(verdict is EvidenceVerdict.SUPPORTED for verdict in verdicts)
    refuted = sum(verdict is EvidenceVerdict.REFUTED for verdict in verdicts)
    untestable = sum(verdict is UNTESTABLE for verdict in verdicts)
    share = clopper_pearson(found, n)
    more = f", {untestable} could not be asked" if untestable else ""
    if there:
        said = f"found in {found} of {n} runs, refuted in {refuted}{more}"
        instrument = Instrument.NOT_RESOLVED
        if share.high < LEAST_POWER or _too_many(refuted, n):
            instrument = Instrument.FAILED
        elif share.low >= LEAST_POWER and not refuted:
            instrument = Instrument.VALIDATED
        return InstrumentCheck(instrument, power=share), said
    said = f"found in {found} of {n} runs, refuted in {refuted}{more}"
    if untestable == n:
        instrument = Instrument.NOT_RESOLVED
    elif found:
        instrument = Instrument.FAILED if _too_many(found, n) else Instrument.NOT_RESOLVED
    else:
        instrument = Instrument.VALIDATED
    return InstrumentCheck(instrument, false_alarms=share), said


def _too_many(count: int, n: int) -> bool:
    """More than 5 % of n explain, by an exact test at 5 %."""
    return count > 0 and float(stats.binom.sf(count - 1, n, PROMISED_LEVEL)) <= PROMISED_LEVEL


def _what_is_there(question: TwinQuestion, kind: str) -> str:
    if kind == "planted" and question.planted:
        return f"Planted is {question.planted}"
    if question.there[kind]:
        return f"In the {kind} twin it is there, by nothing but ordinary physics"
    return f"In the {kind} twin it is not there"


def _taken(question: TwinQuestion, kind: str, context: Context) -> list[Any]:
    """From the root seed and the number of the run, so that claims about one measurement share it."""
    root = int(cast(int, context.seed.entropy)) & ((1 << 63) - 1)
    return _measured(question.take, kind, root, runs_within(question, context), context.jobs)


@lru_cache(maxsize=4)
def _measured(take: Take, kind: str, root: int, runs: int, jobs: int) -> list[Any]:
    name = f"{take.__module__}.{take.__qualname__}"
    seeds = [config_seed(root, {"take": name, "run": run}) for run in range(runs)]
    return run_all(take, [(kind, seed) for seed in seeds], n_jobs=jobs)
