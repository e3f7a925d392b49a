"""A randomised sweep of the voltage of an S9: regimes of the CV, and the transition. Claims H02 and H11."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asicrc.analysis.arrivals.change_points import change_points
from asicrc.analysis.arrivals.law import CV_MARGINS
from asicrc.analysis.calibration import INTERVALS
from asicrc.analysis.papers.ginzburg_landau import STRONG, TransitionComparison, compare_transition
from asicrc.analysis.papers.sweep_transition import LEAST_PART
from asicrc.analysis.point_numbers import cv_of
from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.capture.points import Dwell, Point
from asicrc.claims.twins.planting import gamma_steps
from asicrc.claims.twins.units import twin_of, work_seed
from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate, Finding, judge_claim, not_testable
from asicrc.evidence.block_bootstrap import Floats
from asicrc.evidence.equivalence import equivalence_of_means
from asicrc.evidence.planned_sizes import cv_se

SWEPT_MV = tuple(np.linspace(8200.0, 9400.0, 10).round(-1).tolist())
REPEATS = 3
SWEEP_SETTINGS = {"frequency_mhz": 525.0, "difficulty": 128.0}
LONGEST_S = 3000.0
REGIMES = "Does the CV of the intervals change with the voltage?"
TRANSITION = "Does 1 - CV set in at a critical voltage, rather than change smoothly?"
PLANTED_EDGE_MV, PLANTED_CV = 8800.0, 0.95
"""Of the regimes: below it intervals have this CV."""
PLANTED_CRITICAL_MV, PLANTED_LOWEST_CV = 8900.0, 0.4
"""Of the transition: 1 - CV sets in there as a square root, and is 0.6 at the lowest voltage."""


@dataclass(frozen=True, slots=True)
class SweptCv:
    """(n,) each, by voltage; `planted` has the CVs with a step, and with a square-root onset."""

    voltage_mv: Floats
    cv: Floats
    se: Floats
    with_step: Floats | None = None
    with_onset: Floats | None = None


def take_sweep(kind: str, seed: np.random.SeedSequence) -> SweptCv:
    """4,000 intervals at each of ten voltages, three times, in random order."""
    device = twin_of(kind, "s9", seed)
    keys = [(place, repeat) for place in range(len(SWEPT_MV)) for repeat in range(REPEATS)]
    order = np.random.default_rng(seed).permutation(len(keys))
    points = tuple(
        Point(
            place, repeat, {**SWEEP_SETTINGS, "voltage_mv": SWEPT_MV[place]}, Dwell(LONGEST_S, INTERVALS + 1)
        )
        for place, repeat in (keys[k] for k in order.tolist())
    )
    capture = capture_in_memory(device, CapturePlan(points=points, seed=work_seed(seed)))
    events = capture.events(distinct=True)
    rows = []
    for point in capture.points():
        t_ns = events["t_ns"][point.holds(events)]
        mv = float(point.requested["voltage_mv"])
        cv = cv_of(t_ns)
        if cv is None:
            continue  # too few came: a unit that hangs at this voltage
        steps = np.diff(t_ns) / 1e9
        rows.append((mv, cv.estimate, (cv.high - cv.low) / 3.92, _stepped(steps, mv), _onset(steps, mv)))
    rows.sort(key=lambda row: row[0])
    voltage_mv, cvs, errors, step, onset = np.array(rows, float).reshape(-1, 5).T
    if kind == "planted":
        return SweptCv(voltage_mv, cvs, errors, step, onset)
    return SweptCv(voltage_mv, cvs, errors)


def find_regimes(swept: SweptCv) -> Finding:
    """H02: does the CV change from one voltage to the next?"""
    try:
        return regimes_finding(swept.cv if swept.with_step is None else swept.with_step)
    except NoAnswer as error:
        return not_testable(REGIMES, len(swept.cv), error.message)


def find_transition(swept: SweptCv) -> Finding:
    """H11: does 1 - CV set in at a critical voltage?"""
    cv, se = swept.cv, swept.se
    if swept.with_onset is not None:
        cv = swept.with_onset
        se = se * np.array([cv_se(after) / cv_se(before) for after, before in zip(cv, swept.cv, strict=True)])
    try:
        return transition_finding(compare_transition(swept.voltage_mv, 1 - cv, se))
    except NoAnswer as error:
        return not_testable(TRANSITION, len(cv), error.message)


def regimes_finding(cv: Floats) -> Finding:
    """`cv` by voltage. The largest change against no change; its size from the points on both sides.

    Raises NoAnswer for fewer than 20 points.
    """
    found = change_points(cv, least=LEAST_PART)
    at = found.points[0].index if found.points else len(cv) // 2
    effect, _ = equivalence_of_means(cv[:at], cv[at:], CV_MARGINS.claimed)
    where = f"{len(found.points)} change points" if found.points else "no change point"
    return Finding(
        REGIMES,
        effect,
        [found.test],
        2.8016 * (effect.high - effect.low) / 3.92,
        judge_claim(effect, found.test.p_value, CV_MARGINS),
        f"{where} over {len(cv)} points, least voltage first; margin {CV_MARGINS.claimed:g}",
        found.test.p_value,
    )


def transition_finding(found: TransitionComparison) -> Finding:
    """The difference in BIC has no interval: 10 is what counts as very strong."""
    gain = found.bic_gain
    return Finding(
        TRANSITION,
        Estimate(gain, gain, gain, found.n, method="difference in BIC"),
        smallest_effect=STRONG,
        verdict=found.verdict,
        note=f"best law: {found.best.name}; critical voltage {found.v_crit_mv:.0f} mV if there is one",
    )


def _stepped(steps: Floats, mv: float) -> float:
    return _cv(gamma_steps(steps, PLANTED_CV) if mv < PLANTED_EDGE_MV else steps)


def _onset(steps: Floats, mv: float) -> float:
    below = max(0.0, PLANTED_CRITICAL_MV - mv) / (PLANTED_CRITICAL_MV - SWEPT_MV[0])
    order = (1 - PLANTED_LOWEST_CV) * np.sqrt(below)
    return _cv(gamma_steps(steps, 1 - order) if order > 0 else steps)


def _cv(steps: Floats) -> float:
    return float(steps.std(ddof=1) / steps.mean())
