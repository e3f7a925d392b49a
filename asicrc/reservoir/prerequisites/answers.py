"""Echo state, separation, fading memory, consistency and dimension of one driven capture.

The echo state is the published question, answered as an equivalence: the CV of ten intervals at a time,
behind the same input, differs by less than 0.1 between histories. A device without any memory has that
property too, and its memory fades at once: it means something only with separation beyond noise, and with a
response to earlier inputs. And a CV does not see rates, which `echo_share` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from asicrc.errors import NoAnswer
from asicrc.evidence import (
    DESIGN_LEVEL,
    Estimate,
    EvidenceVerdict,
    Finding,
    Source,
    TwoVerdicts,
    not_testable,
    two_verdicts,
)
from asicrc.evidence.equivalence import difference_of_groups, equivalence_of_groups
from asicrc.evidence.finding import POWER_80_SE
from asicrc.reservoir.driven_run import DrivenRun
from asicrc.reservoir.metrics import (
    Consistency,
    EchoState,
    FadingMemory,
    HeldOutClasses,
    ResolvableCapacity,
    Separation,
    classify_held_out,
    consistency,
    echo_state,
    fading_memory,
    participation_ratio,
    resolvable_capacity_of_replays,
    separation,
)
from asicrc.reservoir.prerequisites.plan import Block, PrerequisitePlan
from asicrc.reservoir.states import FeatureSet, StepEvents

Floats = NDArray[np.float64]
_T = TypeVar("_T")

CV_MARGIN = 0.1
INTERVALS_A_WINDOW, WINDOWS_A_GROUP = 10, 87
"""So many windows of so many intervals show it, for a Poisson process with the scatter that its CV has."""
ALPHA = 0.05
FEATURES = FeatureSet(("counts", "nodes"), nodes=4)
"""Counts are never missing, and an empty step is a count of 0."""
KERNEL_STRIDE = 5
CLASS_STRIDE = 2
"""Of the inputs that are told from their states: neighbours share most of theirs."""
REPLAYS_SHIFTED = 3
"""For the spectrum of consistency, whose null shifts replays against each other: more do not fit."""
ECHO_QUESTION = "Does the CV of the intervals depend on the input alone, and not on what was before it?"
MEMORYLESS_TOO = "a device without memory has this property too"
THERMAL = "the input warms the chip: what is remembered is heat until shown otherwise"


@dataclass(frozen=True, slots=True)
class Prerequisites:
    """What could be answered; the others are None and stand in `unanswered`.

    `echo` is the published test (supported: the property holds); `echo_share` the share of the states'
    variance that a history makes. `classes` is how often a state of one half of the replays is told to be of
    its place in the input by the other half; `separates` takes both, ranks and classes. `lags_seen` counts
    earlier steps whose change shows in the state.
    """

    plan: PrerequisitePlan
    events: int
    shares_per_step: float
    echo: Finding
    echo_share: EchoState | None
    separation: Separation | None
    classes: HeldOutClasses | None
    separates: EvidenceVerdict
    fading: FadingMemory | None
    lags_seen: int | None
    consistency: Consistency | None
    dimension: Estimate | None
    resolvable: ResolvableCapacity | None
    verdicts: TwoVerdicts
    notes: tuple[str, ...]
    unanswered: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        parts = {
            "echo_state_share": self.echo_share,
            "separation": self.separation,
            "held_out_classes": self.classes,
            "fading_memory": self.fading,
            "consistency": self.consistency,
            "effective_dimension": self.dimension,
            "resolvable_capacity": self.resolvable,
        }
        return {
            "plan": self.plan.as_json(),
            "events": self.events,
            "shares_per_step": self.shares_per_step,
            "echo_state": self.echo.as_json(),
            **{name: None if part is None else part.as_json() for name, part in parts.items()},
            "separates": self.separates.value,
            "lags_seen": self.lags_seen,
            **self.verdicts.as_json(),
            "notes": list(self.notes),
            "unanswered": self.unanswered,
        }


def prerequisites_of(run: DrivenRun, plan: PrerequisitePlan, source: Source) -> Prerequisites:
    """Raises NoAnswer for a capture that went through other steps than the plan has."""
    if len(run) != plan.steps:
        raise NoAnswer(f"the capture has {len(run)} steps, the plan {plan.steps}", "capture the plan again")
    unanswered: dict[str, str] = {}

    def tried(name: str, make: Callable[[], _T]) -> _T | None:
        try:
            return make()
        except NoAnswer as error:
            unanswered[name] = f"{error.message}; {error.hint}" if error.hint else error.message
            return None

    states = FEATURES.states(run.steps).values
    same = [block for block in plan.blocks() if not block.changed]
    replays = np.stack([states[block.first : block.first + plan.common] for block in same])
    after = replays[:, plan.washout :]
    few = replays[:REPLAYS_SHIFTED]
    echo = _echo(run.steps, same, plan)
    separated = tried("separation", lambda: _separation(after, same, plan))
    told = tried("held_out_classes", lambda: classify_held_out(after[:, ::CLASS_STRIDE]))
    faded = tried("fading_memory", lambda: _fading(states, same, plan))
    notes = [MEMORYLESS_TOO] if echo.verdict is EvidenceVerdict.SUPPORTED else []
    if plan.encoder.heats:
        notes.append(THERMAL)
    return Prerequisites(
        plan=plan,
        events=len(run.steps.t_ns),
        shares_per_step=float(run.steps.counts.mean()),
        echo=echo,
        echo_share=tried(
            "echo_state_share",
            lambda: echo_state(replays, [block.history for block in same], washout=plan.washout),
        ),
        separation=separated,
        classes=told,
        separates=_separates(separated, told),
        fading=faded,
        lags_seen=None if faded is None else faded.lags_seen,
        consistency=tried("consistency", lambda: consistency(few, washout=plan.washout)),
        dimension=tried("effective_dimension", lambda: participation_ratio(states)),
        resolvable=tried(
            "resolvable_capacity", lambda: resolvable_capacity_of_replays(few, washout=plan.washout)
        ),
        verdicts=two_verdicts(echo, source, needs="a miner, and the hours that --dry-run states"),
        notes=tuple(notes),
        unanswered=unanswered,
    )


def windows_of_intervals(steps: StepEvents, first: int, last: int) -> list[float]:
    """CV of each ten intervals that follow each other within steps `first` .. `last`, the end excluded."""
    rows = slice(int(steps.bounds[first]), int(steps.bounds[last]))
    t, segment = steps.t_ns[rows], steps.segment[rows]
    found: list[float] = []
    for start in range(0, len(t) - INTERVALS_A_WINDOW, INTERVALS_A_WINDOW):
        window = slice(start, start + INTERVALS_A_WINDOW + 1)
        if segment[window][0] == segment[window][-1]:
            waits = np.diff(t[window]).astype(float)
            if waits.any():
                found.append(float(waits.std(ddof=1) / waits.mean()))
    return found


def _echo(steps: StepEvents, same: list[Block], plan: PrerequisitePlan) -> Finding:
    groups: dict[str, list[float]] = {}
    for block in same:
        found = windows_of_intervals(steps, block.first + plan.washout, block.first + plan.common)
        groups.setdefault(f"history {block.history}", []).extend(found)
    fewest = min(len(windows) for windows in groups.values())
    if fewest < WINDOWS_A_GROUP:
        return not_testable(
            ECHO_QUESTION,
            fewest,
            f"{fewest} windows of {INTERVALS_A_WINDOW} intervals behind one of the histories; "
            f"it takes {WINDOWS_A_GROUP}: longer steps, or more repeats",
        )
    effect, test = equivalence_of_groups(groups, CV_MARGIN)
    beyond = difference_of_groups(groups, CV_MARGIN)
    verdict = EvidenceVerdict.NOT_RESOLVED
    if test.p_value <= ALPHA:
        verdict = EvidenceVerdict.SUPPORTED
    elif beyond.p_value <= ALPHA:
        verdict = EvidenceVerdict.REFUTED
    half = (effect.high - effect.low) / 2
    return Finding(
        question=ECHO_QUESTION,
        effect=effect,
        nulls=[test, beyond],
        smallest_effect=POWER_80_SE * half / 1.96,
        verdict=verdict,
        note=f"largest difference of the CV between two of {len(groups)} histories, {fewest} windows of "
        f"{INTERVALS_A_WINDOW} intervals each or more; equivalent within {CV_MARGIN:g}",
        p_corrected=test.p_value,
    )


def _separation(after: Floats, same: list[Block], plan: PrerequisitePlan) -> Separation:
    """Kernel: places of the common input, each replayed. Generalisation: the same recent input behind
    different histories."""
    kernel = after[:, ::KERNEL_STRIDE]
    by_history = [
        [row for row, block in enumerate(same) if block.history == h] for h in range(plan.histories)
    ]
    generalisation = np.stack([after[rows, 0] for rows in by_history], axis=1)
    return separation(kernel, generalisation, alpha=DESIGN_LEVEL)


def _separates(found: Separation | None, told: HeldOutClasses | None) -> EvidenceVerdict:
    if found is None or told is None:
        return EvidenceVerdict.NOT_TESTABLE_HERE
    if found.quality > 0 and told.test.p_value <= DESIGN_LEVEL:
        return EvidenceVerdict.SUPPORTED
    return EvidenceVerdict.NOT_RESOLVED


def _fading(states: Floats, same: list[Block], plan: PrerequisitePlan) -> FadingMemory:
    """Changed blocks against as many unchanged ones of the same histories."""
    changed = [block for block in plan.blocks() if block.changed]
    left = list(same)
    base = []
    for block in changed:
        partner = next(other for other in left if other.history == block.history)
        left.remove(partner)
        base.append(partner)

    def around(blocks: list[Block]) -> Floats:
        return np.stack(
            [
                [states[block.first + at : block.first + at + plan.lags] for block in blocks]
                for at in plan.changed_steps.tolist()
            ]
        )

    return fading_memory(around(base), around(changed), horizon=plan.horizon)
