"""The same question of twelve units of one model: claim H15."""

from __future__ import annotations

import numpy as np

from asicrc.analysis.arrivals.law import CV_MARGINS, cv_finding
from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.claims.twins.planting import gamma_steps
from asicrc.claims.twins.sweeps import LONGEST_S, PLANTED_CV
from asicrc.claims.twins.units import twin_of, work_seed
from asicrc.evidence import Finding
from asicrc.reservoir.attribution.paired import Margins, judge_gain

DEVICES, DEVICE_INTERVALS = 12, 4000
STRESS = {"voltage_mv": 8200.0, "frequency_mhz": 525.0, "difficulty": 256.0}
FEWEST = 1000
"""Intervals of a unit that counts: one that hangs at this voltage brings none."""
DEVICE_MARGINS = Margins(claimed=CV_MARGINS.claimed, tested=CV_MARGINS.tolerated)


def take_devices(kind: str, seed: np.random.SeedSequence) -> list[float]:
    """By how much the CV of each of twelve units is below its null at a lowered voltage."""
    found = []
    for child in seed.spawn(DEVICES):
        plan = CapturePlan(
            duration_s=LONGEST_S, max_events=DEVICE_INTERVALS + 1, requested=STRESS, seed=work_seed(child)
        )
        events = capture_in_memory(twin_of(kind, "s9", child), plan).events(distinct=True)
        steps = np.diff(events["t_ns"]) / 1e9
        if len(steps) < FEWEST:
            continue
        steps = gamma_steps(steps, PLANTED_CV) if kind == "planted" else steps
        found.append(-cv_finding(steps, replicates=99).effect.estimate)
    return found


def find_reproduced(shifts: list[float]) -> Finding:
    """H15: the mean over devices, each with one value: the mixed model with a random effect of the device."""
    return judge_gain(
        "Is the CV below its null on device after device?", {"the null": shifts}, DEVICE_MARGINS
    )
