"""The default battery: the claims about arrivals that a stream of events can be asked, together.

Seven tests, one level for all of them (Holm, with weights). Each is first asked whether the record can
answer it. What was planned before the capture is a family of its own, at the level that was planned; the rest
is exploring.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from asicrc.analysis.arrivals.dispersion import DISPERSION_MARGINS, dispersion_finding
from asicrc.analysis.arrivals.entropy import ENTROPY_MARGINS, entropy_finding
from asicrc.analysis.arrivals.fitness import Asks, reason_against
from asicrc.analysis.arrivals.law import CV_MARGINS, cv_finding
from asicrc.analysis.arrivals.long_memory import MEMORY_MARGINS, long_memory_finding
from asicrc.analysis.arrivals.serial import SERIAL_MARGINS, serial_finding
from asicrc.analysis.event_stream import EventStream
from asicrc.analysis.spectra.heartbeat import (
    CLAIMED_HZ,
    DEPTH_MARGINS,
    Heartbeat,
    heartbeat_at,
    heartbeat_in,
    judge_period,
)
from asicrc.analysis.spectra.host_periods import HostPeriod
from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence import (
    ClaimMargins,
    EvidenceVerdict,
    Finding,
    judge_claim,
    not_testable,
)
from asicrc.evidence.multiplicity import corrected
from asicrc.evidence.preregistration import PlannedTest, Preregistration

REPLICATES = 499


@dataclass(frozen=True, slots=True)
class Asked:
    """What a test is given beside the stream."""

    margins: ClaimMargins
    hosts: Sequence[HostPeriod]
    seed: int
    planned: PlannedTest


@dataclass(frozen=True, slots=True)
class BatteryTest:
    """`needs` intervals at the least; `null_value` is the effect's without the claim."""

    question: str
    asks: Asks
    needs: int
    margins: ClaimMargins
    find: Callable[[EventStream, Asked], Finding | Heartbeat]
    null_value: float = 0.0


TESTS: dict[str, BatteryTest] = {
    "cv": BatteryTest(
        "Does the CV of the intervals depart from a Poisson process behind a dead time?",
        Asks.LAW,
        50,
        CV_MARGINS,
        lambda stream, asked: cv_finding(
            stream.intervals_s, asked.seed, margins=asked.margins, replicates=REPLICATES
        ),
    ),
    "entropy": BatteryTest(
        "Is the entropy of the intervals another than that of an exponential?",
        Asks.LAW,
        200,
        ENTROPY_MARGINS,
        lambda stream, asked: entropy_finding(stream.intervals_s, margins=asked.margins),
    ),
    "serial": BatteryTest(
        "Does an interval depend on those before it?",
        Asks.ORDER,
        100,
        SERIAL_MARGINS,
        lambda stream, asked: serial_finding(stream, margins=asked.margins),
    ),
    "dispersion": BatteryTest(
        "Do counts vary more or less than a renewal process of these intervals?",
        Asks.ORDER,
        500,
        DISPERSION_MARGINS,
        lambda stream, asked: dispersion_finding(stream, margins=asked.margins),
    ),
    "long_memory": BatteryTest(
        "Do the intervals have a long memory?",
        Asks.ORDER,
        500,
        MEMORY_MARGINS,
        lambda stream, asked: long_memory_finding(stream, margins=asked.margins),
        0.5,
    ),
    "heartbeat": BatteryTest(
        f"Do the arrivals have a period at {CLAIMED_HZ:g} Hz?",
        Asks.RATE,
        20,
        DEPTH_MARGINS,
        lambda stream, asked: heartbeat_at(
            stream,
            asked.planned.frequency_hz or CLAIMED_HZ,
            hosts=asked.hosts,
            margins=asked.margins,
            seed=asked.seed,
        ),
    ),
    "period": BatteryTest(
        "Do the arrivals have any period?",
        Asks.RATE,
        20,
        DEPTH_MARGINS,
        lambda stream, asked: heartbeat_in(
            stream,
            asked.planned.low_hz,
            asked.planned.high_hz,
            hosts=asked.hosts,
            margins=asked.margins,
            seed=asked.seed,
        ),
    ),
}
"""By the name that a plan of tests calls them."""
WEIGHTS = {
    "cv": 50.0,
    "heartbeat": 20.0,
    "period": 8.0,
    "serial": 8.0,
    "dispersion": 6.0,
    "long_memory": 6.0,
    "entropy": 2.0,
}
"""Per cent of the level: most to what is claimed first and needs it most; the entropy has a large margin."""
DEFAULT = Preregistration(test=tuple(PlannedTest(name=name, weight=WEIGHTS[name]) for name in TESTS))


@dataclass(frozen=True, slots=True)
class Battery:
    """Findings by key, their p-values corrected and their verdicts at the level of the whole family."""

    findings: dict[str, Finding]
    heartbeats: dict[str, Heartbeat]
    alpha: float
    correction: str

    def as_json(self) -> dict[str, Any]:
        shown = {key: finding.as_json() for key, finding in self.findings.items()}
        for key, beat in self.heartbeats.items():
            shown[key] |= {
                name: value for name, value in beat.as_json().items() if name in _SHOWN_OF_HEARTBEATS
            }
        return {"alpha": self.alpha, "correction": self.correction, "tests": shown}

    @property
    def supported(self) -> list[str]:
        return [key for key, found in self.findings.items() if found.verdict is EvidenceVerdict.SUPPORTED]


