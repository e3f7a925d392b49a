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
class Takes:
    """What a verdict on silicon takes: events at each of `settings`, on each of `devices`.

    The events are those that `asicrc plan-size QUANTITY` gives for `effect` with a power of 95 %, in `groups`
    such samples; or `events` of them, where no formula gives their number. `minutes` is the time at each
    setting that does not depend on events. `settable` names what the device has to let be set; `direct`
    asks for its chips on a line, without a network and a firmware between; `beside` says what else has to be
    there, without which no capture of the device answers.
    """

    quantity: str = ""
    effect: float = 0.0
    events: int = 0
    groups: int = 1
    settings: int = 1
    devices: int = 1
    minutes: float = 0.0
    settable: tuple[str, ...] = ()
    direct: bool = False
    beside: str = ""

    def __post_init__(self) -> None:
        if bool(self.quantity) + bool(self.events) + bool(self.minutes) != 1:
            raise ValueError("a claim takes a planned quantity, a number of events, or minutes")

    def events_per_setting(self) -> int:
        """Raises UsageError for a quantity that nothing is planned for."""
        from asicrc.evidence.planned_sizes import plan_size  # brings SciPy, which a list of claims needs not

        n = plan_size(self.quantity, self.effect, power=PLANNED_POWER).n if self.quantity else self.events
        return n * self.groups

    def events_per_device(self) -> int:
        return self.events_per_setting() * self.settings


PLANNED_POWER = 0.95


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim of `paper` ("2601.01916" or "2601.12032"), printed `where`.

    `claimed` is the published statement or number in a few words. `margin` is in words, with its unit.
    `data` names what decides it, `experiment` the notebook or the command that does, empty where none is
    needed. `files` are published files that it is decided by; `takes` is None where no device decides.
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
    files: tuple[str, ...] = ()
    takes: Takes | None = None

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
            "files": list(self.files),
        }
