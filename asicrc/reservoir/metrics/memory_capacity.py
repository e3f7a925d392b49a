"""Linear memory capacity: how much of the input of k steps ago is left in the states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence import Estimate
from asicrc.evidence.estimate import finite_or_none
from asicrc.reservoir.blas_threads import CAPACITIES, one_thread_up_to
from asicrc.reservoir.metrics.capacity_table import (
    CapacityTable,
    Targets,
    capacity_table,
    circular_shifts,
    corrected_capacities,
)
from asicrc.reservoir.metrics.checking import Floats, input_series, state_matrix
from asicrc.reservoir.metrics.input_law import require_white
from asicrc.reservoir.metrics.state_basis import state_basis


@dataclass(frozen=True, slots=True)
class MemoryCapacity:
    """C_k for the delays 0 to K; row k of `table` is delay k.

    `total` is the sum over k = 1..K of all corrected capacities, unbiased whether there is memory or not;
    `significant_total` the sum of those found above the threshold, which misses small ones. Delay 0 is the
    input of the same step and no memory: `present` has it apart.
    """

    total: Estimate
    significant_total: Estimate
    present: Estimate
    table: CapacityTable
    rank: int
    n: int

    @property
    def max_delay(self) -> int:
        return len(self.table.capacity) - 1

    @property
    def half_delay(self) -> int | None:
        """First delay after the best remembered one with less than half of its capacity; None if none has."""
        best = int(self.table.corrected.argmax())
        below = self.table.corrected[best:] < self.table.corrected[best] / 2
        return best + int(below.argmax()) if below.any() else None

    def as_json(self) -> dict[str, Any]:
        return {
            "total": self.total.as_json(),
            "significant_total": self.significant_total.as_json(),
            "present": self.present.as_json(),
            "corrected": [finite_or_none(c) for c in self.table.corrected],
            "threshold": self.table.threshold,
            "significant_delays": [int(k) for k in np.flatnonzero(self.table.significant)],
            "half_delay": self.half_delay,
            "alpha": self.table.alpha,
            "surrogates": self.table.surrogates,
            "rank": self.rank,
            "n": self.n,
        }


def memory_capacity(
    states: ArrayLike,
    u: ArrayLike,
    max_delay: int,
    *,
    alpha: float = 0.05,
    surrogates: int = 0,
    washout: int = 0,
    seed: int = 0,
    tolerance: float | None = None,
) -> MemoryCapacity:
    """Memory capacity of Jaeger 2001 with its exact null, and the bias that it has taken away.

    Parameters
    ----------
    states : (T, k), row t seen after the input u[t]
    u : (T,) independent values of any law; the sum is bounded by the rank of the states for such only
    max_delay : largest k; that many first steps have no target and are left out, or `washout` if larger
    alpha : chance of one false delay among all, where there is no memory
    surrogates : circular shifts for the threshold, at least 1/alpha - 1; also what an input that is not white
        takes
    tolerance : see `state_basis`

    Raises UsageError for shapes and values that are not as said, NoAnswer for too few steps, constant states
    or an input that is not white.
    """
    if max_delay < 1 or washout < 0 or surrogates < 0:
        raise UsageError(
            f"max_delay {max_delay}, washout {washout}, surrogates {surrogates}",
            "max_delay is 1 or more, the others 0 or more",
        )
    x = state_matrix(states)
    values = input_series(u, len(x))
    white = whiteness(values, max_delay, surrogates)
    first = max(max_delay, washout)
    with one_thread_up_to(CAPACITIES, x.shape[1]):
        basis = state_basis(x[first:], tolerance)
        shifts = circular_shifts(basis.n, max(max_delay + 1, basis.n // 20), surrogates, seed)
        table = capacity_table(
            basis, _delayed(values, first), max_delay + 1, alpha=alpha, shifts=shifts, white=white
        )
    past = np.arange(max_delay + 1) > 0
    return MemoryCapacity(
        total=table.sum_of(past),
        significant_total=table.sum_of(past & table.significant),
        present=table.sum_of(~past),
        table=table,
        rank=basis.rank,
        n=basis.n,
    )


def corrected_curve(states: ArrayLike, u: ArrayLike, max_delay: int) -> Floats:
    """(max_delay + 1,) `table.corrected` of `memory_capacity` for a white input, in half of its time.

    For many short runs that are weighed together; whether the input is white is for the caller to ask.
    """
    x = state_matrix(states)
    values = input_series(u, len(x))
    with one_thread_up_to(CAPACITIES, x.shape[1]):
        return corrected_capacities(state_basis(x[max_delay:]), _delayed(values, max_delay), max_delay + 1)


def whiteness(u: Floats, lags: int, surrogates: int) -> bool:
    """Is the input white? Raises NoAnswer where it is not and there are no surrogates to fall back on."""
    try:
        require_white(u, min(lags, len(u) - 1))
    except NoAnswer:
        if not surrogates:
            raise
        return False
    return True


def _delayed(u: Floats, first: int) -> Targets:
    """Target k is u[t-k]; its step 0 is t = `first`."""
    centred = u - u.mean()

    def targets(delays: slice, steps: slice) -> Floats:
        begin, end = first + steps.start, first + steps.stop
        return np.stack([centred[begin - k : end - k] for k in range(delays.start, delays.stop)])

    return targets
