"""Which features say anything, and the refusal of those that do not."""

from __future__ import annotations

import numpy as np

from asicrc.errors import NoAnswer
from asicrc.reservoir.states.table import Floats, StateTable

MOST_UNINFORMATIVE = 0.99
"""A feature is refused where it is missing, or the same, in more than this share of the steps."""


def informative(
    table: StateTable, most_uninformative: float = MOST_UNINFORMATIVE
) -> tuple[StateTable, dict[str, float]]:
    """The columns that say something, and the uninformative share of each that was left out.

    Raises NoAnswer where nothing is left: such states are degenerate, and their score is that of a constant.
    """
    shares = uninformative_share(table)
    refused = {
        name: float(share)
        for name, share in zip(table.names, shares, strict=True)
        if share > most_uninformative
    }
    if len(refused) == table.width:
        raise NoAnswer(
            f"the states are degenerate: {_distinct_rows(table)} distinct of {len(table)} rows of features, "
            f"and every one of {table.width} features is missing or the same in more than "
            f"{most_uninformative:.0%} of the steps",
            "a readout of them is a constant: capture with more events per step, or look for frozen features",
        )
    return table.chosen([name for name in table.names if name not in refused]), refused


def uninformative_share(table: StateTable) -> Floats:
    """(k,) share of the steps in which a column is missing or has its most common value."""
    shares = np.empty(table.width)
    for column in range(table.width):
        known = table.values[~table.missing[:, column], column]
        most_common = int(np.unique(known, return_counts=True)[1].max()) if len(known) else 0
        shares[column] = (len(table) - len(known) + most_common) / len(table)
    return shares


def _distinct_rows(table: StateTable) -> int:
    return len(np.unique(np.nan_to_num(table.values, nan=np.inf), axis=0))
