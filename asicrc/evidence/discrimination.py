"""How well a score tells hits from others: the area under the ROC curve, and what n could have seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate, TestResult

CHANCE = 0.5
FEWEST_OF_A_KIND = 5


@dataclass(frozen=True, slots=True)
class Discrimination:
    """`detectable` is the AUC that so many would have shown with 80 % power at the level of the test."""

    auc: Estimate
    test: TestResult
    p_corrected: float
    detectable: float

    def as_json(self) -> dict[str, Any]:
        return {
            "auc": self.auc.estimate,
            "auc_low": self.auc.low,
            "auc_high": self.auc.high,
            "detectable_auc": self.detectable,
            "p_corrected": self.p_corrected,
        }


def discriminate(score: ArrayLike, hit: ArrayLike, *, tried: int = 1) -> Discrimination:
    """AUC of a score (n,) for hits (n,); interval and p-value hold for `tried` of them together.

    The interval is DeLong, DeLong and Clarke-Pearson's 1988 at level 1 - 0.05 / tried; where hits and others
    are apart it ends at (0.025 / tried)^(1 / smaller number). The test is that of Mann and Whitney 1947 with
    ties, two-sided, times `tried` (Bonferroni).

    Raises ValueError for rows that do not fit, and NoAnswer where one kind has fewer than 5, or all scores
    are the same.
    """
    values, is_hit = np.asarray(score, float), np.asarray(hit, bool)
    if values.shape != is_hit.shape or values.ndim != 1:
        raise ValueError(f"scores {values.shape} and hits {is_hit.shape} have to be rows of one length")
    if not np.isfinite(values).all():
        raise ValueError("a score is not a number")
    hits, others = values[is_hit], values[~is_hit]
    if min(len(hits), len(others)) < FEWEST_OF_A_KIND:
        raise NoAnswer(
            f"{len(hits)} hits and {len(others)} others: an AUC needs {FEWEST_OF_A_KIND} of either kind",
            "more data, or an easier target",
        )
    if not np.ptp(values):
        raise NoAnswer(
            f"all {len(values)} scores are the same: they tell nothing apart, and have no interval",
            "a readout that depends on its input",
        )
    both = stats.rankdata(np.concatenate([hits, others]))
    of_hits = both[: len(hits)] - stats.rankdata(hits)
    of_others = both[len(hits) :] - stats.rankdata(others)
    v10, v01 = of_hits / len(others), 1 - of_others / len(hits)
    auc = float(v10.mean())
    level = 1 - 0.05 / tried
    n = len(values)
    if auc in (0.0, 1.0):
        open_share = 1 - (0.025 / tried) ** (1 / min(len(hits), len(others)))
        low, high = (1 - open_share, 1.0) if auc else (0.0, open_share)
    else:
        se = math.sqrt(v10.var(ddof=1) / len(hits) + v01.var(ddof=1) / len(others))
        width = float(stats.norm.isf((1 - level) / 2)) * se
        low, high = max(0.0, auc - width), min(1.0, auc + width)
    z, p = _mann_whitney(auc, both, len(hits), len(others))
    method = "DeLong, DeLong and Clarke-Pearson 1988"
    return Discrimination(
        Estimate(auc, low, high, n, level, method=method),
        TestResult("Mann and Whitney 1947", z, p, n, "hits and others score alike"),
        min(1.0, p * tried),
        detectable_auc(len(hits), len(others), tried=tried),
    )


def detectable_auc(hits: int, others: int, *, power: float = 0.8, tried: int = 1) -> float:
    """The AUC that a two-sided test at 5 % / tried finds with this power (Hanley and McNeil 1982)."""
    se = math.sqrt((hits + others + 1) / (12 * hits * others))
    needed = float(stats.norm.isf(0.025 / tried) + stats.norm.ppf(power))
    return min(1.0, CHANCE + needed * se)


def _mann_whitney(
    auc: float, ranks: np.ndarray[Any, np.dtype[np.float64]], hits: int, others: int
) -> tuple[float, float]:
    """z and p under the null, with the variance that ties leave."""
    n = hits + others
    _, counts = np.unique(ranks, return_counts=True)
    ties = float(((counts.astype(float) ** 3) - counts).sum()) / (n * (n - 1))
    variance = (n + 1 - ties) / (12 * hits * others)
    z = (auc - CHANCE) / math.sqrt(variance)
    return z, float(2 * stats.norm.sf(abs(z)))
