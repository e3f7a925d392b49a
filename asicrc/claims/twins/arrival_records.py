"""Records of arrivals: an S9 under voltage stress, at the settings of a table, and with a heartbeat.

On twins the voltage of an S9 is lowered as it is said to be, at a difficulty of 512 that lifts the intervals
well above the jitter of its network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asicrc.analysis.battery import WEIGHTS, run_battery
from asicrc.analysis.calibration import HEARTBEAT_EVENTS, INTERVALS
from asicrc.analysis.event_stream import EventStream
from asicrc.analysis.spectra.heartbeat import CLAIMED_HZ
from asicrc.analysis.spectra.host_periods import HostPeriod, regular_period, usual_periods
from asicrc.capture.memory import MemoryCapture, capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.capture.points import Dwell, Point
from asicrc.claims.measured import over_settings
from asicrc.claims.printed_sweep import DWELL_S, TABLE_6
from asicrc.claims.twins.planting import cv_of_entropy, with_cv
from asicrc.claims.twins.units import twin_of, usual_setting, work_seed
from asicrc.evidence import DESIGN_LEVEL, Finding
from asicrc.evidence.preregistration import PlannedTest, Preregistration

STRESSED = (1.0, 0.96, 0.92)
"""Of the usual voltage: an S9 goes from 8.9 to 8.2 V."""
STRESS_MHZ, STRESS_DIFFICULTY = 525.0, 512.0
"""At 8.2 V its chips hang with the usual clock, and some with the 575 MHz of the paper."""
LONGEST_S = 4000.0
"""Of a point: six times what it takes."""
PLANTED_SHIFT = 0.05
FEWEST = 20
PLANTED_DEPTH = 0.25
PRINTED_CVS = {point.name: point.cv for point in TABLE_6}
LEAST_S9_MV = 7950.0
"""Below, no hash board of an S9 is driven: see the plan s9-grid-as-printed."""


@dataclass(frozen=True, slots=True)
class Record:
    """One setting: its stream, and the periods that a host may have brought."""

    name: str
    stream: EventStream
    hosts: Sequence[HostPeriod] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """What was measured of one twin."""

    kind: str
    records: Sequence[Record]


def take_stressed(kind: str, seed: np.random.SeedSequence) -> Taken:
    """4,000 intervals at each of three voltages."""
    device = twin_of(kind, "s9", seed)
    usual_mv = usual_setting(device, "voltage_mv")
    stressed = {"frequency_mhz": STRESS_MHZ, "difficulty": STRESS_DIFFICULTY}
    points = [
        Point(
            number,
            0,
            {"voltage_mv": round(share * usual_mv)} | stressed,
            Dwell(LONGEST_S, INTERVALS + 1),
        )
        for number, share in enumerate(STRESSED)
    ]
    return Taken(
        kind, _records(capture_in_memory(device, CapturePlan(points=tuple(points), seed=work_seed(seed))))
    )


def take_printed(kind: str, seed: np.random.SeedSequence) -> Taken:
    """300 s at each of the four settings of the table; for its 7.6 V stand the 7.95 V that an S9 may have."""
    device = twin_of(kind, "s9", seed)
    points = [
        Point(
            number,
            0,
            {**row.settings, "voltage_mv": max(row.voltage_mv, LEAST_S9_MV)},
            Dwell(DWELL_S),
        )
        for number, row in enumerate(TABLE_6)
    ]
    records = _records(capture_in_memory(device, CapturePlan(points=tuple(points), seed=work_seed(seed))))
    return Taken(
        kind, [Record(name, one.stream, one.hosts) for name, one in zip(PRINTED_CVS, records, strict=True)]
    )


def take_beating(kind: str, seed: np.random.SeedSequence) -> Taken:
    """As many events as the paper's claim of a heartbeat was planned for."""
    device = twin_of(kind, "s9", seed, {"heartbeat_hz": CLAIMED_HZ, "heartbeat_depth": PLANTED_DEPTH})
    plan = CapturePlan(duration_s=LONGEST_S, max_events=HEARTBEAT_EVENTS, seed=work_seed(seed))
    return Taken(kind, _records(capture_in_memory(device, plan)))


def find_cv(taken: Taken) -> Finding:
    """H01; where it is planted, at the lowered voltages."""
    return at_settings("cv", _lowered(taken, 1 - PLANTED_SHIFT))


def find_entropy(taken: Taken) -> Finding:
    return at_settings("entropy", _lowered(taken, cv_of_entropy(PLANTED_SHIFT)))


def find_printed(taken: Taken) -> Finding:
    records = taken.records
    if taken.kind == "planted":
        records = [
            Record(one.name, with_cv(one.stream, PRINTED_CVS[one.name]), one.hosts)
            for one in taken.records
            if _enough(one)
        ]
    return at_settings("cv", records)


def find_beat(taken: Taken) -> Finding:
    return at_settings("heartbeat", taken.records)


def _lowered(taken: Taken, cv: float) -> Sequence[Record]:
    """Where it is planted: with intervals of this CV at the two lowered voltages.

    A unit that hangs there has nothing to plant anything in.
    """
    if taken.kind != "planted":
        return taken.records
    usual, *lowered = taken.records
    return [
        usual,
        *(Record(one.name, with_cv(one.stream, cv), one.hosts) if _enough(one) else one for one in lowered),
    ]


def _enough(record: Record) -> bool:
    return len(record.stream.intervals_s) >= FEWEST


def _records(capture: MemoryCapture) -> list[Record]:
    events = capture.events(distinct=True)
    floor_s = capture.number("jitter_floor", "rms_high_s")
    jobs = regular_period("jobs that are renewed", [job.sent_ns for job in capture.jobs()])
    found = []
    for point in capture.points():
        own = events[point.holds(events)]
        stream = EventStream.of(own["t_ns"], own["segment"], floor_s=floor_s)
        hosts = [*usual_periods(capture.identity.model, stream.quantum_s), *([jobs] if jobs else [])]
        name = ", ".join(f"{setting} {value:g}" for setting, value in point.requested.items())
        found.append(Record(name or "settings as they are", stream, hosts))
    return found


def at_settings(test: str, records: Sequence[Record]) -> Finding:
    """One test of the battery at each setting."""
    plan = plan_of(test, len(records))
    findings = {
        one.name: run_battery(one.stream, plan, hosts=one.hosts, seed=place).findings[test]
        for place, one in enumerate(records)
    }
    return over_settings(next(iter(findings.values())).question, findings)


def plan_of(test: str, settings: int) -> Preregistration:
    """Of a test alone, at the share of the level that it has in the whole battery, over the number of
    settings (Bonferroni): claims are many, and each is asked as if the others were too."""
    alpha = DESIGN_LEVEL * WEIGHTS[test] / sum(WEIGHTS.values()) / settings
    return Preregistration(alpha=alpha, test=(PlannedTest(name=test),))
