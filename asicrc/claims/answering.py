"""One claim, asked of its procedures: what a worker process does."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, replace

import numpy as np

from asicrc.claims.outcome import ClaimOutcome
from asicrc.claims.planning import TWIN, ClaimPlan, Sources, Step
from asicrc.claims.procedure import Context
from asicrc.clock import MACHINE_CLOCK
from asicrc.errors import AsicrcError, ExitCode
from asicrc.evidence import EvidenceVerdict
from firmware_protocols.device import DeviceLost, SafetyStop, SettingRefused

UNTESTABLE = EvidenceVerdict.NOT_TESTABLE_HERE


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a claim has no answer, or only part of one: `reason` for a person, `trace` for who mends it."""

    reason: str
    trace: str = ""
    exit_code: int = ExitCode.NO_ANSWER

    @property
    def is_of_the_device(self) -> bool:
        """A device that is gone, or was stopped for safety, answers no other claim either."""
        return self.exit_code in (ExitCode.DEVICE, ExitCode.REFUSED)


@dataclass(frozen=True, slots=True)
class Answer:
    """`outcome` is None where no procedure came to an end. Both can be set: the other procedure failed."""

    outcome: ClaimOutcome | None
    failure: Failure | None
    took_s: float


def answer_claim(plan: ClaimPlan, sources: Sources, usual: Context) -> Answer:
    """Ask the steps until one has a verdict, and the twin beside them. Never raises but for an interrupt."""
    began_ns = MACHINE_CLOCK.now_ns()
    outcome: ClaimOutcome | None = None
    failures: list[Failure] = []
    for step in plan.steps:
        asked = _ask(step, sources, usual)
        if isinstance(asked, Failure):
            failures.append(asked)
            continue
        if outcome is None or has_verdict(asked):
            outcome = asked
        if has_verdict(asked):
            break
    if plan.twin is not None:
        asked = _ask(plan.twin, sources, usual)
        if isinstance(asked, Failure):
            failures.append(asked)
        else:
            outcome = asked if outcome is None else with_instrument(outcome, asked)
    took_s = (MACHINE_CLOCK.now_ns() - began_ns) / 1e9
    return Answer(outcome, failures[0] if failures else None, took_s)


def has_verdict(outcome: ClaimOutcome) -> bool:
    return outcome.value_verdict is not UNTESTABLE or outcome.interpretation_verdict is not UNTESTABLE


def with_instrument(outcome: ClaimOutcome, twin: ClaimOutcome) -> ClaimOutcome:
    """The verdicts from computation or data, with what the twin says of the instrument."""
    if not has_verdict(outcome):
        return replace(twin, needs=twin.needs or outcome.needs)
    return replace(
        outcome,
        instrument=twin.instrument,
        planted=twin.planted,
        nulls=[*outcome.nulls, *twin.nulls],
        note=f"{outcome.note} On the twin: {twin.note}" if twin.note else outcome.note,
    )


def _ask(step: Step, sources: Sources, usual: Context) -> ClaimOutcome | Failure:
    capture = None
    try:
        # A seed that no other procedure has drawn from: what it spawns depends on the claim alone.
        seed = np.random.SeedSequence(usual.seed.entropy, spawn_key=usual.seed.spawn_key)
        context = sources.context(step.source, replace(usual, seed=seed))
        capture = context.capture
        outcome = step.procedure.answer(context)
    except AsicrcError as error:
        if error.exit_code is ExitCode.INTERRUPTED:  # a capture that was stopped on the way
            raise KeyboardInterrupt from error
        hint = f" (try: {error.hint})" if error.hint else ""
        return Failure(f"{error.message}{hint}", exit_code=int(error.exit_code))
    except DeviceLost as error:
        return Failure(
            f"{error} (try: check cable and power, then `asicrc check`)", exit_code=ExitCode.DEVICE
        )
    except (SafetyStop, SettingRefused) as error:
        return Failure(str(error), exit_code=ExitCode.REFUSED)
    except Exception as error:
        # Whatever one procedure does wrong, the answers of the others stand; the reason is kept and shown.
        return Failure(f"{type(error).__name__}: {error}", traceback.format_exc())
    finally:
        if capture is not None:
            capture.close()
    if step.source == TWIN and has_verdict(outcome):
        return Failure(f"{step.procedure.claim} took a twin's word for a verdict about silicon")
    return outcome
