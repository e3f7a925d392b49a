"""Scores that were published, and whether the published procedure gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from asicrc.evidence import EvidenceVerdict
from asicrc.reservoir.attribution.paired import LEAST_PAIRS


@dataclass(frozen=True, slots=True)
class PublishedScore:
    """`digits` after the point were printed."""

    name: str
    nrmse: float
    digits: int
    source: str

    @property
    def rounding(self) -> float:
        return 0.5 * 10.0**-self.digits


PUBLISHED = {
    ("narma10", "handshake"): PublishedScore("dialogue", 0.8661, 4, "arXiv:2601.12032, table 7"),
    ("narma10", "stream"): PublishedScore("monologue", 0.9550, 4, "arXiv:2601.12032, table 7"),
}
"""By task and mode. 1.0000 is their constant; a report has 0.1759 over the range of the target."""
PUBLISHED_CONSTANT = PublishedScore("constant", 1.0, 4, "arXiv:2601.12032, table 7")
PUBLISHED_RANGE = PublishedScore("range-normalised", 0.1759, 4, "report of the authors, NRMSE over max - min")


def value_verdict(
    task: str, mode: str, scores: Sequence[float], *, simulated: bool
) -> tuple[EvidenceVerdict, str]:
    """Does the procedure give the published number? `scores` are the device's, one for each capture.

    Supported where the number lies in the range in which 95 % of captures fall (prediction interval of
    Student t), refuted where it lies outside. A simulated device has no published number.
    """
    published = PUBLISHED.get((task, mode))
    if published is None:
        return EvidenceVerdict.NOT_TESTABLE_HERE, f"no number is published for {task} in {mode} mode"
    if simulated or not len(scores):
        return (
            EvidenceVerdict.NOT_TESTABLE_HERE,
            f"{published.nrmse} ({published.name}) is said of a miner: take its captures",
        )
    if len(scores) < LEAST_PAIRS:
        return EvidenceVerdict.NOT_RESOLVED, f"{len(scores)} captures; a verdict needs {LEAST_PAIRS}"
    values = np.asarray(scores, dtype=np.float64)
    n = len(values)
    half = float(stats.t.ppf(0.975, n - 1) * values.std(ddof=1) * np.sqrt(1 + 1 / n)) + published.rounding
    middle = float(values.mean())
    inside = abs(published.nrmse - middle) <= half
    said = f"{published.nrmse} ({published.name}, {published.source}); captures {middle:.4f} +- {half:.4f}"
    return (EvidenceVerdict.SUPPORTED if inside else EvidenceVerdict.REFUTED), said
