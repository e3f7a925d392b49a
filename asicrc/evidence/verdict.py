"""The four words a finding may end with, and the rules that pick one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from asicrc.evidence.estimate import Estimate

PROMISED_LEVEL = 0.05
"""False alarms of a whole verdict or battery that are promised at most."""
DESIGN_LEVEL = 0.01
"""Level at which they are tested, so that confounds which no test models still fit into the promise."""


class EvidenceVerdict(StrEnum):
    """What the data say of a claimed effect. Not to be confused with the `Verdict` of a proof of work."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    NOT_RESOLVED = "not resolved"
    NOT_TESTABLE_HERE = "not testable here"


@dataclass(frozen=True, slots=True)
class ClaimMargins:
    """What a claim says at least, and what no one would call it, in the unit of the effect.

    `claimed`: the claim is refuted where the whole interval is nearer to the null than that. `tolerated`: an
    estimate nearer than that supports nothing, however small its p-value, because jitter, batching and loss
    of a miner at work make as much. Both are fixed before data are seen.
    """

    claimed: float
    tolerated: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.tolerated < self.claimed:
            raise ValueError(f"0 <= tolerated < claimed, not {self.tolerated:g} and {self.claimed:g}")


def judge_claim(
    effect: Estimate,
    p_corrected: float,
    margins: ClaimMargins,
    *,
    null_value: float = 0.0,
    alpha: float = DESIGN_LEVEL,
    any_size: bool = False,
) -> EvidenceVerdict:
    """Judge the claim "the effect differs from `null_value`, by `margins.claimed` or more".

    Refuted: the whole interval lies within what is claimed (two one-sided tests at 2.5 % for an interval of
    95 %; Schuirmann 1987). Supported: p <= alpha, and the estimate is beyond what is tolerated. Everything
    else is not resolved. With `any_size` an effect that is there is not refuted for being smaller than was
    claimed: a line in a spectrum is one at any depth.
    """
    found = p_corrected <= alpha and abs(effect.estimate - null_value) > margins.tolerated
    inside = effect.low > null_value - margins.claimed and effect.high < null_value + margins.claimed
    if inside and not (any_size and found):
        return EvidenceVerdict.REFUTED
    return EvidenceVerdict.SUPPORTED if found else EvidenceVerdict.NOT_RESOLVED


def judge(
    effect: Estimate,
    p_corrected: float,
    *,
    null_value: float = 0.0,
    margin: float | None = None,
    alpha: float = 0.05,
) -> EvidenceVerdict:
    """Judge the claim "the effect differs from `null_value` by more than `margin`".

    Refuted: the whole confidence interval lies within the margin. With an interval of level 1 - 2a this is
    the two one-sided tests procedure at level a (Schuirmann 1987), so a 95 % interval tests at 2.5 %.
    Supported: p <= alpha, and with a margin the whole interval lies outside it. Everything else is not
    resolved; without a margin nothing can be refuted, for "not significant" is not evidence of absence.
    """
    if margin is not None and effect.low > null_value - margin and effect.high < null_value + margin:
        return EvidenceVerdict.REFUTED
    beyond = margin is None or effect.low > null_value + margin or effect.high < null_value - margin
    if p_corrected <= alpha and beyond:
        return EvidenceVerdict.SUPPORTED
    return EvidenceVerdict.NOT_RESOLVED
