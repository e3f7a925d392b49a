"""Is a device better than every null that could fake it? Paired over captures or seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from asicrc.errors import UsageError
from asicrc.evidence import Estimate, EvidenceVerdict, Finding, TestResult

LEAST_PAIRS = 10
ALPHA = 0.005
"""Of one claim, against each null. A memory can be claimed of two measures, so a whole verdict has 1 %."""


@dataclass(frozen=True, slots=True)
class Margins:
    """What counts, fixed before data are seen, in the unit of the measure.

    A claim is refuted where the gain is below `claimed` at level `ALPHA`, and supported where it is above
    `tested` at that level, against each null, and not refuted.
    """

    claimed: float
    tested: float


TASK_MARGINS = Margins(claimed=0.01, tested=0.01)
"""NRMSE."""
CAPACITY_MARGINS = Margins(claimed=0.5, tested=0.0)
"""Memory capacity, in steps of the input."""


def judge_gain(question: str, gains: Mapping[str, ArrayLike], margins: Margins) -> Finding:
    """Judge "better than all of these by more than the margin".

    `gains` has for each null (n,) differences, positive where the device is better, one for each capture or
    seed. The null with the smallest mean gain decides the effect; the p-value is the largest over the nulls,
    which keeps the level whichever of them is true (intersection-union test, Berger 1982). A refutation asks
    the nearest null alone: of k nulls its level is up to k times `ALPHA`. One-sided paired t tests; the
    interval that is shown is the two-sided one at 95 %. Raises UsageError for lengths that differ.
    """
    pairs = {null: np.asarray(values, dtype=np.float64) for null, values in gains.items()}
    lengths = {len(values) for values in pairs.values()}
    if len(lengths) != 1:
        raise UsageError(f"gains over {sorted(lengths)} captures", "give each null the same captures")
    n = lengths.pop()
    tests = [_test(null, values, margins.tested) for null, values in pairs.items()]
    nearest = min(pairs, key=lambda null: float(pairs[null].mean()))
    effect = _interval(pairs[nearest])
    p = max(test.p_value for test in tests)
    smallest = _smallest(pairs[nearest], margins.tested)
    if n < LEAST_PAIRS:
        verdict = EvidenceVerdict.NOT_RESOLVED
        note = f"{n} captures or seeds; a verdict needs {LEAST_PAIRS}"
    elif _highest(pairs[nearest]) < margins.claimed:
        verdict, note = EvidenceVerdict.REFUTED, f"nearest null: {nearest}"
    elif p <= ALPHA and effect.low > margins.tested:
        verdict, note = EvidenceVerdict.SUPPORTED, f"nearest null: {nearest}"
    else:
        verdict, note = EvidenceVerdict.NOT_RESOLVED, f"nearest null: {nearest}"
    return Finding(question, effect, tests, smallest, verdict, note, p)


def _test(null: str, values: np.ndarray, above: float) -> TestResult:
    n = len(values)
    t, p = float("nan"), 1.0
    if n > 1:
        se = float(values.std(ddof=1)) / np.sqrt(n)
        shift = float(values.mean()) - above
        t = shift / se if se > 0 else float(np.sign(shift)) * np.inf
        p = float(stats.t.sf(t, n - 1)) if np.isfinite(t) else float(shift <= 0)
    return TestResult("paired t, one-sided", t, p, n, f"the gain over {null} is {above:g} or less")


def _interval(values: np.ndarray) -> Estimate:
    n, mean = len(values), float(values.mean())
    if n < 2:
        return Estimate(mean, -np.inf, np.inf, n, method="one capture has no spread")
    half = float(stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return Estimate(mean, mean - half, mean + half, n, method="t over captures or seeds")


def _highest(values: np.ndarray) -> float:
    """Upper end of the one-sided interval at level `ALPHA`."""
    n = len(values)
    se = float(values.std(ddof=1)) / float(np.sqrt(n))
    return float(values.mean()) + float(stats.t.isf(ALPHA, n - 1)) * se


def _smallest(values: np.ndarray, tested: float) -> float | None:
    """The gain that would be found with a power of 80 %."""
    n = len(values)
    if n < 2:
        return None
    se = float(values.std(ddof=1)) / np.sqrt(n)
    return tested + (float(stats.t.isf(ALPHA, n - 1)) + float(stats.t.isf(0.2, n - 1))) * float(se)
