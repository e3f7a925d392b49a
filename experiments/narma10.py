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
# # NARMA-10 on a mining ASIC: what do 0.8661, 0.9550 and 1.0000 mean?
#
# The second paper (arXiv:2601.12032, table 7) gives the NRMSE of a linear readout of nonce timing as 0.8661
# in *dialogue*, where the next work goes out when a share has come (`handshake` here), as 0.9550 in
# *monologue*, where work follows the clock (`stream`), and as 1.0000 for a constant. A report of the same
# authors has 0.1759, normalised by the range of the target. Which of these numbers need a device that
# remembers?
#
# The published protocol is repeated on three simulated miners whose truth is known: `ideal` (a Poisson
# process), `ordinary` (heat, voltage, clock, delays, batches, lost shares, nothing else) and `planted`
# (ordinary, with a fading memory of the work in its rate). Beside each score stand those of the input alone,
# of the host alone, and of a memoryless miner with the same measured delays, on the same steps with the same
# readout.

# %%
from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from asicrc.capture.memory import capture_in_memory
from asicrc.reservoir.attribution.published import PUBLISHED, PUBLISHED_CONSTANT, PUBLISHED_RANGE
from asicrc.reservoir.benchmark import (
    BenchmarkResult,
    Protocol,
    Question,
    Scored,
    Split,
    Subject,
    Target,
    capture_scores,
    combine,
    score,
)
from asicrc.reservoir.benchmark.capturing import Driving, run_in_memory
from asicrc.reservoir.driven_run import DrivenRun
from asicrc.reservoir.encoders import Encoder, encoder_for
from asicrc.reservoir.scale import run_all
from asicrc.reservoir.states import StateTable, informative, usual_features
from simulators.twins.named import ideal, ordinary, planted

# %% [markdown]
# ## Parameters
#
# `reduced` is for a quick look and for the tests; `full` is what the text below speaks of. The published code
# trains on 80 % of 500 steps without a washout; the paper states a ridge penalty of 1e-6. Both are kept, and
# the same captures at a size that can tell 0.87 from 0.95 stand beside them.

# %% tags=["parameters"]
SIZE = os.environ.get("ASICRC_EXPERIMENT_SIZE", "full")
OUTPUT = Path(os.environ.get("ASICRC_EXPERIMENT_OUTPUT", "experiments-output"))
JOBS = int(os.environ.get("ASICRC_EXPERIMENT_JOBS", "1"))
FULL = SIZE == "full"

SEEDS = 10 if FULL else 2
PUBLISHED_SPLIT = Split(0, 400, 100) if FULL else Split(0, 160, 40)
PUBLISHED_PENALTY = (1e-6,)
LONG_SPLIT = Split(200, 1000, 1000) if FULL else Split(10, 120, 120)
STEP_S = 1.0
DIFFICULTY = {"ideal": 16.0, "ordinary": 16.0, "planted": 0.5}  # 7 and 229 shares a second at 550 MHz
MEMORY = {"memory_gain": 4.0, "memory_tau": 5.0}
TWINS = {"ideal": ideal, "ordinary": ordinary, "planted": planted}
MODES = {"dialogue": "handshake", "monologue": "stream"}
HELD = tuple(TWINS) if FULL else ("ordinary",)
"""Of which the input is held at one value too."""
FED_BACK_SHARES = (20, 1000)

# %% [markdown]
# ## The captures
#
# The input goes in as the papers say: into the work (extranonce and coinbase), where no physics sees it, and
# as difficulty D = D0 / (u + epsilon), which changes the share rate at once. The third arm holds the input at
# its middle all the time: what it scores no input can have made.


# %%
def encoders(difficulty: float) -> dict[str, Encoder]:
    return {
        "work": encoder_for("work", step_s=STEP_S),
        "difficulty": encoder_for("inverse-difficulty", base=difficulty / 2, epsilon=0.25, step_s=STEP_S),
    }


CHANNELS = tuple(encoders(1.0))


def protocol_of(split: Split, alphas: tuple[float, ...] | None) -> Protocol:
    question = Question(esn_units=(50, 100) if FULL else (50,), max_delay=15)
    return Protocol(split=split, seeds=SEEDS, question=question, alphas=alphas)


def score_one(
    kind: str, channel: str, mode: str, split: Split, alphas: tuple[float, ...] | None, seed: int
) -> tuple[object, Subject]:
    """One capture of one twin, scored."""
    device = TWINS[kind]("lv06", seed=100 + seed, **({"effects": MEMORY} if kind == "planted" else {}))
    encoder = encoders(DIFFICULTY[kind])[channel]
    requested = {"difficulty": DIFFICULTY[kind]} if channel == "work" else {}
    protocol = protocol_of(split, alphas)
    run, task = run_in_memory(device, protocol, Driving(encoder, MODES[mode], requested), seed)
    target = Target(task.y, np.isfinite(run.drive.u), split, alphas)
    scores = capture_scores(run, target, protocol.question, noise_seed(seed))
    details = dict(device.identity.details)
    return scores, Subject(
        f"twin {kind}", MODES[mode], encoder.channel, encoder.heats, simulated=True, truth=details
    )


