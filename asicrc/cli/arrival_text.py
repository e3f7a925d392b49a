"""What a record of arrivals says, in words and numbers."""

from __future__ import annotations

from collections.abc import Iterator

from asicrc.analysis.arrival_evidence import ArrivalEvidence
from asicrc.analysis.battery import Battery
from asicrc.analysis.spectra.heartbeat import Heartbeat
from asicrc.evidence import Estimate, EvidenceVerdict, Finding

_TITLES = {
    "cv": "CV shift",
    "entropy": "entropy",
    "serial": "lag 1",
    "dispersion": "dispersion",
    "long_memory": "memory",
    "heartbeat": "heartbeat",
    "period": "any period",
}


def arrival_lines(evidence: ArrivalEvidence) -> Iterator[str]:
    """Each test on a line: effect, interval, corrected p, what n could have seen, verdict."""
    if evidence.planned is not None:
        yield f"planned       {evidence.title or 'tests that were written down before the capture'}"
        yield from battery_lines(evidence.planned)
    if evidence.exploring is not None:
        planned = "the rest, " if evidence.planned is not None else ""
        yield (
            f"explored      {planned}{len(evidence.exploring.findings)} tests at "
            f"{evidence.exploring.alpha:.0%} together"
        )
        yield from battery_lines(evidence.exploring)
    mixture, beyond = evidence.dispatch, evidence.beyond
    if mixture is not None and beyond is not None:
        yield (
            f"dispatch      pick-up {mixture.delay_s * 1e3:.3g} ms, spread {mixture.spread_s * 1e3:.3g} ms, "
            f"wait {mixture.wait_s * 1e3:.4g} ms; {mixture.early_share:.1%} answer the job before"
        )
        yield f"              mixture p = {mixture.test.p_value:.3g} by parametric bootstrap, n = {mixture.n}"
        yield f"              CV beyond it {shown(beyond.effect)}: {beyond.verdict}"
    if evidence.drift is not None:
        percent, unit = evidence.drift.in_words()
        yield f"drift         {shown(percent)} {unit}, p = {evidence.drift.test.p_value:.2g}"
    if evidence.changes is not None and evidence.changes.points:
        places = ", ".join(str(point.index) for point in evidence.changes.points)
        yield f"changes       of the rate at interval {places}"
    for claim, verdict in evidence.verdicts.items():
        instrument = "" if verdict.instrument is None else f"; instrument {verdict.instrument}"
        yield f"claim {claim}     {verdict.interpretation}{instrument}: {verdict.reason}"


def battery_lines(battery: Battery) -> Iterator[str]:
    for key, finding in battery.findings.items():
        name = key.partition(" ")[0]
        title = _TITLES.get(name, name) + key.removeprefix(name)
        yield f"  {title:<13} {_said(finding, battery.heartbeats.get(key))}"


def heartbeat_lines(beat: Heartbeat) -> Iterator[str]:
    """One question about a period, answered."""
    yield beat.finding.question
    yield f"  {_said(beat.finding, beat)}"
    for test in (*beat.finding.nulls, *beat.tests):
        yield f"  {test.name}: p = {test.p_value:.3g} (null: {test.null})"


def shown(estimate: Estimate, unit: str = "") -> str:
    return f"{estimate.estimate:.4g} [{estimate.low:.4g}, {estimate.high:.4g}] {unit}".rstrip()


def _said(finding: Finding, beat: Heartbeat | None) -> str:
    if finding.verdict is EvidenceVerdict.NOT_TESTABLE_HERE:
        return f"{finding.verdict}: {finding.note}"
    at = "" if beat is None or beat.frequency_hz is None else f" at {beat.frequency_hz:.5g} Hz"
    what = "depth " if beat is not None else ""
    seen = "" if finding.smallest_effect is None else f", seen from {finding.smallest_effect:.3g}"
    p = "" if finding.p_corrected is None else f", p = {finding.p_corrected:.2g}"
    said = f"{what}{shown(finding.effect)}{at}, n = {finding.effect.n}{p}{seen}: {finding.verdict}"
    host = beat is not None and beat.host is not None
    return f"{said} ({finding.note})" if host else said
