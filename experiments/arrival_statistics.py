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
# # Do shares come as a Poisson process, and if not, does the silicon make them?
#
# The first paper (arXiv:2601.01916) reads regimes of a chip off the coefficient of variation of its intervals
# and off an entropy (sections III.C and VI.A: H01, H02, H03). A hash meets its target by chance, so a miner
# that only hashes gives a Poisson process: CV, CV2, LV and Fano factor are all 1. What lies between chip and
# stamp (dead time, pick-up of work, delivery) moves these numbers too. So two questions are kept apart: does
# the number depart from 1, and is anything left once the way of the work is taken out?
#
# The same instruments look at twins whose truth is known, and at the published shares of a real Antminer S9.

# %%
from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from asicrc.analysis.arrival_evidence import arrival_evidence
from asicrc.analysis.arrivals.latency_mixture import fit_latency_mixture
from asicrc.analysis.battery import run_battery
from asicrc.analysis.calibration import GammaIntervals, Twin
from asicrc.analysis.event_source import EventSource, read_event_source
from asicrc.analysis.event_stream import EventStream
from asicrc.analysis.exponential import exponential_test
from asicrc.analysis.interval_models import fit_interval_models
from asicrc.analysis.intervals import interval_statistics, latency_statistics
from asicrc.analysis.papers.printed_entropy import printed_entropies
from asicrc.analysis.papers.window_cv import window_cv
from asicrc.capture.plan import CapturePlan
from asicrc.capture.running import capture_to_file
from asicrc.evidence import Estimate
from asicrc.importing import import_file
from asicrc.report.figures import BLUE, GREEN, GREY, ORANGE

# %% [markdown]
# ## Parameters
#
# `reduced` is for a quick look and for the tests; `full` is what the text below speaks of. The shares of the
# S9 (`s9_shares.csv`) are in the repository
# Agnuxo1/Speaking-to-Silicon-THERMODYNAMIC_PROBABILITY_FILTER_TPF, as `s9_training_data_raw.csv`; give their
# folder as `ASICRC_DATA`.

# %% tags=["parameters"]
SIZE = os.environ.get("ASICRC_EXPERIMENT_SIZE", "full")
OUTPUT = Path(os.environ.get("ASICRC_EXPERIMENT_OUTPUT", "experiments-output"))
DATA = os.environ.get("ASICRC_DATA")
FULL = SIZE == "full"

SEED = 1
INTERVALS = 4000 if FULL else 400
SHARES = 2588 if FULL else 600  # of the twin that is driven as the published S9 was
REPLICATES = 999 if FULL else 99
FITS = 199 if FULL else 19
RATE = {"difficulty": 1024.0}  # a share each 0.3 s: the jitter of an ordinary S9 is below a twentieth of it
OUTPUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## The records
#
# - `ideal` and `ordinary` S9: twins whose jobs follow a timer, at difficulty 1,024. Nothing is planted; the
#   ordinary one has dead time, batches, jitter and lost shares.
# - `gamma 0.9`: intervals of a gamma law of CV 0.9, delivered as by an S9. A real departure would look so.
# - `twin handshake`: an ordinary S9 that is given its next job when a share has come, as the papers do, at
#   difficulty 256 as published. Again nothing is planted.
# - `S9`: 2,588 published shares of a real one, which were taken in that way too.


# %%
def twin_in_handshake() -> EventSource:
    plan = CapturePlan(
        output=Path(FOLDER.name) / "twin.asicrc",
        duration_s=1e5,
        max_events=SHARES,
        mode="handshake",
        seed=SEED,
        progress="none",
    )
    capture_to_file(f"twin:s9?kind=ordinary&seed={SEED}", plan)
    return read_event_source(plan.output, seed=SEED)


