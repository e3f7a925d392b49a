"""How long an LV06 takes to settle after a step of voltage and clock: claim H18."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.capture.points import Dwell, Point
from asicrc.claims.twins.units import twin_of, work_seed
from asicrc.evidence import EvidenceVerdict, Finding, TestResult, not_testable
from asicrc.evidence.binomial import clopper_pearson
from firmware_protocols.device import Reading

DWELL_S = 60.0
WITHIN_C = 0.5
LATE_SHARE = 0.05
HEAT_STEPS = 72
"""The fewest that bound the share of late ones at one in twenty where none is (Clopper and Pearson, 95 %)."""
HEAT_RECORD_S, END_S = 200.0, 60.0
FASTER = 10.0
LV06_STEPS = tuple(
    {"voltage_mv": 1100.0 + 10 * (7 * k % 15), "frequency_mhz": 400.0 + 10 * (4 * k % 15)}
    for k in range(HEAT_STEPS)
)


def take_heat(kind: str, seed: np.random.SeedSequence) -> list[float]:
    """Seconds until the temperature stays within 0.5 degC of where it ends, after each step."""
    device = twin_of("ordinary" if kind == "planted" else kind, "lv06", seed)
    plan = CapturePlan(
        points=tuple(
            Point(number, 0, {**step, "difficulty": 2.0**30}, Dwell(HEAT_RECORD_S))
            for number, step in enumerate(LV06_STEPS)
        ),
        seed=work_seed(seed),
    )
    capture = capture_in_memory(device, plan)
    readings = capture.readings()
    return [
        settled_after_s(readings, point.t_start_ns, point.t_end_ns, FASTER if kind == "planted" else 1.0)
        for point in capture.points()
    ]


def settled_after_s(readings: Sequence[Reading], start_ns: int, end_ns: int, faster: float = 1.0) -> float:
    """From readings of `temperature_c`; `faster` is of a board that settles so much sooner."""
    own = [
        ((reading.t_ns - start_ns) / 1e9, reading.value)
        for reading in readings
        if reading.channel == "temperature_c" and start_ns <= reading.t_ns <= end_ns
    ]
    t_s, values = np.array(own).reshape(-1, 2).T
    if not len(t_s):
        return float("nan")
    ends_at = values[t_s > t_s[-1] - END_S].mean()
    away = np.abs(values - ends_at) > WITHIN_C
    return float(t_s[away][-1] / faster) if away.any() else 0.0


def find_settled(seconds: list[float]) -> Finding:
    """H18: supported where the interval of the share of late steps ends at one in twenty or below, refuted
    where it begins above."""
    known = [value for value in seconds if value == value]
    question = f"Has the temperature settled within {DWELL_S:g} s of a step?"
    if not known:
        return not_testable(question, 0, "no reading of the temperature came")
    late = sum(value > DWELL_S for value in known)
    share = clopper_pearson(late, len(known))
    p = float(stats.binom.sf(late - 1, len(known), LATE_SHARE))
    verdict = EvidenceVerdict.NOT_RESOLVED
    if share.high <= LATE_SHARE:
        verdict = EvidenceVerdict.SUPPORTED
    elif share.low > LATE_SHARE:
        verdict = EvidenceVerdict.REFUTED
    return Finding(
        question,
        share,
        [TestResult("exact binomial", float(late), p, len(known), f"one step in {1 / LATE_SHARE:g} is late")],
        smallest_effect=_least_refuted(len(known)),
        verdict=verdict,
        note=f"{late} of {len(known)} steps are later; the median took {np.median(known):.0f} s",
    )


def _least_refuted(n: int) -> float | None:
    """The share of late steps that n steps refute with a power of 80 %; None where no count of them does."""
    enough = next((late for late in range(1, n + 1) if clopper_pearson(late, n).low > LATE_SHARE), None)
    return None if enough is None else float(stats.beta.ppf(0.8, enough, n - enough + 1))
