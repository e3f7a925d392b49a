"""Information processing capacity: everything the states compute of the past inputs, function by function.

The basis are products of orthonormal polynomials of single inputs, prod_i P_{d_i}(u[t - k_i]), with delay 0,
every number of factors and every split of the degree (Dambre et al. 2012). Over the whole basis the
capacities add up to the rank of the states where these have a fading memory of the input alone, and to less
where noise or an earlier state has a part in them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement
from math import comb
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from asicrc.errors import UsageError
from asicrc.evidence import Estimate
from asicrc.reservoir.blas_threads import CAPACITIES, one_thread_up_to
from asicrc.reservoir.metrics.capacity_table import (
    CapacityTable,
    Targets,
    capacity_table,
    circular_shifts,
)
from asicrc.reservoir.metrics.checking import Floats, input_series, state_matrix
from asicrc.reservoir.metrics.input_law import UNIFORM, InputLaw
from asicrc.reservoir.metrics.memory_capacity import whiteness
from asicrc.reservoir.metrics.state_basis import state_basis

MAX_DELAYS: Mapping[int, int] = {1: 60, 2: 25, 3: 10, 4: 5}
"""Largest delay for each degree unless told otherwise: 61 + 351 + 286 + 126 = 824 functions."""
MOST_FUNCTIONS = 200_000

BasisFunction = tuple[tuple[int, int], ...]
"""(delay, degree) of each factor."""


@dataclass(frozen=True, slots=True)
class InformationCapacity:
    """Capacities of the `functions`, in their order in `table`.

    `total` adds up all corrected capacities, unbiased as far as the basis reaches; `significant_total` those
    above the threshold. `by_degree` splits `total`. `rank` is the upper bound of the whole, complete basis.
    """

    total: Estimate
    significant_total: Estimate
    by_degree: dict[int, Estimate]
    functions: tuple[BasisFunction, ...]
    table: CapacityTable
    law: InputLaw
    rank: int
    n: int

    def strongest(self, count: int = 10) -> list[tuple[str, float]]:
        """Formula and corrected capacity of the functions with the largest ones that are significant."""
        order = np.argsort(-self.table.capacity)[:count]
        found = self.table.significant
        return [(formula(self.functions[i]), float(self.table.corrected[i])) for i in order if found[i]]

    def as_json(self) -> dict[str, Any]:
        return {
            "total": self.total.as_json(),
            "significant_total": self.significant_total.as_json(),
            "by_degree": {str(degree): part.as_json() for degree, part in self.by_degree.items()},
            "strongest": [{"function": text, "capacity": value} for text, value in self.strongest()],
            "functions": len(self.functions),
            "significant": int(self.table.significant.sum()),
            "threshold": self.table.threshold,
            "alpha": self.table.alpha,
            "surrogates": self.table.surrogates,
            "law": self.law.name,
            "rank": self.rank,
            "n": self.n,
        }


def information_processing_capacity(
    states: ArrayLike,
    u: ArrayLike,
    *,
    law: InputLaw = UNIFORM,
    max_delays: Mapping[int, int] = MAX_DELAYS,
    alpha: float = 0.05,
    surrogates: int = 0,
    washout: int = 0,
    seed: int = 0,
    tolerance: float | None = None,
) -> InformationCapacity:
    """Capacities of all basis functions; `max_delays` is {degree: largest delay}.

    Parameters
    ----------
    states : (T, k), row t seen after the input u[t]
    u : (T,) independent values of the stated `law`
    alpha, surrogates, washout, tolerance : as in `memory_capacity`

    Memory is about four times that of the states, and some 400 bytes for each function. Raises
    UsageError for shapes, values and degrees that are not as said, and for more than 200,000 functions;
    NoAnswer for too few steps, constant states, or an input that is not white or not of the law.
    """
    functions = basis_functions(max_delays, powers=law.has_powers)
    if washout < 0 or surrogates < 0:
        raise UsageError(f"washout {washout}, surrogates {surrogates}", "both are 0 or more")
    x = state_matrix(states)
    values = input_series(u, len(x))
    reach = max(max_delays.values())
    white = whiteness(values, reach, surrogates)
    powers = law.polynomials(values, max(max_delays) if law.has_powers else 1)
    first = max(reach, washout)
    with one_thread_up_to(CAPACITIES, x.shape[1]):
        basis = state_basis(x[first:], tolerance)
        shifts = circular_shifts(basis.n, max(reach + 1, basis.n // 20), surrogates, seed)
        table = capacity_table(
            basis,
            _products(powers, functions, first),
            len(functions),
            alpha=alpha,
            shifts=shifts,
            white=white,
        )
    degrees = np.array([sum(degree for _, degree in f) for f in functions])
    return InformationCapacity(
        total=table.sum_of(np.ones(len(functions), dtype=bool)),
        significant_total=table.sum_of(table.significant),
        by_degree={int(d): table.sum_of(degrees == d) for d in np.unique(degrees)},
        functions=functions,
        table=table,
        law=law,
        rank=basis.rank,
        n=basis.n,
    )


def basis_functions(max_delays: Mapping[int, int], *, powers: bool = True) -> tuple[BasisFunction, ...]:
    """Every product of each total degree, with delays from 0 to the largest of that degree.

    Without `powers` no delay comes twice in a product (parities). Raises UsageError for no degree, degrees
    below 1, delays below 0, and more than 200,000 products.
    """
    if not max_delays or min(max_delays) < 1 or min(max_delays.values()) < 0:
        raise UsageError(
            f"max_delays is {dict(max_delays)}", "give {degree: largest delay}, such as {1: 60, 2: 25, 3: 10}"
        )
    count = sum(comb(k + degree if powers else k + 1, degree) for degree, k in max_delays.items())
    if count > MOST_FUNCTIONS:
        raise UsageError(
            f"{dict(max_delays)} makes {count:,} functions, more than {MOST_FUNCTIONS:,}",
            "lower the largest delay of the higher degrees",
        )
    chosen = combinations_with_replacement if powers else combinations
    return tuple(
        tuple(sorted(Counter(delays).items()))
        for degree, k in sorted(max_delays.items())
        for delays in chosen(range(k + 1), degree)
    )


def formula(function: BasisFunction) -> str:
    """Such as "P2(u[t-1]) P1(u[t-4])", with P the polynomials of the law."""
    return " ".join(f"P{degree}(u[t-{delay}])" if delay else f"P{degree}(u[t])" for delay, degree in function)


def _products(powers: Floats, functions: Sequence[BasisFunction], first: int) -> Targets:
    """Target i is the product of function i; its step 0 is t = `first`."""

    def targets(chosen: slice, steps: slice) -> Floats:
        begin, end = first + steps.start, first + steps.stop
        values = np.empty((chosen.stop - chosen.start, end - begin))
        for row, function in zip(values, functions[chosen], strict=True):
            (delay, degree), *others = function
            row[:] = powers[degree - 1, begin - delay : end - delay]
            for delay, degree in others:
                row *= powers[degree - 1, begin - delay : end - delay]
        return values

    return targets
