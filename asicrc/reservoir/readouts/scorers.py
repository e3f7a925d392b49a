"""Scorers for `scoring=` that leave out the first rows of each run, in which a state still starts up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asicrc.reservoir.metrics.scores import nrmse
from asicrc.reservoir.readouts.washout import kept_rows

Metric = Callable[[NDArray[Any], NDArray[Any]], float]


@dataclass(frozen=True, slots=True)
class WashoutScorer:
    """`scorer(estimator, X, y)`: the metric of y and `estimator.predict(X)`, higher is better.

    metric : (y_true, y_pred) -> float
    washout : rows left out at the start of X, or of each run where `groups` is given
    greater_is_better : False turns the sign
    """

    metric: Metric
    washout: int = 0
    greater_is_better: bool = True

    def __call__(self, estimator: Any, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> float:
        """Raises ValueError where the washout leaves no row."""
        true = np.asarray(y)
        kept = kept_rows(len(true), self.washout, groups)
        score = float(self.metric(true[kept], np.asarray(estimator.predict(X))[kept]))
        return score if self.greater_is_better else -score


def nrmse_scorer(washout: int = 0) -> WashoutScorer:
    """Minus the root mean squared error in units of the target's standard deviation."""
    return WashoutScorer(nrmse, washout, greater_is_better=False)
