"""The figure of two runs of the same work: what both found, when, and on which core."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from asicrc.analysis.same_work import SameWork
from asicrc.analysis.same_work_runs import Header, Run
from asicrc.analysis.same_work_times import PairTimes, Shift
from asicrc.evidence import Estimate, EvidenceVerdict
from asicrc.report.figures import BLUE, GREEN, GREY, ORANGE

Floats = NDArray[np.float64]

_MOST_POINTS = 20_000
_MOST_SHIFTS = 120
_MIDDLE = 0.995
"""Share of the time differences that the panels show; single late stamps would hide the rest."""


def same_work_figure(result: SameWork) -> Figure:
    """Draw a comparison; save it with `figure.savefig`. A panel without data says what is missing."""
    figure = Figure(figsize=(11, 7.6), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    figure.suptitle(_plain(_title(result)), fontsize=12)
    _draw_pairs(axes[0], result)
    if result.times is None:
        for axis in axes[1:]:
            _draw_nothing(axis, "times", result.unanswered.get("times", "not compared"))
    else:
        starts_s = _job_starts_s(result.pairs.headers, result.run_a)
        _draw_differences(axes[1], result.times, starts_s)
        _draw_distribution(axes[2], result.times)
        _draw_shifts(
            axes[3], result.times, result.run_a.time_scale, result.unanswered.get("cores", "too few pairs")
        )
    for axis, letter in zip(axes, "abcd", strict=True):
        axis.set_title(f"({letter}) {axis.get_title()}", loc="left", fontsize=10)
        axis.set_title("")
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def _title(result: SameWork) -> str:
    title = f"the same work: A {result.a.name}, B {result.b.name}"
    differ = {name: values for name, values in result.settings_differ.items() if name != "host_baud"}
    changes = ", ".join(f"{name} {_shown(v['a'])} and {_shown(v['b'])}" for name, v in differ.items())
    return f"{title}\n{changes or 'at the same settings'}"


def _job_starts_s(headers: list[Header], run: Run) -> Floats:
    """When each common job was sent, s after the first one."""
    sent = np.array([run.lives[header].sent_ns for header in headers], np.int64)
    return np.asarray((sent - sent.min()) / 1e9, np.float64)


def _draw_pairs(axis: Axes, result: SameWork) -> None:
    """Proofs in both runs over time, and on their curve the moments at which one was missed."""
    pairs = result.pairs
    starts_a_s, starts_b_s = (_job_starts_s(pairs.headers, run) for run in (result.run_a, result.run_b))
    rows = pairs.match_a
    both_s = np.sort(starts_a_s[pairs.a.job[rows]] + pairs.a.after_load_s[rows])
    so_far = np.arange(1, len(rows) + 1)
    points = slice(None, None, max(1, len(rows) // _MOST_POINTS))
    label = f"in both, n = {len(rows)}"
    axis.step(both_s[points], so_far[points], where="post", color=BLUE, label=label)
    for name, side, missing, starts_s, color, marker in (
        ("A", pairs.b, pairs.missing_in_a, starts_b_s, GREEN, "+"),
        ("B", pairs.a, pairs.missing_in_b, starts_a_s, ORANGE, "x"),
    ):
        t_s = starts_s[side.job[missing]] + side.after_load_s[missing]
        height = np.searchsorted(both_s, t_s)
        label = f"missing in {name}, n = {len(missing)}"
        axis.plot(t_s, height, ls="", marker=marker, ms=7, color=color, label=label)
    axis.set_ylim(bottom=0)
    axis.set(xlabel="time since the first common job (s)", ylabel="proofs in both so far")
    axis.set_title(f"{result.jobs_common} common jobs, {pairs.not_comparable} proofs not comparable")
    axis.legend(frameon=False, fontsize=8, loc="upper left")


def _draw_differences(axis: Axes, times: PairTimes, starts_s: Floats) -> None:
    t_s = starts_s[times.job] + times.after_load_s
    points = slice(None, None, max(1, times.n // _MOST_POINTS))
    if times.floor_ms is not None:
        axis.axhspan(
            -times.floor_ms, times.floor_ms, color=ORANGE, alpha=0.15, lw=0, zorder=0, label="±floor (rms)"
        )
    axis.plot(t_s[points], times.dt_ms[points], ".", color=BLUE, ms=4, label="pair")
    reach = _reach(times)
    axis.set_ylim(-reach, reach)
    beyond = int(np.count_nonzero(np.abs(times.dt_ms) > reach))
    axis.set(xlabel="time since the first common job (s)", ylabel="B less A, jobs and clocks taken out (ms)")
    axis.set_title(f"time differences, n = {times.n}, {beyond} beyond the panel")
    axis.legend(frameon=False, fontsize=8, loc="upper right")
    clock = times.clock
    if clock is not None:
        said = f"hash clock {_interval(clock.off_ppm)} ppm off the settings"
        if clock.crystal_ppm is not None:
            said += f"\ncrystal {_interval(clock.crystal_ppm)} ppm"
        axis.text(0.01, 0.02, said, transform=axis.transAxes, va="bottom", fontsize=8)


def _draw_distribution(axis: Axes, times: PairTimes) -> None:
    reach = _reach(times)
    bins = int(np.clip(np.sqrt(times.n) * 4, 20, 160))
    shown = times.dt_ms[np.abs(times.dt_ms) <= reach]
    axis.hist(shown, bins=bins, range=(-reach, reach), color=BLUE, zorder=1)
    if times.floor_ms is not None and times.floor_ms <= reach:
        for sign in (-1, 1):
            axis.axvline(
                sign * times.floor_ms,
                color=ORANGE,
                lw=1.2,
                label=f"±floor of two stamps, {times.floor_ms:.3g} ms rms" if sign < 0 else None,
            )
    axis.axvspan(-times.bulk_ms, times.bulk_ms, color=GREY, alpha=0.15, lw=0, zorder=0,
                 label=f"±bulk, {times.bulk_ms:.3g} ms")  # fmt: skip
    axis.set_yscale("log")
    axis.set_ylim(0.7, 8 * times.n / np.sqrt(bins))
    axis.legend(frameon=False, fontsize=8, loc="upper left")
    axis.set(xlabel="B less A, jobs and clocks taken out (ms)", ylabel="pairs")
    axis.set_title(f"distribution, n = {times.n}, rms {times.rms_ms:.3g} ms")


def _draw_shifts(axis: Axes, times: PairTimes, time_scale: float, why_not: str) -> None:
    if not times.cores:
        _draw_nothing(axis, "shift of cores", why_not)
        return
    shifts = _most_telling(times.cores)
    place = np.arange(len(shifts))
    styles = (
        (EvidenceVerdict.SUPPORTED, ORANGE, "o", "shifted beyond the floor"),
        (EvidenceVerdict.NOT_RESOLVED, GREY, "s", "not resolved"),
        (EvidenceVerdict.REFUTED, BLUE, "^", "no shift beyond the floor"),
    )
    finite = [abs(end) for shift in shifts for end in (shift.low, shift.high) if np.isfinite(end)]
    reach = 1.15 * max(finite, default=1.0) or 1.0
    axis.axhline(0, color=GREY, lw=0.8)
    if times.floor_ms is not None:
        floor_us = times.floor_ms * 1e3 / time_scale
        label = f"±floor of two stamps, {floor_us:.3g} µs"
        axis.axhspan(-floor_us, floor_us, color=ORANGE, alpha=0.12, lw=0, zorder=0, label=label)
    for verdict, color, marker, name in styles:
        rows = [k for k, shift in enumerate(shifts) if shift.verdict is verdict]
        if rows:
            value = np.array([shifts[k].shift_us for k in rows])
            low = np.array([max(shifts[k].low, -2 * reach) for k in rows])
            high = np.array([min(shifts[k].high, 2 * reach) for k in rows])
            axis.errorbar(
                place[rows], value, [value - low, high - value], fmt=marker, color=color, ms=4, lw=1,
                capsize=2, label=f"{name}, {len(rows)}",
            )  # fmt: skip
    axis.set_ylim(-reach, reach)
    several_chips = len({shift.chip for shift in shifts}) > 1
    if len(shifts) <= 16:
        axis.set_xticks(place, [_name(shift, several_chips) for shift in shifts])
        axis.set_xlabel("chip/core" if several_chips else "core")
    else:
        axis.set_xlabel(f"{len(shifts)} of {len(times.cores)} cores, by chip and core")
    axis.set_ylabel("shift against the middle (µs of the device)")
    pairs = sum(shift.n for shift in times.cores)
    axis.set_title(f"shift by core, n = {pairs} pairs, 95 % intervals that hold at once")
    axis.legend(frameon=False, fontsize=8)


def _most_telling(cores: list[Shift]) -> list[Shift]:
    """Up to 120 cores, those with the smallest p, in the order of chip and core."""
    chosen = sorted(cores, key=lambda shift: (shift.p_corrected, -abs(shift.shift_us)))[:_MOST_SHIFTS]
    return sorted(chosen, key=lambda shift: (shift.chip, -1 if shift.core is None else shift.core))


def _name(shift: Shift, with_chip: bool) -> str:
    return f"{shift.chip}/{shift.core}" if with_chip else f"{shift.core}"


def _reach(times: PairTimes) -> float:
    """Half the width of the shown times: most of the pairs, and the floor."""
    most = float(np.quantile(np.abs(times.dt_ms), _MIDDLE))
    return 1.1 * max(most, times.floor_ms or 0.0, 1e-6)


def _draw_nothing(axis: Axes, what: str, why: str) -> None:
    axis.set_title(what)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.text(
        0.5, 0.5, _plain(why), transform=axis.transAxes, ha="center", va="center", color=GREY, wrap=True
    )


def _interval(estimate: Estimate) -> str:
    return f"{estimate.estimate:+.3g} [{estimate.low:.3g}, {estimate.high:.3g}]"


def _shown(value: float | None) -> str:
    return "?" if value is None else f"{value:.6g}"


def _plain(text: str) -> str:
    """As it stands, without formulas and without what the font does not have: names are from files."""
    shown = (c if (c.isascii() and c.isprintable()) or c == "\n" else "?" for c in text)
    return "".join(shown).replace("$", r"\$")
