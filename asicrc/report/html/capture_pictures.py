"""The figures of a capture with their captions, and the texts for those who do not see them."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from asicrc.analysis.capture_analysis import CaptureAnalysis
from asicrc.analysis.spectra.heartbeat import Heartbeat
from asicrc.evidence import Finding
from asicrc.report.html.inline_figure import inline_figure
from asicrc.report.html.number_text import in_one, number, p_value, time_unit
from asicrc.report.html.page import Picture
from asicrc.report.readings_figure import SHOWN


def pictures_of(
    panels: Mapping[str, Figure], analysis: CaptureAnalysis, events: int, latencies: int
) -> list[Picture]:
    """Of `asicrc.report.figures.capture_panels`."""
    told = _scan_words(analysis) | _arrival_words(analysis, events, latencies)
    return [
        Picture(inline_figure(figure, f"f-{name}"), *told[name])
        for name, figure in panels.items()
        if name in told
    ]


def heartbeat_pictures(panels: Mapping[str, Figure], beat: Heartbeat, finding: Finding) -> list[Picture]:
    """`finding` is the one whose p-value is corrected for all that was tried."""
    strongest = (
        f"The strongest line is at {number(beat.frequency_hz)} Hz, depth {in_one(finding.effect)}, corrected "
        f"p = {p_value(finding.p_corrected)}, n = {number(finding.effect.n)}: {finding.verdict.value}."
    )
    told = {
        "spectrum": (
            "Power about the claimed heartbeat",
            f"Power of the arrivals between {number(beat.low_hz)} and {number(beat.high_hz)} Hz, over that "
            f"of events without a period. {strongest} Above the dashed line 1 % of records without a period "
            "would reach.",
            f"A line of power against frequency with a threshold. {strongest}",
        ),
        "profile": (
            "Arrivals folded at that frequency",
            "Rate over its mean by phase, drawn twice; the band holds 95 % of each bar by chance.",
            f"Bars of the rate by phase about 1. The depth is {in_one(finding.effect)}.",
        ),
        "growth": (
            "Growth of the power",
            "Power at that frequency as events come in. A steady period grows along the dashed line; chance "
            "wanders."
            + (
                ""
                if beat.detectable_depth is None
                else f" A depth of {number(beat.detectable_depth, 3)} would have been seen."
            ),
            "A line of power against the number of events, beside the straight line of a steady period.",
        ),
    }
    return [Picture(inline_figure(figure, f"f-{name}"), *told[name]) for name, figure in panels.items()]


def reading_pictures(panels: Mapping[str, Figure]) -> list[Picture]:
    return [
        Picture(
            inline_figure(figure, f"f-{channel}"),
            SHOWN[channel].partition(" (")[0].capitalize(),
            "As the device told it, over the capture.",
            f"A line of {SHOWN[channel]} over time; mean, lowest and highest stand in the table of readings.",
        )
        for channel, figure in panels.items()
    ]


def _scan_words(analysis: CaptureAnalysis) -> dict[str, tuple[str, str, str]]:
    scan = analysis.scan_order
    if scan is None:
        return {}
    rms, n = number(scan.residual_rms_scaled_ms, 3), number(scan.n)
    if scan.quantisation_ms is not None:
        band = f"The lines mark the step of the stamps, {number(scan.quantisation_ms, 3)} ms."
    elif scan.floor_ms is not None:
        band = f"The band is the jitter floor of the stamps, ±{number(scan.floor_ms, 3)} ms rms."
    else:
        band = "The jitter floor of these stamps is not known."
    return {
        "scan_order": (
            "Scan order and arrival",
            f"When each of {n} events came after the load of its job, against when the scan order of the "
            "chip says that it is due. The line is on time.",
            f"Points of arrival against due time for {n} events along the line of equality; the residual is "
            f"{rms} ms rms.",
        ),
        "residual": (
            "Residual",
            f"What is left when offset and scale of the clock are taken away: rms {rms} ms, clock "
            f"{in_one(scan.clock_ppm)} ppm, n = {n}. {band}",
            f"Points of the residual against due time, scattered about 0 with an rms of {rms} ms. "
            f"{scan.statement}.",
        ),
        "residual_distribution": (
            "Distribution of the residual",
            f"The same residuals, n = {n}. {band}",
            f"A histogram of the residuals: rms {rms} ms, median absolute deviation "
            f"{number(scan.residual_mad_ms, 3)} ms, largest {number(scan.residual_max_ms, 3)} ms.",
        ),
    }


def _arrival_words(analysis: CaptureAnalysis, events: int, latencies: int) -> dict[str, tuple[str, str, str]]:
    told = {
        "events": (
            "Events over time",
            f"Events that have come, n = {number(events)}, over the line of a constant rate.",
            f"A staircase of {number(events)} events over time beside the straight line of a constant rate.",
        )
    }
    if analysis.latency is not None:
        scaled, unit = time_unit(analysis.latency.mean_s)
        mean = f"{in_one(scaled)} {unit}"
        told["latency"] = (
            "Latency",
            f"Time from the newest job to its answer, n = {number(latencies)}; mean {mean}.",
            f"A histogram of {number(latencies)} latencies with the mean at {mean}.",
        )
    intervals = analysis.intervals
    if intervals is None:
        return told
    cv, n = in_one(intervals.cv), number(intervals.n)
    told["survival"] = (
        "Intervals",
        f"Share of intervals longer than a time, n = {n}, CV {cv}. The band holds 95 % of such curves of "
        "exponential intervals of the same mean.",
        f"A falling staircase on a logarithmic axis beside the line of an exponential; CV {cv}, where an "
        "exponential has 1.",
    )
    if intervals.fano is not None and intervals.fano_window_s is not None:
        fano, window = in_one(intervals.fano), number(intervals.fano_window_s, 3)
        told["fano"] = (
            "Fano factor",
            "Variance over mean of the counts in windows, with 95 % intervals; 1 for a Poisson process, CV² "
            "in the limit of a renewal process.",
            f"The Fano factor against the window length, about {fano} in windows of {window} s.",
        )
    return told
