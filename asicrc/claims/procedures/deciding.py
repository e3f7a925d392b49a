"""The few rules by which procedures turn numbers into verdicts, and what answers cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from asicrc.claims.outcome import ClaimOutcome
from asicrc.claims.procedure import Context, Cost
from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate, EvidenceVerdict

COMPUTATION, DATA = "computation", "data"
"""Names of sources that a procedure may have."""
COMPUTED, FROM_DATA = "computation", "published data"
"""What an outcome says that it is from."""


def holds(condition: bool) -> EvidenceVerdict:
    """Supported or refuted, for what is exact or was computed to well within its margin."""
    return EvidenceVerdict.SUPPORTED if condition else EvidenceVerdict.REFUTED


def all_hold(verdicts: Sequence[EvidenceVerdict]) -> EvidenceVerdict:
    """Supported where all are, refuted where one is, else not resolved."""
    if all(verdict is EvidenceVerdict.SUPPORTED for verdict in verdicts):
        return EvidenceVerdict.SUPPORTED
    if EvidenceVerdict.REFUTED in verdicts:
        return EvidenceVerdict.REFUTED
    return EvidenceVerdict.NOT_RESOLVED


def within_margin(effect: Estimate, value: float, margin: float) -> EvidenceVerdict:
    """Is the effect `value`, to within the margin? Supported where the whole interval is inside (Schuirmann
    1987), refuted where all of it is outside."""
    if value - margin < effect.low and effect.high < value + margin:
        return EvidenceVerdict.SUPPORTED
    if effect.low >= value + margin or effect.high <= value - margin:
        return EvidenceVerdict.REFUTED
    return EvidenceVerdict.NOT_RESOLVED


def spread_of_runs(values: Sequence[float]) -> Estimate:
    """Mean of single runs, and the middle 95 % of them: where one more run would lie, not the mean's error.

    1.96 standard deviations of the logarithms of values above 0: quantiles of a few dozen runs are too rough.
    """
    found = np.asarray(values, float)
    middle, half = float(np.log(found).mean()), 1.96 * float(np.log(found).std(ddof=1))
    low, high = math.exp(middle - half), math.exp(middle + half)
    return Estimate(
        float(found.mean()), low, high, len(found), method="spread of single runs, 1.96 sd of logs"
    )


def per_cent(share: float, digits: int = 0) -> str:
    """A share as the papers print it: "92.19 %"."""
    return f"{100 * share:.{digits}f} %"


def computed_in(seconds: float) -> Callable[[str, Context], Cost]:
    """The cost of an answer that takes so long on one core, from any source."""
    return lambda _source, _context: Cost(seconds=seconds)


def answered(claim: str, source: str, answer: Callable[[], ClaimOutcome]) -> ClaimOutcome:
    """What `answer` gives; where the data are too few for it, an outcome that says so."""
    try:
        return answer()
    except NoAnswer as error:
        untestable = EvidenceVerdict.NOT_TESTABLE_HERE
        return ClaimOutcome(claim, source, untestable, untestable, note=error.message, needs=error.hint)
