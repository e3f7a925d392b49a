"""What the readouts share: their parameters, the search for the penalty, fitting in parts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from asicrc.reservoir.blas_threads import PRODUCTS, one_thread_up_to
from asicrc.reservoir.readouts.solution import (
    AlphaSelection,
    Search,
    Solution,
    Solver,
    solve_rows,
    solve_sums,
    sums_of,
)
from asicrc.reservoir.readouts.sums import AnyFloats, Floats, GramSums, TriangularSums
from asicrc.reservoir.readouts.washout import kept_rows


def fits_in_parts(readout: Any) -> bool:
    """Blocked cross-validation needs all rows at once."""
    return bool(readout.alpha_selection == "gcv")


class RidgeBase(BaseEstimator):
    """Parameters and fitted attributes are told by the readouts that derive from this."""

    coef_: Floats
    intercept_: Floats | float
    n_features_in_: int
    sums_: GramSums | TriangularSums

    def __init__(
        self,
        alphas: ArrayLike | None = None,
        *,
        alpha_selection: AlphaSelection = "gcv",
        alpha_per_target: bool = False,
        washout: int = 0,
        fit_intercept: bool = True,
        solver: Solver = "auto",
        n_splits: int = 5,
        gap: int = 0,
    ) -> None:
        self.alphas = alphas
        self.alpha_selection = alpha_selection
        self.alpha_per_target = alpha_per_target
        self.washout = washout
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.n_splits = n_splits
        self.gap = gap

    def kept_sums(self) -> GramSums | TriangularSums:
        """Sums of the rows that were fitted. Raises ValueError for a loaded readout, which has none."""
        if not hasattr(self, "sums_"):
            raise ValueError("a loaded readout has no sums of its rows to add to: fit a new one")
        return self.sums_

    def _search(self) -> Search:
        names = (
            "alphas",
            "alpha_selection",
            "alpha_per_target",
            "fit_intercept",
            "solver",
            "n_splits",
            "gap",
        )
        return Search(**{name: getattr(self, name) for name in names})

    def _fit_rows(self, x: AnyFloats, y: Floats, groups: ArrayLike | None, one_target: bool) -> None:
        """From rows x (n, p) and y (n, k), of which the washout is left out here."""
        search = self._search()
        kept = kept_rows(len(x), self.washout, groups)
        labels = groups
        if not kept.all():
            x, y = x[kept], y[kept]
            labels = None if groups is None else np.asarray(groups)[kept]
        with one_thread_up_to(PRODUCTS, x.shape[1]):
            self.sums_ = sums_of(x, y, search)
            self._keep(solve_rows(self.sums_, x, y, search, labels), one_target)

    def _add_rows(
        self, x: AnyFloats, y: Floats, groups: ArrayLike | None, new_run: bool, one_target: bool
    ) -> None:
        """Take in rows, and solve anew."""
        search = self._search()
        if not hasattr(self, "coef_"):
            self.sums_ = empty_sums(search.solver, x.shape[1], y.shape[1])
        sums = self.kept_sums()
        if new_run or groups is not None:
            kept = kept_rows(len(x), self.washout, groups)
            x, y = x[kept], y[kept]
        with one_thread_up_to(PRODUCTS, x.shape[1]):
            self._keep(solve_sums(sums.add(x, y), search), one_target)

    def _predicted(self, x: AnyFloats) -> Floats:
        with one_thread_up_to(PRODUCTS, x.shape[1]):
            predicted: Floats = x @ self.coef_.T + self.intercept_
        return predicted

    def _keep(self, solution: Solution, one_target: bool) -> None:
        weights, intercepts, alphas, index, errors, degrees = solution
        chosen = alphas[index]
        self.coef_ = np.ascontiguousarray(weights[:, 0] if one_target else weights.T)
        self.intercept_ = float(intercepts[0]) if one_target else intercepts
        self.alphas_ = alphas
        self.alpha_curve_ = errors[:, 0] if one_target else errors
        several = self.alpha_per_target and not one_target
        self.alpha_: Any = chosen if several else float(chosen[0])
        self.degrees_of_freedom_: Any = degrees if several else float(degrees[0])
        edges = (alphas.min(), alphas.max())
        self.alpha_at_edge_ = bool(len(alphas) > 1 and np.isin(chosen, edges).any())


def empty_sums(solver: Solver, features: int, targets: int) -> GramSums | TriangularSums:
    kind = TriangularSums if solver == "svd" else GramSums
    return kind.empty(features, targets)
