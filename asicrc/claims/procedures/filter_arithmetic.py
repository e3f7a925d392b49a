"""The filter's figures that need no data: S09, S10, S13, S16, and what S29 would take for granted."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures.deciding import COMPUTATION, COMPUTED, computed_in, holds, per_cent
from asicrc.evidence import EvidenceVerdict, TestResult
from asicrc.filtering.certain_abort import certain_abort
from asicrc.filtering.formulas import (
    combined_saving,
    combined_saving_as_printed,
    equivalent_hash_rate,
    gain,
    saving_of_aborting,
)
from asicrc.filtering.published import ABORT_ROUND, ROUNDS, TWIN_CYCLES, TWIN_ZERO_BITS, published_twin

SAVING_PER_CENT, SAVING_MARGIN = 92.19, 0.01
EQUIVALENT, EQUIVALENT_MARGIN = 12.8, 0.05
COMBINED_PER_CENT, COMBINED_TIMES, COMBINED_MARGIN = 94.0, 16.0, 0.05
SUPPLY_GAIN = 0.25
LEAST_RECALL = 0.95
GOOD_RECALL = 0.99
AUCS = (0.5, 0.502, 0.7, 0.9)
"""No knowledge; as much as claim S08 leaves room for; a good classifier; a very good one."""
YEARLY_TWH = (2.0, 4.0)


def saving(_: Context) -> ClaimOutcome:
    """S09: 1 - k / n, with the hits that it costs."""
    found = 100 * saving_of_aborting(ABORT_ROUND, ROUNDS)
    abort_all = gain(0.0, 0.0, ABORT_ROUND, ROUNDS)
    by_chance = gain_of_auc(0.5)
    keeps_hits = abort_all > 0 or by_chance > 1
    return ClaimOutcome(
        "S09",
        COMPUTED,
        holds(abs(found - SAVING_PER_CENT) <= SAVING_MARGIN),
        holds(keeps_hits),
        f"The figure is that of aborting every hash after {ABORT_ROUND} of {ROUNDS} rounds: it keeps no hit "
        f"and so gains {abort_all:g} times. A filter without knowledge gains {by_chance:.3f} times at best, "
        "whatever its threshold.",
        [
            Reproduced("saving, n = 64 rounds of one hash", SAVING_PER_CENT, found, "%"),
            Reproduced(
                "the same with n = 128 of both", None, 100 * saving_of_aborting(ABORT_ROUND, 128), "%"
            ),
            Reproduced("blocks per energy when everything is aborted", None, abort_all, "times"),
            Reproduced("blocks per energy of a filter by chance, best threshold", None, by_chance, "times"),
        ],
    )


def equivalent_rate(_: Context) -> ClaimOutcome:
    """S13: n / k, and what filters with a real recall and continue rate gain."""
    printed = equivalent_hash_rate(ABORT_ROUND, ROUNDS)
    gains = {auc: gain_of_auc(auc, GOOD_RECALL) for auc in AUCS}
    best = gain_of_auc(0.502)
    return ClaimOutcome(
        "S13",
        COMPUTED,
        holds(abs(printed - EQUIVALENT) <= EQUIVALENT_MARGIN),
        holds(best >= EQUIVALENT - EQUIVALENT_MARGIN),
        "64/5 takes for granted that every hit is kept and no other hash goes on. With a recall of "
        f"{per_cent(GOOD_RECALL)} an AUC of 0.7 gains {gains[0.7]:.2f} times, 0.9 {gains[0.9]:.2f}; the AUC "
        f"of 0.502 that honest rounds leave room for gains {best:.3f} at any threshold.",
        [
            Reproduced("n / k", EQUIVALENT, printed, "times"),
            *(
                Reproduced(
                    f"gain at AUC {auc:g} and a recall of {per_cent(GOOD_RECALL)}", None, value, "times"
                )
                for auc, value in gains.items()
            ),
            Reproduced("gain at AUC 0.502, best threshold", None, best, "times"),
        ],
    )


def gain_of_auc(auc: float, recall: float | None = None) -> float:
    """Blocks per energy of a score that is normal for hits and others, d' apart: AUC = Phi(d' / sqrt 2).

    At a recall, or without one at the best of all thresholds (Green and Swets 1966 for the model).
    """
    apart = math.sqrt(2) * float(stats.norm.ppf(auc))
    recalls = np.linspace(0.001, 1.0, 1000) if recall is None else np.array([recall])
    going_on = stats.norm.cdf(stats.norm.ppf(recalls) - apart)
    return max(
        gain(float(tpr), float(rate), ABORT_ROUND, ROUNDS)
        for tpr, rate in zip(recalls, going_on, strict=True)
    )


def combined(_: Context) -> ClaimOutcome:
    """S16: equation 15 as printed, and with one accounting throughout."""
    alone = saving_of_aborting(ABORT_ROUND, ROUNDS)
    accounts = {
        "as printed": combined_saving_as_printed(alone, SUPPLY_GAIN),
        "with one accounting": combined_saving(alone, SUPPLY_GAIN),
        "as printed, from the 88.5 % of the LV06": combined_saving_as_printed(0.885, SUPPLY_GAIN),
    }
    both = [
        abs(100 * saved - COMBINED_PER_CENT) <= COMBINED_MARGIN
        and abs(1 / (1 - saved) - COMBINED_TIMES) <= COMBINED_MARGIN
        for saved in accounts.values()
    ]
    reproduced = []
    for name, saved in accounts.items():
        reproduced.append(Reproduced(f"saving {name}", COMBINED_PER_CENT, 100 * saved, "%"))
        reproduced.append(Reproduced(f"the same {name}", COMBINED_TIMES, 1 / (1 - saved), "times"))
    with_hits = gain(0.0, 0.0, ABORT_ROUND, ROUNDS) * (1 + SUPPLY_GAIN)
    printed, mended = accounts["as printed"], accounts["with one accounting"]
    return ClaimOutcome(
        "S16",
        COMPUTED,
        holds(any(both)),
        holds(with_hits >= COMBINED_TIMES),
        f"As printed it is {100 * printed:.2f} % or {1 / (1 - printed):.1f} times, with one accounting "
        f"{100 * mended:.2f} % or {1 / (1 - mended):.1f} times: the two printed figures are not of one sum. "
        "Both take the filter's saving for granted, which keeps no hit (S09).",
        [*reproduced, Reproduced("blocks per energy, hits counted", COMBINED_TIMES, with_hits, "times")],
    )


def digital_twin(context: Context) -> ClaimOutcome:
    """S10: the published rule, with the published target and with targets that are hit."""
    runs = published_twin(context.seed)
    as_published, eased = runs[0], runs[1:]
    counted = [run for run in eased if run.account.recall is not None]
    no_hit = math.exp(-as_published.expected_hits)
    recalls = [run.account.recall for run in counted if run.account.recall is not None]
    kept = holds(all(recall.low >= LEAST_RECALL for recall in recalls))
    if kept is EvidenceVerdict.REFUTED and not any(recall.high < LEAST_RECALL for recall in recalls):
        kept = EvidenceVerdict.NOT_RESOLVED
    false_aborts = as_published.account.hits - as_published.account.kept
    saved = 100 * as_published.account.saving.estimate
    lost = ", ".join(f"{run.account.hits - run.account.kept} of {run.account.hits}" for run in counted)
    nothing_kept = "" if any(run.account.kept for run in counted) else ": it keeps none"
    return ClaimOutcome(
        "S10",
        COMPUTED,
        holds(abs(saved - SAVING_PER_CENT) <= SAVING_MARGIN and false_aborts == 0),
        kept,
        f"The published run expects {as_published.expected_hits:.3f} hits in its {TWIN_CYCLES:,} cycles, so "
        "that there is nothing to abort falsely. With targets of 8, 4 and 2 zero bits the same rule aborts "
        f"{lost} hits{nothing_kept}.",
        [
            Reproduced("saving, target of 20 zero bits", SAVING_PER_CENT, saved, "%"),
            Reproduced("false aborts, target of 20 zero bits", 0.0, float(false_aborts)),
            Reproduced("hits expected there", None, as_published.expected_hits),
            *(
                Reproduced(f"recall, target of {run.zero_bits} zero bits", "100 %", run.account.recall)
                for run in counted
                if run.account.recall is not None
            ),
        ],
        [
            TestResult(
                "a hit in the published run",
                float(as_published.account.hits),
                1 - no_hit,
                TWIN_CYCLES,
                f"hits of a target of {TWIN_ZERO_BITS} zero bits, Poisson",
            )
        ],
        smallest_effect=None if not recalls else min(recall.high for recall in recalls),
        effect_unit="of the recall, above 0",
    )


def yearly_energy(context: Context) -> ClaimOutcome:
    """S29: what would have to be true. Nothing that one machine shows decides it."""
    certain = certain_abort(context.seed).after_the_end_share
    untestable = EvidenceVerdict.NOT_TESTABLE_HERE
    low, high = (yearly / certain for yearly in YEARLY_TWH)
    claimed = saving_of_aborting(ABORT_ROUND, ROUNDS)
    return ClaimOutcome(
        "S29",
        COMPUTED,
        untestable,
        untestable,
        "It takes for granted that S09, S10 and S14 hold, on every machine in the field, and that hashing "
        f"takes all of their energy. With the {per_cent(certain, 2)} that can be skipped for sure (S17), if "
        f"no chip did so already, mining would have to take {low:.0f} to {high:.0f} TWh a year.",
        [
            Reproduced(
                f"mining's energy for {yearly:g} TWh a year, {name}", None, yearly / share, "TWh a year"
            )
            for name, share in (("at the certain saving", certain), ("at the claimed saving", claimed))
            for yearly in YEARLY_TWH
        ],
        needs=(
            "a filter that works (S08, S10), its energy measured on machines in the field, and their number"
        ),
    )


_SOURCE = frozenset({COMPUTATION})
PROCEDURES: tuple[Procedure, ...] = (
    Procedure("S09", _SOURCE, saving, computed_in(0.1)),
    Procedure("S10", _SOURCE, digital_twin, computed_in(0.2)),
    Procedure("S13", _SOURCE, equivalent_rate, computed_in(0.1)),
    Procedure("S16", _SOURCE, combined, computed_in(0.1)),
    Procedure("S29", _SOURCE, yearly_energy, computed_in(1.0)),
)
