"""Scores of a table that somebody else recorded: input, target and features of each step, as CSV.

The published telemetry of an LV06 has this form; its features are frozen, and its score is a constant's.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from asicrc.errors import BadFile, NoAnswer
from asicrc.reservoir.benchmark.capture_scores import CaptureScores, Question
from asicrc.reservoir.benchmark.input_scores import input_scores
from asicrc.reservoir.benchmark.result import BenchmarkResult, combine
from asicrc.reservoir.benchmark.scoring import Target, score
from asicrc.reservoir.benchmark.split import Split
from asicrc.reservoir.metrics.scores import nrmse, rmse
from asicrc.reservoir.scale import config_seed
from asicrc.reservoir.states import StateTable, informative
from asicrc.reservoir.states.table import Floats

INPUT, TARGET, STEP = "u_input", "y_target", "step"
MOST_ROWS = 10_000_000
PUBLISHED_SCORES = (0.1702248538958506, 0.1733649970562633)
"""NRMSE over the range of the whole target, printed with two LV06 runs of 2,000 steps (December 2025)."""
TRAINED_SHARE = 0.8
"""Of the published runs: the first 80 % to train, without a washout."""


@dataclass(frozen=True, slots=True)
class TelemetryTable:
    """u, y : (T,) input and target
    features : (T, k) everything else but the step number
    """

    name: str
    u: Floats
    y: Floats
    features: StateTable

    @property
    def split(self) -> Split:
        n_train = int(len(self.y) * TRAINED_SHARE)
        return Split(0, n_train, len(self.y) - n_train)

    def constant_over_range(self, split: Split) -> float:
        """RMSE of the mean of the training target on the test, over max - min of the whole target."""
        mean = float(self.y[split.train].mean())
        test = self.y[split.test]
        return rmse(test, np.full(len(test), mean)) / float(self.y.max() - self.y.min())


def read_telemetry(path: Path) -> TelemetryTable:
    """Raises BadFile for a file that has no such table."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            header = [name.strip() for name in next(rows, [])]
            table = np.array([[float(value) for value in row] for row in islice(rows, MOST_ROWS)])
            if next(rows, None) is not None:
                raise ValueError(f"more than {MOST_ROWS:,} rows")
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise BadFile(
            f"{path} is no table of numbers: {error}", "give CSV with a line of names first"
        ) from None
    if INPUT not in header or TARGET not in header or table.ndim != 2 or table.shape[1] != len(header):
        raise BadFile(
            f"{path} has columns {', '.join(header[:10]) or 'without names'} and {len(table)} rows",
            f"a table of states has {INPUT}, {TARGET} and features, one row for each step",
        )
    columns = dict(zip(header, table.T, strict=True))
    features = [name for name in header if name not in (INPUT, TARGET, STEP)]
    if not features or not np.isfinite(table).all():
        raise BadFile(
            f"{path} has {len(features)} features, or numbers that are not finite", "see its columns"
        )
    if not np.ptp(columns[TARGET]):
        raise BadFile(
            f"{path}: {TARGET} is the same in every row", "there is nothing to compute: see its columns"
        )
    values = np.column_stack([columns[name] for name in features])
    return TelemetryTable(path.name, columns[INPUT], columns[TARGET], StateTable.of(features, values))


def score_telemetry(
    table: TelemetryTable,
    question: Question,
    split: Split | None = None,
    alphas: tuple[float, ...] | None = None,
) -> BenchmarkResult:
    """Scores of the features and of the input alone. There is no device here, so no verdict on one.

    Raises NoAnswer for features that are frozen, with what a constant scores in their place.
    """
    used = split or table.split
    try:
        states, refused = informative(table.features)
    except NoAnswer as error:
        raise NoAnswer(f"{table.name}: {error.message}; {constant_said(table, used)}", error.hint) from None
    target = Target(table.y, np.ones(len(table.y), dtype=np.bool_), used, alphas)
    scores = {"device": score("device", states, target)}
    seed = config_seed(0, {"table": table.name})
    scores |= input_scores(table.u, target, seed=seed, noise=states.width, esn_units=question.esn_units)
    captured = CaptureScores(scores, kept=states.names, refused=refused)
    intervals = {name: interval for name, s in scores.items() if (interval := s.interval(target)) is not None}
    return combine(table.name, used, [captured], intervals=intervals)


def constant_said(table: TelemetryTable, split: Split) -> str:
    """What the mean of the training target scores, and whether that was published as a score."""
    over_range = table.constant_over_range(split)
    test = table.y[split.test]
    said = f"the mean of the training target scores {over_range!r} over the range of the target"
    if np.ptp(test):
        by_deviation = nrmse(test, np.full(len(test), float(table.y[split.train].mean())))
        said += f", {by_deviation:.4f} by its standard deviation"
    if over_range in PUBLISHED_SCORES:
        said += "; the first is the published score to all digits: it is that of a constant"
    return said