FOLDER = tempfile.TemporaryDirectory()
seeds = np.random.SeedSequence(SEED).spawn(3)
streams: dict[str, EventStream] = {
    "ideal": Twin("ideal", "s9", INTERVALS + 1, requested=RATE)(seeds[0])[0],
    "ordinary": Twin("ordinary", "s9", INTERVALS + 1, requested=RATE)(seeds[1])[0],
    "gamma 0.9": GammaIntervals(0.9, INTERVALS)(seeds[2])[0],
}
handshake = {"twin handshake": twin_in_handshake()}
published = None if DATA is None else Path(DATA) / "s9_shares.csv"
if published is not None and published.is_file():
    capture_path = Path(FOLDER.name) / "s9.asicrc"
    import_file(published, capture_path)
    handshake["S9"] = read_event_source(capture_path, seed=SEED)
    handshake["S9, repeats too"] = read_event_source(capture_path, include_duplicates=True, seed=SEED)
else:
    print("the published S9 shares are not here: set ASICRC_DATA to the folder that holds s9_shares.csv")
streams |= {name: source.stream for name, source in handshake.items()}

# %% [markdown]
# ## The four numbers
#
# With 95 % intervals from blocks of neighbours. `KS p` is of the plain exponential, its rate estimated in
# every replicate. Fano: variance over mean of the counts in windows of ten mean intervals.


# %%
def shown(estimate: Estimate | None) -> str:
    return "-" if estimate is None else f"{estimate.estimate:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


statistics = {
    name: interval_statistics(one.t_ns, one.segment, SEED, replicates=REPLICATES)
    for name, one in streams.items()
}
print(f"{'':<17}{'n':>6}  {'CV':<22}{'CV2':<22}{'LV':<22}{'Fano':<22}KS p")
for name, found in statistics.items():
    test = exponential_test(found.intervals_s, SEED, replicates=REPLICATES)
    print(
        f"{name:<17}{found.n:>6}  {shown(found.cv):<22}{shown(found.cv2):<22}{shown(found.lv):<22}"
        f"{shown(found.fano):<22}{test.p_value:.3g}"
    )

# %% [markdown]
# ## Does a dead time explain it?
#
# Plain exponential, hard dead time, dead time with a spread: the best by BIC, and whether even that one fits
# (parametric bootstrap, refitted in every replicate).

# %%
for name, found in statistics.items():
    models = fit_interval_models(found.intervals_s, SEED, replicates=FITS)
    bics = {model.name: model.bic - models.best.bic for model in models.models}
    print(
        f"{name:<17}best: {models.best.name}; BIC above it: "
        + ", ".join(f"{other} {gap:.0f}" for other, gap in bics.items() if gap)
        + f"; goodness of fit p = {models.goodness_of_fit.p_value:.3g}"
    )

# %% [markdown]
# ## The battery's verdicts
#
# H01 asks for a shift of the CV by 0.05 beyond a Poisson process behind a dead time, H03 for 0.05 nats of
# entropy. Seven tests share one level of 1 %.

# %%
for name, stream in streams.items():
    battery = run_battery(stream, seed=SEED)
    for key, label in (("cv", "CV shift"), ("entropy", "entropy, nats"), ("serial", "lag 1")):
        one = battery.findings[key]
        effect = one.effect
        said = one.note
        if one.p_corrected is not None:
            said = (
                f"{effect.estimate:+.4f} [{effect.low:+.4f}, {effect.high:+.4f}], p = {one.p_corrected:.2g}"
            )
        print(f"{name:<17}{label:<14}{said}: {one.verdict.value}")

# %% [markdown]
# ## Does the way of the work explain it?
#
# In a handshake the time from the newest job to a share is pick-up of the job, then the wait for a nonce;
# some shares still answer the job before. If such a mixture leaves nothing of the CV, the CV tells nothing of
# the silicon. The test of the mixture itself refits all five parameters in every replicate.

