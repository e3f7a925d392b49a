"""Formulas of the first paper, computed and held against what they are said to give: H10, H12, H20."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from scipy import stats

from asicrc.analysis.papers.hierarchical_numbers import (
    CLAIMED_RATIO,
    CLAIMED_STATES,
    energy_ratio_digits,
    energy_table,
    ratio_of_states,
)
from asicrc.analysis.papers.k_sync import k_sync, mended_k_sync, printed_k_sync
from asicrc.analysis.papers.phase_amplitude import Reconstruction, compare_reconstruction
from asicrc.analysis.spectra.phases import phase_sums
from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures.deciding import (
    COMPUTATION,
    COMPUTED,
    all_hold,
    computed_in,
    holds,
    within_margin,
)
from asicrc.evidence import Estimate, EvidenceVerdict
from asicrc.evidence.block_bootstrap import Floats
from asicrc.reservoir.tasks import Task, lorenz, mackey_glass, narma

CLOCK_HZ, MODULATION_HZ, DEPTH = 525e6, 2.4, 0.5
"""The clock that the papers print for their S9, the heartbeat that they claim, and one deep enough to see."""
MENDED = "mended, at the modulation"
KEPT_MARGIN = 0.05
KEPT = (0.9, 0.5, 0.2)
"""Shares of the modulation that are to stay, by the mended form: the jitters that are injected."""
RUNS, EVENTS, LENGTH_S = 20, 20_000, 2_000.0
TABLE_MARGIN = 0.05
ERROR_MARGIN = 0.01
SERIES_STEPS = 3_000
AHEAD = 10


def coupling(context: Context) -> ClaimOutcome:
    """H10: what injected jitter leaves of a modulation, beside K_sync as printed and mended."""
    jitters = {kept: math.sqrt(-2 * math.log(kept)) / (2 * math.pi * MODULATION_HZ) for kept in KEPT}
    measured = {kept: _kept_share(jitter, context.seed) for kept, jitter in jitters.items()}
    forms = {
        "as printed, at the clock, in seconds": partial(_printed, clock_hz=CLOCK_HZ),
        "as printed, at the modulation, in seconds": partial(_printed, clock_hz=MODULATION_HZ),
        MENDED: partial(mended_k_sync, frequency_hz=MODULATION_HZ),
    }
    agreement = {
        name: all_hold(
            [within_margin(found, form(jitters[kept]), KEPT_MARGIN) for kept, found in measured.items()]
        )
        for name, form in forms.items()
    }
    units = k_sync(1e-4, CLOCK_HZ, MODULATION_HZ)
    printed = [verdict for name, verdict in agreement.items() if name.startswith("as printed")]
    meaning = EvidenceVerdict.NOT_RESOLVED
    if EvidenceVerdict.SUPPORTED in printed or set(printed) == {EvidenceVerdict.REFUTED}:
        meaning = holds(EvidenceVerdict.SUPPORTED in printed)  # one way to read it is enough
    reproduced = [
        Reproduced(f"K_sync as printed, jitter of 0.1 ms written in {unit}", None, round(value, 12))
        for unit, value in units.printed.items()
    ]
    for kept, found in measured.items():
        jitter_ms = 1e3 * jitters[kept]
        reproduced.append(Reproduced(f"share left by a jitter of {jitter_ms:.0f} ms, measured", None, found))
        for name, form in forms.items():
            reproduced.append(
                Reproduced(f"share left by a jitter of {jitter_ms:.0f} ms, {name}", None, form(jitters[kept]))
            )
    half = next(iter(measured.values()))
    return ClaimOutcome(
        "H10",
        COMPUTED,
        holds(units.invariant),
        meaning,
        "As printed it has a unit: the same jitter gives another K_sync in milliseconds than in seconds. "
        f"That it follows what jitter leaves to {KEPT_MARGIN:g}: {meaning.value}; with (2 pi f s)^2 / 2 in "
        f"the exponent: {agreement[MENDED].value}.",
        reproduced,
        smallest_effect=2.8 * (half.high - half.low) / 3.92,
        effect_unit="share of the depth",
    )


def _printed(jitter_s: float, clock_hz: float) -> float:
    return round(printed_k_sync(jitter_s, clock_hz), 12)  # what is below is 0 to anybody


def _kept_share(jitter_s: float, seed: np.random.SeedSequence) -> Estimate:
    """What normal jitter leaves of a modulation's phase sum, over runs of events with a sinusoidal rate."""
    rng = np.random.default_rng(np.random.SeedSequence([*seed.generate_state(2), int(1e6 * jitter_s)]))
    shares = []
    for _ in range(RUNS):
        t_s = _modulated(rng)
        late = np.sort(t_s + rng.normal(0, jitter_s, len(t_s)))
        before, after = (abs(complex(phase_sums(t, MODULATION_HZ)[0])) for t in (t_s, late))
        shares.append(after / before)
    mean = float(np.mean(shares))
    half = float(stats.t.ppf(0.975, RUNS - 1) * np.std(shares, ddof=1)) / math.sqrt(RUNS)
    return Estimate(mean, mean - half, mean + half, RUNS, method=f"t over {RUNS} runs of {EVENTS:,} events")


