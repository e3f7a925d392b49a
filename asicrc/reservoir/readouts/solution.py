"""Ridge regression with its search for the penalty: from rows, or from sums of rows that are gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asicrc.reservoir.readouts.selection import choose, folds_of, held_out_errors, penalties
from asicrc.reservoir.readouts.spectrum import GRAM_RESOLVES, Spectrum
from asicrc.reservoir.readouts.sums import AnyFloats, Floats, GramSums, TriangularSums

AlphaSelection = Literal["gcv", "blocked_cv"]
Solver = Literal["auto", "gram", "svd"]
RowSource = Callable[[], tuple[AnyFloats, Floats]]


@dataclass(frozen=True, slots=True)
class Search:
    """How the penalty is found; named as the parameters of the readouts. Raises ValueError for others."""

    alphas: ArrayLike | None = None
    alpha_selection: AlphaSelection = "gcv"
    alpha_per_target: bool = False
    fit_intercept: bool = True
    solver: Solver = "auto"
    n_splits: int = 5
    gap: int = 0

    def __post_init__(self) -> None:
        for name, value, known in (
            ("alpha_selection", self.alpha_selection, get_args(AlphaSelection)),
            ("solver", self.solver, get_args(Solver)),
        ):
            if value not in known:
                raise ValueError(f"{name} is {value!r}: give one of {', '.join(known)}")


class Solution(NamedTuple):
    """`weights` (p, k), `intercepts` (k,), the penalties tried `alphas` (m,), which of them were
    `chosen` (k,), the mean squared `errors` (m, k) expected of each, `degrees_of_freedom` (k,) of the fit."""

    weights: Floats
    intercepts: Floats
    alphas: Floats
    chosen: NDArray[np.int64]
    errors: Floats
    degrees_of_freedom: Floats


def sums_of(x: AnyFloats, y: Floats, search: Search) -> GramSums | TriangularSums:
    """Sums of rows x (n, p) and y (n, k), of the kind that the search asks for."""
    squared = search.solver == "gram" or (search.solver == "auto" and len(x) > x.shape[1])
    return GramSums.of(x, y) if squared else TriangularSums.of(x, y)


def solve_rows(
    sums: GramSums | TriangularSums,
    x: AnyFloats,
    y: Floats,
    search: Search,
    groups: ArrayLike | None = None,
) -> Solution:
    """Fit from the sums of rows x (n, p) and y (n, k), and from the rows where the sums do not do.

    `groups` has the run of each row, for folds that hold out whole runs.
    """
    if search.alpha_selection == "gcv":
        return solve_sums(sums, search, lambda: (x, y))
    spectrum, alphas = _decomposed(sums, search)
    errors = held_out_errors(
        x,
        y,
        folds_of(len(x), groups, search.n_splits, search.gap),
        alphas,
        intercept=search.fit_intercept,
        total=sums if isinstance(sums, GramSums) else None,
    )
    solution = _solved(spectrum, alphas, errors, search)
    if search.solver == "auto" and not spectrum.resolves(alphas, solution.chosen):
        return solve_rows(TriangularSums.of(x, y), x, y, search, groups)
    return _resolved(solution, spectrum)


def solve_sums(sums: GramSums | TriangularSums, search: Search, rows: RowSource | None = None) -> Solution:
    """Fit from sums alone, with generalised cross-validation.

    `rows` gives the rows once more; with solver "auto" it is called where squares have too few digits. Raises
    ValueError for blocked cross-validation, which needs the rows.
    """
    if search.alpha_selection != "gcv":
        raise ValueError(
            "sums of rows have no blocks to hold out: use alpha_selection='gcv', or fit all rows"
        )
    spectrum, alphas = _decomposed(sums, search)
    solution = _solved(spectrum, alphas, spectrum.cross_validation(alphas), search)
    if search.solver == "auto" and rows is not None and not spectrum.resolves(alphas, solution.chosen):
        return solve_sums(TriangularSums.of(*rows()), search)
    return _resolved(solution, spectrum)


def _decomposed(sums: GramSums | TriangularSums, search: Search) -> tuple[Spectrum, Floats]:
    if not sums.n:
        raise ValueError("no rows were given")
    spectrum = Spectrum.of(sums, search.fit_intercept)
    return spectrum, penalties(search.alphas, spectrum.largest)


def _solved(spectrum: Spectrum, alphas: Floats, errors: Floats, search: Search) -> Solution:
    known = np.where((alphas >= spectrum.least_penalty)[:, None], errors, np.inf)
    chosen = choose(known, alphas, spectrum.total / spectrum.n, search.alpha_per_target)
    weights = spectrum.weights(alphas[chosen])
    return Solution(
        weights,
        spectrum.intercepts(weights),
        alphas,
        chosen,
        known,
        spectrum.degrees_of_freedom(alphas[chosen]),
    )


def _resolved(solution: Solution, spectrum: Spectrum) -> Solution:
    if np.all(solution.alphas < spectrum.least_penalty):
        raise ValueError(
            f"all penalties are below {spectrum.least_penalty:.2g}, which is {GRAM_RESOLVES:g} of the "
            "largest eigenvalue: squared rows have no digits for them. Give larger ones, or solver='svd'"
        )
    return solution
