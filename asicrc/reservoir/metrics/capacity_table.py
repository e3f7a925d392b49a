"""Many capacities of the same states at once: one decomposition, then matrix products in small pieces.

The capacity of a target z is the share of its centred square that the states explain by least squares,
C = z'X (X'X)^-1 X'z / z'z (Dambre et al. 2012). With an orthonormal basis Q of the states it is
|Q'z|^2 / |z|^2. The same products, taken block of time by block, give the capacities with each block left
out, hence a jackknife interval of every sum of capacities that takes in the dependence between them and along
the series (Kuensch 1989).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence import Estimate
from asicrc.evidence.jackknife import BLOCKS, jackknife_estimate, time_blocks
from asicrc.reservoir.metrics.capacity_null import CapacityNull, without_bias
from asicrc.reservoir.metrics.checking import Floats
from asicrc.reservoir.metrics.state_basis import StateBasis

_TARGETS, _STEPS = 128, 4096
"""A piece of targets is 4 MB, and stays in the cache while it is made and multiplied."""

Targets = Callable[[slice, slice], Floats]
"""(targets, steps) -> array of that shape: the values of some targets at some steps."""


@dataclass(frozen=True, slots=True)
class CapacityTable:
    """Capacities of K targets. `corrected` has the bias of the null taken away, and may be below 0.

    left_out : (blocks, K) corrected capacities with one block of time left out
    threshold : a capacity counts as found above it; `alpha` bounds the chance of one false find among all K
    surrogates : number of circular shifts behind the threshold, 0 for the Beta null alone
    """

    capacity: Floats
    corrected: Floats
    left_out: Floats
    threshold: float
    alpha: float
    surrogates: int
    null: CapacityNull

    @property
    def significant(self) -> NDArray[np.bool_]:
        return self.capacity > self.threshold

    def sum_of(self, chosen: NDArray[np.bool_]) -> Estimate:
        """Sum of the corrected capacities that are chosen, (K,); 95 % jackknife interval over blocks of time.

        Where the true capacities are 0 the interval is too wide rather than too narrow, by about 1.4.
        """
        value = float(self.corrected[chosen].sum())
        return jackknife_estimate(value, self.left_out[:, chosen].sum(axis=1), self.null.n)


def capacity_table(
    basis: StateBasis,
    targets: Targets,
    tried: int,
    *,
    alpha: float,
    shifts: NDArray[np.int64],
    white: bool = True,
    blocks: int = BLOCKS,
) -> CapacityTable:
    """Capacities of `tried` targets, of as many steps as the basis.

    `shifts` are circular shifts of targets against states, in steps. Without them the threshold is the Beta
    null's; with them it is the larger of that and the 1 - `alpha` quantile of the largest capacity under each
    shift. Targets that are not `white` need shifts: their bias is measured then, target by target.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"alpha is {alpha:g}", "alpha is between 0 and 1, such as 0.05")
    if len(shifts) and (len(shifts) + 1) * alpha < 1 - 1e-9:
        raise UsageError(
            f"{len(shifts)} surrogates cannot tell 1 in {1 / alpha:g}",
            f"use {int(np.ceil(1 / alpha)) - 1} or more",
        )
    if not white and not len(shifts):
        raise NoAnswer("the Beta null does not hold for targets that are not white", "use surrogates")
    null = CapacityNull(basis.rank, basis.n)
    parts = [_Part(basis, rows) for rows in time_blocks(basis.n, blocks)]
    capacity, left_out, shifted = np.empty(tried), np.empty((blocks, tried)), np.empty((len(shifts), tried))
    for chosen in time_blocks(tried, -(-tried // _TARGETS)):
        products = _Products(basis, parts, targets, chosen, shifts)
        capacity[chosen], shifted[:, chosen] = products.capacities(), products.shifted_capacities()
        left_out[:, chosen] = products.left_out(basis.n, parts)
    bias = np.full(tried, null.mean) if white else shifted.mean(axis=0)
    kept = np.array([part.kept for part in parts])[:, None]
    threshold = null.threshold(alpha, tried)
    if len(shifts):
        place = int(np.ceil((1 - alpha) * (len(shifts) + 1) - 1e-9)) - 1
        threshold = max(threshold, float(np.sort(shifted.max(axis=1))[place]))
    return CapacityTable(
        capacity=capacity,
        corrected=without_bias(capacity, bias),
        left_out=without_bias(left_out, bias * (basis.n - 1) / (kept - 1)),
        threshold=threshold,
        alpha=alpha,
        surrogates=len(shifts),
        null=null,
    )


def corrected_capacities(basis: StateBasis, targets: Targets, tried: int) -> Floats:
    """`corrected` of a table of white targets, in a third of its time: without intervals and threshold."""
    parts = [_Part(basis, rows) for rows in time_blocks(basis.n, BLOCKS)]
    capacity = np.empty(tried)
    for chosen in time_blocks(tried, -(-tried // _TARGETS)):
        capacity[chosen] = _Products(basis, parts, targets, chosen, _NO_SHIFTS).capacities()
    return CapacityNull(basis.rank, basis.n).corrected(capacity)


def circular_shifts(n: int, guard: int, count: int, seed: int) -> NDArray[np.int64]:
    """(count,) different shifts of at least `guard` steps either way. Raises NoAnswer for too short an n."""
    if count == 0:
        return np.empty(0, dtype=np.int64)
    if n - 2 * guard < count:
        raise NoAnswer(
            f"{n} steps do not give {count} circular shifts of more than {guard} steps",
            "use more steps, or shorter delays",
        )
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    return guard + rng.choice(n - 2 * guard, count, replace=False).astype(np.int64)


_NO_SHIFTS = np.empty(0, dtype=np.int64)


class _Part:
    """One block of time."""

    def __init__(self, basis: StateBasis, rows: slice) -> None:
        self.rows = rows
        self.n = rows.stop - rows.start
        self.kept = basis.n - self.n
        self._block = basis.q[rows]

    @cached_property
    def whiten(self) -> Floats:
        """Turns products over the other blocks into capacities."""
        block = self._block
        values, vectors = linalg.eigh(np.eye(block.shape[1]) - block.T @ block)
        # a direction that lives in this block alone is not there without it
        alive = values > 1e-10
        whiten: Floats = vectors[:, alive] / np.sqrt(values[alive])
        return whiten


class _Products:
    """Q'z and z'z of some targets, block of time by block; Q'z again under each circular shift."""

    def __init__(
        self,
        basis: StateBasis,
        parts: list[_Part],
        targets: Targets,
        chosen: slice,
        shifts: NDArray[np.int64],
    ) -> None:
        count, columns = chosen.stop - chosen.start, basis.rank + 1
        self.with_states = np.zeros((len(parts), count, columns))
        self.squares = np.zeros((len(parts), count))
        self.under_shift = np.zeros((len(shifts), count, columns))
        for k, part in enumerate(parts):
            for rows in time_blocks(part.n, -(-part.n // _STEPS), part.rows.start):
                z = targets(chosen, rows)
                self.with_states[k] += z @ basis.q[rows]
                self.squares[k] += np.einsum("ij,ij->i", z, z)
                for j, shift in enumerate(shifts):
                    self.under_shift[j] += _wrapped_product(z, basis.q, int(rows.start + shift) % basis.n)

        self.whole, self.square = self.with_states.sum(axis=0), self.squares.sum(axis=0)
        self.centred = self.square - self.whole[:, 0] ** 2
        if not (self.centred > 1e-12 * self.square).all():
            raise NoAnswer("a target has the same value in every step", "use an input that varies")

    def capacities(self) -> Floats:
        """(b,)"""
        capacity: Floats = np.sum(self.whole[:, 1:] ** 2, axis=1) / self.centred
        return capacity

    def shifted_capacities(self) -> Floats:
        """(shifts, b) under each shift."""
        shifted: Floats = np.sum(self.under_shift[:, :, 1:] ** 2, axis=2) / self.centred
        return shifted

    def left_out(self, n: int, parts: list[_Part]) -> Floats:
        """(blocks, b) capacities with each block of time left out."""
        left_out = np.empty((len(parts), len(self.square)))
        for k, part in enumerate(parts):
            rest = self.whole - self.with_states[k]
            mean_square = rest[:, 0] ** 2 * n / part.kept
            explained = np.sum((rest @ part.whiten) ** 2, axis=1) - mean_square
            left_out[k] = explained / (self.square - self.squares[k] - mean_square)
        return left_out


def _wrapped_product(z: Floats, q: Floats, start: int) -> Floats:
    """z @ rows of q from `start` on, which go on at the beginning after the end."""
    fitting = min(z.shape[1], len(q) - start)
    product: Floats = z[:, :fitting] @ q[start : start + fitting]
    if fitting < z.shape[1]:
        product += z[:, fitting:] @ q[: z.shape[1] - fitting]
    return product
