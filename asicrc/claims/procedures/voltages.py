"""Sweeps of voltage and clock, and the same question of other devices: H02, H11, H13, H15 and H18.

A capture answers where it is a sweep with what the claim needs; a device is swept for H02 and H11, both of
one file. Wrong hashes show on a direct line alone, and other devices take other devices.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from asicrc.analysis.calibration import INTERVALS
from asicrc.analysis.papers.ginzburg_landau import compare_transition
from asicrc.analysis.papers.sweep_transition import VOLTAGE, cv_by_voltage
from asicrc.capture.plan import CapturePlan
from asicrc.capture.points import Dwell, Point, PointState
from asicrc.capture.reader import Capture, load
from asicrc.capture.settling import Settle
from asicrc.claims.measured import SETTLING_S, captured, not_here, outcome_of, url_of
from asicrc.claims.outcome import ClaimOutcome
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures.asked_of import AskedOf
from asicrc.claims.twins.asking import TwinQuestion, effect_in
from asicrc.claims.twins.devices import DEVICE_INTERVALS, DEVICES, find_reproduced, take_devices
from asicrc.claims.twins.edge import Answers, answers_of, errors_finding, find_errors, take_edge
from asicrc.claims.twins.heat import (
    DWELL_S,
    FASTER,
    HEAT_STEPS,
    find_settled,
    settled_after_s,
    take_heat,
)
from asicrc.claims.twins.sweeps import (
    PLANTED_CRITICAL_MV,
    PLANTED_CV,
    PLANTED_EDGE_MV,
    PLANTED_LOWEST_CV,
    REPEATS,
    find_regimes,
    find_transition,
    regimes_finding,
    take_sweep,
    transition_finding,
)
from asicrc.claims.voltage_points import voltage_points
from asicrc.errors import NoAnswer
from asicrc.evidence import Finding
from asicrc.reservoir.attribution.paired import LEAST_PAIRS

REGIMES = "regimes"
"""In the name of the file."""
SWEPT = tuple(np.linspace(0.92, 1.05, 10).round(4).tolist())
"""Of the usual voltage."""
_IN_DATA = "put into the intervals of an ordinary twin"
NEEDS = {
    "H02": "an LV06 or an S9 in a randomised sweep, ten voltages three times, 4,000 intervals at each point",
    "H11": "an LV06 or an S9 in a randomised sweep, ten voltages three times, 4,000 intervals at each point",
    "H13": "a chip on a direct line, 300 nonces at each voltage down to where it hangs: asicrc sweep "
    "bm1366-voltage",
    "H15": f"{LEAST_PAIRS} devices of one model at least, {DEVICE_INTERVALS:,} intervals of each at a "
    "lowered voltage (what H01 sweeps): one device is one value of the mean over devices",
    "H18": f"{HEAT_STEPS} steps of voltage or clock with readings of the temperature for more than "
    f"{3 * DWELL_S:g} s after each, none of them late, or fewer of which many are: asicrc sweep",
}
UNITS = {
    "H02": "CV",
    "H11": "difference in BIC",
    "H13": "share of answers that do not hash",
    "H15": "CV below its null",
    "H18": "share of steps that are late",
}


def of_sweep(claim: str, capture: Capture) -> ClaimOutcome:
    """H02, H11: the CV of each point by its voltage."""
    try:
        voltage, cv, se = cv_by_voltage(capture)
        found = (
            regimes_finding(cv)
            if claim == "H02"
            else transition_finding(compare_transition(voltage, 1 - cv, se))
        )
    except NoAnswer as error:
        return not_here(claim, capture.meta, error.message, NEEDS[claim])
    note = f"{len(cv)} points from {voltage.min():g} to {voltage.max():g} mV."
    return _outcome(claim, found, capture, note)


def sweep_device(claim: str, context: Context) -> ClaimOutcome:
    """Ten voltages three times, in random order; one file for both claims."""

    def plan() -> CapturePlan:
        settings = voltage_points(url_of(context), SWEPT)
        keys = [(place, repeat) for place in range(len(SWEPT)) for repeat in range(REPEATS)]
        order = np.random.default_rng(context.seed).permutation(len(keys)).tolist()
        dwell = Dwell(max(60.0, context.budget_s / len(keys) - SETTLING_S), INTERVALS + 1)
        points = [
            Point(place, repeat, settings[place], dwell, Settle(SETTLING_S))
            for place, repeat in (keys[k] for k in order)
        ]
        return CapturePlan(points=tuple(points))

    with load(captured(context, REGIMES, plan)) as capture:
        return of_sweep(claim, capture)


def of_direct_sweep(capture: Capture) -> ClaimOutcome:
    """H13: the highest voltage against the lowest at which the chip still answers."""
    identity = capture.identity
    if identity is None or identity.family != "bm13xx":
        why = "only a chip on a direct line shows its wrong answers: a pool protocol hides them"
        return not_here("H13", capture.meta, why, NEEDS["H13"])
    events = capture.events()
    by_voltage: dict[float, Answers] = {}
    for point in capture.points():
        if VOLTAGE in point.requested and point.state is PointState.DONE:
            wrong, n = answers_of(events[point.holds(events)])
            before = by_voltage.get(point.requested[VOLTAGE], (0, 0))
            by_voltage[point.requested[VOLTAGE]] = (before[0] + wrong, before[1] + n)
    working = sorted(mv for mv, (_, n) in by_voltage.items() if n)
    if len(working) < 2:
        return not_here("H13", capture.meta, "fewer than two voltages with answers", NEEDS["H13"])
    found = errors_finding(by_voltage[working[-1]], by_voltage[working[0]])
    return _outcome("H13", found, capture, f"{working[0]:g} mV against {working[-1]:g} mV.")


def of_heated(capture: Capture) -> ClaimOutcome:
    """H18: from the end of the write to the end of the point, which has to be long enough to see."""
    readings = capture.readings()
    points = [point for point in capture.points() if point.state is PointState.DONE]
    long = [point for point in points if (point.t_end_ns - point.t_start_ns) / 1e9 > 3 * DWELL_S]
    if len(points) < 2 or not long:
        why = f"no sweep with points longer than {3 * DWELL_S:g} s without settling before them"
        return not_here("H18", capture.meta, why, NEEDS["H18"])
    found = find_settled([settled_after_s(readings, point.t_start_ns, point.t_end_ns) for point in long])
    return _outcome("H18", found, capture, "")


def _outcome(claim: str, found: Finding, capture: Capture, note: str) -> ClaimOutcome:
    return outcome_of(claim, found, capture.meta, needs=NEEDS[claim], effect_unit=UNITS[claim], note=note)


def _question(
    claim: str,
    take: Callable[..., object],
    find: Callable[..., Finding],
    planted: str,
    runs: int,
    seconds: float,
    **there: bool,
) -> TwinQuestion:
    return TwinQuestion(
        claim, take, find, effect_in(**there), planted, runs, seconds, UNITS[claim], NEEDS[claim]
    )


_REGIMES = _question(
    "H02",
    take_sweep,
    find_regimes,
    f"a CV of {PLANTED_CV:g} in 4,000 intervals below {PLANTED_EDGE_MV:g} mV, {_IN_DATA}",
    7,
    10.0,
)
_TRANSITION = _question(
    "H11",
    take_sweep,
    find_transition,
    f"1 - CV as the root of the distance below {PLANTED_CRITICAL_MV:g} mV, {1 - PLANTED_LOWEST_CV:.2g} at "
    f"the lowest, {_IN_DATA}",
    7,
    10.0,
)
PROCEDURES: tuple[Procedure, ...] = (
    *(
        AskedOf(
            one,
            partial(of_sweep, one.claim),
            partial(sweep_device, one.claim),
            events=INTERVALS,
            settings=len(SWEPT) * REPEATS,
        ).procedure()
        for one in (_REGIMES, _TRANSITION)
    ),
    AskedOf(
        _question(
            "H13",
            take_edge,
            find_errors,
            "",
            8,
            0.8,
            ordinary=True,
        ),
        of_direct_sweep,
    ).procedure(),
    AskedOf(
        _question(
            "H15",
            take_devices,
            find_reproduced,
            f"a CV of {PLANTED_CV:g} on each of {DEVICES} units, {_IN_DATA}",
            7,
            5.5,
        )
    ).procedure(),
    AskedOf(
        _question(
            "H18",
            take_heat,
            find_settled,
            f"heat that settles {FASTER:g} times faster, put into the readings of an ordinary twin",
            8,
            3.0,
            ideal=True,
        ),
        of_heated,
    ).procedure(),
)
