"""How the claims are decided: one module per topic, each with its `PROCEDURES`.

Every module that takes part stands in `MODULES`; none is found by looking through a folder.
"""

from __future__ import annotations

from importlib import import_module

from asicrc.claims.procedure import Procedure

MODULES: tuple[str, ...] = (
    "filter_arithmetic",
    "filter_windows",
    "first_paper_formulas",
    "hardware_figures",
    "hash_rounds",
    "information_theorems",
    "narma_scores",
    "published_shares",
    "telemetry_score",
    "three_machines",
    "arrivals",
    "leaks",
    "early_rounds",
    "work_ahead",
    "reservoirs",
    "forecasts",
    "operating_points",
    "prerequisites",
    "voltages",
    "fingerprints",
    "direct_lines",
)
"""Modules of this package, one a line: those of the papers' texts first, then those of events."""


def procedures() -> tuple[Procedure, ...]:
    """All procedures, in the order of `MODULES`. Loaded when they are asked for: they bring the analyses."""
    found: list[Procedure] = []
    for name in MODULES:
        found += import_module(f"{__name__}.{name}").PROCEDURES
    return tuple(found)


def procedures_of(claim: str) -> tuple[Procedure, ...]:
    return tuple(one for one in procedures() if one.claim == claim)
