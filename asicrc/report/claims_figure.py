"""The figures of a run of claims: how many came to what, numbers against the published ones, instruments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from asicrc.evidence import PROMISED_LEVEL, Estimate, EvidenceVerdict
from asicrc.report.figures import BLUE, GREY, ORANGE, PANEL_SIZE, single_panel

POWER_PROMISED = 0.9
_LOOKS = {
    EvidenceVerdict.SUPPORTED.value: (BLUE, ""),
    EvidenceVerdict.REFUTED.value: (ORANGE, "///"),
    EvidenceVerdict.NOT_RESOLVED.value: ("#BBBBBB", "..."),
    EvidenceVerdict.NOT_TESTABLE_HERE.value: ("#F2F2F2", ""),
}
_FURTHEST = 10.0
"""Ratios beyond are drawn at the edge, and named."""
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10)


def tally_panel(counts: Mapping[str, Mapping[str, int]]) -> Figure:
    """`counts` by question, then by verdict: one bar for each question, its parts in colour and pattern."""
    figure = single_panel(lambda axis: _draw_tally(axis, counts))
    figure.set_size_inches(2 * PANEL_SIZE[0], 1.9)
    return figure


def ratio_panel(ratios: Sequence[tuple[str, str, Estimate]]) -> Figure:
    """Name, verdict on the number, and what came out over what was published, each with its interval."""
    return _high_panel(lambda axis: _draw_ratios(axis, ratios), len(ratios))


def instrument_panel(checks: Sequence[tuple[str, Estimate | None, Estimate | None]]) -> Figure:
    """Name, power and false alarms, as shares of twins with exact intervals."""
    return _high_panel(lambda axis: _draw_instruments(axis, checks), len(checks))


def _high_panel(draw: Callable[[Axes], None], rows: int) -> Figure:
    figure = single_panel(draw)
    figure.set_size_inches(2 * PANEL_SIZE[0], max(2.4, 0.9 + 0.2 * rows))
    return figure


def _draw_tally(axis: Axes, counts: Mapping[str, Mapping[str, int]]) -> None:
    questions = list(counts)[::-1]
    left = np.zeros(len(questions))
    for verdict, (colour, pattern) in _LOOKS.items():
        widths = np.array([counts[question].get(verdict, 0) for question in questions], float)
        bars = axis.barh(
            questions,
            widths,
            0.6,
            left=left,
            color=colour,
            hatch=pattern,
            edgecolor="black",
            lw=0.6,
            label=verdict,
        )
        for bar, width in zip(bars, widths, strict=True):
            if width:
                where = (bar.get_x() + width / 2, bar.get_y() + bar.get_height() / 2)
                box = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none"}
                axis.annotate(f"{width:g}", where, ha="center", va="center", fontsize=9, bbox=box)
        left += widths
    axis.set(xlabel="claims", xlim=(0, max(1.0, float(left.max()))))
    axis.legend(frameon=False, fontsize=8, ncols=4, loc="lower left", bbox_to_anchor=(0, 1))


def _draw_ratios(axis: Axes, ratios: Sequence[tuple[str, str, Estimate]]) -> None:
    for row, (_, verdict, ratio) in enumerate(ratios):
        colour = _LOOKS.get(verdict, (GREY, ""))[0] if verdict in ("supported", "refuted") else GREY
        mark = {"supported": "o", "refuted": "X"}.get(verdict, "s")
        ends = np.clip([ratio.low, ratio.high], 1 / _FURTHEST, _FURTHEST)
        if np.isfinite(ends).all():
            axis.plot(ends, [row, row], color=colour, lw=1.4)
        if 1 / _FURTHEST <= ratio.estimate <= _FURTHEST:
            axis.plot(ratio.estimate, row, mark, color=colour, ms=6)
        else:
            beyond = ratio.estimate > _FURTHEST
            axis.plot(_FURTHEST if beyond else 1 / _FURTHEST, row, ">" if beyond else "<", color=colour, ms=6)
            axis.annotate(
                f"{ratio.estimate:,.0f}" if beyond else f"{ratio.estimate:.2g}",
                (_FURTHEST if beyond else 1 / _FURTHEST, row),
                (-8 if beyond else 8, 0),
                textcoords="offset points",
                ha="right" if beyond else "left",
                va="center",
                fontsize=8,
            )
    axis.axvline(1, color=GREY, lw=0.8, zorder=0)
    axis.set_xscale("log")
    lowest, highest = axis.get_xlim()
    axis.set_xlim(min(lowest, 0.45), max(highest, 2.2))
    axis.xaxis.set_major_locator(FixedLocator(_TICKS))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_yticks(range(len(ratios)), [_plain(name) for name, *_ in ratios], fontsize=8)
    axis.invert_yaxis()
    axis.set(xlabel="what came out, over what was published")
    for verdict, mark, colour in (("supported", "o", BLUE), ("refuted", "X", ORANGE), ("neither", "s", GREY)):
        axis.plot([], [], mark, color=colour, label=f"the number: {verdict}")
    axis.legend(frameon=False, fontsize=8, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))


def _draw_instruments(axis: Axes, checks: Sequence[tuple[str, Estimate | None, Estimate | None]]) -> None:
    for index, (mark, colour, label) in enumerate((("o", BLUE, "power"), ("s", ORANGE, "false alarms")), 1):
        shown = label
        for row, check in enumerate(checks):
            found = check[index]
            if isinstance(found, Estimate):
                place = row + 0.16 * (1 if index == 2 else -1)
                axis.plot([100 * found.low, 100 * found.high], [place, place], color=colour, lw=1.4)
                axis.plot(100 * found.estimate, place, mark, color=colour, ms=5, label=shown)
                shown = "_nolegend_"
    axis.axvline(100 * PROMISED_LEVEL, color=ORANGE, lw=0.9, ls="--", label="false alarms promised at most")
    axis.axvline(100 * POWER_PROMISED, color=BLUE, lw=0.9, ls="--", label="power promised at least")
    axis.set_yticks(range(len(checks)), [_plain(name) for name, *_ in checks], fontsize=8)
    axis.invert_yaxis()
    axis.set(xlabel="share of the twins (%)", xlim=(-3, 103))
    axis.legend(frameon=False, fontsize=8, ncols=4, loc="lower left", bbox_to_anchor=(0, 1))


def _plain(text: str) -> str:
    """Of a file that may be anybody's: no formula, nothing that does not print, no longer than a line."""
    shown = "".join(c if c.isprintable() else "?" for c in text).replace("$", r"\$")
    return shown if len(shown) <= 64 else f"{shown[:63]}…"
