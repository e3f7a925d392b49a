"""A linear readout whose penalty is chosen on the training rows alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from asicrc.reservoir.blas_threads import PRODUCTS, one_thread_up_to
from asicrc.reservoir.readouts.ridge_base import RidgeBase, fits_in_parts
from asicrc.reservoir.readouts.solution import solve_sums
from asicrc.reservoir.readouts.stored_readout import load_readout, save_readout
from asicrc.reservoir.readouts.sums import AnyFloats, Floats, GramSums, TriangularSums


class RidgeReadout(MultiOutputMixin, RegressorMixin, RidgeBase):
    """Ridge regression that tries all penalties with one decomposition.

    Parameters
    ----------
    alphas : penalties to try, or one. None tries 13 from 1e-12 to 1 times the largest eigenvalue of X'X,
        which is the same search whatever the unit of the features
    alpha_selection : "gcv", generalised cross-validation (Golub, Heath and Wahba 1979), takes rows for
        independent; "blocked_cv" holds out contiguous blocks, or whole runs where `groups` tells of several
    alpha_per_target : a penalty for each target; else the one with the least mean error, each target's error
        in units of its variance
    washout : rows at the start of each run that fit leaves out. `predict` returns all rows
    fit_intercept : whether the rows are centred
    solver : "gram" decomposes X'X; "svd" the rows, through a QR, with twice the digits; "auto" is "gram"
        unless there are no more rows than features, or the best penalty may lie below 1e-12 of the largest
        eigenvalue, or less than 1e-10 of the variance stays unexplained
    n_splits, gap : blocks of "blocked_cv", and the rows left out on both sides of one

    Attributes
    ----------
    coef_ (p,) or (k, p); intercept_; alpha_, the penalty chosen, (k,) with `alpha_per_target`
    alphas_ (m,), alpha_curve_ (m,) or (m, k) : what was tried, and the mean squared error expected of each,
        infinite where it could not be told
    alpha_at_edge_ : the choice is the first or the last of those tried
    degrees_of_freedom_ : of the fit, intercept included
    """

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit X (n, p) to y (n,) or (n, k). `groups` has the run of each row, for washout and folds."""
        x, targets = validate_data(
            self, X, y, dtype=[np.float64, np.float32], multi_output=True, y_numeric=True
        )
        self._fit_rows(x, _columns(targets), groups, targets.ndim == 1)
        return self

    @available_if(fits_in_parts)
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None, *, new_run: bool = True
    ) -> Self:
        """Take in more rows and fit all so far: the result is that of `fit` on all of them, to rounding.

        `new_run=False` says that these rows continue the run of the call before, so that no washout is due.
        After `fit` it goes on from the rows of that. Each call decomposes anew; to add up many parts first,
        see `fit_sums`.
        """
        first = not hasattr(self, "coef_")
        x, targets = validate_data(
            self, X, y, dtype=[np.float64, np.float32], multi_output=True, y_numeric=True, reset=first
        )
        self._add_rows(x, _columns(targets), groups, new_run, targets.ndim == 1)
        return self

    def fit_sums(
        self,
        sums: GramSums | TriangularSums,
        rows: Callable[[], tuple[AnyFloats, Floats]] | None = None,
        *,
        one_target: bool = False,
    ) -> Self:
        """Fit from sums that were added up elsewhere: in chunks, over runs, devices, or processes.

        `rows` gives X and y (n, k) once more, and is called where squares have too few digits. `one_target`
        makes coef_ (p,). Raises ValueError for "blocked_cv", which needs the rows.
        """
        with one_thread_up_to(PRODUCTS, sums.features):
            solution = solve_sums(sums, self._search(), rows)
        self.n_features_in_ = len(solution.weights)
        self.sums_ = sums
        self._keep(solution, one_target)
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """(n,) or (n, k) for X (n, p)."""
        check_is_fitted(self, "coef_")
        x = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return self._predicted(x)

    def save(self, path: str | Path) -> None:
        """Write parameters and fit to a file (numpy archive with a JSON header; no pickle)."""
        check_is_fitted(self, "coef_")
        save_readout(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """What `save` wrote; it predicts the same. Raises BadFile for any other file."""
        return load_readout(cls, path)


def _columns(y: np.ndarray) -> Floats:
    return np.asarray(y.reshape(len(y), -1), dtype=np.float64)
