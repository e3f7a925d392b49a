"""One linear readout of one table of features: the same fill, scale and search of the penalty for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate
from asicrc.reservoir.benchmark.preparation import FARTHEST, Preparation
from asicrc.reservoir.benchmark.split import Split
from asicrc.reservoir.metrics.scores import nrmse, nrmse_estimate, nrmse_range
from asicrc.reservoir.readouts import RidgeReadout
from asicrc.reservoir.states import StateTable

Floats = NDArray[np.float64]

FOLDS = 5
MOST_GAP = 30
"""Steps left out beside a held-out block: as far back as any baseline reaches. Short series have less."""
MOST_MISSING = 0.2
"""Share of the steps without a known drive, from which nothing is scored."""


@dataclass(frozen=True, slots=True)
class Target:
    """y : (T,) or (T, k) target
    usable : (T,) whether the drive of the step is known
    split : of the T steps
    alphas : penalties to try; None for the readout's own search
    """

    y: Floats
    usable: NDArray[np.bool_]
    split: Split
    alphas: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        self.split.check(len(self.y))
        share = 1 - float(self.usable[: self.split.steps].mean())
        if share > MOST_MISSING:
            raise NoAnswer(
                f"the drive is not known in {share:.0%} of the steps",
                "capture with a device that reads it back",
            )

    def train_rows(self) -> NDArray[np.int64]:
        return self._rows(self.split.train)

    def test_rows(self) -> NDArray[np.int64]:
        return self._rows(self.split.test)

    def _rows(self, part: slice) -> NDArray[np.int64]:
        rows = np.arange(len(self.y), dtype=np.int64)[part]
        return rows[self.usable[part]]


@dataclass(frozen=True, slots=True)
class Scored:
    """`nrmse` by the standard deviation of the test target; `alpha` and `features` of the readout."""

    name: str
    nrmse: float
    nrmse_range: float
    prediction: Floats
    """(n_test,) or (n_test, k)"""
    alpha: float | None = None
    features: int = 0

    def interval(self, target: Target) -> Estimate | None:
        """Over the test steps, by blocks; None for several targets, and for too few steps."""
        truth = target.y[target.test_rows()]
        if truth.ndim > 1:
            return None
        try:
            return nrmse_estimate(truth, self.prediction)
        except NoAnswer:
            return None


def score(name: str, table: StateTable, target: Target) -> Scored:
    """Train on the training steps, score on the test steps. Raises NoAnswer for a target without variance."""
    train, test = target.train_rows(), target.test_rows()
    prepared = Preparation.of(table.values[train])
    ridge = RidgeReadout(
        alphas=target.alphas, alpha_selection="blocked_cv", n_splits=FOLDS, gap=gap_of(len(train))
    )
    ridge.fit(prepared(table.values[train]), target.y[train])
    predicted = ridge.predict(prepared(table.values[test]))
    truth = target.y[test]
    return Scored(
        name,
        nrmse(truth, predicted),
        nrmse_range(truth, predicted),
        predicted,
        float(ridge.alpha_),
        table.width,
    )


def score_constant(target: Target) -> Scored:
    """The mean of the training target, for every step."""
    mean = target.y[target.train_rows()].mean(axis=0)
    truth = target.y[target.test_rows()]
    predicted = np.broadcast_to(mean, truth.shape).astype(np.float64)
    return Scored("constant", nrmse(truth, predicted), nrmse_range(truth, predicted), predicted)


def gap_of(n_train: int) -> int:
    return min(MOST_GAP, n_train // (2 * FOLDS))


def readout_json(alphas: tuple[float, ...] | None, n_train: int) -> dict[str, Any]:
    """The hyperparameters, for print."""
    return {
        "readout": "ridge on standardised features",
        "alphas": "13 from 1e-12 to 1 of the largest eigenvalue" if alphas is None else list(alphas),
        "alpha_selection": f"{FOLDS} contiguous blocks of the training steps, gap {gap_of(n_train)}",
        "missing": f"training mean and an indicator; features held to {FARTHEST:g} training deviations",
    }


def filled(table: StateTable) -> Floats:
    """(T, k) for capacities: missing values to the mean, and one column for each different mask."""
    known = np.where(table.missing, 0.0, table.values)
    counts = np.maximum((~table.missing).sum(axis=0), 1)
    values = np.where(table.missing, known.sum(axis=0) / counts, known)
    masks = np.unique(table.missing[:, table.missing.any(axis=0)], axis=1)
    return np.hstack([values, masks.astype(np.float64)])
