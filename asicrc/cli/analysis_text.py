"""A capture's analysis in words and numbers."""

from __future__ import annotations

from collections.abc import Iterator

from asicrc.analysis.capture_analysis import CaptureAnalysis
from asicrc.cli.arrival_text import arrival_lines, shown

MOST_TARGETS = 3
"""Difficulties that are shown; a drive in the difficulty has as many as steps."""


def analysis_lines(analysis: CaptureAnalysis) -> Iterator[str]:
    """One finding a line, each with its interval and n; what could not be answered last."""
    yield f"{analysis.path}: {analysis.events} events to analyse, {analysis.distinct} of them distinct"
    if analysis.synthetic:
        yield "synthetic     made by a statistical model: what follows tells of the model, not of silicon"
    yield from _arrivals(analysis)
    yield from _rates(analysis)
    if analysis.arrivals is not None:
        yield from arrival_lines(analysis.arrivals)
    yield from _scan_order(analysis)
    yield from _not_come(analysis)
    for part, why in analysis.unanswered.items():
        yield f"not answered  {part}: {why}"


def _arrivals(analysis: CaptureAnalysis) -> Iterator[str]:
    intervals, models, latency = analysis.intervals, analysis.models, analysis.latency
    if intervals is not None:
        yield f"intervals     mean {shown(intervals.mean_s, 's')}, n = {intervals.n}"
        yield f"              CV {shown(intervals.cv)}"
        yield f"              CV2 {shown(intervals.cv2)}, LV {shown(intervals.lv)}"
        if intervals.fano is not None:
            yield f"counts        Fano {shown(intervals.fano)} in windows of {intervals.fano_window_s:.3g} s"
    if analysis.exponential is not None:
        finding, null = analysis.exponential, analysis.exponential.nulls[0]
        yield f"Poisson null  p = {null.p_value:.3g} ({null.name}); a departure is {finding.verdict}"
        if finding.smallest_effect is not None:
            yield f"              smallest CV shift that n could see: {finding.smallest_effect:.3g}"
    if models is not None:
        fit = models.goodness_of_fit
        yield f"best model    {models.best.name}, dead time {shown(models.dead_time_s, 's')}"
        yield f"              goodness of fit p = {fit.p_value:.3g} ({fit.name})"
    if latency is not None:
        mean, cv = shown(latency.mean_s, "s"), shown(latency.cv)
        yield f"latency       mean {mean}, CV {cv} since the newest job, n = {latency.n}"
    repeated = analysis.with_duplicates
    if repeated is not None:
        latency_cv = "" if repeated.latency_cv is None else f", of the latency {shown(repeated.latency_cv)}"
        yield f"with repeats  {repeated.events} events: CV {shown(repeated.cv)}{latency_cv}"


def _rates(analysis: CaptureAnalysis) -> Iterator[str]:
    rates = analysis.rates or []
    for rate in rates[:MOST_TARGETS]:
        found = rate.effective
        yield f"difficulty    {shown(found)} where {rate.requested:.4g} is asked for, n = {found.n}"
        ghs = shown(rate.hashes_per_s.scaled(1e-9), "GH/s")
        law = "" if rate.law is None else f"; hashes spread evenly: p = {rate.law.p_value:.3g}"
        yield f"              {ghs} in {rate.seconds:.4g} s of work{law}"
    if len(rates) > MOST_TARGETS:
        yield f"              and {len(rates) - MOST_TARGETS} more difficulties: --json has all"


def _scan_order(analysis: CaptureAnalysis) -> Iterator[str]:
    scan = analysis.scan_order
    if scan is None:
        return
    yield f"scan order    residual rms {scan.residual_rms_ms:.4g} ms after one offset, n = {scan.n}"
    scaled_ms, mad_ms = scan.residual_rms_scaled_ms, scan.residual_mad_ms
    yield f"              {scaled_ms:.4g} ms with the clock's scale, MAD {mad_ms:.4g} ms"
    yield f"              clock {shown(scan.clock_ppm, 'ppm')}, offset {shown(scan.offset_ms, 'ms')}"
    yield f"              {scan.statement}"
    if analysis.jitter_floor_ms is not None:
        floor = analysis.jitter_floor_ms
        yield f"              jitter {shown(floor, 'ms')} rms, n = {floor.n}; the floor is its upper end"
    yield f"              confidence in the model of this chip: {analysis.scan_confidence}"


def _not_come(analysis: CaptureAnalysis) -> Iterator[str]:
    deficit, missing = analysis.deficit, analysis.missing
    if deficit is not None:
        yield f"count         {deficit.observed} nonces, {deficit.expected:.1f} expected from the hash rate"
        yield f"              deficit {shown(deficit.deficit)}, smallest seen {deficit.smallest_deficit:.3g}"
    if missing is not None:
        gone = missing.expected - missing.matched
        yield f"missing       {gone} of {missing.expected} nonces that hashing again finds did not come"
        yield f"              {shown(missing.missing_fraction)} of them, {missing.extra} came unexpected"
    damaged, skipped = (analysis.line_damage.get(name, 0) for name in ("damaged_frames", "skipped_bytes"))
    if damaged or skipped:
        yield f"line          {damaged} answers damaged, {skipped} bytes in no frame: some may be nonces"