def _modulated(rng: np.random.Generator) -> Floats:
    """Times of events whose rate goes as 1 + a sin(2 pi f t), thinned from an even one (Lewis and Shedler
    1979)."""
    t_s = rng.uniform(0, LENGTH_S, EVENTS)
    rate = (1 + DEPTH * np.sin(2 * np.pi * MODULATION_HZ * t_s)) / (1 + DEPTH)
    kept: Floats = np.sort(t_s[rng.random(EVENTS) < rate])
    return kept


def hierarchical_energy(_: Context) -> ClaimOutcome:
    """H12: the printed table, the text's own example, and what is left when an update costs what it costs."""
    rows = energy_table()
    table = all(row.printed is not None and abs(row.ratio / row.printed - 1) <= TABLE_MARGIN for row in rows)
    states = ratio_of_states(CLAIMED_STATES)
    text = abs(states / CLAIMED_RATIO - 1) <= TABLE_MARGIN
    update = max(row.update_ratio for row in rows)
    return ClaimOutcome(
        "H12",
        COMPUTED,
        holds(table and text),
        holds(update >= CLAIMED_RATIO * (1 - TABLE_MARGIN)),
        "The table follows from its formula, the text does not: ten thousand states are "
        f"{math.log2(CLAIMED_STATES):.1f} bits and give {states:,.0f}, while ten thousand bits give "
        f"10^{energy_ratio_digits(CLAIMED_STATES):.0f}. 2^n counts states; an update of n bits takes n "
        f"switchings, and then the ratio is {update:.1f} at 16 bits.",
        [
            *(
                Reproduced(f"ratio for {row.bits} bits, all constants 1", row.printed, row.ratio)
                for row in rows
            ),
            Reproduced("ratio for 10^4 states", CLAIMED_RATIO, states),
            *(
                Reproduced(
                    f"ratio for {row.bits} bits where an update takes n switchings", None, row.update_ratio
                )
                for row in rows
            ),
        ],
    )


def reconstruction(context: Context) -> ClaimOutcome:
    """H20: from one series, the coordinates and steps to come that it does not show."""
    compared = {name: compare_reconstruction(*pair) for name, pair in _series(context.seed).items()}
    verdicts = [_better(one.finding.effect) for one in compared.values()]
    rebuilt = [holds(one.encoding_error.high < 1) for one in compared.values()]
    worst = max(compared.values(), key=lambda one: one.finding.smallest_effect or 0.0)
    where = {
        verdict: [name for name, found in zip(compared, verdicts, strict=True) if found is verdict]
        for verdict in EvidenceVerdict
    }
    better, no_better = (
        "; ".join(where[verdict]) or "nothing"
        for verdict in (EvidenceVerdict.SUPPORTED, EvidenceVerdict.REFUTED)
    )
    return ClaimOutcome(
        "H20",
        COMPUTED,
        all_hold(rebuilt),
        all_hold(verdicts),
        f"Something is rebuilt, as from any filtered copies of a series. By {ERROR_MARGIN:g} better than as "
        f"many delayed copies: {better}. Not better: {no_better}. That depends on how far back a series has "
        "to be known, and makes nothing holographic.",
        [number for name, one in compared.items() for number in _errors(name, one)],
        [one.finding.nulls[0] for one in compared.values()],
        smallest_effect=worst.finding.smallest_effect,
        effect_unit="normalised error",
    )


def _better(gain: Estimate) -> EvidenceVerdict:
    """Is the error smaller than that of the delays by the margin or more?"""
    if gain.low >= ERROR_MARGIN:
        return EvidenceVerdict.SUPPORTED
    return EvidenceVerdict.REFUTED if gain.high < ERROR_MARGIN else EvidenceVerdict.NOT_RESOLVED


def _errors(name: str, one: Reconstruction) -> list[Reproduced]:
    return [
        Reproduced(f"error of the encoding, {name}", None, one.encoding_error),
        Reproduced(f"error of {one.features} delayed copies, {name}", None, one.delay_error),
    ]


def _series(seed: np.random.SeedSequence) -> dict[str, tuple[Floats, Floats]]:
    """Series with the states that are to be rebuilt from them, (n,) and (n, k)."""
    number = int(seed.generate_state(1)[0])
    tasks: dict[str, Task] = {
        "Lorenz, y and z from x": lorenz(SERIES_STEPS, number, dt=0.05, observed="x", predicted="yz"),
        f"Mackey-Glass, {AHEAD} steps on": mackey_glass(SERIES_STEPS, number, horizon=AHEAD),
        "NARMA-10 from its input": narma(10, SERIES_STEPS, number),
    }
    return {name: (task.u, task.y.reshape(len(task), -1)) for name, task in tasks.items()}


_SOURCE = frozenset({COMPUTATION})
PROCEDURES: tuple[Procedure, ...] = (
    Procedure("H10", _SOURCE, coupling, computed_in(0.5)),
    Procedure("H12", _SOURCE, hierarchical_energy, computed_in(0.1)),
    Procedure("H20", _SOURCE, reconstruction, computed_in(1.0)),
)
