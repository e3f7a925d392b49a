"""Does a predictor beat the baseline, on data it has not seen?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from asicrc.evidence import Estimate, TestResult
from asicrc.evidence.binomial import clopper_pearson


@dataclass(frozen=True, slots=True)
class AgainstBaseline:
    """`accuracy` on held-out rows; `baseline` is that of the training rows' majority class, on the same.

    That accuracy beats the baseline implies dependence, but accuracy is the wrong score where one class is
    rare: a filter that keeps the winners of mining continues others too, and so falls below the baseline
    1 - 2^-bits of one that aborts all. Ask for the area under the ROC curve there.
    """

    accuracy: Estimate
    baseline: float
    test: TestResult


def beats_baseline(predicted: ArrayLike, actual: ArrayLike, majority: object) -> AgainstBaseline:
    """One-sided exact test (McNemar 1947) of held-out predictions (n,) against always saying `majority`.

    Only rows where the two differ in being right count: under the null either is as often right. Raises
    ValueError for rows that do not fit or are none.
    """
    said, true = np.asarray(predicted), np.asarray(actual)
    if said.shape != true.shape or said.ndim != 1 or not said.size:
        raise ValueError(f"predictions of {said.shape} and labels of {true.shape} do not pair")
    right, plain = said == true, true == majority
    better, worse = int((right & ~plain).sum()), int((plain & ~right).sum())
    differing = better + worse
    p = float(stats.binom.sf(better - 1, differing, 0.5)) if differing else 1.0
    return AgainstBaseline(
        clopper_pearson(int(right.sum()), len(said)),
        float(plain.mean()),
        TestResult(
            "McNemar 1947, exact, one-sided",
            float(better - worse),
            p,
            len(said),
            "no better than the majority",
        ),
    )
