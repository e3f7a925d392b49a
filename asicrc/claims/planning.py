"""Which procedure answers which claim from the sources that are there, what that takes, and what fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from asicrc.capture.reader import load
from asicrc.claims.claim import Claim
from asicrc.claims.procedure import Context, Cost, Procedure
from asicrc.claims.registry import PUBLISHED_FILES

FIRST_OF = ("device", "capture", "data", "computation")
"""Whose word counts where several could tell of a claim: a twin tells only of the instrument, beside them."""
TWIN = "twin"


@dataclass(frozen=True, slots=True)
class Sources:
    """What a run may answer from, beside computations. `events_per_s` is of the device, where it is known."""

    data: Path | None = None
    capture: Path | None = None
    device_url: str | None = None
    twin: str | None = None
    events_per_s: float | None = None

    @property
    def names(self) -> frozenset[str]:
        given = {
            "data": self.data,
            "capture": self.capture,
            "device": self.device_url,
            TWIN: self.twin,
        }
        return frozenset({"computation", *(name for name, value in given.items() if value is not None)})

    def in_words(self) -> str:
        given = [f"{name} {value}" for name, value in self.as_json().items() if value is not None]
        return ", ".join(["computation", *given])

    def as_json(self) -> dict[str, str | None]:
        return {
            "data": None if self.data is None else str(self.data),
            "capture": None if self.capture is None else str(self.capture),
            "device": self.device_url,
            "twin": self.twin,
        }

    def context(self, source: str, usual: Context) -> Context:
        """`usual` with this one source, opened where it is a capture; whoever asks closes it."""
        return replace(
            usual,
            data=self.data if source == "data" else None,
            capture=load(self.capture) if source == "capture" and self.capture is not None else None,
            device_url=self.device_url if source == "device" else None,
            events_per_s=self.events_per_s if source == "device" else None,
            twin=self.twin if source == TWIN else None,
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One procedure with the source that it is to answer from."""

    procedure: Procedure
    source: str
    cost: Cost


@dataclass(frozen=True, slots=True)
class ClaimPlan:
    """`steps` are tried in turn until one has a verdict; `twin` is asked beside them. None of both: nothing
    can answer. `does_not_fit` is set by `within`; `trouble` is what kept the claim from being planned."""

    claim: Claim
    steps: tuple[Step, ...]
    twin: Step | None = None
    does_not_fit: bool = False
    trouble: str = ""

    @property
    def is_answerable(self) -> bool:
        return bool(self.steps) or self.twin is not None

    @property
    def all_steps(self) -> tuple[Step, ...]:
        return (*self.steps, self.twin) if self.twin is not None else self.steps

    @property
    def cost(self) -> Cost:
        """Of the first step and the twin: the others are asked only where the first cannot tell."""
        parts = [step.cost for step in (*self.steps[:1], *((self.twin,) if self.twin else ()))]
        return Cost(
            sum(part.seconds for part in parts),
            sum(part.device_hours for part in parts),
            sum(part.events for part in parts),
        )

    def needs(self, sources: Sources) -> str:
        """What a verdict takes where nothing that is there can give one."""
        return needs_of(self.claim, sources)

    @property
    def shares(self) -> str:
        """The measurement that its answer looks at, if others look at it too."""
        return next((step.procedure.shares for step in self.all_steps if step.procedure.shares), "")

    @property
    def takes_device(self) -> bool:
        return any(step.source == "device" for step in self.steps)


