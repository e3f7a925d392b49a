# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How do the quantities scale, and how many events does each claim need?
#
# What a record can show is decided before it is taken: by how many shares come in a step, by how many chips
# share a line, and by n. The papers' figures rest on tens to hundreds of events, and on a table of energies
# (arXiv:2601.01916, equations 4 to 6 and 9, table IV: H12) in which a number of states is taken for the
# energy of an update. Here the laws are measured on twins and held against their formulas.

# %%
from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from asicrc.analysis.papers.hierarchical_numbers import (
    CLAIMED_RATIO,
    CLAIMED_STATES,
    energy_ratio_digits,
    energy_table,
    ratio_of_states,
)
from asicrc.analysis.papers.window_cv import cv_by_chance
from asicrc.analysis.point_numbers import cv_of
from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.evidence import Estimate
from asicrc.evidence.planned_sizes import plan_size
from asicrc.report.figures import BLUE, GREEN, GREY, ORANGE
from asicrc.reservoir.benchmark import Protocol, Split
from asicrc.reservoir.benchmark.capturing import Driving, run_in_memory
from asicrc.reservoir.encoders import encoder_for
from asicrc.reservoir.metrics.memory_capacity import memory_capacity
from asicrc.reservoir.metrics.resolvable_capacity import ANSCOMBE_VARIANCE, resolvable_capacity_of_counts
from asicrc.reservoir.states import FeatureSet
from simulators.twins.named import ideal, ordinary, planted

# %% [markdown]
# ## Parameters
#
# `reduced` is for a quick look and for the tests; `full` is what the text below speaks of.

# %% tags=["parameters"]
SIZE = os.environ.get("ASICRC_EXPERIMENT_SIZE", "full")
OUTPUT = Path(os.environ.get("ASICRC_EXPERIMENT_OUTPUT", "experiments-output"))
FULL = SIZE == "full"

SEED = 1
SIZES = (10, 30, 100, 300, 1000, 3000) if FULL else (10, 100, 1000)
CHIPS = (1, 3, 10, 30) if FULL else (1, 4)
DEAD_TIME_S = 0.5
POOLED = 3000 if FULL else 300  # intervals
DIFFICULTIES = (1024.0, 256.0, 64.0, 16.0) if FULL else (512.0, 64.0)
STEPS = 800 if FULL else 200
MAX_DELAY = 10
MEMORY = {"memory_gain": 4.0, "memory_tau": 5.0}
OUTPUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## n: the spread of the CV
#
# Of n exponential intervals, by drawing. For large n the standard error is 1 / sqrt(n).

# %%
spreads = [cv_by_chance(n, 0.586, SEED) for n in SIZES]
for one in spreads:
    print(
        f"n = {one.intervals:<5} CV in [{one.low:.3f}, {one.high:.3f}], width {one.high - one.low:.3f}; "
        f"3.92 / sqrt(n) = {3.92 / one.intervals**0.5:.3f}"
    )
large = [one for one in spreads if one.intervals >= 100] if FULL else spreads
slope = np.polyfit(
    [np.log(one.intervals) for one in large], [np.log(one.high - one.low) for one in large], 1
)[0]
print(f"width ~ n^{slope:.3f}")

# %% [markdown]
# ## Chips: what pooling does to intervals
#
# Each chip alone has a hard dead time of 0.5 s and a wait of 2 s: its CV is 0.8. On one line with k such
# chips the intervals are between shares of any of them, and tend to a Poisson process (Palm 1943).


# %%
def pooled(chips: int) -> Estimate | None:
    stamps = []
    for chip in range(chips):
        device = ideal("lv06", seed=SEED + chip, confounds={"dead_time_s": DEAD_TIME_S})
        plan = CapturePlan(
            duration_s=1.25 * (DEAD_TIME_S + 2.0) * POOLED / chips + 20.0,
            seed=SEED + chip,
            requested={"difficulty": 229.0},
        )
        events = capture_in_memory(device, plan).events(distinct=True)
        stamps.append(events["t_ns"])
    until = min(int(one[-1]) for one in stamps)
    together = np.sort(np.concatenate(stamps))
    return cv_of(together[together <= until][: POOLED + 1])


pools = {chips: pooled(chips) for chips in CHIPS}
for chips, cv in pools.items():
    if cv is not None:
        print(f"{chips:>3} chips: CV {cv.estimate:.3f} [{cv.low:.3f}, {cv.high:.3f}], n = {cv.n}")

# %% [markdown]
# ## Machines: interval, power, energy for a share
#
# Ordinary twins at difficulty 256 as they come. The energy for a share follows from hash rate and power
# alone, 256 * 2^32 hashes each.

