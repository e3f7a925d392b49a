"""What a record of arrivals says for and against the claims, and what it was like while it was taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from asicrc.analysis.arrivals.allan import AllanPoint, rate_allan_deviation
from asicrc.analysis.arrivals.change_points import ChangePoints, rate_changes
from asicrc.analysis.arrivals.dispersion import dispersion_test
from asicrc.analysis.arrivals.drift import Drift, rate_drift
from asicrc.analysis.arrivals.entropy import differential_entropy
from asicrc.analysis.arrivals.fitness import Asks, reason_against
from asicrc.analysis.arrivals.latency_mixture import LatencyMixture, fit_latency_mixture
from asicrc.analysis.arrivals.law import CV_MARGINS
from asicrc.analysis.battery import DEFAULT, Battery, check_plan, explored, run_battery, truth_of
from asicrc.analysis.event_source import EventSource
from asicrc.analysis.event_stream import EventStream
from asicrc.analysis.intervals import segment_counts
from asicrc.clock import is_virtual
from asicrc.errors import NoAnswer
from asicrc.evidence import (
    EvidenceVerdict,
    Finding,
    Source,
    TestResult,
    TwoVerdicts,
    judge_claim,
    two_verdicts,
)
from asicrc.evidence.finding import POWER_80_SE
from asicrc.evidence.preregistration import Preregistration, preregistration_of
from asicrc.evidence.two_verdicts import source_of

WINDOW_INTERVALS = 10.0
DISPATCH_A_SHARE = 0.5
"""Jobs an event: with fewer a timer sends them, and the time since the newest says nothing of a share."""
CLAIMS = {"H01": "cv", "H03": "entropy", "H04": "heartbeat"}
"""Claims that a test of the battery is about."""
NEEDS = {
    "H01": "an LV06 in a sweep of its voltage, 4,000 intervals at each point (9,000 s at difficulty 256)",
    "H03": "an LV06 in a sweep of its voltage, 4,000 intervals at each point",
    "H04": "an LV06 at the voltage in question, 2,588 shares (1.6 h at difficulty 256)",
}
_T = TypeVar("_T")


@dataclass(slots=True)
class ArrivalEvidence:
    """`planned` is the family that was written into the capture beforehand, `exploring` the rest; without a
    plan all is exploring. `dispatch` is the mixture of latencies where jobs follow shares, and `beyond`
    what the CV of the latencies has beyond it. A part that could not be answered is None and stands in
    `unanswered`."""

    planned: Battery | None = None
    exploring: Battery | None = None
    title: str = ""
    drift: Drift | None = None
    changes: ChangePoints | None = None
    allan: list[AllanPoint] = field(default_factory=list)
    counts: TestResult | None = None
    entropy_nats: float | None = None
    dispatch: LatencyMixture | None = None
    beyond: Finding | None = None
    verdicts: dict[str, TwoVerdicts] = field(default_factory=dict)
    unanswered: dict[str, str] = field(default_factory=dict)

    def finding(self, key: str) -> Finding | None:
        """Of the planned family if it is there, else of the other."""
        for battery in (self.planned, self.exploring):
            if battery is not None and key in battery.findings:
                return battery.findings[key]
        return None

    def as_json(self) -> dict[str, Any]:
        parts = {
            "planned": self.planned,
            "exploring": self.exploring,
            "drift": self.drift,
            "rate_changes": self.changes,
            "dispersion_index": self.counts,
            "latency_mixture": self.dispatch,
            "beyond_dispatch": self.beyond,
        }
        return {
            **{name: None if part is None else part.as_json() for name, part in parts.items()},
            "title": self.title,
            "entropy_nats": self.entropy_nats,
            "allan_deviation": [point.as_json() for point in self.allan],
            "verdicts": {claim: verdict.as_json() for claim, verdict in self.verdicts.items()},
            "unanswered": self.unanswered,
        }


def arrival_evidence(source: EventSource, seed: int = 1) -> ArrivalEvidence:
    """Run what was planned, explore the rest, describe the record.

    Raises BadFile for a plan that was altered, UsageError for a test that this version does not have.
    """
    stream = source.stream
    found = ArrivalEvidence()
    plan = preregistration_of(source.meta)
    rest: Preregistration | None = DEFAULT
    if plan is not None:
        check_plan(plan)
        found.title = plan.title
        found.planned = run_battery(stream, plan, hosts=source.hosts, seed=seed)
        rest = explored(plan)
    if rest is not None:
        found.exploring = run_battery(stream, rest, hosts=source.hosts, seed=seed)
    _describe(found, stream)
    _dispatch(found, source, seed)
    _judge_claims(found, source, plan)
    return found


def _judge_claims(found: ArrivalEvidence, source: EventSource, plan: Preregistration | None) -> None:
    truth, kind = _truth(source), source_of(source.meta)
    claims = {claim: (key, key) for claim, key in CLAIMS.items()}
    claims |= {test.claim: (test.key, test.name) for test in (plan.tests if plan else ()) if test.claim}
    for claim, (key, name) in claims.items():
        finding = found.finding(key)
        if finding is not None:
            found.verdicts[claim] = two_verdicts(
                finding,
                kind,
                explained=_explained(found) if name in ("cv", "entropy") else "",
                planted=truth.get(name) if kind is Source.TWIN else None,
                needs=NEEDS.get(claim, "a device, and as many events as the plan says"),
            )


def _describe(found: ArrivalEvidence, stream: EventStream) -> None:
    why = reason_against(stream, Asks.RATE, 20)
    if why is not None:
        found.unanswered |= dict.fromkeys(
            ("drift", "rate_changes", "allan_deviation", "dispersion_index"), why
        )
    else:
        window_s = WINDOW_INTERVALS * float(stream.intervals_s.mean())
        found.drift = _try(found, "drift", lambda: rate_drift(stream))
        found.changes = _try(found, "rate_changes", lambda: rate_changes(stream))
        found.allan = _try(found, "allan_deviation", lambda: rate_allan_deviation(stream)) or []
        found.counts = _try(
            found,
            "dispersion_index",
            lambda: dispersion_test(segment_counts(stream.t_ns, stream.segment, window_s)),
        )
    why = reason_against(stream, Asks.LAW, 50)
    if why is not None:
        found.unanswered["entropy_nats"] = why
    else:
        found.entropy_nats = _try(found, "entropy_nats", lambda: differential_entropy(stream.intervals_s))


def _dispatch(found: ArrivalEvidence, source: EventSource, seed: int) -> None:
    """The mixture of latencies, and whether it leaves anything of the CV."""
    latency_s = source.latency_s
    if not len(latency_s):
        found.unanswered["latency_mixture"] = "no event states when its job was sent"
        return
    if source.jobs < DISPATCH_A_SHARE * len(latency_s):
        found.unanswered["latency_mixture"] = (
            f"{source.jobs} jobs for {len(latency_s)} events: a timer sends them, so that the time since the "
            "newest says nothing of a share"
        )
        return
    why = reason_against(source.stream, Asks.LAW, 50)
    if why is not None:
        found.unanswered["latency_mixture"] = why
        return
    mixture = _try(found, "latency_mixture", lambda: fit_latency_mixture(latency_s, seed))
    found.dispatch = mixture
    if mixture is not None:
        effect = mixture.cv_beyond
        found.beyond = Finding(
            "Has the CV of the latencies more than pick-up, waiting and answers to the job before give it?",
            effect,
            [mixture.test],
            POWER_80_SE * (effect.high - effect.low) / 3.92,
            judge_claim(effect, mixture.cv_p, CV_MARGINS),
            f"CV less that of the mixture; margin {CV_MARGINS.claimed:g}; the mixture itself has "
            f"p = {mixture.test.p_value:.3g}, five parameters being fitted",
            mixture.cv_p,
        )


def _explained(found: ArrivalEvidence) -> str:
    if found.beyond is not None and found.beyond.verdict is not EvidenceVerdict.SUPPORTED:
        return "the dispatch: pick-up, waiting and answers to the job before leave nothing of 0.05 or more"
    return ""


def _truth(source: EventSource) -> dict[str, bool]:
    """Nothing of an emulator in real time: a busy host makes its proofs late, and nobody planted that."""
    identity = source.meta.get("identity")
    details = identity.get("details") if isinstance(identity, dict) else None
    return truth_of(details) if is_virtual(source.meta) and isinstance(details, dict) else {}


def _try(found: ArrivalEvidence, name: str, answer: Callable[[], _T]) -> _T | None:
    try:
        return answer()
    except NoAnswer as error:
        found.unanswered[name] = error.message
        return None