def noise_seed(seed: int) -> np.random.SeedSequence:
    """Of what is drawn beside the input of that seed: the two have no random number in common."""
    return np.random.SeedSequence([seed, 1])


def score_held(kind: str, split: Split, alphas: tuple[float, ...] | None, seed: int) -> Scored:
    """One capture under a constant input, its states held against the target of the seed all the same."""
    device = TWINS[kind]("lv06", seed=100 + seed, **({"effects": MEMORY} if kind == "planted" else {}))
    encoder = encoders(DIFFICULTY[kind])["work"]
    protocol = protocol_of(split, alphas)
    task = protocol.make_task(seed)
    held = replace(task, u=np.full(len(task), (encoder.u_low + encoder.u_high) / 2))
    driving = Driving(encoder, MODES["monologue"], {"difficulty": DIFFICULTY[kind]})
    capture = capture_in_memory(device, driving.plan(protocol, held, seed))
    run = DrivenRun.of(capture, encoder, mode=driving.mode, steps=len(task))
    states, _ = informative(usual_features(driving.mode).states(run.steps))
    return score("constant input", states, Target(task.y, np.isfinite(run.drive.u), split, alphas))


def benchmark(
    kind: str, channel: str, mode: str, split: Split, alphas: tuple[float, ...] | None
) -> BenchmarkResult:
    tasks = [(kind, channel, mode, split, alphas, seed) for seed in range(SEEDS)]
    scored = run_all(score_one, tasks, n_jobs=JOBS)
    return combine("narma10", split, [scores for scores, _ in scored], subject=scored[0][1])


results: dict[tuple[str, str, str, str], BenchmarkResult] = {}
for kind in TWINS:
    for channel in CHANNELS:
        for mode in MODES:
            results["published", kind, channel, mode] = benchmark(
                kind, channel, mode, PUBLISHED_SPLIT, PUBLISHED_PENALTY
            )
            results["long", kind, channel, mode] = benchmark(kind, channel, mode, LONG_SPLIT, None)
SIZES = {"published": (PUBLISHED_SPLIT, PUBLISHED_PENALTY), "long": (LONG_SPLIT, None)}
held_scores = {
    (size, kind): run_all(score_held, [(kind, *how, seed) for seed in range(SEEDS)], n_jobs=JOBS)
    for kind in HELD
    for size, how in SIZES.items()
}

# %% [markdown]
# ## A controller that remembers
#
# The published code for the dialogue also feeds the last count back into the difficulty. A miner without any
# memory then shows the input of the step before, by way of its controller: its share rate is taken here as
# (u + epsilon) (1 + last count / mean) / 2, and its counts alone go to the readout.


