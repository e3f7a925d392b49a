"""Memory at three clocks of an S9: is there most of it in the middle? Claim S07.

A peak where the CV is special would show twice: the CV is what H01 asks about, the capacity is asked about
here, at the place that was named before.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from asicrc.claims.twins.driven import MACHINE, STREAM, Bench, captures_of
from asicrc.claims.twins.units import twin_of
from asicrc.evidence import Finding
from asicrc.reservoir.attribution import CAPACITY_MARGINS, judge_gain
from asicrc.reservoir.benchmark import CaptureScores, Split
from asicrc.reservoir.benchmark.capacities import total

CLOCKS_MHZ = (450.0, 550.0, 650.0)
EDGE = 1
"""Which of them is said to be at the edge."""
PLANTED_MEMORY = {"memory_gain": 6.0, "memory_tau": 4.5}
SPLIT = Split(20, 150, 100)


def take_clocks(kind: str, seed: np.random.SeedSequence) -> list[list[float]]:
    """Capacity of each of ten captures beyond that of the memoryless twin, at each clock, lowest first.

    What is planted is planted at the middle clock alone.
    """
    found = []
    for place, (mhz, child) in enumerate(zip(CLOCKS_MHZ, seed.spawn(len(CLOCKS_MHZ)), strict=True)):
        device = twin_of(kind, MACHINE, seed, PLANTED_MEMORY if place == EDGE else None)
        found.append([_capacity(scores) for scores in captures_of(_bench(mhz), device, child)])
    return found


def find_peak(capacities: list[list[float]]) -> Finding:
    """Higher at the named place than at both ends, by 0.5."""
    low, edge, high = (np.array(row) for row in capacities)
    return judge_gain(
        "Is the memory at the edge larger than at both ends of the sweep, by 0.5?",
        {f"{CLOCKS_MHZ[0]:g} MHz": edge - low, f"{CLOCKS_MHZ[-1]:g} MHz": edge - high},
        CAPACITY_MARGINS,
    )


def _capacity(scores: CaptureScores) -> float:
    return total(scores.curves["device"]) - total(scores.curves["poisson_twin"])


def _bench(mhz: float) -> Bench:
    driving = STREAM.driving
    return Bench(
        replace(STREAM.protocol, split=SPLIT),
        replace(driving, requested={**driving.requested, "frequency_mhz": mhz}),
    )
