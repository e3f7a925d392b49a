"""Asking one procedure, and finding a number in its answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asicrc.claims.outcome import ClaimOutcome
from asicrc.claims.procedure import Context, Procedure
from asicrc.evidence import Estimate


def ask(
    procedures: tuple[Procedure, ...], claim: str, data: Path | None = None, seed: int = 1
) -> ClaimOutcome:
    """The outcome of the one procedure of a claim in a module, from nothing or from a folder of data."""
    (found,) = (procedure for procedure in procedures if procedure.claim == claim)
    outcome = found.answer(Context(np.random.SeedSequence(seed), 60.0, data=data))
    assert outcome.claim == claim
    assert outcome.note
    return outcome


def number(outcome: ClaimOutcome, name: str) -> float:
    """The one reproduced number whose name begins so."""
    (found,) = (one for one in outcome.reproduced if one.name.startswith(name))
    value = found.value
    assert not isinstance(value, str)
    return value.estimate if isinstance(value, Estimate) else value


def verdicts(outcome: ClaimOutcome) -> tuple[str, str]:
    return outcome.value_verdict.value, outcome.interpretation_verdict.value
