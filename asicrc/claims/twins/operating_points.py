"""Memory at three clocks of an S9, over the CV at each of them: is there most of it in the middle? Claim S07.

The CV of an ordinary S9 is the same at any clock, so there is no edge. What is planted has one: intervals of
another CV at each clock, put into the steps of each capture, and a memory where the CV is in the middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from asicrc.claims.twins.driven import MACHINE, STREAM, Bench, captures_of
from asicrc.claims.twins.planting import gamma_waits
from asicrc.claims.twins.units import twin_of
from asicrc.evidence import EvidenceVerdict, Finding, not_testable
from asicrc.reservoir.attribution import CAPACITY_MARGINS, judge_gain
from asicrc.reservoir.attribution.paired import ALPHA
from asicrc.reservoir.benchmark import CaptureScores, Split
from asicrc.reservoir.benchmark.capacities import total
from asicrc.reservoir.driven_run import DrivenRun
from asicrc.reservoir.states.table import Floats

CLOCKS_MHZ = (450.0, 550.0, 650.0)
EDGE = 1
"""Which of them has the memory that is planted."""
PLANTED_CVS = (0.6, 0.7, None)
"""Of each clock; the memory brings its own spread to the one in the middle."""
PLANTED_MEMORY = {"memory_gain": 6.0, "memory_tau": 4.5}
SPLIT = Split(20, 150, 100)
QUESTION = "Is there more memory at a CV inside the range than at both of its ends, by 0.5?"


@dataclass(frozen=True, slots=True)
class AtClock:
    """One setting: of each capture the capacity beyond that of the memoryless twin, and the CV of its
    intervals. Rows of one length at all settings."""

    name: str
    capacities: tuple[float, ...]
    cvs: tuple[float, ...]


def take_clocks(kind: str, seed: np.random.SeedSequence) -> list[AtClock]:
    """Ten captures at each clock."""
    found = []
    for place, (mhz, child) in enumerate(zip(CLOCKS_MHZ, seed.spawn(len(CLOCKS_MHZ)), strict=True)):
        device = twin_of(kind, MACHINE, seed, PLANTED_MEMORY if place == EDGE else None)
        cv = PLANTED_CVS[place] if kind == "planted" else None
        seen: list[float] = []

        def plant(run: DrivenRun, _: Floats, cv: float | None = cv, seen: list[float] = seen) -> DrivenRun:
            run = run if cv is None else with_cv_in_steps(run, cv)
            seen.append(cv_of_run(run))
            return run

        scores = captures_of(_bench(mhz), device, child, plant)
        found.append(AtClock(f"{mhz:g} MHz", tuple(capacity_of(one) for one in scores), tuple(seen)))
    return found


def with_cv_in_steps(run: DrivenRun, cv: float) -> DrivenRun:
    """The run with intervals of a gamma law within each step; the first and the last event of a step stay."""
    steps = run.steps
    t_ns, step = steps.t_ns, steps.step
    within = np.concatenate([[False], step[1:] == step[:-1]])
    waits = np.concatenate([[0.0], np.diff(t_ns).astype(float)]) * within
    n_steps = len(steps.starts_ns) - 1
    spans = np.bincount(step, waits, n_steps)
    numbers = np.maximum(np.bincount(step, within, n_steps), 1)
    means = (spans / numbers)[step]
    moved = np.zeros_like(waits)
    moved[within] = means[within] * gamma_waits(waits[within] / means[within], cv)
    moved *= (spans / np.maximum(np.bincount(step, moved, n_steps), 1e-9))[step]
    first = np.flatnonzero(~within)
    sums = np.cumsum(moved)
    offset = np.repeat(first, np.diff([*first.tolist(), len(t_ns)]))
    at_ns = t_ns[offset] + np.round(sums - sums[offset]).astype(np.int64)
    changed = steps.moved(at_ns)
    return replace(run, steps=changed, nodes=changed)


def find_peak(points: Sequence[AtClock]) -> Finding:
    """S07: settings in the order of their CV; one inside against both ends, paired over captures.

    Of several inside, the one with the largest mean of every second capture is asked, and by the others. A
    peak is supported only where the CVs are told apart; where they are not, any setting may be inside, and it
    is refuted where none is above two others by 0.5.
    """
    ordered = sorted(points, key=lambda point: float(np.mean(point.cvs)))
    if len(ordered) < 3:
        return not_testable(QUESTION, len(ordered), "fewer than three settings have no middle")
    low, *inside, high = ordered
    chosen, judged = slice(0, None, 2), slice(1, None, 2)
    if len(inside) == 1:
        chosen = judged = slice(None)
    peak = max(inside, key=lambda point: float(np.mean(point.capacities[chosen])))
    found = _above(peak, (low, high), judged)
    apart = all(
        float(stats.ttest_ind(peak.cvs, end.cvs, equal_var=False).pvalue) <= ALPHA for end in (low, high)
    )
    shown = ", ".join(f"{np.mean(point.cvs):.3g} at {point.name}" for point in ordered)
    note = f"{found.note}; CV {shown}; highest inside at {peak.name}"
    if apart:
        return replace(found, note=note)
    return replace(
        found,
        verdict=EvidenceVerdict.REFUTED if _nowhere(points) else EvidenceVerdict.NOT_RESOLVED,
        note=f"{note}; the CVs are not told apart, so that any setting may be inside",
    )


def capacity_of(scores: CaptureScores) -> float:
    """Of the device beyond that of the memoryless twin, summed over the delays."""
    return total(scores.curves["device"]) - total(scores.curves["poisson_twin"])


def cv_of_run(run: DrivenRun) -> float:
    """Of the intervals between all events of a driven run."""
    waits = np.diff(run.steps.t_ns)
    return float(waits.std(ddof=1) / waits.mean())


def _above(point: AtClock, others: Sequence[AtClock], judged: slice = slice(None)) -> Finding:
    own = np.array(point.capacities)
    gains = {other.name: (own - np.array(other.capacities))[judged] for other in others}
    return judge_gain(QUESTION, gains, CAPACITY_MARGINS)


def _nowhere(points: Sequence[AtClock]) -> bool:
    """Is no setting above two others by the margin?"""
    for point in points:
        others = sorted((one for one in points if one is not point), key=lambda one: np.mean(one.capacities))
        if _above(point, others[:2]).verdict is not EvidenceVerdict.REFUTED:
            return False
    return True


def _bench(mhz: float) -> Bench:
    driving = STREAM.driving
    return Bench(
        replace(STREAM.protocol, split=SPLIT),
        replace(driving, requested={**driving.requested, "frequency_mhz": mhz}),
    )
