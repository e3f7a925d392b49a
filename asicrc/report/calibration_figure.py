"""The figure of a calibration: false alarms by class, and power against the size of an effect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asicrc.evidence import DESIGN_LEVEL, PROMISED_LEVEL, Estimate
from asicrc.evidence.planned_sizes import QUANTITIES
from asicrc.report.figures import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    from asicrc.analysis.calibration import ClassResult
    from asicrc.reservoir.calibration import ClassResult as MemoryResult

_POWER_PROMISED = 0.9


def calibration_figure(results: Sequence[ClassResult]) -> Figure:
    """Draw it; save it with `figure.savefig`. Panels without a class stay empty and say so."""
    figure = Figure(figsize=(11, 8), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    _draw_alarms(axes[0], [result for result in results if not result.wanted])
    _draw_by_test(axes[1], [result for result in results if not result.wanted])
    shifts = [result for result in results if result.wanted == "cv"]
    _draw_power(axes[2], shifts, "shift of the CV", "cv", 4000)
    beats = [result for result in results if result.wanted == "heartbeat"]
    _draw_power(axes[3], beats, "depth of the heartbeat", "heartbeat", 2588)
    for axis, letter in zip(axes, "abcd", strict=True):
        axis.set_title(f"({letter}) {axis.get_title()}", loc="left", fontsize=10)
        axis.set_title("")
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def memory_calibration_figure(results: Sequence[MemoryResult]) -> Figure:
    """Memory called supported, by class: where there is none, and where it was planted."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(5, 3))
    for axis, planted, limit, what in (
        (left, False, PROMISED_LEVEL, "promised at most"),
        (right, True, _POWER_PROMISED, "promised at least"),
    ):
        chosen = [result for result in results if result.planted is planted]
        _draw_shares(axis, [(f"{one.label}, n = {one.supported.n}", one.supported) for one in chosen])
        axis.axvline(100 * limit, color=ORANGE, lw=1, ls="--", label=what)
        axis.set(xlabel="memory called supported (%)", xlim=(0, 105 if planted else None))
        axis.legend(frameon=False, fontsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    left.set_title("(a) no memory in the device", loc="left", fontsize=10)
    right.set_title("(b) a memory of capacity 0.5 planted", loc="left", fontsize=10)
    return figure


def _draw_shares(axis: Axes, shares: Sequence[tuple[str, Estimate]]) -> None:
    places = list(range(len(shares)))
    middle = [100 * share.estimate for _, share in shares]
    low = [100 * (share.estimate - share.low) for _, share in shares]
    high = [100 * (share.high - share.estimate) for _, share in shares]
    axis.errorbar(middle, places, xerr=[low, high], fmt="o", color=BLUE, capsize=3)
    axis.set_yticks(places, [label for label, _ in shares], fontsize=8)
    axis.margins(x=0.1, y=0.3 if len(shares) < 6 else 0.08)


def _draw_alarms(axis: Axes, results: Sequence[ClassResult]) -> None:
    axis.set_title("false alarms of the whole battery")
    _draw_shares(axis, [(f"{result.label}, n = {result.found.n}", result.found) for result in results])
    axis.axvline(100 * DESIGN_LEVEL, color=GREY, lw=0.8, ls=":", label="level of the design")
    axis.axvline(100 * PROMISED_LEVEL, color=ORANGE, lw=1, ls="--", label="promised at most")
    axis.set(xlabel="records with a claim called supported (%)", xlim=(0, None))
    axis.legend(frameon=False, fontsize=8)


def _draw_by_test(axis: Axes, results: Sequence[ClassResult]) -> None:
    axis.set_title("by test, of all these records")
    names = list(results[0].by_test) if results else []
    records = sum(result.found.n for result in results)
    for place, name in enumerate(names):
        alarms = sum(result.by_test[name] for result in results)
        axis.barh(place, 100 * alarms / records, color=BLUE)
        axis.annotate(f" {alarms} of {records}", (100 * alarms / records, place), va="center", fontsize=8)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set(xlabel="called supported (%)")
    axis.margins(x=0.3)


def _draw_power(axis: Axes, results: Sequence[ClassResult], what: str, quantity: str, n: int) -> None:
    ordered = sorted(results, key=lambda result: result.effect)
    records = [result.found.n for result in ordered]
    taken = f", {min(records)} to {max(records)} records a size" if records else ""
    axis.set_title(f"power, n = {n}{taken}")
    effect = [result.effect for result in ordered]
    found = [result.found.estimate for result in ordered]
    low = [result.found.estimate - result.found.low for result in ordered]
    high = [result.found.high - result.found.estimate for result in ordered]
    axis.errorbar(effect, found, [low, high], fmt="o-", color=BLUE, ms=4, lw=1, capsize=3, label="battery")
    question = QUANTITIES[quantity]
    planned = [question.power_of(size, n, DESIGN_LEVEL) for size in effect]
    axis.plot(effect, planned, color=GREY, lw=0.8, ls="--", label="one test alone, by plan-size at 1 %")
    axis.axhline(_POWER_PROMISED, color=ORANGE, lw=1, ls="--", label="promised at the sizes that are fixed")
    fixed = [result for result in ordered if not result.is_curve]
    axis.plot(
        [result.effect for result in fixed],
        [result.found.estimate for result in fixed],
        "s",
        mfc="none",
        color=ORANGE,
        ms=10,
    )
    axis.set(xlabel=what, ylabel="share of records in which it is found", ylim=(0, 1.05))
    if min(effect, default=0.0) >= 0:  # the panel beside it has the same lines, and no room between them
        axis.legend(frameon=False, fontsize=8, loc="lower right")