# %%
mixtures = {}
for name, source in handshake.items():
    latency = latency_statistics(source.latency_s, SEED, replicates=REPLICATES)
    mixture = fit_latency_mixture(source.latency_s, SEED, replicates=FITS)
    mixtures[name] = mixture
    print(
        f"{name}: latency CV {shown(latency.cv)}, "
        f"mean {latency.mean_s.estimate * 1e3:.1f} ms, n = {latency.n}\n"
        f"  pick-up {mixture.delay_s * 1e3:.1f} ms (spread {mixture.spread_s * 1e3:.1f}), wait "
        f"{mixture.wait_s * 1e3:.1f} ms, {mixture.early_share:.1%} answer the job before; the law itself: "
        f"p = {mixture.test.p_value:.3g} ({FITS} refits)\n"
        f"  CV beyond the mixture: {mixture.cv_beyond.estimate:+.4f} [{mixture.cv_beyond.low:+.4f}, "
        f"{mixture.cv_beyond.high:+.4f}], p = {mixture.cv_p:.3g}"
    )
    evidence = arrival_evidence(source, SEED)
    for claim in ("H01", "H03"):
        judged = evidence.verdicts[claim]
        instrument = "" if judged.instrument is None else f"instrument {judged.instrument.value}; "
        print(f"  {claim}: {judged.interpretation.value}; {instrument}{judged.reason}")

# %% [markdown]
# ## Two ways to be misled
#
# The printed entropy is a sum over densities: it changes with the unit of time. The CV of ten intervals, off
# which a regime was read, spreads widely by chance alone.

# %%
for name in ("ordinary", *(("S9",) if "S9" in streams else ())):
    entropies = printed_entropies(streams[name].intervals_s)
    window = window_cv(streams[name].intervals_s, seed=SEED)
    print(
        f"{name}: printed entropy "
        + ", ".join(f"{value:.3g} in {unit}" for unit, value in entropies.by_unit.items())
        + f"; the same in all units: {'yes' if entropies.invariant else 'no'}"
    )
    print(
        f"  CV of {window.window} intervals: {window.mean:.3f} +- {window.spread:.3f}; by chance "
        f"{window.chance_mean:.3f} +- {window.chance_spread:.3f}, 95 % in [{window.chance_low:.2f}, "
        f"{window.chance_high:.2f}]"
    )

# %% [markdown]
# ## Regimes by voltage (H02)
#
# An ordinary S9 twin at voltages over its whole range, everything else the same. Nothing in it changes with
# voltage but heat, power and wrong hashes.

# %%
for voltage_mv in (7950.0, 8400.0, 8900.0, 9400.0):
    requested = {"voltage_mv": voltage_mv, "frequency_mhz": 450.0} | RATE
    make = Twin("ordinary", "s9", INTERVALS + 1, requested=requested)
    one = run_battery(make(np.random.SeedSequence((SEED, int(voltage_mv))))[0], seed=SEED).findings["cv"]
    print(
        f"{voltage_mv:.0f} mV: CV shift {one.effect.estimate:+.4f} [{one.effect.low:+.4f}, "
        f"{one.effect.high:+.4f}], seen from {one.smallest_effect:.3f}: {one.verdict.value}"
    )

# %% [markdown]
# ## One figure


