"""How a claim is decided: the seam between the runner and the procedures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from asicrc.capture.reader import Capture
from asicrc.claims.outcome import ClaimOutcome

USUAL_RUNS = 20
"""Twins by which an instrument is judged."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a procedure gets. One of the sources is set, or none: then only computations can answer.

    `data` is a folder with the published files under their published names. `capture` is open. `device_url`
    is a device that may be driven, `twin` is "ideal", "ordinary" or "planted". `budget_s` is what this one
    procedure may take, `runs` how many twins it judges by, `jobs` how many processes it may use. Of a device,
    `events_per_s` is what it brings at the settings in force; None where nothing tells it.
    """

    seed: np.random.SeedSequence
    budget_s: float
    jobs: int = 1
    runs: int = USUAL_RUNS
    data: Path | None = None
    capture: Capture | None = None
    device_url: str | None = None
    events_per_s: float | None = None
    twin: str | None = None
    say: Callable[[str], None] = field(default=lambda _: None)


@dataclass(frozen=True, slots=True)
class Cost:
    """What an answer takes: seconds of this machine, hours and verified events of a device."""

    seconds: float = 0.0
    device_hours: float = 0.0
    events: int = 0


@dataclass(frozen=True, slots=True)
class Procedure:
    """`sources` are those it can answer from: "computation", "data", "capture", "device", "twin".

    `cost` says what a source takes. `answer` raises AsicrcError for what a user can mend; a file that is
    missing or a capture that has too little is an outcome that is not testable here, with what it needs.
    `shares` names a measurement that several procedures look at and keep: they are asked in one process.
    """

    claim: str
    sources: frozenset[str]
    answer: Callable[[Context], ClaimOutcome]
    cost: Callable[[str, Context], Cost]
    shares: str = ""
