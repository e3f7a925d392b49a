"""The page of a plain capture, or of one point of a sweep."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asicrc.analysis.capture_analysis import CaptureAnalysis, analyze_capture, latency_s_of
from asicrc.analysis.event_source import analysed, source_of_capture
from asicrc.analysis.point_numbers import rate_of
from asicrc.analysis.spectra.heartbeat import Heartbeat
from asicrc.capture.point_capture import PointCapture, load_point
from asicrc.capture.reader import Capture
from asicrc.capture.recheck import VerifyReport, verify
from asicrc.capture.summary import summarise
from asicrc.errors import NoAnswer
from asicrc.evidence import Finding
from asicrc.report.figures import capture_panels
from asicrc.report.heartbeat_figure import heartbeat_panels
from asicrc.report.html.capture_parts import (
    again_section,
    facts_of,
    log_section,
    notices_of,
    proof_tile,
    provenance,
    readings_of,
    readings_table,
    settings_section,
)
from asicrc.report.html.capture_pictures import heartbeat_pictures, pictures_of, reading_pictures
from asicrc.report.html.capture_tables import arrival_table, count_table, model_table, null_blocks, scan_table
from asicrc.report.html.findings_table import finding_table
from asicrc.report.html.number_text import (
    duration,
    estimate_text,
    in_one,
    number,
    share,
    time_unit,
)
from asicrc.report.html.page import (
    Block,
    Command,
    Judged,
    Page,
    Pairs,
    Picture,
    Pictures,
    Section,
    Text,
    Tile,
    Verdicts,
)
from asicrc.report.readings_figure import reading_panels
from firmware_protocols.device import NO_TIME

CLAIMS = {
    "H01": "Does the CV of the intervals depart from that of a Poisson process behind a dead time?",
    "H03": "Does the entropy of the intervals mark a regime?",
    "H04": "Is there a heartbeat of 2.4 Hz?",
}


def capture_page(
    path: Path, *, seed: int = 1, point: int | None = None, analysis: CaptureAnalysis | None = None
) -> Page:
    """`analysis` is what was computed of this file already. Raises BadFile, UsageError."""
    analysis = analysis or analyze_capture(path, seed=seed, point=point)
    verified, summary = verify(path), summarise(path)
    quoted = shlex.quote(path.name)
    with load_point(path, point) as capture:
        identity, seconds = capture.identity, _recorded_s(capture, summary)
        model = "imported data" if identity is None else identity.model
        return Page(
            kind="Capture" if point is None else f"Point {point} of a sweep",
            title=path.name,
            lead=_lead(analysis, seconds, model),
            facts=facts_of(capture, summary),
            notices=notices_of(capture, verified),
            tiles=_tiles(analysis, verified, seconds, point),
            sections=[
                Section("figures", "Figures", _figures(capture, analysis, seed)),
                Section("numbers", "Numbers", _numbers(capture, analysis, verified, point)),
                Section("verdicts", "Verdicts", _verdicts(analysis)),
                Section("nulls", "Nulls", null_blocks(analysis)),
                settings_section(capture.settings()),
                provenance(capture, summary, verified),
                log_section(capture),
                again_section(
                    capture,
                    [
                        Command(
                            "Analyse it again; the seed is of the resampling:",
                            f"asicrc analyze {quoted} --seed {seed}"
                            + ("" if point is None else f" --point {point}"),
                        ),
                        Command(
                            "Send the same work again, and compare the two event by event:",
                            f"asicrc capture --device URL --replay-work {quoted} -o again.asicrc\n"
                            f"asicrc compare {quoted} again.asicrc",
                        ),
                    ],
                ),
            ],
        )


def _recorded_s(capture: Capture, summary: Mapping[str, Any]) -> float | None:
    """How long events were waited for, silence at the end too; where no point says so, what they span."""
    if isinstance(capture, PointCapture):
        records = [capture.point]
    else:
        records = [record for record in capture.points() if record.t_start_ns != NO_TIME]
    if len(records) == 1 and NO_TIME not in (records[0].t_start_ns, records[0].t_end_ns):
        return (records[0].t_end_ns - records[0].t_start_ns) / 1e9
    return None if isinstance(capture, PointCapture) else summary.get("duration_s")


def _lead(analysis: CaptureAnalysis, seconds: float | None, model: str) -> str:
    what = "events of a statistical model" if analysis.synthetic else "distinct proofs of work"
    counted = f"{number(analysis.distinct)} {what} from {model} in {duration(seconds)}."
    if analysis.synthetic:
        counted += " No hashing stands behind them."
    if analysis.scan_order is not None:
        statement = analysis.scan_order.statement
        counted += f" Against the scan order of the chip: {statement}."
    elif analysis.exponential is not None:
        finding = analysis.exponential
        counted += f" A departure from a Poisson process of the same rate: {finding.verdict.value}."
    return counted


def _tiles(
    analysis: CaptureAnalysis, verified: VerifyReport, seconds: float | None, point: int | None
) -> list[Tile]:
    if point is None:
        tiles = [proof_tile(verified)]
    else:
        what = "of a statistical model" if analysis.synthetic else "distinct proofs of work"
        tiles = [Tile("Events of this point", number(analysis.distinct), what)]
    rate = None if not seconds else rate_of(analysis.distinct, seconds)
    if rate is not None:
        value, interval = estimate_text(rate)
        tiles.append(Tile("Events per second", value, f"95 % {interval}, n = {number(rate.n)}"))
    if analysis.intervals is not None:
        value, interval = estimate_text(analysis.intervals.cv)
        n = number(analysis.intervals.n)
        tiles.append(Tile("CV of the intervals", value, f"95 % {interval}, n = {n}; Poisson: 1"))
    if analysis.scan_order is not None:
        scan = analysis.scan_order
        floor = "floor not known" if scan.floor_ms is None else f"floor {number(scan.floor_ms, 3)} ms"
        tiles.append(
            Tile(
                "Residual, rms",
                f"{number(scan.residual_rms_scaled_ms, 3)} ms",
                f"{floor}, n = {number(scan.n)}",
            )
        )
    elif analysis.latency is not None:
        mean, unit = time_unit(analysis.latency.mean_s)
        value, interval = estimate_text(mean)
        beside = f"95 % {interval} {unit}, n = {number(mean.n)}"
        tiles.append(Tile("Answer after dispatch, mean", f"{value} {unit}", beside))
    if analysis.missing is not None:
        gone = analysis.missing.expected - analysis.missing.matched
        tiles.append(
            Tile(
                "Nonces that did not come",
                number(gone),
                f"of {number(analysis.missing.expected)} that hashing again finds",
            )
        )
    return tiles


def _figures(capture: Capture, analysis: CaptureAnalysis, seed: int) -> list[Block]:
    events = analysed(capture.events())
    distinct = events[~events["duplicate"]]
    latency_s = latency_s_of(distinct)
    panels = capture_panels(
        distinct["t_ns"],
        intervals=analysis.intervals,
        scan=analysis.scan_order,
        latency_s=latency_s if len(latency_s) else None,
        mixture=None if analysis.arrivals is None else analysis.arrivals.dispatch,
        seed=seed,
    )
    pictures: list[Picture] = pictures_of(panels, analysis, len(distinct), len(latency_s))
    found = _heartbeat(analysis)
    if found is not None and found[0].frequency_hz is not None:
        beat, finding = found
        try:
            stream = source_of_capture(capture, seed=seed).stream
        except NoAnswer:  # no arrival times: the analysis says so among what it did not answer
            stream = None
        if stream is not None:
            pictures += heartbeat_pictures(heartbeat_panels(stream, beat), beat, finding)
    pictures += reading_pictures(reading_panels(readings_of(capture)))
    return [Pictures(pictures)] if pictures else [Text("There are too few events to draw.")]


def _heartbeat(analysis: CaptureAnalysis) -> tuple[Heartbeat, Finding] | None:
    """At the claimed frequency, planned or explored, and the finding at the level of all that was tried."""
    arrivals = analysis.arrivals
    for battery in () if arrivals is None else (arrivals.planned, arrivals.exploring):
        if battery is not None and "heartbeat" in battery.heartbeats:
            return battery.heartbeats["heartbeat"], battery.findings["heartbeat"]
    return None


def _numbers(
    capture: Capture, analysis: CaptureAnalysis, verified: VerifyReport, point: int | None
) -> list[Block]:
    blocks: list[Block | None] = [
        arrival_table(analysis),
        scan_table(analysis),
        model_table(analysis),
        count_table(verified, of_sweep=point is not None),
        readings_table(capture),
    ]
    unanswered = list(analysis.unanswered.items())
    if analysis.arrivals is not None:
        unanswered += list(analysis.arrivals.unanswered.items())
    if unanswered:
        rows = [(part.replace("_", " "), why) for part, why in unanswered]
        blocks.append(Pairs(rows, "What could not be answered, and why"))
    return [block for block in blocks if block is not None]


def _verdicts(analysis: CaptureAnalysis) -> list[Block]:
    blocks: list[Block] = []
    judged = []
    if analysis.scan_order is not None:
        for finding in analysis.scan_order.trends.values():
            judged.append(
                Judged(
                    finding.question, finding.verdict.value, _reason_of(finding.note, in_one(finding.effect))
                )
            )
    if analysis.exponential is not None:
        finding = analysis.exponential
        seen = (
            ""
            if finding.smallest_effect is None
            else f"; a CV shift of {number(finding.smallest_effect, 3)} would have been seen"
        )
        judged.insert(
            0, Judged(finding.question, finding.verdict.value, f"{finding.note}{seen}".lstrip("; "))
        )
    arrivals = analysis.arrivals
    for claim, said in (arrivals.verdicts if arrivals is not None else {}).items():
        question = f"Claim {claim}. {CLAIMS.get(claim, 'As it was planned.')}"
        judged.append(Judged(question, said.interpretation.value, said.reason))
        if said.instrument is not None:
            judged.append(
                Judged(f"Claim {claim}: the instrument, on a twin of known truth", said.instrument.value, "")
            )
    if judged:
        blocks.append(Verdicts(judged))
    if arrivals is not None and arrivals.planned is not None:
        title, level = arrivals.title or "without a title", share(arrivals.planned.alpha)
        caption = f"Planned before the capture: {title}; level {level} for all together."
        blocks.append(finding_table(caption, arrivals.planned.findings))
    if arrivals is not None and arrivals.exploring is not None:
        n, level = len(arrivals.exploring.findings), share(arrivals.exploring.alpha)
        caption = (
            f"Explored: {n} tests at {level} for all together, p corrected for their number; seen from: the "
            "smallest effect that these data would have shown with a power of 80 %."
        )
        blocks.append(finding_table(caption, arrivals.exploring.findings))
    return blocks or [Text("No question could be put to these data.")]


def _reason_of(note: str, effect: str) -> str:
    return f"{effect}; {note}" if note else effect