# %%
def fed_back_counts(u: np.ndarray, shares: int, seed: int, epsilon: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(noise_seed(seed))
    counts, last = np.empty(len(u)), 1.0
    for t, value in enumerate(u):
        rate = shares * (value + epsilon) / (0.25 + epsilon) * (1 + last) / 2
        counts[t] = rng.poisson(rate)
        last = min(counts[t] / shares, 3.0)
    return counts


def fed_back(shares: int, split: Split, alphas: tuple[float, ...] | None) -> list[Scored]:
    scores = []
    for seed in range(SEEDS):
        task = protocol_of(split, alphas).make_task(seed)
        counts = fed_back_counts(task.u, shares, seed)
        table = StateTable.of(("count", "root"), np.column_stack([counts, np.sqrt(counts + 3 / 8)]))
        target = Target(task.y, np.ones(len(task), dtype=np.bool_), split, alphas)
        scores.append(score("fed back", table, target))
    return scores


# %% [markdown]
# ## One table
#
# Mean and standard deviation over the captures. `std` is normalised by the standard deviation of the test
# target, `range` by its maximum less its minimum; the published 0.1759 is of the second kind.


# %%
def statistics(result: BenchmarkResult, name: str) -> tuple[float, float, float, float]:
    return mean_and_deviation([capture.scores[name] for capture in result.captures])


def mean_and_deviation(scores: list[Scored]) -> tuple[float, float, float, float]:
    std, over_range = [s.nrmse for s in scores], [s.nrmse_range for s in scores]
    return (
        float(np.mean(std)),
        float(np.std(std, ddof=1)),
        float(np.mean(over_range)),
        float(np.std(over_range, ddof=1)),
    )


Row = tuple[str, tuple[float, float, float, float], tuple[float, float, float, float]]


def table_rows() -> list[Row]:
    rows: list[Row] = []
    for kind in TWINS:
        for channel in CHANNELS:
            for mode in MODES:
                both = [results[size, kind, channel, mode] for size in ("published", "long")]
                rows.append((f"{kind}, {channel}, {mode}", *(statistics(r, "device") for r in both)))
                if kind == "ordinary":
                    name = f"memoryless miner, {channel}, {mode}"
                    rows.append((name, *(statistics(r, "poisson_twin") for r in both)))
        if kind in HELD:
            both_held = [mean_and_deviation(held_scores[size, kind]) for size in SIZES]
            rows.append((f"{kind}, constant input", *both_held))
    for shares in FED_BACK_SHARES:
        fed = [mean_and_deviation(fed_back(shares, *how)) for how in SIZES.values()]
        rows.append((f"memoryless miner, count fed back, {shares}", *fed))
    reference = [results[size, "ordinary", "work", "monologue"] for size in ("published", "long")]
    skipped = ("device", "poisson_twin")
    for name in reference[0].scores:
        if not name.startswith(skipped):
            rows.append((name, *(statistics(r, name) for r in reference)))
    return rows


rows = table_rows()
lines = [
    f"{'':<42}{f'{PUBLISHED_SPLIT.n_train} / {PUBLISHED_SPLIT.n_test} steps, penalty 1e-6':>36}"
    f"{f'{LONG_SPLIT.n_train} / {LONG_SPLIT.n_test} steps, searched':>36}",
    f"{'NRMSE':<42}{'std':>18}{'range':>18}{'std':>18}{'range':>18}",
]
for published in (*PUBLISHED.values(), PUBLISHED_CONSTANT):
    lines.append(f"{'published, ' + published.name:<42}{published.nrmse:>18.4f}")
lines.append(f"{'published, over the range':<42}{'':>18}{PUBLISHED_RANGE.nrmse:>18.4f}")
for label, short, long in rows:
    cells = [f"{v[i]:.3f} ± {v[i + 1]:.3f}" for v in (short, long) for i in (0, 2)]
    lines.append(f"{label:<42}" + "".join(f"{cell:>18}" for cell in cells))
print("\n".join(lines))

# %% [markdown]
# ## One figure


# %%
def draw() -> Figure:
    figure = Figure(figsize=(11, 9.5), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(rows))[::-1]
    for axis, column, title in (
        (left, 1, f"published protocol: {PUBLISHED_SPLIT.n_train} / {PUBLISHED_SPLIT.n_test} steps"),
        (right, 2, f"{LONG_SPLIT.n_train} / {LONG_SPLIT.n_test} steps, penalty searched"),
    ):
        for place, row in zip(places, rows, strict=True):
            mean, sd = row[column][:2]
            is_device = row[0].startswith(tuple(TWINS))
            axis.errorbar(mean, place, xerr=sd, fmt="o", ms=4, color="#0072B2" if is_device else "#666666")
        colours = ("#D55E00", "#009E73", "#CC79A7")
        for published, colour in zip((*PUBLISHED.values(), PUBLISHED_CONSTANT), colours, strict=True):
            label = f"published {published.name} {published.nrmse:.4f}"
            axis.axvline(published.nrmse, color=colour, lw=1.2, label=label)
        bars = f"bars: standard deviation over {SEEDS} captures"
        widest = max(1.35, *(1.02 * sum(row[column][:2]) for row in rows))
        axis.set(xlabel=f"NRMSE (by the standard deviation)\n{bars}", xlim=(0, widest))
        axis.set_title(title, loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    left.set_yticks(places, [row[0] for row in rows], fontsize=8)
    left.legend(frameon=False, fontsize=8, loc="lower left")
    return figure


figure = draw()
OUTPUT.mkdir(parents=True, exist_ok=True)
figure.savefig(OUTPUT / "narma10.png", dpi=150)
figure

# %% [markdown]
# ## The verdicts
#
# Each twin judges the instrument: nothing may be claimed of `ideal` and `ordinary`, and what is planted has
# to be found where it reaches the margin (a capacity of half a step beyond the present).

# %%
for (size, kind, channel, mode), result in results.items():
    evidence = result.evidence
    if size == "long" and evidence is not None:
        named = "no memory" if result.channel is None else result.channel.value
        print(
            f"{kind:<9}{channel:<12}{mode:<10} {evidence.interpretation:<13}{named}: "
            f"{evidence.interpretation_reason}"
        )

# %% [markdown]
# ## What it says
#
# - 100 test steps scatter every score by 0.07 to 0.12: one run of this size cannot tell 0.87 from 0.95 or
#   from 1.00.
# - With the input in the work alone an ordinary miner scores as a constant does (1.01 at 1,000 steps): its
#   hashes change, its timing does not.
# - 1.0000: under an input that never changes each of the three miners scores 1.01 at 1,000 steps, as the mean
#   of the training target does. That is what no knowledge of the input scores, and says nothing of a device.
# - 0.9550: a memoryless miner whose share rate follows the difficulty scores 0.97 in monologue with seven
#   shares a step, and 0.90 with fifty. It takes no memory.
# - 0.8661: the present input alone scores 0.88 with no miner at all; a memoryless one whose controller
#   feeds the last count back scores 0.88 with 20 shares a step and 0.83 with 1,000. That memory is the
#   controller's.
# - 0.1759: over the range of the target a constant scores 0.185 at 1,000 steps.
# - A delay line of ten inputs scores 0.59, a quadratic one of thirty 0.12: a device has to come below these
#   before its nonlinear memory is worth anything.
# - The memory that was planted in the work is found and named for its channel; nothing is claimed of the
#   others.