def plan_claims(
    claims: Iterable[Claim], sources: Sources, procedures: Iterable[Procedure], usual: Context
) -> list[ClaimPlan]:
    """One for each claim, in their order. A procedure of an earlier module goes before one of a later."""
    by_claim: dict[str, list[Procedure]] = {}
    for procedure in procedures:
        by_claim.setdefault(procedure.claim, []).append(procedure)
    plans = []
    for claim in claims:
        known = by_claim.get(claim.id, [])
        try:
            steps = {name: _steps(known, name, sources, usual) for name in (*FIRST_OF, TWIN)}
        except Exception as error:
            # A cost that cannot be told fails its own claim, as a procedure that raises does.
            plans.append(ClaimPlan(claim, (), trouble=f"{type(error).__name__}: {error}"))
            continue
        twins = steps.pop(TWIN)
        plans.append(
            ClaimPlan(claim, tuple(chain.from_iterable(steps.values())), twins[0] if twins else None)
        )
    return plans


def within(plans: Sequence[ClaimPlan], budget_s: float, jobs: int) -> list[ClaimPlan]:
    """Mark what does not fit. The quickest come first into the budget, so that most claims are answered.

    Where driving the device does not fit, what needs no driving is still asked.
    """
    fitting: list[ClaimPlan] = []
    for plan in sorted(plans, key=lambda plan: wall_s([plan], jobs)):
        undriven = replace(plan, steps=tuple(step for step in plan.steps if step.source != "device"))
        for tried in (plan, undriven) if undriven.is_answerable else (plan,):
            if wall_s([*fitting, tried], jobs) <= budget_s * (1 + 1e-9):
                fitting.append(tried)
                break
    by_id = {plan.claim.id: plan for plan in fitting}
    return [by_id.get(plan.claim.id) or replace(plan, does_not_fit=True) for plan in plans]


def wall_s(plans: Iterable[ClaimPlan], jobs: int) -> float:
    """Of all of them. A device is one, and its hours add up; what the machine computes is shared by `jobs`.

    What several claims look at is measured once, for the one that takes most of it.
    """
    groups: dict[str, list[Cost]] = {}
    for plan in plans:
        groups.setdefault(plan.shares or plan.claim.id, []).append(plan.cost)
    device_hours = sum(max(cost.device_hours for cost in group) for group in groups.values())
    machine_s = sum(max(cost.seconds for cost in group) for group in groups.values())
    return 3600 * device_hours + machine_s / jobs


def seed_of(root: int, claim_id: str, ids: Sequence[str]) -> np.random.SeedSequence:
    """The child of the root seed that belongs to a claim by its place in the registry, whatever else runs."""
    return np.random.SeedSequence(root, spawn_key=(list(ids).index(claim_id),))


def needs_of(claim: Claim, sources: Sources) -> str:
    """Files and where they are published, a device with what it takes, else what the registry says."""
    parts = []
    if claim.files and sources.data is None:
        parts.append(f"--data DIR with {', '.join(PUBLISHED_FILES[name].in_words() for name in claim.files)}")
    if claim.takes is not None:
        parts.append(takes_in_words(claim))
    return "; or ".join(parts) or (claim.data if claim.data != "none" else "a computation")


def takes_in_words(claim: Claim) -> str:
    """Of a claim that a device decides."""
    takes = claim.takes
    if takes is None:
        return claim.data
    events = takes.events_per_setting()
    amount = f"{events:,} events" if events else f"{takes.minutes:g} minutes"
    where = "a device" if takes.devices == 1 else f"{takes.devices} devices of one model"
    if takes.direct:
        where += " on a direct line"
    at = f" at each of {takes.settings} settings" if takes.settings > 1 else ""
    of = f" of {', '.join(takes.settable)}" if takes.settable else ""
    beside = f"; and {takes.beside}" if takes.beside else ""
    return f"{where}, {amount}{at}{of}{beside}"


def _steps(known: Sequence[Procedure], source: str, sources: Sources, usual: Context) -> tuple[Step, ...]:
    steps = []
    for procedure in known if source in sources.names else ():
        if source in procedure.sources:
            # A cost is told from names and sizes: nothing is opened for it.
            context = replace(sources, capture=None).context(source, usual)
            steps.append(Step(procedure, source, procedure.cost(source, context)))
    return tuple(steps)
