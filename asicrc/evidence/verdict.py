"""The four words a finding may end with, and the rule that picks one."""

from __future__ import annotations

from enum import StrEnum

from asicrc.evidence.estimate import Estimate


class EvidenceVerdict(StrEnum):
    """What the data say of a claimed effect. Not to be confused with the `Verdict` of a proof of work."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    NOT_RESOLVED = "not resolved"
    NOT_TESTABLE_HERE = "not testable here"


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
