"""H17 and S22: can devices of one model be told apart, and known again? One device cannot answer that.

Recordings of several go through `asicrc puf study FOLDER`.
"""

from __future__ import annotations

from asicrc.analysis.fingerprint.study import FEWEST_DEVICES
from asicrc.claims.procedure import Procedure
from asicrc.claims.procedures.asked_of import AskedOf
from asicrc.claims.twins.asking import TwinQuestion, effect_in
from asicrc.claims.twins.population import (
    DEVICES,
    PLANTED_S,
    find_authentication,
    find_fingerprint,
    take_population_of,
)

NEEDS = (
    f"{FEWEST_DEVICES} devices of one model at least, {DEVICES} for a bound of 10 %, recorded twice or more "
    "each: asicrc puf study FOLDER"
)
_AGAIN = "one of the recordings in a warmer room, and an old one presented again"
_PLANTED = f"delays of {PLANTED_S * 1e3:g} ms that each core has of its own, on {DEVICES} chips"
_RUNS, _SECONDS, _UNIT = 6, 15.0, "equal-error rate"
PROCEDURES: tuple[Procedure, ...] = tuple(
    AskedOf(
        TwinQuestion(claim, take_population_of, find, effect_in(), _PLANTED, _RUNS, _SECONDS, _UNIT, needs)
    ).procedure()
    for claim, find, needs in (
        ("H17", find_fingerprint, NEEDS),
        ("S22", find_authentication, f"{NEEDS}; {_AGAIN}"),
    )
)
