"""What the figures need of one run, beside the scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asicrc.errors import NoAnswer
from asicrc.reservoir.benchmark.scoring import Scored, Target, filled
from asicrc.reservoir.metrics.information_capacity import information_processing_capacity
from asicrc.reservoir.metrics.input_law import EMPIRICAL
from asicrc.reservoir.states import StateTable
from asicrc.reservoir.states.table import Floats

MAX_DELAYS = {1: 40, 2: 20, 3: 8}
"""41 + 231 + 165 functions of the input: enough to show what kind of memory there is."""
SHOWN_STEPS = 200


@dataclass(frozen=True, slots=True)
class Pictures:
    """truth, predictions : (<= 200,) the last steps of the test, of the first target
    information : by name of the states, capacity by degree of what they compute
    """

    truth: Floats
    predictions: Mapping[str, Floats]
    information: Mapping[str, Mapping[int, float]]


def take_pictures(
    target: Target, scores: Mapping[str, Scored], tables: Mapping[str, StateTable], u: Floats
) -> Pictures:
    """`tables` are those whose capacities are drawn; none are where the input is not white."""
    truth = target.y[target.test_rows()]
    return Pictures(
        _last(truth),
        {name: _last(scored.prediction) for name, scored in scores.items()},
        _information(tables, u, target.split.washout),
    )


def _information(tables: Mapping[str, StateTable], u: Floats, washout: int) -> dict[str, dict[int, float]]:
    found = {}
    for name, table in tables.items():
        try:
            capacity = information_processing_capacity(
                filled(table.rows(slice(washout, None))), u[washout:], law=EMPIRICAL, max_delays=MAX_DELAYS
            )
        except NoAnswer:
            continue  # too few steps, constant states, or an input that is not white: nothing to draw
        found[name] = {degree: part.estimate for degree, part in capacity.by_degree.items()}
    return found


def _last(values: Floats) -> Floats:
    first = values if values.ndim == 1 else values[:, 0]
    return first[-SHOWN_STEPS:].copy()