# %%
def draw() -> Figure:
    figure = Figure(figsize=(11, 8.2), layout="constrained")
    survival, numbers, waits, fano = figure.subplots(2, 2).ravel()
    colours = {"ideal": GREY, "ordinary": BLUE, "gamma 0.9": ORANGE, "twin handshake": GREEN, "S9": "#CC79A7"}
    styles = {"ideal": "-", "ordinary": "--", "gamma 0.9": "-.", "twin handshake": ":", "S9": "-"}
    drawn = {name: found for name, found in statistics.items() if name in colours}
    for name, found in drawn.items():
        x = np.sort(found.intervals_s) / found.intervals_s.mean()
        label = f"{name}, n = {found.n}"
        survival.step(
            x, 1 - np.arange(len(x)) / len(x), color=colours[name], ls=styles[name], lw=1.4, label=label
        )
    grid = np.linspace(0, 8, 200)
    survival.plot(grid, np.exp(-grid), color="black", lw=0.8, label="exponential")
    survival.set(
        xlabel="interval (means)",
        ylabel="share of longer intervals",
        yscale="log",
        xlim=(0, 8),
        ylim=(2e-4, 1.2),
    )
    survival.legend(frameon=False, fontsize=8)
    survival.set_title("intervals", loc="left", fontsize=10)
    for place, (name, found) in enumerate(drawn.items()):
        for row, estimate in enumerate((found.cv, found.cv2, found.lv, found.fano)):
            if estimate is not None:
                bars = [[estimate.estimate - estimate.low], [estimate.high - estimate.estimate]]
                numbers.errorbar(
                    row + 0.13 * (place - 2), estimate.estimate, bars, fmt="os^Dv"[place], ms=5, capsize=2,
                    color=colours[name], label=name if row == 0 else None,
                )  # fmt: skip
    numbers.axhline(1, color="black", lw=0.8)
    numbers.set_xticks(range(4), ["CV", "CV2", "LV", "Fano factor"])
    numbers.set_ylabel("1 for a Poisson process")
    numbers.legend(frameon=False, fontsize=8)
    numbers.set_title("95 % intervals by blocks", loc="left", fontsize=10)
    name = "S9" if "S9" in handshake else "twin handshake"
    mixture, latency_ms = mixtures[name], handshake[name].latency_s * 1e3
    _, edges, _ = waits.hist(
        latency_ms, bins=60, range=(0, 500), color=BLUE, alpha=0.6, label=f"{name}, n = {len(latency_ms)}"
    )
    edges = np.asarray(edges)
    waits.stairs(
        mixture.n * np.diff(mixture.share_below(edges / 1e3)), edges, color=ORANGE, lw=1.5,
        label=f"pick-up, wait, job before: p = {mixture.test.p_value:.2g}",
    )  # fmt: skip
    mean_ms = float(latency_ms.mean())
    plain = np.exp(-edges / mean_ms)
    waits.stairs(len(latency_ms) * -np.diff(plain), edges, color="black", lw=1, ls="--", label="exponential")
    waits.set(xlabel="from the newest job to the share (ms)", ylabel="shares")
    waits.legend(frameon=False, fontsize=8)
    waits.set_title("handshake", loc="left", fontsize=10)
    for place, (name, found) in enumerate(drawn.items()):
        means = np.array([point.window_s for point in found.fano_curve]) / found.mean_s.estimate
        value = np.array([[p.fano.estimate, p.fano.low, p.fano.high] for p in found.fano_curve])
        bars = [value[:, 0] - value[:, 1], value[:, 2] - value[:, 0]]
        fano.errorbar(
            means * (1 + 0.04 * (place - 2)), value[:, 0], bars,
            fmt="os^Dv"[place] + "-", ms=4, lw=1, capsize=2, color=colours[name], label=name,
        )  # fmt: skip
    fano.axhline(1, color="black", lw=0.8)
    fano.set(xscale="log", xlabel="window (mean intervals)", ylabel="Fano factor", ylim=(0, 2.2))
    fano.set_title("counts", loc="left", fontsize=10)
    real = " and of a real S9" if "S9" in streams else ""
    figure.suptitle(f"Arrivals of twins{real}, seed {SEED}", fontsize=12)
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure


figure = draw()
figure.savefig(OUTPUT / "arrival_statistics.png", dpi=150)
print("figure arrival_statistics.png")
FOLDER.cleanup()
figure

# %% [markdown]
# ## What it says
#
# - Twins that only hash are Poisson for all four numbers, at every voltage (H02): a shift of 0.05 in
#   the CV of 4,000 intervals is refuted, or not resolved. A gamma law of CV 0.9 is told from it.
# - The real S9 departs from 1: interval CV 0.813 (0.827 with the 42 proofs that came twice), latency CV 0.834
#   with them. The plain exponential is rejected, and a hard dead time too: a delay with a spread is better
#   by more than 200 in BIC.
# - A twin driven in the same handshake, in which nothing is planted, shows the same: latency CV 0.76. Pick-up
#   of 25 ms, a wait of 80 ms and answers to the job before leave of the S9's CV -0.02 [-0.05, 0.02]. So H01
#   and H03 are not resolved by these shares: the departure is there, and the way of the work explains it.
# - The mixture itself does not fit the S9 to the letter: p = 0.005 when its five parameters are refitted in
#   every replicate (a p of 0.17 that was given for it before knows nothing of that).
# - There is no correlation between neighbouring intervals beyond 0.06; the margin of 0.05 is not resolved.
# - The printed entropy is another number in every unit; the CV of ten intervals is anything from 0.5 to 1.4
#   by chance.
