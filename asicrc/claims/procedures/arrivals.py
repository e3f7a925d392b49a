"""What the arrivals themselves are asked: CV and entropy under voltage stress, the heartbeat, the S9's table.

Claims H01, H03, H04 and S06.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from asicrc.analysis.arrival_evidence import CLAIMS, NEEDS, arrival_evidence
from asicrc.analysis.battery import TESTS, run_battery, truth_of
from asicrc.analysis.calibration import HEARTBEAT_EVENTS
from asicrc.analysis.event_source import EventSource, source_of_capture
from asicrc.analysis.papers.printed_entropy import printed_entropies
from asicrc.analysis.spectra.heartbeat import CLAIMED_HZ
from asicrc.capture.plan import CapturePlan
from asicrc.capture.point_capture import load_point
from asicrc.capture.points import Dwell, Point, PointState
from asicrc.capture.reader import Capture, load
from asicrc.capture.settling import Settle
from asicrc.claims.measured import SETTLING_S, captured, not_here, outcome_of, over_settings, url_of
from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.printed_sweep import TABLE_6
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures.asked_of import AskedOf
from asicrc.claims.twins.arrival_records import (
    PLANTED_DEPTH,
    PLANTED_SHIFT,
    PRINTED_CVS,
    STRESSED,
    find_beat,
    find_cv,
    find_entropy,
    find_printed,
    plan_of,
    take_beating,
    take_printed,
    take_stressed,
)
from asicrc.claims.twins.asking import TwinQuestion, effect_in
from asicrc.claims.voltage_points import voltage_points
from asicrc.errors import NoAnswer
from asicrc.evidence import EvidenceVerdict, Finding, not_testable
from asicrc.evidence.planned_sizes import plan_size


def of_capture(claim: str, capture: Capture) -> ClaimOutcome:
    """The whole battery on a plain capture; on a sweep its test at each point."""
    test, needs = CLAIMS[claim], NEEDS[claim]
    points = [point for point in capture.points() if point.state is PointState.DONE]
    try:
        if len(points) > 1:
            return _of_sweep(claim, test, capture, [point.id for point in points], needs)
        source = source_of_capture(capture)
    except NoAnswer as error:
        return not_here(claim, capture.meta, error.message, needs)
    found = arrival_evidence(source)
    finding = found.finding(test)
    if finding is None:
        raise ValueError(f"the battery has no test {test}")
    stated = found.verdicts[claim].reason
    explained = stated.partition("explained by ")[2] if "explained by" in stated else ""
    return outcome_of(
        claim,
        _of_one_setting(claim, finding),
        capture.meta,
        explained=explained,
        planted=_planted(source, test),
        needs=needs,
        effect_unit=_UNITS[claim],
        reproduced=_reproduced(claim, source),
    )


def of_device(claim: str, context: Context) -> ClaimOutcome:
    """A sweep of the voltage, as long as the budget lets; one for all claims of a run."""
    with load(captured(context, STRESS, lambda: _device_plan(context))) as capture:
        return of_capture(claim, capture)


def of_printed_table(capture: Capture) -> ClaimOutcome:
    """S06: the points of a sweep that stand at the settings of the table."""
    needs = _PRINTED_NEEDS
    found: dict[str, Finding] = {}
    numbers: list[Reproduced] = []
    values: list[EvidenceVerdict] = []
    for point in capture.points():
        name = _printed_name(point.requested)
        if name is None or point.state is not PointState.DONE or name in found:
            continue
        with load_point(capture.path, point.id) as at_point:
            source = source_of_capture(at_point)
        plan = plan_of("cv", len(TABLE_6))
        found[name] = run_battery(source.stream, plan, hosts=source.hosts).findings["cv"]
        if np.isfinite(found[name].effect.estimate):
            steps = source.stream.intervals_s
            numbers.append(
                Reproduced(f"CV at {name}", PRINTED_CVS[name], float(steps.std(ddof=1) / steps.mean()))
            )
            values.append(_value_of(found[name], float(steps.std(ddof=1) / steps.mean()), PRINTED_CVS[name]))
    if not found:
        return not_here("S06", capture.meta, "no point of the capture is at a setting of Table 6", needs)
    value = EvidenceVerdict.NOT_RESOLVED
    if EvidenceVerdict.REFUTED in values:
        value = EvidenceVerdict.REFUTED
    elif len(values) == len(TABLE_6) and set(values) == {EvidenceVerdict.SUPPORTED}:
        value = EvidenceVerdict.SUPPORTED
    finding = over_settings("Does the CV depart from the null at a setting of Table 6?", found)
    return outcome_of(
        "S06",
        finding,
        capture.meta,
        value=value,
        needs=needs,
        effect_unit="shift of the CV",
        reproduced=numbers,
    )


def _value_of(finding: Finding, cv: float, printed: float) -> EvidenceVerdict:
    """The printed number inside the interval; refuted beyond it by more than 0.05."""
    effect, null = finding.effect, cv - finding.effect.estimate
    low, high = effect.low + null, effect.high + null
    if low <= printed <= high:
        return EvidenceVerdict.SUPPORTED
    if printed < low - PLANTED_SHIFT or printed > high + PLANTED_SHIFT:
        return EvidenceVerdict.REFUTED
    return EvidenceVerdict.NOT_RESOLVED


def _printed_name(requested: Mapping[str, float]) -> str | None:
    for row in TABLE_6:
        if all(abs(requested.get(key, 0.0) / value - 1) < 0.02 for key, value in row.settings.items()):
            return row.name
    return None


def _of_sweep(claim: str, test: str, capture: Capture, points: Sequence[int], needs: str) -> ClaimOutcome:
    plan = plan_of(test, len(points))
    found: dict[str, Finding] = {}
    last: EventSource | None = None
    for number in points:
        name = ", ".join(f"{k} {v:g}" for k, v in _requested(capture, number).items())
        name = f"point {number}: {name}"
        try:
            with load_point(capture.path, number) as at_point:
                last = source_of_capture(at_point)
        except NoAnswer as error:  # nothing came at this point
            found[name] = not_testable(TESTS[test].question, 0, error.message)
            continue
        found[name] = run_battery(last.stream, plan, hosts=last.hosts).findings[test]
    question = next(iter(found.values())).question
    planted = None if last is None else _planted(last, test)
    return outcome_of(
        claim,
        over_settings(question, found),
        capture.meta,
        planted=planted,
        needs=needs,
        effect_unit=_UNITS[claim],
    )


def _requested(capture: Capture, number: int) -> Mapping[str, float]:
    return next(point.requested for point in capture.points() if point.id == number)


def _of_one_setting(claim: str, finding: Finding) -> Finding:
    """A claim about lowered voltages is not refuted at one of them."""
    if claim == "H04" or finding.verdict is not EvidenceVerdict.REFUTED:
        return finding
    note = f"not at this one setting: {finding.note}; the claim is about a voltage that is lowered"
    return replace(finding, verdict=EvidenceVerdict.NOT_RESOLVED, note=note)


def _planted(source: EventSource, test: str) -> bool | None:
    identity = source.meta.get("identity")
    details = identity.get("details") if isinstance(identity, dict) else None
    return truth_of(details).get(test) if isinstance(details, dict) else None


def _reproduced(claim: str, source: EventSource) -> list[Reproduced]:
    if claim != "H03":
        return []
    try:
        printed = printed_entropies(source.stream.intervals_s)
    except NoAnswer:
        return []
    return [
        Reproduced(f"entropy as printed, intervals in {unit}", None, value)
        for unit, value in printed.by_unit.items()
    ]


def _device_plan(context: Context) -> CapturePlan:
    n = plan_size("cv-equivalence", PLANTED_SHIFT).n
    dwell = Dwell(max(60.0, context.budget_s / len(STRESSED) - SETTLING_S), n)
    settings = voltage_points(url_of(context), STRESSED)
    points = [Point(k, 0, at, dwell, Settle(at_least_s=SETTLING_S)) for k, at in enumerate(settings)]
    return CapturePlan(points=tuple(points))


STRESS = "voltage"
"""In the name of the file."""
_PRINTED_NEEDS = (
    "an S9 at the four settings of the table, about 4,000 intervals at each: asicrc sweep s9-grid-as-printed"
)
_UNITS = {"H01": "shift of the CV", "H03": "nats", "H04": "depth"}
_IN_DATA = "put into the intervals of an ordinary twin, which has no such effect of its own"
_QUESTIONS = (
    TwinQuestion(
        "H01",
        take_stressed,
        find_cv,
        effect_in(),
        f"a CV of 0.95 in 4,000 intervals at the two lower ones of three voltages, {_IN_DATA}",
        12,
        2.4,
        _UNITS["H01"],
        NEEDS["H01"],
    ),
    TwinQuestion(
        "H03",
        take_stressed,
        find_entropy,
        effect_in(),
        f"an entropy 0.05 nats below an exponential's at the two lower ones of three voltages, {_IN_DATA}",
        12,
        2.4,
        _UNITS["H03"],
        NEEDS["H03"],
    ),
    TwinQuestion(
        "H04",
        take_beating,
        find_beat,
        effect_in(),
        f"a heartbeat of {CLAIMED_HZ:g} Hz and depth {PLANTED_DEPTH:g} in {HEARTBEAT_EVENTS} events",
        20,
        0.5,
        _UNITS["H04"],
        NEEDS["H04"],
    ),
    TwinQuestion(
        "S06",
        take_printed,
        find_printed,
        effect_in(),
        f"the CVs of Table 6 with as many intervals as 300 s give, {_IN_DATA}",
        20,
        0.5,
        _UNITS["H01"],
        _PRINTED_NEEDS,
    ),
)


def _procedure(question: TwinQuestion) -> Procedure:
    claim = question.claim
    if claim == "S06":
        return AskedOf(question, of_printed_table).procedure()
    if claim == "H04":
        return AskedOf(question, partial(of_capture, claim)).procedure()
    return AskedOf(
        question,
        partial(of_capture, claim),
        partial(of_device, claim),
        events=plan_size("cv-equivalence", PLANTED_SHIFT).n,
        settings=len(STRESSED),
    ).procedure()


PROCEDURES: tuple[Procedure, ...] = tuple(_procedure(question) for question in _QUESTIONS)
