"""In which order the points of a grid are taken.

`grid` counts through them; `serpentine` changes one setting by one step from point to point; `random` tells
drift from effect, with a permutation of its own for each repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Literal, TypeVar

import numpy as np

Order = Literal["grid", "serpentine", "random"]
MOST_POINTS = 100_000
_ORDER_STREAM = 0x4F52
"""Keeps the order apart from all else that the seed of a plan decides."""
_T = TypeVar("_T")


def in_order(
    axes: Mapping[str, Sequence[float]],
    order: Order,
    seed: int,
    repeat: int,
    extra: Sequence[Mapping[str, float]] = (),
) -> list[dict[str, float]]:
    """All combinations and then the `extra` ones, as they are taken in one repeat.

    A serpentine goes back in every other repeat. Raises ValueError for more than `MOST_POINTS`.
    """
    size = 1
    for values in axes.values():
        size *= len(values)
    if size > MOST_POINTS:
        raise ValueError(f"the grid has {size} points: more than {MOST_POINTS}")
    if not axes:
        rows: list[dict[str, float]] = []
    elif order == "serpentine":
        rows = _serpentine(axes)
    else:
        rows = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    rows += [dict(values) for values in extra]
    if order == "random":
        rng = np.random.default_rng(np.random.SeedSequence((seed, _ORDER_STREAM, repeat)))
        return [rows[i] for i in rng.permutation(len(rows))]
    if order == "serpentine" and repeat % 2:
        rows.reverse()
    return rows


def interleaved(points: Sequence[_T], every: int, baseline: Callable[[int], _T]) -> list[_T]:
    """A baseline before the first point, after each `every` points, and after the last."""
    taken = [baseline(0)]
    count = 1
    for start in range(0, len(points), every):
        taken += [*points[start : start + every], baseline(count)]
        count += 1
    return taken


def _serpentine(axes: Mapping[str, Sequence[float]]) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = [{}]
    for name, values in axes.items():
        longer = []
        for index, row in enumerate(rows):
            there = values if index % 2 == 0 else list(reversed(values))
            longer += [{**row, name: value} for value in there]
        rows = longer
    return rows
