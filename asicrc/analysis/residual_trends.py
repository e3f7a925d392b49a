"""Does the residual against the scan order depend on where in the scan an event lay?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asicrc.analysis.job_regression import Slope, fit_slope
from asicrc.analysis.robust_fit import Groups
from asicrc.analysis.time_blocks import FEWEST, MOST, time_blocks
from asicrc.evidence import EvidenceVerdict, Finding, TestResult, judge
from asicrc.evidence.block_bootstrap import Floats
from asicrc.evidence.finding import POWER_80_SE
from asicrc.evidence.multiplicity import holm

MIN_EVENTS = 20
EVENTS_IN_A_STRETCH = 8
"""At least: each stretch may have an intercept of its own."""
CLOCK_REGRESSOR = "batch"
"""Batches follow each other in time, so a slope over them is the clock's scale and nothing else."""
BY_CHANCE = "core"
"""Which core finds a nonce is decided by its hash, so that its effect hides others but mimics none: it is
taken out for them, the clock apart."""

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
    job: Groups,
    floor_ms: float | None,
    *,
    floor_is_measured: bool = True,
) -> tuple[dict[str, Finding], dict[str, str]]:
    """Slope of the residual on each regressor, Holm-corrected (Holm 1979), and the ones left out with why.

    `residual_ms` still contains the clock's scale. It is taken out, by a term in the predicted time, for
    every regressor but `batch`. The others change from event to event, so that shorter stretches of time do
    for their intervals. A trend is refuted when its interval, over the range of the regressor that
    is then left, stays below `floor_ms`, the rms that stamps and jitter explain, and supported when it lies
    beyond. Without a floor no trend is resolved, and none is supported where the floor is of the rounding
    alone: the jitter could make it.
    """
    slopes: dict[str, Slope] = {}
    left_out: dict[str, str] = {}
    n = len(residual_ms)
    if n < MIN_EVENTS:
        return {}, dict.fromkeys(regressors, f"{n} events; a trend needs {MIN_EVENTS}")
    by_chance = [v for name, v in regressors.items() if name == BY_CHANCE and np.all(v >= 0)]
    for_the_clock = time_blocks(predicted_s, job)
    shorter = time_blocks(predicted_s, job, fewest=int(np.clip(n // EVENTS_IN_A_STRETCH, FEWEST, MOST)))
    for name, values in regressors.items():
        unknown = int(np.count_nonzero(values < 0))
        if unknown:
            left_out[name] = f"not known for {unknown} of {n} events"
            continue
        if name == CLOCK_REGRESSOR:
            slope = fit_slope(residual_ms, values, None, for_the_clock)
        else:
            rest = [predicted_s] if name == BY_CHANCE else [predicted_s, *by_chance]
            slope = fit_slope(residual_ms, values, np.column_stack(rest), shorter)
        if slope is None:
            left_out[name] = "does not vary apart from the predicted time, or there are too few events"
        else:
            slopes[name] = slope
    corrected = holm([slope.p_value for slope in slopes.values()])
    findings = {
        name: _finding(name, slope, p, floor_ms, floor_is_measured)
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


def _finding(name: str, slope: Slope, p: float, floor_ms: float | None, floor_is_measured: bool) -> Finding:
    effect = slope.estimate()
    clock = name == CLOCK_REGRESSOR
    verdict = EvidenceVerdict.NOT_RESOLVED
    if floor_ms is not None:
        judged = judge(effect, p, margin=floor_ms / slope.span)
        if floor_is_measured or judged is EvidenceVerdict.REFUTED:
            verdict = judged
    return Finding(
        question=f"Does the residual against the scan order change with {name} ({UNITS[name]})?",
        effect=effect,
        nulls=[
            TestResult(
                f"slope on {name}",
                slope.value / slope.se if slope.se else 0.0,
                slope.p_value,
                slope.n,
                f"no slope; t with {slope.df:.3g} degrees of freedom",
            )
        ],
        smallest_effect=POWER_80_SE * slope.se,
        verdict=verdict,
        note="the scale of the clock, quoted as clock_ppm"
        if clock
        else "the scale of the clock is taken out",
        p_corrected=p,
    )
