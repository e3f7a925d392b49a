"""Echo state, separation and dimension of a device: H06, H07 and H09, all of one replayed drive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from asicrc.capture.reader import Capture, load
from asicrc.claims.measured import (
    SHARE_S,
    device_cost,
    ended,
    new_capture,
    not_here,
    outcome_of,
    share_s,
    url_of,
)
from asicrc.claims.outcome import ClaimOutcome
from asicrc.claims.procedure import Context, Cost, Procedure
from asicrc.claims.procedures.asked_of import AskedOf
from asicrc.claims.twins.asking import TwinQuestion, effect_in
from asicrc.claims.twins.replays import (
    EARLIER,
    PLANTED_CV,
    dimension_finding,
    find_dimension,
    find_echo,
    find_separation,
    separation_finding,
    take_replays,
)
from asicrc.errors import NoAnswer
from asicrc.evidence import Finding
from asicrc.reservoir.encoders import encoder_for
from asicrc.reservoir.prerequisites import PrerequisitePlan, Prerequisites, analyse_file, take_to_file
from asicrc.reservoir.prerequisites.answers import MEMORYLESS_TOO

EVENTS_A_STEP = 2.4
"""As in the shipped plans: 87 windows of ten intervals behind each history, and a few more."""
PLAN = PrerequisitePlan("prerequisites, input in the work", encoder_for("work"))
EVENTS = round(PLAN.steps * EVENTS_A_STEP)
NEEDS = (
    f"a miner driven by `asicrc prerequisites`: {PLAN.steps:,} steps of {EVENTS_A_STEP:g} shares, "
    f"{EVENTS * SHARE_S / 3600:.0f} h of an LV06"
)
_TAKEN: dict[str, Path] = {}
_FIND: dict[str, Callable[[Prerequisites], Finding]] = {
    "H06": lambda found: found.echo,
    "H07": separation_finding,
    "H09": dimension_finding,
}
_UNITS = {"H06": "CV of ten intervals", "H07": "ranks", "H09": "capacity"}
_NOTES = {
    "H06": f"{MEMORYLESS_TOO.capitalize()}.",
    "H07": "An input in the clock or in the difficulty is told apart on any chip: that is its rate.",
    "H09": "The participation ratio counts noise too.",
}


def of_capture(claim: str, capture: Capture) -> ClaimOutcome:
    """Of a capture that was made for it; others were not replayed."""
    try:
        found = analyse_file(capture.path)
    except NoAnswer as error:
        return not_here(claim, capture.meta, error.message, NEEDS)
    return outcome_of(
        claim,
        _FIND[claim](found),
        capture.meta,
        needs=NEEDS,
        effect_unit=_UNITS[claim],
        note=_NOTES[claim],
    )


def of_device(claim: str, context: Context) -> ClaimOutcome:
    """One drive for the three claims of a run; the file stays in the working directory."""
    url = url_of(context)
    if url not in _TAKEN:
        path = new_capture(context, "prerequisites")
        plan = replace(
            PLAN,
            encoder=encoder_for("work", step_s=EVENTS_A_STEP * share_s(context)),
            seed=int(context.seed.generate_state(1)[0]),
        )
        ended(take_to_file(url, plan, path, say=context.say))
        _TAKEN[url] = path
    with load(_TAKEN[url]) as capture:
        return of_capture(claim, capture)


def _cost(asked: AskedOf, source: str, context: Context) -> Cost:
    if source != "device":
        return asked.cost(source, context)
    return device_cost(context, EVENTS * share_s(context), EVENTS, read_s=30.0)


def _procedure(claim: str, find: Callable[..., Finding], there: dict[str, bool], planted: str) -> Procedure:
    question = TwinQuestion(claim, take_replays, find, there, planted, 7, 6.0, _UNITS[claim], NEEDS)
    asked = AskedOf(question, partial(of_capture, claim), partial(of_device, claim))
    return replace(asked.procedure(), cost=partial(_cost, asked))


_MEMORY = "a memory of the work (gain 4, 4.5 steps), without which nothing of the input reaches a chip"
_TWO_DIRECTIONS = (
    f"a state of two directions, put into the shares of a twin: half of each step follows the input "
    f"{EARLIER} steps before"
)
PROCEDURES: tuple[Procedure, ...] = (
    _procedure(
        "H06",
        find_echo,
        effect_in(planted=False, ordinary=True, ideal=True),
        f"a CV of {PLANTED_CV:g} behind one of the histories, put into the data: what breaks the property",
    ),
    _procedure("H07", find_separation, effect_in(), _MEMORY),
    _procedure("H09", find_dimension, effect_in(), _TWO_DIRECTIONS),
)
