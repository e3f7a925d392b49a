"""S05: the published "NARMA-10" telemetry of an LV06, and the constant that scores as well."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures.deciding import FROM_DATA, per_cent, spread_of_runs
from asicrc.claims.procedures.published_files import procedure_of_file
from asicrc.errors import BadFile, NoAnswer
from asicrc.evidence import EvidenceVerdict, TestResult
from asicrc.reservoir.benchmark import Question, Split
from asicrc.reservoir.benchmark.telemetry_csv import (
    PUBLISHED_SCORES,
    TRAINED_SHARE,
    TelemetryTable,
    read_telemetry,
    score_telemetry,
)
from asicrc.reservoir.tasks import narma

TELEMETRY = "lv06_narma10_telemetry_v1.csv"
MARGIN = 0.001
SHORT_RUN, SHORT_SCORE = 500, 0.1759
"""The report that the second paper names; its steps were not published."""
NULL_RUNS = 400
FEWEST_STEPS = 200
LARGEST_VALUE = 1e100


def replicated(context: Context, path: Path) -> ClaimOutcome:
    """The states and the score of the published run, beside a constant's on the same rows."""
    table = read_telemetry(path)
    _check(path, table)
    constant = table.constant_over_range(table.split)
    distinct = len(np.unique(table.features.values, axis=0))
    device, refused = _of_states(table)
    null = _constant_scores(context.seed)
    reached = int(np.count_nonzero(null <= SHORT_SCORE))
    nearest = min(PUBLISHED_SCORES, key=lambda score: abs(score - constant))
    by_constant = abs(constant - nearest) <= MARGIN
    reproduced = [
        Reproduced("score of a constant, by the range of the target", nearest, constant, "NRMSE"),
        Reproduced("rows of states that differ", float(len(table.y)), float(distinct)),
        Reproduced(
            f"score of a constant in runs of {SHORT_RUN} steps",
            SHORT_SCORE,
            spread_of_runs(null.tolist()),
            "NRMSE",
        ),
    ]
    if device is not None:
        reproduced.append(Reproduced("score of the states, by the range", nearest, device, "NRMSE"))
    rows = len(table.y)
    as_published = "that to all digits" if constant == nearest else repr(nearest)
    shown = (
        f"All {rows:,} rows hold the same state" if distinct == 1 else f"{distinct:,} of {rows:,} rows differ"
    )
    return ClaimOutcome(
        "S05",
        FROM_DATA,
        EvidenceVerdict.SUPPORTED if by_constant else EvidenceVerdict.NOT_RESOLVED,
        _meaning(device, constant, refused),
        f"{shown}; the mean of the training target scores {constant!r}, and {as_published} was published as "
        f"the device's. The {SHORT_SCORE:g} of another run has no steps published: a constant does as well "
        f"in {per_cent(reached / NULL_RUNS)} of runs of its length.",
        reproduced,
        [
            TestResult(
                f"a constant scores {SHORT_SCORE:g} or less",
                SHORT_SCORE,
                (1 + reached) / (1 + NULL_RUNS),
                SHORT_RUN,
                f"the mean of the training target, {SHORT_RUN} steps",
                NULL_RUNS,
            )
        ],
        smallest_effect=MARGIN,
        effect_unit="NRMSE",
        needs="" if device is None else "telemetry of an LV06 and of an S9, of runs that were not published",
    )


def _check(path: Path, table: TelemetryTable) -> None:
    """Raises NoAnswer for a run too short or a target that does not vary, BadFile for numbers of no sense."""
    if max(float(np.abs(values).max()) for values in (table.u, table.y)) > LARGEST_VALUE:
        raise BadFile(f"{path} holds inputs or targets above {LARGEST_VALUE:g}", "fetch it anew")
    if len(table.y) < FEWEST_STEPS or not np.ptp(table.y):
        raise NoAnswer(
            f"{path.name}: {len(table.y)} steps, or a target that does not vary",
            f"{FEWEST_STEPS} steps or more",
        )


def _of_states(table: TelemetryTable) -> tuple[float | None, str]:
    """NRMSE over the range of the states' readout; None, and why, where they are frozen."""
    try:
        found = score_telemetry(table, Question(esn_units=()))
    except NoAnswer as error:
        return None, error.message
    return found.captures[0].scores["device"].nrmse_range, ""


def _meaning(device: float | None, constant: float, refused: str) -> EvidenceVerdict:
    """Supported where states that vary score better than a constant by the margin."""
    if device is None:
        return EvidenceVerdict.REFUTED if refused else EvidenceVerdict.NOT_RESOLVED
    if device <= constant - MARGIN:
        return EvidenceVerdict.SUPPORTED
    return EvidenceVerdict.NOT_RESOLVED


def _constant_scores(seed: np.random.SeedSequence) -> np.ndarray:
    """What a constant scores over the range of the target in runs of the shorter length, as published."""
    trained = int(SHORT_RUN * TRAINED_SHARE)
    split = Split(0, trained, SHORT_RUN - trained)
    scores = []
    for child in seed.spawn(NULL_RUNS):
        task = narma(10, SHORT_RUN, child, variant="clipped")
        miss = task.y[split.test] - float(task.y[split.train].mean())
        scores.append(float(np.sqrt(np.mean(miss**2))) / float(np.ptp(task.y)))
    return np.array(scores)


PROCEDURES: tuple[Procedure, ...] = (procedure_of_file("S05", TELEMETRY, replicated, 1.0),)