_SHOWN_OF_HEARTBEATS = ("frequency_hz", "searched_hz", "detectable_depth", "host_side")


def run_battery(
    stream: EventStream,
    plan: Preregistration = DEFAULT,
    *,
    hosts: Sequence[HostPeriod] = (),
    seed: int = 0,
) -> Battery:
    """Every test of the plan, corrected for their number. Raises UsageError for a test that there is not."""
    check_plan(plan)
    findings: dict[str, Finding] = {}
    heartbeats: dict[str, Heartbeat] = {}
    for planned in plan.tests:
        found = _asked(stream, planned, hosts, seed)
        if isinstance(found, Heartbeat):
            heartbeats[planned.key] = found
            found = found.finding
        findings[planned.key] = found
    p_values = {key: found.p_corrected for key, found in findings.items()}
    together = corrected(
        {key: p for key, p in p_values.items() if p is not None},
        plan.correction,
        {planned.key: planned.weight for planned in plan.tests},
    )
    for planned in plan.tests:
        if planned.key in together:
            findings[planned.key] = _judged(
                findings[planned.key],
                heartbeats.get(planned.key),
                together[planned.key],
                planned,
                plan.alpha,
            )
    return Battery(findings, heartbeats, plan.alpha, plan.correction)


def check_plan(plan: Preregistration) -> None:
    """Raises UsageError for a test that there is not, and for a value that it does not take."""
    for planned in plan.tests:
        if planned.name not in TESTS:
            raise UsageError(f"there is no test {planned.name!r}", f"known: {', '.join(TESTS)}")
        spectral = {
            "frequency_hz": planned.frequency_hz is not None and planned.name != "heartbeat",
            "low_hz": planned.low_hz is not None and planned.name != "period",
            "high_hz": planned.high_hz is not None and planned.name != "period",
        }
        wrong = [name for name, is_wrong in spectral.items() if is_wrong]
        if wrong:
            raise UsageError(f"the test {planned.name} takes no {wrong[0]}", "heartbeat and period do")
        if planned.margin is not None and planned.margin <= TESTS[planned.name].margins.tolerated:
            raise UsageError(
                f"a margin of {planned.margin:g} in {planned.name} is within what ordinary confounds make",
                f"above {TESTS[planned.name].margins.tolerated:g}",
            )


def _asked(
    stream: EventStream, planned: PlannedTest, hosts: Sequence[HostPeriod], seed: int
) -> Finding | Heartbeat:
    test = TESTS[planned.name]
    n = len(stream.intervals_s)
    why = reason_against(stream, test.asks, test.needs)
    if why is None and planned.n is not None and n < planned.n:
        why = f"{n} intervals; {planned.n} were planned"
    if why is not None:
        return not_testable(test.question, n, why)
    try:
        return test.find(stream, Asked(_margins(planned), hosts, seed, planned))
    except NoAnswer as error:
        return not_testable(test.question, n, error.message)


def _judged(
    finding: Finding, beat: Heartbeat | None, p: float, planned: PlannedTest, alpha: float
) -> Finding:
    margins, note = _margins(planned), finding.note
    if beat is None:
        test = TESTS[planned.name]
        verdict = judge_claim(finding.effect, p, margins, null_value=test.null_value, alpha=alpha)
    else:
        shuffled = finding.nulls[1].p_value
        verdict, note = judge_period(finding.effect, p, shuffled, beat.host, margins, alpha)
    return replace(finding, p_corrected=p, verdict=verdict, note=note)


def _margins(planned: PlannedTest) -> ClaimMargins:
    usual = TESTS[planned.name].margins
    return usual if planned.margin is None else ClaimMargins(planned.margin, usual.tolerated)


def explored(plan: Preregistration) -> Preregistration | None:
    """The tests of the default battery that a plan does not have; None where it has all of them."""
    keys = {planned.name for planned in plan.tests if not _is_special(planned)}
    rest = tuple(test for test in DEFAULT.tests if test.name not in keys)
    return Preregistration(test=rest) if rest else None


def _is_special(planned: PlannedTest) -> bool:
    frequency = planned.frequency_hz is not None and planned.frequency_hz != CLAIMED_HZ
    return frequency or planned.low_hz is not None or planned.high_hz is not None


def truth_of(details: Mapping[str, Any]) -> dict[str, bool]:
    """By test, whether a twin says that an effect was planted which the test looks for.

    Tests that a planted effect of another kind may well see are left out.
    """
    beat = float(details.get("effect_heartbeat_depth") or 0.0) > 0
    other = any(
        float(details.get(f"effect_{name}") or 0.0) not in (0.0, default)
        for name, default in (("memory_gain", 0.0), ("leak_auc", 0.5), ("fingerprint_s", 0.0))
    )
    at_claimed = details.get("effect_heartbeat_hz", CLAIMED_HZ) == CLAIMED_HZ
    truth = {"heartbeat": beat and at_claimed, "period": beat}
    if not beat and not other:
        truth |= dict.fromkeys(("cv", "entropy", "serial", "dispersion", "long_memory"), False)
    return truth
