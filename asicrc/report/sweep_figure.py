"""The figures of a sweep: what came of each point, against what was swept and in the order of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from asicrc.analysis.point_numbers import PointNumbers
from asicrc.capture.points import PointKind, PointState
from asicrc.evidence import Estimate
from asicrc.report.figures import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, YELLOW, single_panel

_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW)
_MARKS = "osD^vP"
_BASELINE = PointKind.BASELINE.value


def swept_settings(numbers: Sequence[PointNumbers]) -> list[str]:
    """Settings that have more than one value, the one with most of them first."""
    values: dict[str, set[float]] = {}
    for point in numbers:
        if point.kind != _BASELINE:
            for name, value in point.requested.items():
                values.setdefault(name, set()).add(value)
    swept = {name: held for name, held in values.items() if len(held) > 1}
    return sorted(swept, key=lambda name: -len(swept[name]))


def levels_of(numbers: Sequence[PointNumbers], setting: str) -> tuple[list[float | None], list[float | None]]:
    """Values of a setting in their order, None for a point that left it as it was; and those drawn apart."""
    held = {point.requested.get(setting) for point in numbers if point.kind != _BASELINE}
    levels = sorted(held, key=lambda value: (value is None, value or 0.0))
    return levels, levels[:: max(1, -(-len(levels) // len(_COLOURS)))]


def sweep_panels(numbers: Sequence[PointNumbers]) -> dict[str, Figure]:
    """Figures without a title: rate, cv and temperature against the setting, order (the rate in time).

    What no point has is left out, and so are the first three where nothing was swept.
    """
    done = [point for point in numbers if point.state == PointState.DONE.value]
    swept = swept_settings(done)
    panels: dict[str, Callable[[Axes], None]] = {}
    if swept:
        across = [point for point in done if point.kind != _BASELINE]
        panels["rate"] = lambda axis: _draw(axis, across, swept, _rate, "events per second")
        panels["cv"] = lambda axis: _draw_cv(axis, across, swept)
        panels["temperature"] = lambda axis: _draw(axis, across, swept, _temperature, "temperature (°C)")
    panels["order"] = lambda axis: _draw_order(axis, done)
    drawn = {name: single_panel(draw) for name, draw in panels.items()}
    return {name: figure for name, figure in drawn.items() if figure.axes[0].has_data()}


def _draw(
    axis: Axes,
    points: Sequence[PointNumbers],
    swept: Sequence[str],
    quantity: Callable[[PointNumbers], Estimate | None],
    label: str,
) -> None:
    first, second = swept[0], swept[1] if len(swept) > 1 else None
    shown = levels_of(points, second)[1] if second else [None]
    width = _spread([point.requested[first] for point in points if first in point.requested])
    for number, level in enumerate(shown):
        known = [
            (point.requested[first], found)
            for point in points
            if first in point.requested
            and (second is None or point.requested.get(second) == level)
            and (found := quantity(point)) is not None
        ]
        if not known:
            continue
        # points of the same setting stand side by side
        x = np.array([setting for setting, _ in known]) + width * (number - (len(shown) - 1) / 2)
        _with_intervals(
            axis,
            x,
            [found for _, found in known],
            _COLOURS[number],
            _MARKS[number],
            None if second is None else f"{second} {level:g}" if level is not None else f"{second} as it is",
        )
    axis.set(xlabel=first, ylabel=label)
    axis.margins(y=0.12)
    _legend_above(axis, 1)


def _draw_cv(axis: Axes, points: Sequence[PointNumbers], swept: Sequence[str]) -> None:
    _draw(axis, points, swept, lambda point: point.cv, "CV of the intervals")
    if axis.has_data():
        axis.axhline(1, color=GREY, lw=0.8, ls="--", zorder=0, label="Poisson")
        _legend_above(axis, 1)


def _draw_order(axis: Axes, points: Sequence[PointNumbers]) -> None:
    for is_baseline, colour, mark, label in ((False, BLUE, "o", "point"), (True, ORANGE, "s", "baseline")):
        known = [
            (place, point.rate_per_s)
            for place, point in enumerate(points, 1)
            if (point.kind == _BASELINE) is is_baseline and point.rate_per_s is not None
        ]
        if known:
            places = np.array([place for place, _ in known], float)
            _with_intervals(axis, places, [rate for _, rate in known], colour, mark, label)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(xlabel="place in the order of time", ylabel="events per second")
    axis.margins(y=0.12)
    _legend_above(axis, 2)


def _legend_above(axis: Axes, least: int) -> None:
    """Off the points, where there are `least` entries or more."""
    if len(axis.get_legend_handles_labels()[0]) >= least:
        axis.legend(
            frameon=False, fontsize=8, ncols=2, loc="lower left", bbox_to_anchor=(0, 1), columnspacing=1
        )


def _with_intervals(
    axis: Axes, x: np.ndarray, found: Sequence[Estimate], colour: str, mark: str, label: str | None
) -> None:
    value = np.array([e.estimate for e in found])
    below = np.nan_to_num(value - np.array([e.low for e in found])).clip(0)
    above = np.nan_to_num(np.array([e.high for e in found]) - value).clip(0)
    axis.errorbar(x, value, [below, above], fmt=mark, color=colour, ms=4, lw=1, capsize=2, label=label)


def _spread(settings: Sequence[float]) -> float:
    steps = np.diff(np.unique(settings))
    return 0.08 * float(steps.min()) if len(steps) else 0.0


def _rate(point: PointNumbers) -> Estimate | None:
    return point.rate_per_s


def _temperature(point: PointNumbers) -> Estimate | None:
    celsius = point.temperature_c
    if celsius is None:
        return None
    return Estimate(celsius, float("nan"), float("nan"), point.events, method="mean over the point")
