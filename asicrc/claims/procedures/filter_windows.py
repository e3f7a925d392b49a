"""The filter on windows of an LV06's shares: S11 by counting, S12 by the published tables."""

from __future__ import annotations

from pathlib import Path

from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures.deciding import (
    COMPUTATION,
    COMPUTED,
    DATA,
    FROM_DATA,
    answered,
    computed_in,
    holds,
)
from asicrc.claims.procedures.published_files import published, where_published, without_files
from asicrc.evidence import EvidenceVerdict, TestResult
from asicrc.evidence.binomial import clopper_pearson
from asicrc.evidence.discrimination import CHANCE
from asicrc.filtering.formulas import saving_of_aborting
from asicrc.filtering.published import ABORT_ROUND, ROUNDS
from asicrc.filtering.window_study import WindowStudy, study_windows
from asicrc.filtering.windows import load_windows

CONTINUOUS, BALANCED = "tpf_continuous_dataset.csv", "tpf_balanced_dataset.csv"
WINDOWS, ABORTED = 100, 96
"""Of the published run on an LV06."""
SAVED_PER_CENT, SAVED_MARGIN = 88.50, 0.01
CONFUSION = ((23, 0), (0, 7))
PARAMETERS = 297
AUC_MARGIN = 0.05


def saving_of_windows(context: Context) -> ClaimOutcome:
    """S11: the figure is a count of windows; of the published windows, what the count is made of."""
    found = 100 * ABORTED / WINDOWS * saving_of_aborting(ABORT_ROUND, ROUNDS)
    value = holds(abs(found - SAVED_PER_CENT) <= SAVED_MARGIN)
    counted = Reproduced("96 of 100 windows times 59/64", SAVED_PER_CENT, found, "%")
    path = published(context, CONTINUOUS)
    if path is None:
        return ClaimOutcome(
            "S11",
            COMPUTED,
            value,
            EvidenceVerdict.NOT_TESTABLE_HERE,
            "The figure is 96 of 100 windows times 59/64 to the last digit: a window is given 5 or 64 "
            "rounds by assignment, and no power enters. What its label is made of stands in the published "
            "windows.",
            [counted],
            needs=where_published(CONTINUOUS),
        )
    return answered("S11", FROM_DATA, lambda: _of_windows(path, value, counted))


def _of_windows(path: Path, value: EvidenceVerdict, counted: Reproduced) -> ClaimOutcome:
    study = study_windows(load_windows(path))
    same = study.same_window
    recomputed = 100 * (1 - same.continue_rate.estimate) * saving_of_aborting(same.rounds_before, same.rounds)
    assigned = abs(100 * same.saving.estimate - recomputed) < SAVED_MARGIN
    verdict = EvidenceVerdict.NOT_RESOLVED
    if assigned and study.leak is not None:
        verdict = EvidenceVerdict.REFUTED
    made_of = ""
    if study.leak is not None:
        made_of = (
            f" A window is continued when it has already had a share ({study.leak.rule}), so that nothing "
            "is predicted and no hash of it is spared."
        )
    return ClaimOutcome(
        "S11",
        FROM_DATA,
        value,
        verdict,
        f"The figure is a count of windows times 59/64: no power was measured.{made_of}",
        [
            counted,
            Reproduced("the same rule on the published windows", None, 100 * same.saving.estimate, "%"),
            *_recall(study),
        ],
        needs="" if verdict is EvidenceVerdict.REFUTED else "windows with a label of their own",
    )


def _recall(study: WindowStudy) -> list[Reproduced]:
    recall = study.same_window.recall
    return [] if recall is None else [Reproduced("recall, of windows of the label", "100 %", recall)]


def network(context: Context) -> ClaimOutcome:
    """S12: the published network on the published windows, and whether one window tells of the next."""
    path, balanced = published(context, CONTINUOUS), published(context, BALANCED)
    if path is None:
        return without_files("S12", *(CONTINUOUS,) if balanced is not None else (CONTINUOUS, BALANCED))
    return answered("S12", FROM_DATA, lambda: _of_network(path, balanced))


def _of_network(path: Path, balanced: Path | None) -> ClaimOutcome:
    study = study_windows(load_windows(path))
    (tn, fp), (fn, tp) = study.network.confusion
    right, tested = tn + tp, tn + fp + fn + tp
    sets = [("continuous windows", study)]
    if balanced is not None:
        sets.append(("balanced windows", study_windows(load_windows(balanced))))
    reproduced = [
        Reproduced("accuracy on the published split", 1.0, clopper_pearson(right, tested)),
        Reproduced("confusion", str([list(row) for row in CONFUSION]), str([[tn, fp], [fn, tp]])),
        Reproduced("parameters", float(PARAMETERS), float(study.network.parameters)),
    ]
    if tp + fn:
        reproduced.append(Reproduced("recall, of the hits tested", 1.0, clopper_pearson(tp, tp + fn)))
    nulls: list[TestResult] = []
    for name, one in sets:
        if one is not study:
            table = str([list(row) for row in one.network.confusion])
            reproduced.append(Reproduced(f"confusion, {name}", None, table))
        if one.next_window is not None:
            reproduced.append(Reproduced(f"AUC for the next window, {name}", None, one.next_window.auc))
            nulls.append(one.next_window.test)
    seen = study.next_window
    meaning = _meaning(study)
    value = holds(study.network.confusion == CONFUSION)
    rules = [
        f"{leak.rule} ({name})"
        for name, one in sets
        for leak in (one.leak, one.confounded)
        if leak is not None
    ]
    said = (
        "The published table comes out"
        if value is EvidenceVerdict.SUPPORTED
        else "The table does not come out"
    )
    if rules:
        said += f", and tells of no prediction: {'; '.join(rules)}"
    return ClaimOutcome(
        "S12",
        FROM_DATA,
        value,
        meaning,
        f"{said}. The network of the published script has {study.network.parameters} parameters, not "
        f"{PARAMETERS}.",
        reproduced,
        nulls,
        smallest_effect=None if seen is None else seen.detectable,
        effect_unit="AUC for the next window",
        needs=""
        if meaning is EvidenceVerdict.REFUTED
        else f"windows enough to tell an AUC of {CHANCE + AUC_MARGIN:g} for the next one from 0.5",
    )


def _meaning(study: WindowStudy) -> EvidenceVerdict:
    """Refuted where the label is read off one input: then the accuracy is of that rule, whatever is measured.

    A next window that is told better than by chance would be an effect after all, and leaves it open. That it
    is not told shows nothing by itself; its interval stands beside.
    """
    if study.leak is None and study.confounded is None:
        return study.next_window_verdict
    told = study.next_window_verdict is EvidenceVerdict.SUPPORTED
    return EvidenceVerdict.NOT_RESOLVED if told else EvidenceVerdict.REFUTED


PROCEDURES: tuple[Procedure, ...] = (
    Procedure("S11", frozenset({COMPUTATION, DATA}), saving_of_windows, computed_in(1.0)),
    Procedure("S12", frozenset({DATA}), network, computed_in(2.0)),
)
