"""The figures of a benchmark: prediction against target, memory by delay, scores and capacities as bars."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from asicrc.evidence import Estimate
from asicrc.report.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PANEL_SIZE,
    PURPLE,
    SKY,
    YELLOW,
    single_panel,
)
from asicrc.report.html.number_text import three_decimals
from asicrc.reservoir.attribution import PUBLISHED
from asicrc.reservoir.attribution.published import PublishedScore
from asicrc.reservoir.benchmark.result import BenchmarkResult

COLOURS = {
    "device": BLUE,
    "poisson_twin": ORANGE,
    "u_t": GREY,
    "linear_20": GREEN,
    "quadratic_30": PURPLE,
    "temperature": YELLOW,
    "averaged telemetry": SKY,
    "controller": PURPLE,
}
DEGREE_COLOURS = (BLUE, ORANGE, GREEN, PURPLE)


def benchmark_panels(result: BenchmarkResult) -> dict[str, Figure]:
    """Figures without a title: prediction (a wide one), scores, memory, information; those that have data."""
    captures = result.captures
    panels = {"scores": scores_panel(result.scores, published_of(result))}
    if captures[0].curves:
        panels["memory"] = single_panel(lambda axis: _draw_memory(axis, result))
    pictures = captures[0].pictures
    if pictures is None:
        return panels
    wide = Figure(figsize=(9.6, 5), layout="constrained")
    _draw_prediction(wide, result)
    wide.axes[0].set_title("", loc="left")
    for axis in wide.axes:
        axis.spines[["top", "right"]].set_visible(False)
    if pictures.information:
        panels["information"] = single_panel(lambda axis: _draw_information(axis, result))
        panels["information"].axes[0].set_ylabel("capacity, symmetric log scale")
    return {"prediction": wide} | panels


def scores_panel(scores: Mapping[str, Estimate], published: PublishedScore | None) -> Figure:
    """Every score with its interval; as high as their number asks for."""
    figure = single_panel(lambda axis: _draw_scores(axis, scores, published))
    figure.axes[0].set_xlabel("NRMSE; lower is better")
    figure.set_size_inches(PANEL_SIZE[0], max(PANEL_SIZE[1], 1.0 + 0.22 * len(scores)))
    return figure


def published_of(result: BenchmarkResult) -> PublishedScore | None:
    return PUBLISHED.get((result.task, result.subject.mode if result.subject else ""))


def prediction_figure(result: BenchmarkResult) -> Figure:
    """The last test steps of the first capture or seed: target, device, and the best of the baselines."""
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    _draw_prediction(figure, result)
    return _titled(figure, result)


def _draw_prediction(figure: Figure, result: BenchmarkResult) -> None:
    upper, lower = figure.subplots(2, 1, height_ratios=[2, 1], sharex=True)
    pictures = result.captures[0].pictures
    if pictures is None:
        raise ValueError("the result has no pictures: score its first capture with them")
    steps = np.arange(len(pictures.truth))
    shown = _shown_predictions(result)
    upper.plot(steps, pictures.truth, color="black", lw=1.4, label="target")
    for name in shown:
        score = result.captures[0].scores[name].nrmse
        upper.plot(
            steps,
            pictures.predictions[name],
            color=_colour(name),
            lw=1,
            label=f"{name}, NRMSE {three_decimals(score)}",
        )
        lower.plot(steps, pictures.predictions[name] - pictures.truth, color=_colour(name), lw=0.9)
    lower.axhline(0, color="black", lw=0.8)
    upper.set(ylabel=f"{result.task} target")
    upper.legend(frameon=False, fontsize=8, ncols=4, loc="upper left")
    upper.margins(y=0.2)
    lower.set(xlabel="step of the test (the last ones)", ylabel="prediction - target")
    upper.set_title("prediction against target", loc="left", fontsize=10)


def memory_figure(result: BenchmarkResult) -> Figure:
    """Corrected memory capacity by delay, the mean over captures with its standard error."""
    figure = Figure(figsize=(8.5, 4.8), layout="constrained")
    _draw_memory(figure.subplots(), result)
    return _titled(figure, result)


def _draw_memory(axis: Axes, result: BenchmarkResult) -> None:
    names = [name for name in result.captures[0].curves if all(name in c.curves for c in result.captures)]
    names = names or list(result.captures[0].curves)  # without a device they are of the first seed
    drawn = [c for c in result.captures if all(name in c.curves for name in names)]
    for name in names:
        curves = np.array([c.curves[name] for c in drawn])
        mean = curves.mean(axis=0)
        total = curves[:, 1:].sum(axis=1)
        label = f"{name}: {total.mean():.2f} in all"
        if len(drawn) > 1:
            error = curves.std(axis=0, ddof=1) / np.sqrt(len(drawn))
            label = f"{name}: {_with_error(total)} in all"
            axis.fill_between(
                np.arange(len(mean)), mean - error, mean + error, color=_colour(name), alpha=0.2, lw=0
            )
        axis.plot(mean, ".-", color=_colour(name), lw=1, ms=5, label=label)
    axis.axhline(0, color="black", lw=0.8)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(xlabel="delay (steps); 0 is the present and no memory", ylabel="capacity, bias taken away")
    axis.set_title(f"memory by delay, {len(drawn)} {_runs(result, len(drawn))}", loc="left", fontsize=10)
    if names:
        axis.legend(frameon=False, fontsize=8)
    else:
        _say(axis, "the input is not white: no capacity adds up")


def capacity_figure(result: BenchmarkResult) -> Figure:
    """Left: every score with its interval. Right: what the states compute of the input, by degree."""
    figure = Figure(figsize=(11, 5.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    _draw_scores(left, result.scores, published_of(result))
    _draw_information(right, result)
    left.set_title(f"scores, {len(result.captures)} {_runs(result)}", loc="left", fontsize=10)
    right.set_title("information processing capacity", loc="left", fontsize=10)
    return _titled(figure, result)


def _draw_scores(axis: Axes, scores: Mapping[str, Estimate], published: PublishedScore | None) -> None:
    names = list(scores)[::-1]
    for row, name in enumerate(names):
        score = scores[name]
        axis.barh(row, score.estimate, color=BLUE if name.startswith("device") else "#BBBBBB")
        if np.isfinite([score.low, score.high]).all():
            axis.plot([score.low, score.high], [row, row], color="black", lw=1.2)
        axis.text(
            1.01,
            row,
            three_decimals(score.estimate),
            va="center",
            fontsize=8,
            transform=axis.get_yaxis_transform(),
        )
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.axvline(1, color=GREY, lw=0.8)
    if published is not None:
        axis.axvline(published.nrmse, color=ORANGE, lw=1.2, label=f"published, {published.nrmse}")
        axis.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 0.99))
    largest = max([1.05, *(score.estimate for score in scores.values() if np.isfinite(score.estimate))])
    ends = [score.high for score in scores.values() if np.isfinite(score.high)]
    widest = min(max([largest, *ends]), 2 * largest)  # an interval of two runs may reach far
    axis.set(
        xlabel="NRMSE (root mean squared error / standard deviation); lower is better",
        xlim=(0, 1.05 * widest),
    )


def _draw_information(axis: Axes, result: BenchmarkResult) -> None:
    pictures = result.captures[0].pictures
    information = {} if pictures is None else pictures.information
    if not information:
        _say(axis, "not available: the input is not white, or too few steps")
        return
    names = list(information)
    degrees = sorted(next(iter(information.values())))
    width, highest = 0.8 / len(degrees), 1.0
    for number, degree in enumerate(degrees):
        heights = [max(information[name].get(degree, 0.0), 0.0) for name in names]
        places = np.arange(len(names)) + (number - (len(degrees) - 1) / 2) * width
        axis.bar(places, heights, width, color=DEGREE_COLOURS[number], label=f"degree {degree}")
        for place, height in zip(places.tolist(), heights, strict=True):
            axis.text(place, height, f"{height:.2g}", ha="center", va="bottom", fontsize=7)
        highest = max(highest, *heights)
    axis.set_xticks(np.arange(len(names)), names)
    axis.set(ylabel="capacity, symmetric log scale (first capture or seed)", yscale="symlog")
    axis.set_ylim(0, highest * 3)
    axis.tick_params(axis="x", labelsize=8)
    axis.legend(frameon=False, fontsize=8, loc="upper left")


def _shown_predictions(result: BenchmarkResult) -> list[str]:
    scores = result.captures[0].scores
    baselines = [name for name in scores if not name.startswith("device")]
    best = min(baselines, key=lambda name: scores[name].nrmse)
    wanted = ("device", "u_t", "poisson_twin", best)
    return [name for name in dict.fromkeys(wanted) if name in scores]


def _runs(result: BenchmarkResult, number: int | None = None) -> str:
    one = (len(result.captures) if number is None else number) == 1
    return ("capture" if one else "captures") if result.subject else ("seed" if one else "seeds")


def _with_error(totals: NDArray[np.float64]) -> str:
    """Mean and standard error, with two digits of the error but two decimals at least."""
    error = float(totals.std(ddof=1) / np.sqrt(len(totals)))
    decimals = 2 if not 0 < error < 0.1 else min(6, 1 - math.floor(math.log10(error)))
    return f"{totals.mean():.{decimals}f} ± {error:.{decimals}f}"


def _colour(name: str) -> str:
    return COLOURS.get(name, PURPLE)


def _say(axis: Axes, text: str) -> None:
    axis.text(0.5, 0.5, text, ha="center", va="center", transform=axis.transAxes, fontsize=9)
    axis.set_axis_off()


def _titled(figure: Figure, result: BenchmarkResult) -> Figure:
    title = f"{result.task}, input alone"
    if result.subject is not None:
        url = result.subject.url if len(result.subject.url) <= 80 else f"{result.subject.url[:79]}…"
        # a URL came from outside: `$` would start the formula parser
        title = f"{result.task}, {url}, {result.subject.mode}".replace("$", r"\$")
    figure.suptitle(title, fontsize=11)
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure
