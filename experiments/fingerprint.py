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
# # Does every chip have a timing fingerprint of its own?
#
# The first paper (arXiv:2601.01916, section VIII.B) and the second (arXiv:2601.12032, section 20.2) say
# that each chip can be known again by its timing. Neither enrols a device or compares two. What would such
# a claim take, and what could be taken for it?
#
# Any two miners differ: their crystals by some ppm, their firmware, network, temperature and power. All of
# that identifies a *box*, as its MAC address does. A fingerprint of the silicon has to be in what nothing
# between chip and host can make: differences between the cores of one chip. Nobody on the way knows which
# core found a nonce.
#
# Two populations of simulated chips are studied with the same instrument: in one nothing is planted, in the
# other each core's answers come later by a time of its own.

# %%
from __future__ import annotations

import os
from pathlib import Path

from asicrc.analysis.fingerprint import FingerprintStudy, study_population
from asicrc.analysis.fingerprint.twin_population import TwinPopulation, take_population
from asicrc.evidence import Source
from asicrc.report.fingerprint_figure import fingerprint_figure

# %% [markdown]
# ## Parameters
#
# `reduced` is for a quick look and for the tests; `full` is what the text below speaks of.

# %% tags=["parameters"]
SIZE = os.environ.get("ASICRC_EXPERIMENT_SIZE", "full")
OUTPUT = Path(os.environ.get("ASICRC_EXPERIMENT_OUTPUT", "experiments-output"))
JOBS = int(os.environ.get("ASICRC_EXPERIMENT_JOBS", "1"))
FULL = SIZE == "full"

DEVICES = 50 if FULL else 6
CAPTURES = 4 if FULL else 2
EVENTS = 400 if FULL else 200
TRIED = 20 if FULL else 1
PLANTED_US = (1000.0, 50.0) if FULL else (1000.0,)

# %% [markdown]
# ## The populations
#
# Chips of 8 cores that really hash (`twin:bm1366`), each with a crystal, a heat path, a firmware and a line
# of its own. Every device is recorded several times on fresh work; some also in a cold and a warm room and
# at 5 % less and more voltage.


# %%
def studied(kind: str, fingerprint_us: float | None = None) -> FingerprintStudy:
    population = TwinPopulation(
        devices=DEVICES,
        kind=kind,
        fingerprint_s=None if fingerprint_us is None else fingerprint_us / 1e6,
        captures=CAPTURES,
        events=EVENTS,
        tried=TRIED,
    )
    sessions, replay = take_population(population, jobs=JOBS)
    return study_population(
        sessions,
        source=Source.TWIN,
        planted=population.planted_s > 0,
        replay=replay,
        details=population.as_json(),
    )


studies = {"nothing planted": studied("ordinary")}
studies |= {f"{size:g} us planted": studied("planted", size) for size in PLANTED_US}

# %% [markdown]
# ## One table
#
# Equal-error rates with their intervals: how often one is wrong either way at the threshold at which both
# errors are the same. 0.5 is a coin.

# %%
lines = [f"{'':<20}" + "".join(f"{view:>26}" for view in next(iter(studies.values())).rates)]
for name, study in studies.items():
    cells = [
        f"{rates.eer.estimate:.3f} [{rates.eer.low:.3f}, {rates.eer.high:.3f}]"
        for rates in study.rates.values()
    ]
    lines.append(f"{name:<20}" + "".join(f"{cell:>26}" for cell in cells))
lines.append("")
for name, study in studies.items():
    instrument = study.verdicts.instrument
    lines.append(
        f"{name:<20}{study.finding.verdict.value}; instrument: "
        f"{'-' if instrument is None else instrument.value}; {study.finding.note}"
    )
table = "\n".join(lines)
OUTPUT.mkdir(parents=True, exist_ok=True)
(OUTPUT / "fingerprint.txt").write_text(table + "\n", encoding="utf-8")
print(table)

# %% [markdown]
# ## One figure

# %%
figure = fingerprint_figure(studies)
figure.savefig(OUTPUT / "fingerprint.png", dpi=150)
figure

# %% [markdown]
# ## Over temperature and voltage, and old recordings

# %%
for name, study in studies.items():
    print(name)
    for one in study.reliability:
        shown = ", ".join(f"{view} {rate.estimate:.2f}" for view, rate in one.accepted.items())
        print(f"  {one.condition:<14} taken for the device itself: {shown}")
    if study.replay is not None:
        again, fresh = study.replay.presented_again, study.replay.fresh
        print(f"  old recordings that passed for fresh ones: {again.estimate:.2f} (at most {again.high:.2f})")
        print(f"  fresh ones that did: {fresh.estimate:.2f}")

# %% [markdown]
# ## What it says
#
# - Devices without any fingerprint are told apart all the same once crystal, firmware, network, temperature
#   and power are let in. That is no property of the chip, and changes with the room.
# - With differences between cores alone such devices are a coin toss, as they have to be.
# - A planted delay of 1 ms (as large as the rounding of the line) is found without an error among fifty
#   devices. The bound, not the zero, is what such a study shows: 50 devices exclude an equal-error rate of
#   9 %, 20 do not exclude 10 %.
# - A planted delay of 50 us shows, as 0.29 is no coin toss, but is too small to tell devices apart from
#   recordings of 400 answers: `asicrc plan-size residual` says how many it would take.
# - Whether real chips have any of it is open: it takes 20 boards or more on a direct line.
