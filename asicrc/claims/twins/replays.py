"""One input, replayed behind different histories, on an S9: claims H06, H07 and H09.

A memory that a twin can be given is one number, and makes one direction of the state, as the input alone
would. A state of more directions is put into the data of an ordinary twin: the first half of a step follows
the present input, the second half an earlier one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from asicrc.capture.memory import capture_in_memory
from asicrc.claims.twins.planting import gamma_steps, thinned
from asicrc.claims.twins.units import twin_of, work_seed
from asicrc.evidence import Estimate, EvidenceVerdict, Finding, Source, not_testable
from asicrc.reservoir.driven_run import DrivenRun
from asicrc.reservoir.encoders import encoder_for
from asicrc.reservoir.prerequisites import PrerequisitePlan, Prerequisites, prerequisites_of
from asicrc.reservoir.prerequisites.taking import capture_plan

PLANTED_MEMORY = {"memory_gain": 4.0, "memory_tau": 4.5}
PLANTED_CV = 0.7
"""Of ten intervals, behind one of the histories: three times the margin away."""
INPUT_DIMENSIONS = 1
"""Of the drive: one number a step. A state that only follows it has no more."""
EARLIER, LEAST_RATE = 3, 0.1
"""Steps before, and of the highest rate, where a second direction is planted."""
NEVER_REFUTED = (
    "cannot be refuted: directions above the noise can be counted from below only, a weaker one looks like "
    "none, and the claim names no least strength"
)
"""A number of modes, components or directions has a lower confidence bound and no upper one (Donoho 1988):
data of a state with one more of them, ever weaker, cannot be told from these."""
PLAN = PrerequisitePlan(
    "prerequisites of a twin of an S9, input in the work",
    encoder_for("work", step_s=0.5),
    settings={"difficulty": 64.0},
)
"""25 shares a step."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """`history_broken` has other intervals behind one history, `two_directions` halves of a step that follow
    different inputs: no twin has either of its own, and both are None where nothing is planted."""

    as_it_is: Prerequisites
    history_broken: Prerequisites | None = None
    two_directions: Prerequisites | None = None


def take_replays(kind: str, seed: np.random.SeedSequence) -> Replayed:
    plan = replace(PLAN, seed=work_seed(seed) % (1 << 40))
    device = twin_of(kind, "s9", seed, PLANTED_MEMORY)
    capture = capture_in_memory(device, capture_plan(plan))
    run = DrivenRun.of(capture, plan.encoder, mode=plan.mode, steps=plan.steps)
    found = prerequisites_of(run, plan, Source.TWIN)
    if kind != "planted":
        return Replayed(found)
    return Replayed(
        found,
        prerequisites_of(with_history(run, plan), plan, Source.TWIN),
        prerequisites_of(with_two_directions(run, plan, np.random.default_rng(seed)), plan, Source.TWIN),
    )


def with_history(run: DrivenRun, plan: PrerequisitePlan) -> DrivenRun:
    """The run with intervals of CV 0.7 in the plays behind the first history, their number kept."""
    steps = run.steps
    t_ns = steps.t_ns.copy()
    for block in plan.blocks():
        if block.history == 0 and not block.changed:
            rows = slice(int(steps.bounds[block.first]), int(steps.bounds[block.first + plan.common]))
            own = t_ns[rows]
            if len(own) > 2:
                moved = np.cumsum(gamma_steps(np.diff(own) / 1e9, PLANTED_CV))
                own[1:] = own[0] + np.round(moved * (own[-1] - own[0]) / moved[-1]).astype(np.int64)
    return replace(run, steps=steps.moved(t_ns))


def with_two_directions(run: DrivenRun, plan: PrerequisitePlan, rng: np.random.Generator) -> DrivenRun:
    """The run with fewer events: as the present input says in the first half of each step, as that three
    steps before says in the second."""
    low, high = plan.encoder.u_low, plan.encoder.u_high
    rate = LEAST_RATE + (1 - LEAST_RATE) * (plan.inputs() - low) / (high - low)
    steps = run.steps
    middle = (steps.starts_ns[:-1] + steps.starts_ns[1:]) // 2
    is_late = steps.t_ns >= middle[steps.step]
    kept = thinned(np.where(is_late, np.roll(rate, EARLIER)[steps.step], rate[steps.step]), rng)
    return replace(run, steps=steps.only(kept))


def find_echo(replayed: Replayed) -> Finding:
    """H06: where intervals depend on the history, it is to be refused."""
    return (replayed.history_broken or replayed.as_it_is).echo


def find_separation(replayed: Replayed) -> Finding:
    return separation_finding(replayed.as_it_is)


def find_dimension(replayed: Replayed) -> Finding:
    return dimension_finding(replayed.two_directions or replayed.as_it_is)


def separation_finding(found: Prerequisites) -> Finding:
    """H07: kernel rank above generalisation rank, both above the edge of the noise; and inputs that are told
    from states of replays that were not learnt from. It is supported or not resolved (`NEVER_REFUTED`)."""
    question = "Do different inputs lead to states that can be told apart?"
    separated, told = found.separation, found.classes
    if separated is None or told is None:
        missing = "held_out_classes" if told is None else "separation"
        return not_testable(question, found.events, found.unanswered.get(missing, "not asked"))
    kernel = separated.kernel
    strongest = float(kernel.strengths.max(initial=0.0))
    effect = Estimate(
        float(separated.quality), 0.0, float(kernel.features), kernel.streams, method="ranks above the noise"
    )
    return Finding(
        question,
        effect,
        [told.test],
        verdict=found.separates,
        note=f"kernel rank {kernel.rank} of {kernel.features}, generalisation rank "
        f"{separated.generalisation.rank}; strongest direction {strongest:.3g}, edge {kernel.threshold:.3g}; "
        f"held out, {told.accuracy.estimate:.1%} of {told.accuracy.n} states are told right of "
        f"{told.classes} inputs{_unrefuted(found.separates)}",
        p_corrected=told.test.p_value,
    )


def dimension_finding(found: Prerequisites) -> Finding:
    """H09: more directions of the state than the input has repeat when it does, above the noise of counting.

    It is supported or not resolved (`NEVER_REFUTED`). The capacity of one run is no way round: noise lowers
    it, so that a small one may speak of few events as well as of few dimensions.
    """
    question = "Does the input make more dimensions of the state than it has itself, above the noise?"
    resolved = found.resolvable
    if resolved is None:
        return not_testable(question, found.events, found.unanswered.get("resolvable_capacity", "not asked"))
    count = len(resolved.noise_to_signal)
    verdict = EvidenceVerdict.SUPPORTED if count > INPUT_DIMENSIONS else EvidenceVerdict.NOT_RESOLVED
    ratio = (
        ""
        if found.dimension is None
        else f"; participation ratio {found.dimension.estimate:.3g}, noise included"
    )
    return Finding(
        question,
        resolved.capacity,
        verdict=verdict,
        note=f"{count} of {resolved.features} directions repeat, the input has {INPUT_DIMENSIONS}{ratio}"
        f"{_unrefuted(verdict)}",
    )


def _unrefuted(verdict: EvidenceVerdict) -> str:
    return f"; {NEVER_REFUTED}" if verdict is EvidenceVerdict.NOT_RESOLVED else ""