# %%
for machine in ("lv06", "bitaxe-gamma", "s9"):
    device = ordinary(machine, seed=SEED)
    capture = capture_in_memory(device, CapturePlan(duration_s=400.0, seed=SEED))
    t_s = np.diff(capture.events(distinct=True)["t_ns"]) / 1e9
    power = [one.value for one in capture.readings() if one.channel == "power_w" and np.isfinite(one.value)]
    mean_s, watts = float(t_s.mean()), float(np.median(power)) if power else float("nan")
    half = 1.96 * mean_s / len(t_s) ** 0.5
    print(
        f"{machine:<13} {device.identity.chips:>3} chips: a share each {mean_s:.3g} +- {half:.2g} s "
        f"(n = {len(t_s)}), {watts:.4g} W, {watts * mean_s:.3g} J a share"
    )

# %% [markdown]
# ## Shares per step: memory and resolvable capacity
#
# S9 twins driven through their work, with a memory planted in the rate and without. The memory is a single
# fading mean, so that its capacity cannot exceed 1; counting noise hides it where few shares come in a step.
# Resolvable capacity: how many functions of the input stand out of counting noise at all.


# %%
def capacities(kind: str, difficulty: float) -> tuple[float, Estimate, Estimate]:
    """Shares per step, memory, resolvable capacity."""
    make = planted if kind == "planted" else ordinary
    device = make("s9", seed=SEED, effects=MEMORY if kind == "planted" else None)
    protocol = Protocol(split=Split(0, STEPS // 2, STEPS // 2), seeds=1)
    driving = Driving(encoder_for("work", step_s=1.0), "stream", {"difficulty": difficulty})
    run, task = run_in_memory(device, protocol, driving, SEED)
    states = FeatureSet(("counts",)).states(run.steps).values
    memory = memory_capacity(states, task.u, MAX_DELAY).total
    resolved = resolvable_capacity_of_counts(states, ANSCOMBE_VARIANCE).capacity
    return float(run.steps.counts.mean()), memory, resolved


driven = {kind: [capacities(kind, one) for one in DIFFICULTIES] for kind in ("ordinary", "planted")}
for kind, rows in driven.items():
    for shares, memory, resolved in rows:
        print(
            f"{kind:<9} {shares:>6.1f} shares a step: memory {memory.estimate:+.3f} [{memory.low:+.3f}, "
            f"{memory.high:+.3f}], resolvable {resolved.estimate:.3f} [{resolved.low:.3f}, "
            f"{resolved.high:.3f}], n = {STEPS}"
        )

# %% [markdown]
# ## The energy table (H12)
#
# 2^n / log2(n), every constant 1. The last column is what is left when the update of n bits costs n
# switchings and not 2^n.

# %%
for row in energy_table():
    print(
        f"n = {row.bits:>2} bits: {row.ratio:>7.0f}, printed {row.printed:g}, "
        f"{'the same' if row.agrees else 'another'} to two digits; "
        f"against an update of n switchings {row.update_ratio:.2f}"
    )
print(
    f"{CLAIMED_STATES:,} states, of which a ratio of {CLAIMED_RATIO:g} is said: "
    f"{ratio_of_states(CLAIMED_STATES):.0f}; n = {CLAIMED_STATES:,} bits: 10^"
    f"{energy_ratio_digits(CLAIMED_STATES):.0f}"
)

# %% [markdown]
# ## Which n each claim needs
#
# At the margins of the registry, for a power of 0.95.

# %%
NEEDS = (
    ("H01 CV departs from 1 by 0.05", plan_size("cv", 0.05, power=0.95)),
    ("H01 refuted: CV within 0.05", plan_size("cv-equivalence", 0.05, power=0.95)),
    ("H04 heartbeat of depth 0.25, a band of 1,000", plan_size("heartbeat", 0.25, power=0.95, tried=1000)),
    ("H06 echo state: CV within 0.1, intervals", plan_size("cv-equivalence", 0.1, power=0.95)),
    ("H08 memory of 0.05 at one delay of 10", plan_size("memory", 0.05, power=0.95, tried=10)),
    ("H14 50 us by core, 100 cores", plan_size("residual", 50.0, power=0.95, floor_us=20.0, tried=100)),
    ("H17 equal-error rate of 1 %, below 10 %", plan_size("eer", 0.01, power=0.95)),
    ("S08 AUC 0.502", plan_size("auc", 0.502, power=0.95)),
    ("S14 +25 % hash rate", plan_size("counts", 1.25, power=0.95)),
    ("S20 AUC 0.52, six comparisons", plan_size("auc", 0.52, power=0.95, tried=6)),
)
for claim, plan in NEEDS:
    print(f"{claim:<46} {plan.n:>9,} {plan.counted}")

# %% [markdown]
# ## One figure


# %%
def draw() -> Figure:
    figure = Figure(figsize=(11, 7.8), layout="constrained")
    above, under = figure.subfigures(2, 1)
    width, pool = above.subplots(1, 2)
    capacity, needs = under.subplots(1, 2)
    n = np.array([one.intervals for one in spreads])
    width.plot(n, [one.high - one.low for one in spreads], "o", color=BLUE, label="drawn, 20,000 times")
    width.plot(n, 3.92 / np.sqrt(n), color=ORANGE, lw=1.2, label="3.92 / sqrt(n)")
    width.set(xscale="log", yscale="log", xlabel="intervals", ylabel="95 % width of the CV by chance")
    width.set_yticks([0.1, 0.2, 0.5, 1], ["0.1", "0.2", "0.5", "1"])
    width.minorticks_off()
    width.set_title("(a) a Poisson process", loc="left", fontsize=10)
    for chips, cv in pools.items():
        if cv is not None:
            bars = [[cv.estimate - cv.low], [cv.high - cv.estimate]]
            label = f"twins, n = {POOLED}" if chips == CHIPS[0] else None
            pool.errorbar(chips, cv.estimate, bars, fmt="o", color=BLUE, capsize=3, label=label)
    pool.axhline(0.8, color=ORANGE, ls="--", lw=1, label="one chip: wait / (wait + dead time)")
    pool.axhline(1, color="black", lw=0.8, label="Poisson process")
    pool.set(xscale="log", xlabel="chips on one line", ylabel="CV of the pooled intervals")
    pool.set_xticks(CHIPS, [str(chips) for chips in CHIPS])
    pool.minorticks_off()
    pool.set_title("(b) what pooling does to a dead time", loc="left", fontsize=10)
    for kind, colour in (("planted", ORANGE), ("ordinary", BLUE)):
        shares = np.array([row[0] for row in driven[kind]])
        for place, marker, label in ((1, "o", "memory"), (2, "s", "resolvable")):
            value = np.array([[row[place].estimate, row[place].low, row[place].high] for row in driven[kind]])
            bars = [value[:, 0] - value[:, 1], value[:, 2] - value[:, 0]]
            capacity.errorbar(
                shares * (1 + 0.05 * place), value[:, 0], bars, fmt=marker + ("-" if place == 1 else ":"),
                color=colour, ms=5, lw=1, capsize=2, label=f"{label}, {kind}",
            )  # fmt: skip
    capacity.axhline(0, color="black", lw=0.8)
    capacity.set(xscale="log", xlabel="shares in a step of 1 s", ylabel="capacity")
    shown = [row[0] for row in driven["ordinary"]]
    capacity.set_xticks(shown, [f"{shares:.0f}" for shares in shown])
    capacity.minorticks_off()
    capacity.set_title(f"(c) shares per step, n = {STEPS} steps", loc="left", fontsize=10)
    places = np.arange(len(NEEDS))[::-1]
    needs.barh(places, [plan.n for _, plan in NEEDS], color=GREY, height=0.6)
    needs.set_yticks(places, [claim for claim, _ in NEEDS], fontsize=8)
    for place, (_, plan) in zip(places, NEEDS, strict=True):
        needs.text(plan.n * 1.2, place, f"{plan.n:,}", va="center", fontsize=8, color=GREEN)
    needs.set(xscale="log", xlabel="n (intervals, events, steps or trials)", xlim=(1, 3e8))
    needs.set_title("(d) for a power of 0.95", loc="left", fontsize=10)
    pool.set_ylim(0.75, 1.18)
    for axis in (width, pool, capacity):
        axis.legend(frameon=False, fontsize=8, loc="upper left" if axis is not width else "upper right")
    for axis in (width, pool, capacity, needs):
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"Scaling laws, twins of seed {SEED}, 95 % intervals", fontsize=12)
    return figure


figure = draw()
figure.savefig(OUTPUT / "scaling_laws.png", dpi=150)
print("figure scaling_laws.png")
figure

# %% [markdown]
# ## What it says
#
# - n: from a hundred intervals on the CV is known to 2 / sqrt(n) either way; of ten it is anything from 0.5
#   to 1.4. Four times the accuracy is sixteen times the hours.
# - Chips: a CV of 0.8 of single chips is 0.84 of three on one line, 0.93 of ten and 0.97 of thirty. An S9
#   with its 189 could hide any such property of a chip; the line of a single one cannot.
# - Machines: the energy of a share is that of its hashes, 28 J in an LV06 and 106 J in an S9 at difficulty
#   256. Nothing else enters.
# - Shares per step: the same planted memory counts for 0.09 at 3 shares a step and for 0.65 at 193; without
#   it there is none at any rate. What can be resolved goes with it, from 0.1 to 0.87 of at most 1. A small
#   score on few shares is no small memory, and none on few shares is no proof of none.
# - The printed energies follow from their formula. That 2^n is the energy of an update does not: against n
#   switchings 3 to 4 is left of 300 to 16,000, and 10,000 states give 2,680 and not 10,000.
# - The claims need from a handful of events (50 us on a direct line) to half a million of either kind (an
#   AUC of 0.502).
