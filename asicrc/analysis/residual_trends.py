"""Does the residual against the scan order depend on where in the scan an event lay?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.block_bootstrap import Floats
from asicrc.analysis.job_regression import Slope, fit_slope
from asicrc.evidence import EvidenceVerdict, Finding, TestResult, judge
from asicrc.evidence.finding import POWER_80_SE

MIN_EVENTS = 20
CLOCK_REGRESSOR = "batch"
"""Batches follow each other in time, so a slope over them is the clock's scale and nothing else."""

UNITS = {
    "batch": "ms per batch",
    "core": "ms per core number",
    "version": "ms per version",
    "position": "ms per s of position p / f in the batch",
}


def residual_trends(
    residual_ms: Floats,
    predicted_s: Floats,
    regressors: Mapping[str, Floats],
    job: NDArray[np.int64] | None,
    floor_ms: float | None,
) -> tuple[dict[str, Finding], dict[str, str]]:
    """Slope of the residual on each regressor, Holm-corrected (Holm 1979), and the ones left out with why.

    `residual_ms` still contains the clock's scale. It is taken out, by a term in the predicted time, for
    every regressor but `batch`. A trend is refuted when its interval, over the range of the regressor that
    is then left, stays below `floor_ms`, the rms that stamps and jitter explain, and supported when it lies
    beyond. Without a floor no trend is resolved.
    """
    slopes: dict[str, Slope] = {}
    left_out: dict[str, str] = {}
    n = len(residual_ms)
    if n < MIN_EVENTS:
        return {}, dict.fromkeys(regressors, f"{n} events; a trend needs {MIN_EVENTS}")
    for name, values in regressors.items():
        unknown = int(np.count_nonzero(values < 0))
        if unknown:
            left_out[name] = f"not known for {unknown} of {n} events"
            continue
        nuisance = None if name == CLOCK_REGRESSOR else predicted_s[:, None]
        slope = fit_slope(residual_ms, values, nuisance, job)
        if slope is None:
            left_out[name] = "does not vary apart from the predicted time, or there are too few events a job"
        else:
            slopes[name] = slope
    corrected = holm([slope.p_value for slope in slopes.values()])
    findings = {
        name: _finding(name, slope, p, floor_ms)
        for (name, slope), p in zip(slopes.items(), corrected, strict=True)
    }
    return findings, left_out


def trend_statement(findings: Mapping[str, Finding]) -> str:
    """What the trends say, in a sentence. The clock's scale is no structure."""
    tested = {name: f for name, f in findings.items() if name != CLOCK_REGRESSOR}
    if not tested:
        return "no trend could be tested"
    found = [name for name, f in tested.items() if f.verdict is EvidenceVerdict.SUPPORTED]
    if found:
        return f"the residual depends on {', '.join(found)} (Holm-corrected p <= 0.05)"
    refuted = [name for name, f in tested.items() if f.verdict is EvidenceVerdict.REFUTED]
    open_ = [name for name in tested if name not in refuted]
    parts = []
    if refuted:
        parts.append(f"no trend above the floor with {', '.join(refuted)}")
    if open_:
        parts.append(f"a trend with {', '.join(open_)} is not resolved")
    return "; ".join(parts)


def holm(p_values: list[float]) -> list[float]:
    """Step-down corrected p-values, in the order given (Holm 1979)."""
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in corrected]


def _finding(name: str, slope: Slope, p: float, floor_ms: float | None) -> Finding:
    effect = slope.estimate()
    clock = name == CLOCK_REGRESSOR
    margin = None if floor_ms is None else floor_ms / slope.span
    return Finding(
        question=f"Does the residual against the scan order change with {name} ({UNITS[name]})?",
        effect=effect,
        nulls=[
            TestResult(
                f"slope on {name}",
                slope.value / slope.se if slope.se else 0.0,
                slope.p_value,
                slope.n,
                f"no slope; t with {slope.df} degrees of freedom",
            )
        ],
        smallest_effect=POWER_80_SE * slope.se,
        verdict=EvidenceVerdict.NOT_RESOLVED if margin is None else judge(effect, p, margin=margin),
        note="the scale of the clock, quoted as clock_ppm"
        if clock
        else "the scale of the clock is taken out",
        p_corrected=p,
    )
