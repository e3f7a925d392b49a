"""Named columns, one row for each step of the input, and which of the values are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asicrc.errors import UsageError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class StateTable:
    """names : k column names, each once
    values : (T, k); NaN where missing
    missing : (T, k)

    Raises UsageError for shapes or names that do not go together, and for values that are neither finite nor
    missing.
    """

    names: tuple[str, ...]
    values: Floats
    missing: Flags

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape != self.missing.shape:
            raise UsageError(
                f"states of shape {self.values.shape} with a mask of {self.missing.shape}",
                "give (T, k) values and a mask of the same shape",
            )
        if len(self.names) != self.values.shape[1] or len(set(self.names)) != len(self.names):
            raise UsageError(
                f"{len(self.names)} names ({len(set(self.names))} different) for "
                f"{self.values.shape[1]} columns",
                "name each column once",
            )
        if not np.array_equal(np.isfinite(self.values), ~self.missing):
            raise UsageError(
                "the states hold values that are not finite and not marked as missing, or the reverse",
                "put NaN where a value is missing, and mark it",
            )

    @classmethod
    def of(cls, names: Sequence[str], values: Floats) -> StateTable:
        """From values of which the NaN are missing."""
        return cls(tuple(names), values, np.isnan(values))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def width(self) -> int:
        return len(self.names)

    def column(self, name: str) -> Floats:
        """(T,) values of one column. Raises UsageError for a name that is none."""
        if name not in self.names:
            raise UsageError(f"the states have no column {name!r}", f"columns: {', '.join(self.names)}")
        return self.values[:, self.names.index(name)]

    def chosen(self, names: Sequence[str]) -> StateTable:
        """The table with these columns alone, in this order."""
        at = [self.names.index(name) for name in names]
        return StateTable(tuple(names), self.values[:, at], self.missing[:, at])

    def rows(self, rows: NDArray[np.int64] | slice) -> StateTable:
        """The table with these rows alone, in this order."""
        return StateTable(self.names, self.values[rows], self.missing[rows])

    @staticmethod
    def beside(tables: Sequence[StateTable]) -> StateTable:
        """All columns of several tables of the same steps. Raises UsageError for other lengths."""
        if not tables or len({len(table) for table in tables}) != 1:
            raise UsageError(
                f"tables of {[len(table) for table in tables]} steps do not go beside each other",
                "make them of the same steps",
            )
        return StateTable(
            tuple(name for table in tables for name in table.names),
            np.hstack([table.values for table in tables]),
            np.hstack([table.missing for table in tables]),
        )
