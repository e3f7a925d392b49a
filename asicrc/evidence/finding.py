"""One question and what the data answer, in the form in which every result is handed on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from asicrc.evidence.estimate import Estimate, TestResult, finite_or_none
from asicrc.evidence.verdict import EvidenceVerdict


@dataclass(frozen=True, slots=True)
class Finding:
    """An effect with its interval, the nulls it was held against, and the verdict.

    `smallest_effect` is what these data would have shown with a power of 80 % (two-sided 5 %), in the unit
    of `effect`. `p_corrected` is the p-value the verdict used, corrected for how many were tried; None
    where no p-value entered.
    """

    question: str
    effect: Estimate
    nulls: list[TestResult] = field(default_factory=list)
    smallest_effect: float | None = None
    verdict: EvidenceVerdict = EvidenceVerdict.NOT_RESOLVED
    note: str = ""
    p_corrected: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "question": self.question,
            "effect": self.effect.as_json(),
            "nulls": [null.as_json() for null in self.nulls],
            "smallest_effect": None if self.smallest_effect is None else finite_or_none(self.smallest_effect),
            "verdict": self.verdict.value,
            "p_corrected": None if self.p_corrected is None else finite_or_none(self.p_corrected),
            "note": self.note,
        }


def not_testable(question: str, n: int, why: str) -> Finding:
    """A question that these data cannot answer, with the reason and without a number."""
    nothing = Estimate(float("nan"), float("nan"), float("nan"), n, method="not estimated")
    return Finding(question, nothing, verdict=EvidenceVerdict.NOT_TESTABLE_HERE, note=why)


POWER_80_SE = 2.8016
"""Standard errors from the null that a two-sided 5 % z-test sees with 80 % power: 1.95996 + 0.84162."""
