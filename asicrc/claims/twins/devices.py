"""The same question of twelve units of one model: claim H15."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from asicrc.analysis.arrivals.law import CV_MARGINS, law_test
from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.claims.twins.planting import gamma_steps
from asicrc.claims.twins.sweeps import LONGEST_S, PLANTED_CV
from asicrc.claims.twins.units import twin_of, work_seed
from asicrc.evidence import Finding, not_testable
from asicrc.evidence.random_intercept import random_intercept
from asicrc.reservoir.attribution.paired import Margins, judge_gain

DEVICES, DEVICE_INTERVALS, PARTS = 12, 4000, 4
"""A record is cut into so many parts, which show how much of the spread is the devices' own."""
STRESS = {"voltage_mv": 8200.0, "frequency_mhz": 525.0, "difficulty": 256.0}
FEWEST = 1000
"""Intervals of a unit that counts: one that hangs at this voltage brings none."""
DEVICE_MARGINS = Margins(claimed=CV_MARGINS.claimed, tested=CV_MARGINS.tolerated)
QUESTION = "Is the CV below its null on device after device?"


def take_devices(kind: str, seed: np.random.SeedSequence) -> list[list[float]]:
    """By how much the CV in each part of a record is below the unit's null, at a lowered voltage.

    One row for each of up to twelve units.
    """
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
        null = law_test(steps).cv_null
        parts = np.array_split(steps, PARTS)
        found.append([null - float(part.std(ddof=1) / part.mean()) for part in parts])
    return found


def find_reproduced(shifts: list[list[float]]) -> Finding:
    """H15: the mean over devices of a mixed model in which each device has an intercept of its own.

    `shifts` has as many values of each device, so that the model's test is a t test over the devices' means:
    see `asicrc.evidence.random_intercept`.
    """
    if len(shifts) < 2:
        return not_testable(QUESTION, len(shifts), "fewer than two units gave intervals at this voltage")
    model = random_intercept(shifts)
    found = judge_gain(QUESTION, {"the null": model.group_means}, DEVICE_MARGINS)
    share = model.between_share
    return replace(
        found,
        note=f"{found.note}; {share.estimate:.0%} [{share.low:.0%}, {share.high:.0%}] of the variance of a "
        f"part lies between the {share.n} devices",
    )
