"""The figure of a capture: four panels together or each alone, drawn without a display.

Strings that came from a device are not trusted: a `$` would start matplotlib's formula parser.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from asicrc.analysis.arrivals.latency_mixture import LatencyMixture
from asicrc.analysis.intervals import IntervalStatistics
from asicrc.analysis.scan_order import ScanOrderResult

Floats = NDArray[np.float64]

# Okabe and Ito 2008: told apart with any colour vision
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
PURPLE, SKY, YELLOW = "#CC79A7", "#56B4E9", "#E69F00"
PANEL_SIZE = (4.8, 3.6)
"""Inches of a panel that stands alone: its letters can be read on a telephone."""
_BAND_REPLICATES = 400
_MOST_POINTS = 20_000
_BELOW_LEGEND = 0.84
"""Share of the height of a histogram that bars and marks keep to; its legend stands above them."""


def capture_figure(
    t_ns: ArrayLike,
    *,
    title: str,
    intervals: IntervalStatistics | None = None,
    scan: ScanOrderResult | None = None,
    latency_s: ArrayLike | None = None,
    mixture: LatencyMixture | None = None,
    seed: int = 0,
) -> Figure:
    """Draw what is known of a capture; save it with `figure.savefig`.

    Parameters
    ----------
    t_ns : (events,) stamps of all events, ns
    title : name of the capture or device, drawn as it stands
    intervals : gives the interval panel, and the Fano curve where there is no scan order
    scan : residuals against the scan order; without them the residual panels show latency and Fano factor
    latency_s : (events,) time from dispatch to answer, s; NaN where it is not known
    mixture : of the latencies, drawn over them
    seed : of the band of the exponential null

    A panel without data says what is missing.
    """
    figure = Figure(figsize=(11, 7.6), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    figure.suptitle(_plain(title), fontsize=13)
    panels = _panels(t_ns, intervals, scan, latency_s, mixture, seed)
    for axis, letter, draw in zip(axes, "abcd", panels.values(), strict=True):
        draw(axis)
        axis.set_title(f"({letter}) {axis.get_title()}", loc="left", fontsize=10)
        axis.set_title("")
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def capture_panels(
    t_ns: ArrayLike,
    *,
    intervals: IntervalStatistics | None = None,
    scan: ScanOrderResult | None = None,
    latency_s: ArrayLike | None = None,
    mixture: LatencyMixture | None = None,
    seed: int = 0,
) -> dict[str, Figure]:
    """The panels of `capture_figure`, each a figure without a title; those without data are left out.

    Names: scan_order, residual, residual_distribution, survival; without a scan order events, latency, fano,
    survival.
    """
    panels = _panels(t_ns, intervals, scan, latency_s, mixture, seed)
    drawn = {name: single_panel(draw) for name, draw in panels.items()}
    return {name: figure for name, figure in drawn.items() if figure.axes[0].has_data()}


def single_panel(draw: Callable[[Axes], None]) -> Figure:
    """A panel as a figure of its own; what its title says stands in the words beside it."""
    figure = Figure(figsize=PANEL_SIZE, layout="constrained")
    axis = figure.subplots()
    draw(axis)
    for place in ("left", "center"):
        axis.set_title("", loc=place)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def _panels(
    t_ns: ArrayLike,
    intervals: IntervalStatistics | None,
    scan: ScanOrderResult | None,
    latency_s: ArrayLike | None,
    mixture: LatencyMixture | None,
    seed: int,
) -> dict[str, Callable[[Axes], None]]:
    if scan is not None:
        first: dict[str, Callable[[Axes], None]] = {
            "scan_order": lambda axis: _draw_due_and_arrived(axis, scan),
            "residual": lambda axis: _draw_residual(axis, scan),
            "residual_distribution": lambda axis: _draw_residual_histogram(axis, scan),
        }
    else:
        first = {
            "events": lambda axis: _draw_events(axis, np.asarray(t_ns)),
            "latency": lambda axis: _draw_latency(axis, latency_s, mixture),
            "fano": lambda axis: _draw_fano(axis, intervals),
        }
    return first | {"survival": lambda axis: _draw_survival(axis, intervals, seed)}


def _draw_due_and_arrived(axis: Axes, scan: ScanOrderResult) -> None:
    arrived_s = scan.predicted_s + (scan.residual_ms + scan.offset_ms.estimate) / 1e3
    points = _thinned(scan.n)
    top = float(max(scan.predicted_s.max(), arrived_s.max()))
    axis.plot([0, top], [0, top], color=GREY, lw=0.8, label="on time")
    axis.plot(scan.predicted_s[points], arrived_s[points], ".", color=BLUE, ms=5, label="event")
    axis.set(xlabel="due after job load (s)", ylabel="arrived after job load (s)")
    axis.set_title(f"scan order and arrival, n = {scan.n}")
    axis.legend(frameon=False, fontsize=8)


def _draw_residual(axis: Axes, scan: ScanOrderResult) -> None:
    points = _thinned(scan.n)
    axis.axhline(0, color=GREY, lw=0.8)
    axis.plot(scan.predicted_s[points], scan.residual_scaled_ms[points], ".", color=BLUE, ms=5)
    if scan.floor_ms is not None:
        axis.axhspan(
            -scan.floor_ms, scan.floor_ms, color=ORANGE, alpha=0.15, lw=0, zorder=0, label="±floor (rms)"
        )
        axis.legend(frameon=False, fontsize=8)
    clock = scan.clock_ppm
    axis.set(xlabel="due after job load (s)", ylabel="residual, clock scale removed (ms)")
    axis.set_title(
        f"residual, n = {scan.n}, rms {scan.residual_rms_scaled_ms:.3g} ms; "
        f"clock {clock.estimate:.3g} ppm [{clock.low:.3g}, {clock.high:.3g}]"
    )


def _draw_residual_histogram(axis: Axes, scan: ScanOrderResult) -> None:
    residual = scan.residual_scaled_ms
    bins = int(np.clip(np.sqrt(scan.n) * 1.5, 8, 80))
    axis.hist(residual, bins=bins, color=BLUE, zorder=1)
    if scan.quantisation_ms is not None:
        _mark(axis, scan.quantisation_ms / 2, f"step of the stamps, {scan.quantisation_ms:.3g} ms")
    elif scan.floor_ms is not None:
        _mark(axis, scan.floor_ms, f"±jitter floor, {scan.floor_ms:.3g} ms rms")
    if axis.get_legend_handles_labels()[0]:
        axis.margins(y=1 / _BELOW_LEGEND - 1)
        axis.legend(frameon=False, fontsize=8, loc="upper left", borderaxespad=0.2)
    axis.set(xlabel="residual, clock scale removed (ms)", ylabel="events")
    axis.set_title(f"distribution of the residual, n = {scan.n}")


def _mark(axis: Axes, half: float, label: str) -> None:
    """The range within `half` of 0, up to where the legend stands."""
    axis.axvspan(-half, half, ymax=_BELOW_LEGEND, color=ORANGE, alpha=0.2, lw=0, zorder=0)
    axis.axvline(-half, ymax=_BELOW_LEGEND, color=ORANGE, lw=1.2, label=label)
    axis.axvline(half, ymax=_BELOW_LEGEND, color=ORANGE, lw=1.2)


def _draw_events(axis: Axes, t_ns: NDArray[np.int64]) -> None:
    if len(t_ns) < 2:
        _draw_nothing(axis, "events over time", f"{len(t_ns)} events")
        return
    since_s = (t_ns - t_ns.min()) / 1e9
    points = _thinned(len(since_s))
    axis.plot([0, since_s.max()], [1, len(since_s)], color=ORANGE, lw=4, alpha=0.4, label="constant rate")
    counted = f"events, {_rate(since_s):.4g} per s"
    axis.step(
        np.sort(since_s)[points], np.arange(1, len(since_s) + 1)[points], color=BLUE, lw=1, label=counted
    )
    axis.set(xlabel="time since the first event (s)", ylabel="events")
    axis.set_title(f"events over time, n = {len(since_s)}")
    axis.legend(frameon=False, fontsize=8)


def _draw_latency(axis: Axes, latency_s: ArrayLike | None, mixture: LatencyMixture | None) -> None:
    known = np.array([]) if latency_s is None else np.asarray(latency_s, float)
    known = known[np.isfinite(known)]
    if not len(known):
        _draw_nothing(axis, "latency", "no event has a dispatch stamp")
        return
    unit, factor = _time_unit(float(np.median(known)))
    bins = int(np.clip(np.sqrt(len(known)) * 1.5, 8, 80))
    _, edges, _ = axis.hist(known * factor, bins=bins, color=BLUE, alpha=0.8)
    if mixture is not None:
        expected = mixture.n * np.diff(mixture.share_below(np.asarray(edges) / factor))
        p = mixture.test.p_value
        axis.stairs(expected, np.asarray(edges), color=GREEN, lw=1.4, label=f"dispatch mixture, p = {p:.2g}")
    axis.axvline(
        known.mean() * factor, color=ORANGE, lw=1.2, label=f"mean {known.mean() * factor:.3g} {unit}"
    )
    axis.set(xlabel=f"answer after dispatch ({unit})", ylabel="events")
    axis.set_title(f"latency, n = {len(known)}")
    axis.legend(frameon=False, fontsize=8)


def _draw_fano(axis: Axes, intervals: IntervalStatistics | None) -> None:
    if intervals is None or not intervals.fano_curve:
        reason = intervals.fano_note if intervals else "no intervals were analysed"
        _draw_nothing(axis, "Fano factor", reason)
        return
    window = np.array([p.window_s for p in intervals.fano_curve])
    value = np.array([p.fano.estimate for p in intervals.fano_curve])
    low = value - np.array([p.fano.low for p in intervals.fano_curve])
    high = np.array([p.fano.high for p in intervals.fano_curve]) - value
    axis.errorbar(window, value, [low, high], fmt="o-", color=BLUE, ms=4, lw=1, capsize=3, label="counts")
    axis.axhline(1, color=GREY, lw=0.8, ls="--", label="Poisson")
    axis.axhline(
        intervals.cv.estimate**2, color=ORANGE, lw=0.8, ls=":", label="CV², limit of a renewal process"
    )
    axis.set_xscale("log")
    axis.set_xticks(window, [f"{length:.3g}" for length in window.tolist()])  # powers of ten would overlap
    axis.minorticks_off()
    axis.set(xlabel="window (s)", ylabel="Fano factor (variance / mean)")
    axis.set_ylim(bottom=0)
    axis.set_title(f"Fano factor, n = {intervals.n} intervals, 95 % intervals")
    axis.legend(frameon=False, fontsize=8)


def _draw_survival(axis: Axes, intervals: IntervalStatistics | None, seed: int) -> None:
    if intervals is None:
        _draw_nothing(axis, "intervals", "too few intervals to analyse")
        return
    x = np.sort(intervals.intervals_s)
    n, mean = len(x), float(x.mean())
    unit, factor = _time_unit(mean)
    grid = np.linspace(0, float(x[-1]), 300)
    low, high = _exponential_band(grid / mean, n, np.random.default_rng(seed))
    floor = 0.5 / n
    axis.fill_between(
        grid * factor, np.maximum(low, floor), high, color=ORANGE, alpha=0.25, lw=0, label="95 % band"
    )
    axis.plot(grid * factor, np.exp(-grid / mean), color=ORANGE, lw=1, label="exponential of this mean")
    survival = 1 - np.arange(n) / n
    axis.step(x * factor, survival, color=BLUE, lw=1.4, where="pre", label="intervals")
    axis.set_yscale("log")
    axis.set_ylim(floor, 1.3)
    axis.set(xlabel=f"interval ({unit})", ylabel="share of longer intervals")
    cv = intervals.cv
    axis.set_title(f"intervals, n = {n}, CV {cv.estimate:.3g} [{cv.low:.3g}, {cv.high:.3g}]")
    axis.legend(frameon=False, fontsize=8)


def _exponential_band(grid: Floats, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Pointwise 95 % of the empirical survival of n exponential intervals over their own mean."""
    survival = np.empty((_BAND_REPLICATES, len(grid)))
    for row in survival:
        sample = np.sort(rng.exponential(1.0, n))
        row[:] = 1 - np.searchsorted(sample / sample.mean(), grid) / n
    low, high = np.quantile(survival, [0.025, 0.975], axis=0)
    return low, high


def _draw_nothing(axis: Axes, what: str, why: str) -> None:
    axis.set_title(what)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.text(0.5, 0.5, _plain(why), transform=axis.transAxes, ha="center", va="center", color=GREY)


def _rate(since_s: Floats) -> float:
    span = float(since_s.max())
    return (len(since_s) - 1) / span if span > 0 else float("inf")


def _thinned(n: int) -> slice:
    """Every k-th point, so that a long capture still draws."""
    return slice(None, None, max(1, n // _MOST_POINTS))


def _time_unit(seconds: float) -> tuple[str, float]:
    return ("s", 1.0) if seconds >= 1 else ("ms", 1e3) if seconds >= 1e-3 else ("µs", 1e6)


def _plain(text: str) -> str:
    return text.replace("$", r"\$")
