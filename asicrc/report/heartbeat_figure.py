"""The figure of a heartbeat: the spectrum of the band, the folded arrivals, and how the power grew."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asicrc.analysis.event_stream import EventStream
from asicrc.analysis.spectra.heartbeat import Heartbeat, line_profile
from asicrc.analysis.spectra.phases import powers
from asicrc.analysis.spectra.renewal_spectrum import smooth_spectrum
from asicrc.analysis.spectra.search import band_powers, independent_trials, level_of_each
from asicrc.evidence import DESIGN_LEVEL
from asicrc.evidence.block_bootstrap import Floats
from asicrc.report.figures import BLUE, GREEN, GREY, ORANGE, single_panel

_MOST_POINTS = 6000
_FEWEST_POINTS = 200
_STEPS = 60


def heartbeat_figure(stream: EventStream, beat: Heartbeat, *, title: str) -> Figure:
    """Draw a heartbeat that was looked for; save it with `figure.savefig`."""
    figure = Figure(figsize=(11, 7.6), layout="constrained")
    figure.suptitle(title.replace("$", r"\$"), fontsize=13)
    if beat.frequency_hz is None:
        axis = figure.subplots()
        axis.set_axis_off()
        axis.text(0.5, 0.5, beat.finding.note.replace("$", r"\$"), ha="center", va="center", wrap=True)
        return figure
    grid = figure.add_gridspec(2, 2)
    axes = [figure.add_subplot(grid[0, :]), figure.add_subplot(grid[1, 0]), figure.add_subplot(grid[1, 1])]
    _draw_spectrum(axes[0], stream, beat, beat.frequency_hz)
    _draw_profile(axes[1], stream, beat)
    _draw_growth(axes[2], stream, beat, beat.frequency_hz)
    for axis, letter in zip(axes, "abc", strict=True):
        axis.set_title(f"({letter}) {axis.get_title()}", loc="left", fontsize=10)
        axis.set_title("")
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def heartbeat_panels(stream: EventStream, beat: Heartbeat) -> dict[str, Figure]:
    """Each panel as a figure without a title: spectrum, profile, growth; none without a frequency."""
    frequency_hz = beat.frequency_hz
    if frequency_hz is None:
        return {}
    panels: dict[str, Callable[[Axes], None]] = {
        "spectrum": lambda axis: _draw_spectrum(axis, stream, beat, frequency_hz),
        "profile": lambda axis: _draw_profile(axis, stream, beat),
        "growth": lambda axis: _draw_growth(axis, stream, beat, frequency_hz),
    }
    return {name: single_panel(draw) for name, draw in panels.items()}


def _draw_spectrum(axis: Axes, stream: EventStream, beat: Heartbeat, frequency_hz: float) -> None:
    t_s = stream.longest_s
    frequencies, relative = _band_of_enough_points(t_s, beat)
    # the largest of neighbours stays where there are more points than can be drawn
    together = max(1, len(frequencies) // _MOST_POINTS)
    whole = len(frequencies) // together * together
    drawn_hz = frequencies[:whole].reshape(-1, together)[:, 0]
    axis.plot(drawn_hz, relative[:whole].reshape(-1, together).max(axis=1), color=BLUE, lw=0.8)
    threshold = -math.log(level_of_each(DESIGN_LEVEL, independent_trials(t_s, beat.low_hz, beat.high_hz)))
    axis.axhline(threshold, color=ORANGE, lw=1, ls="--", label=f"{DESIGN_LEVEL:.0%} without a period")
    axis.plot([frequency_hz], [relative_at(stream, beat)], "o", mfc="none", color=ORANGE, ms=9)
    if beat.host is not None:
        axis.axvline(beat.host.frequency_hz, color=GREEN, lw=1, ls=":", label=f"host: {beat.host}")
    axis.set(xlabel="frequency (Hz)", ylabel="power over that of no period", ylim=(0, None))
    p = beat.finding.p_corrected
    axis.set_title(
        f"strongest at {frequency_hz:.5g} Hz, corrected p = {p:.2g}, n = {len(t_s)}: {beat.finding.verdict}"
    )
    axis.legend(frameon=False, fontsize=8)


def _band_of_enough_points(t_s: Floats, beat: Heartbeat) -> tuple[Floats, Floats]:
    """Frequencies and powers; of a short record by exact sums up to both edges of the band, as the search."""
    frequencies, relative = band_powers(t_s, beat.low_hz, beat.high_hz)
    if len(frequencies) >= _FEWEST_POINTS:
        return frequencies, relative
    frequencies = np.linspace(beat.low_hz, beat.high_hz, _FEWEST_POINTS)
    exact = np.array([float(powers(t_s, frequency)[0]) for frequency in frequencies.tolist()])
    return frequencies, exact / smooth_spectrum(np.diff(t_s), frequencies)


def relative_at(stream: EventStream, beat: Heartbeat) -> float:
    """Power at the frequency that was found, over that of events without a period."""
    if beat.frequency_hz is None or beat.spectrum is None:
        return float("nan")
    return float(powers(stream.longest_s, beat.frequency_hz)[0]) / beat.spectrum


def _draw_profile(axis: Axes, stream: EventStream, beat: Heartbeat) -> None:
    bins = int(np.clip(stream.n // 5, 6, 20))
    counts, edges = line_profile(stream, beat, bins)
    expected = counts.sum() / len(counts)
    width = 1 / len(counts)
    two = np.concatenate([edges, edges + 1])
    axis.bar(two, np.tile(counts, 2) / expected, width, align="edge", color=BLUE, alpha=0.8)
    band = 1.96 / math.sqrt(expected)
    axis.axhspan(
        max(1 - band, 0.0), 1 + band, color=ORANGE, alpha=0.2, lw=0, label="95 % of each bar by chance"
    )
    axis.axhline(1, color=GREY, lw=0.8)
    top = 1.25 * max(float(counts.max()) / expected, 1 + band)
    axis.set(xlabel="phase (turns)", ylabel="rate over its mean", xlim=(0, 2), ylim=(0, top))
    depth = beat.finding.effect
    axis.set_title(f"folded, depth {depth.estimate:.3g} [{depth.low:.3g}, {depth.high:.3g}]")
    axis.legend(frameon=False, fontsize=8)


def _draw_growth(axis: Axes, stream: EventStream, beat: Heartbeat, frequency_hz: float) -> None:
    """A real period grows in proportion to the events; chance wanders."""
    t_s = stream.longest_s
    ends = np.unique(np.linspace(min(20, len(t_s)), len(t_s), _STEPS).astype(int))
    spectrum = float("nan") if beat.spectrum is None else beat.spectrum
    grown = [float(powers(t_s[:end], frequency_hz)[0]) / spectrum for end in ends.tolist()]
    axis.plot(ends, grown, color=BLUE, lw=1.4, label="power so far")
    axis.plot([0, len(t_s)], [0, grown[-1]], color=GREY, lw=0.8, ls="--", label="a steady period")
    seen = beat.detectable_depth
    axis.set(xlabel="events", ylabel="power over that of no period", ylim=(0, None))
    axis.set_title("growth" + ("" if seen is None else f"; a depth of {seen:.3g} would have been seen"))
    axis.legend(frameon=False, fontsize=8)
