"""What a run of many claims came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from asicrc.claims.claim import Claim
from asicrc.claims.outcome import ClaimOutcome
from asicrc.claims.planning import Sources
from asicrc.errors import ExitCode
from asicrc.evidence import EvidenceVerdict

UNTESTABLE = EvidenceVerdict.NOT_TESTABLE_HERE


class State(StrEnum):
    """How far a claim came."""

    ANSWERED = "answered"
    NO_SOURCE = "no source"
    """Nothing that was given can decide it."""
    NOT_RUN = "not run"
    """For the budget, or because the run was interrupted or its device lost before."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """`reason` says why a claim was not run or failed. `trace` is for who mends a procedure."""

    claim: Claim
    outcome: ClaimOutcome
    state: State
    reason: str = ""
    trace: str = ""
    took_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.claim.id,
            "kind": self.claim.kind,
            "paper": self.claim.paper,
            "where": self.claim.where,
            "title": self.claim.title,
            "claimed": self.claim.claimed,
            **self.outcome.as_json(),
            "planted": list(self.outcome.planted),
            "margin": self.claim.margin,
            "state": self.state.value,
            "reason": self.reason or None,
            "took_s": round(self.took_s, 3),
        }


@dataclass(frozen=True, slots=True)
class ClaimsRun:
    """The answers in the registry's order. `planted` are the effects that a twin was given."""

    sources: Sources
    results: Sequence[ClaimResult]
    seed: int
    budget_s: float
    took_s: float
    interrupted: bool = False
    exit_code: int = ExitCode.OK

    @property
    def planted(self) -> list[str]:
        return list(dict.fromkeys(name for result in self.results for name in result.outcome.planted))

    @property
    def failed(self) -> list[ClaimResult]:
        return [result for result in self.results if result.state is State.FAILED or result.trace]

    def as_json(self) -> dict[str, Any]:
        """`{source, planted, claims: [...]}`, and how to run it again."""
        return {
            "source": self.sources.in_words(),
            "given": self.sources.as_json(),
            "planted": self.planted,
            "claims": [result.as_json() for result in self.results],
            "seed": self.seed,
            "budget_s": self.budget_s,
            "took_s": round(self.took_s, 3),
            "interrupted": self.interrupted,
        }


def unanswered(claim: Claim, needs: str) -> ClaimOutcome:
    """Neither verdict, and what one would take."""
    return ClaimOutcome(claim.id, "none", UNTESTABLE, UNTESTABLE, "", needs=needs)
