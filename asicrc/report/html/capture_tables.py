"""The numbers of a capture as tables: arrivals, scan order, laws, nulls, counts."""

from __future__ import annotations

from asicrc.analysis.capture_analysis import CaptureAnalysis
from asicrc.capture.recheck import VerifyReport
from asicrc.report.html.findings_table import estimate_table, null_table
from asicrc.report.html.number_text import number, p_value, time_unit
from asicrc.report.html.page import Block, Column, Table, Text

MOST_TARGETS = 3
"""Difficulties with rows of their own; a drive in the difficulty has as many as steps."""


def arrival_table(analysis: CaptureAnalysis) -> Table | None:
    intervals, latency, repeated = analysis.intervals, analysis.latency, analysis.with_duplicates
    rows = []
    if intervals is not None:
        mean, unit = time_unit(intervals.mean_s)
        rows += [
            ("Interval, mean", mean, unit),
            ("Interval, CV", intervals.cv, ""),
            ("Interval, CV2", intervals.cv2, ""),
            ("Interval, local variation LV", intervals.lv, ""),
        ]
        if intervals.fano is not None and intervals.fano_window_s is not None:
            window = number(intervals.fano_window_s, 3)
            rows.append((f"Fano factor, windows of {window} s", intervals.fano, ""))
    if analysis.models is not None:
        dead, unit = time_unit(analysis.models.dead_time_s)
        rows.append(("Dead time", dead, unit))
    if latency is not None:
        mean, unit = time_unit(latency.mean_s)
        rows += [("Latency since the newest job, mean", mean, unit), ("Latency, CV", latency.cv, "")]
    if repeated is not None:
        rows.append(("Interval, CV, duplicates counted", repeated.cv, ""))
    for rate in (analysis.rates or [])[:MOST_TARGETS]:
        asked = f"where {number(rate.requested)} is asked for"
        rows.append((f"Difficulty of the shares, {asked}", rate.effective, ""))
        rows.append((f"Hash rate, {asked}", rate.hashes_per_s.scaled(1e-9), "GH/s"))
    if analysis.arrivals is not None and analysis.arrivals.drift is not None:
        rows.append(("Drift of the rate", *analysis.arrivals.drift.in_words()))
    return estimate_table("Arrivals of distinct valid events.", rows)


def scan_table(analysis: CaptureAnalysis) -> Table | None:
    scan = analysis.scan_order
    rows = []
    if scan is not None:
        rows += [
            ("Offset of the line", scan.offset_scaled_ms, "ms"),
            ("Clock of the chip against the host", scan.clock_ppm, "ppm"),
            ("Residual over its floor", scan.floor_ratio, ""),
            ("Jitter of the stamps, rms", analysis.jitter_floor_ms, "ms"),
        ]
    if analysis.deficit is not None:
        rows.append(("Deficit against the hash rate", analysis.deficit.deficit.scaled(100), "%"))
    if analysis.missing is not None:
        rows.append(
            ("Missing of what hashing again finds", analysis.missing.missing_fraction.scaled(100), "%")
        )
    if scan is None:
        return estimate_table("What did not come.", rows)
    caption = (
        f"Against the scan order of the chip, {number(scan.jobs)} jobs. Residual rms "
        f"{number(scan.residual_rms_ms)} ms after one offset, {number(scan.residual_rms_scaled_ms)} ms with "
        f"the scale of the clock, MAD {number(scan.residual_mad_ms)} ms; {scan.statement}."
    )
    return estimate_table(caption, rows)


def null_blocks(analysis: CaptureAnalysis) -> list[Block]:
    nulls = []
    if analysis.exponential is not None:
        nulls += analysis.exponential.nulls
    if analysis.models is not None:
        nulls.append(analysis.models.goodness_of_fit)
    arrivals = analysis.arrivals
    if arrivals is not None:
        nulls += [arrivals.drift.test] if arrivals.drift is not None else []
        nulls += [arrivals.counts] if arrivals.counts is not None else []
        nulls += [arrivals.dispatch.test] if arrivals.dispatch is not None else []
        for battery in (arrivals.planned, arrivals.exploring):
            for finding in battery.findings.values() if battery is not None else ():
                nulls += finding.nulls
    if analysis.deficit is not None:
        nulls.append(analysis.deficit.test)
    caption = (
        "Every test with the null that it was held against; p-values not yet corrected for their number."
    )
    table = null_table(caption, nulls)
    return [Text("No null could be tried on these data.")] if table is None else [table]


def model_table(analysis: CaptureAnalysis) -> Table | None:
    if analysis.models is None:
        return None
    best = analysis.models.best
    columns = [
        Column("Law of the intervals"),
        *(Column(f"{what} (ms)", "number") for what in ("Wait", "Dead time", "Spread")),
        Column("BIC over the best", "number"),
    ]
    rows = [
        (
            model.name + (" (best)" if model is best else ""),
            *(number(1e3 * value) for value in (model.wait_s, model.dead_s, model.spread_s)),
            number(model.bic - best.bic, 3),
        )
        for model in analysis.models.models
    ]
    fit = analysis.models.goodness_of_fit
    n = number(analysis.models.n)
    caption = f"Laws fitted to {n} intervals; the best fits with p = {p_value(fit.p_value)}."
    return Table.of(caption, columns, rows)


def count_table(verified: VerifyReport, *, of_sweep: bool = False) -> Table:
    """`of_sweep`: beside the numbers of one of its points."""
    held = verified.counters
    rows = [
        ("valid", number(held.valid), "a proof of work at the difficulty that was asked for"),
        ("of these duplicates", number(held.duplicate), "flagged, and left out of the statistics"),
        ("low", number(held.low), "hashes, and below the difficulty"),
        ("stale", number(held.stale), "of a job that was no longer asked for"),
        ("unknown job", number(held.unknown_job), "of no job that was sent"),
        ("malformed", number(held.malformed), "no answer that can be read"),
        ("synthetic", number(held.synthetic), "made by a statistical model, counted apart"),
    ]
    columns = (Column("Verdict on the proof"), Column("Events", "number"), Column("What it is", "words"))
    which = "Every event of the whole sweep" if of_sweep else "Every event"
    return Table.of(f"{which}, by hashing it again for this report.", columns, rows)
