"""A claim as data: what is printed where, and what would support or refute it, fixed before data are seen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What can decide a claim."""

    ARITHMETIC = "A"
    COMPUTATION = "C"
    """A computation, or a property that holds on anything."""
    PHYSICS = "O"
    """Ordinary physics of any chip."""
    EFFECT = "E"
    """An effect that has to be refused on the `ideal` and the `ordinary` twin."""
    DATA = "D"
    """Decided by published data."""
    OPEN = "-"
    """Not testable here."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim of `paper` ("2601.01916" or "2601.12032"), printed `where`.

    `claimed` is the published statement or number in a few words. `margin` is in words, with its unit.
    `data` names what decides it, `experiment` the notebook or the plan that does, empty where none is needed.
    """

    id: str
    paper: str
    where: str
    kinds: tuple[Kind, ...]
    title: str
    claimed: str
    definition: str
    procedure: str
    margin: str
    supports: str
    refutes: str
    data: str
    experiment: str = ""

    @property
    def kind(self) -> str:
        """As in the registry: `E`, or `E, D`."""
        return ", ".join(kind.value for kind in self.kinds)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "paper": f"arXiv {self.paper}",
            "where": self.where,
            "kind": self.kind,
            "title": self.title,
            "claimed": self.claimed,
            "definition": self.definition,
            "procedure": self.procedure,
            "margin": self.margin,
            "supports": self.supports,
            "refutes": self.refutes,
            "data": self.data,
            "experiment": self.experiment or None,
        }
