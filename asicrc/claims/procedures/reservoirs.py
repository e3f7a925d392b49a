"""What a driven device remembers and computes: H08, S01, S02 and S04.

A device is driven as `asicrc benchmark` drives it, ten captures of 2,000 steps; a single capture of such a
benchmark is answered from too, and one is seldom enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from asicrc.capture.reader import Capture
from asicrc.claims.measured import device_cost, new_capture, not_here, outcome_of, share_s, url_of
from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.procedure import Context, Cost, Procedure
from asicrc.claims.procedures.asked_of import DEVICE, AskedOf
from asicrc.claims.twins.asking import TwinQuestion, effect_in
from asicrc.claims.twins.driven import (
    PLANTED_CAPACITY,
    PLANTED_SHARE,
    find_gain,
    find_history,
    find_memory,
    take_dialogue,
    take_monologue,
    take_stream,
)
from asicrc.devices import Circumstances
from asicrc.errors import NoAnswer
from asicrc.evidence import Finding
from asicrc.reservoir.attribution import Channel
from asicrc.reservoir.attribution.paired import LEAST_PAIRS
from asicrc.reservoir.benchmark import BenchmarkResult, Evidence, Protocol, Question, Split, analyse_captures
from asicrc.reservoir.benchmark.capturing import Driving, capture_all
from asicrc.reservoir.benchmark.recorded import recorded_benchmark
from asicrc.reservoir.driven_run import HANDSHAKE
from asicrc.reservoir.encoders import encoder_for

STEPS, EVENTS_A_STEP = Split(100, 1200, 700), 3.0
STREAM = "stream"
NEEDS = (
    f"a miner driven by `asicrc benchmark`, {LEAST_PAIRS} captures of {STEPS.steps:,} steps with "
    f"{EVENTS_A_STEP:g} shares each"
)
_TAKEN: dict[tuple[str, str], list[Path]] = {}


@dataclass(frozen=True, slots=True)
class Asked:
    """Of a claim: in which mode the device is driven, and which finding of the benchmark is its own."""

    claim: str
    mode: str
    find: Callable[[Evidence], Finding]
    unit: str
    claimed: float | None = None


ASKED = {
    "H08": Asked("H08", STREAM, find_memory, "memory capacity"),
    "S01": Asked("S01", HANDSHAKE, find_gain, "NRMSE", 0.8661),
    "S02": Asked("S02", STREAM, find_gain, "NRMSE", 0.9550),
    "S04": Asked("S04", STREAM, find_history, "NRMSE"),
}


def of_capture(asked: Asked, capture: Capture) -> ClaimOutcome:
    """One capture of a benchmark; others cannot be asked."""
    try:
        said = recorded_benchmark(capture.meta, capture.path.name)
    except NoAnswer as error:
        return not_here(asked.claim, capture.meta, error.message, NEEDS)
    if said.mode != asked.mode:
        return not_here(asked.claim, capture.meta, f"it was driven in {said.mode} mode", NEEDS)
    try:
        return _outcome(asked, capture.meta, [capture.path])
    except NoAnswer as error:
        return not_here(asked.claim, capture.meta, error.message, NEEDS)


def of_device(asked: Asked, context: Context) -> ClaimOutcome:
    """Ten captures, kept in the working directory; those of a mode serve all claims of a run."""
    encoder = encoder_for("work", step_s=EVENTS_A_STEP * share_s(context))
    paths = driven_captures(
        context, f"benchmark-{asked.mode}", Protocol(split=STEPS), Driving(encoder, mode=asked.mode)
    )
    return _outcome(asked, Capture(paths[0]).meta, paths)


def driven_captures(context: Context, what: str, protocol: Protocol, driving: Driving) -> list[Path]:
    """Ten captures of a device under a task, each with an input of its own; `what` is in their names.

    Of the same device they are taken once in a process. Raises as `capture_all`.
    """
    url = url_of(context)
    if (url, what) not in _TAKEN:
        seed = int(context.seed.generate_state(1)[0]) % 1_000_000
        first = new_capture(context, what)
        _TAKEN[url, what] = capture_all(
            url,
            replace(Circumstances.usual(), say=context.say),
            replace(protocol, seeds=LEAST_PAIRS, first_seed=seed),
            driving,
            lambda number: first.with_stem(f"{first.stem}-{number}"),
            say=context.say,
        )
    return _TAKEN[url, what]


def driven(asked: AskedOf, settings: int = 1) -> Procedure:
    """The procedure of a claim that takes ten captures at each of `settings`."""

    def cost(source: str, context: Context) -> Cost:
        if source != DEVICE:
            return asked.cost(source, context)
        events = round(settings * LEAST_PAIRS * STEPS.steps * EVENTS_A_STEP)
        return device_cost(context, events * share_s(context), events, read_s=60.0 * settings)

    return replace(asked.procedure(), cost=cost)


def _outcome(asked: Asked, meta: dict[str, object], paths: list[Path]) -> ClaimOutcome:
    found: BenchmarkResult = analyse_captures(paths, Question(input_baselines=False, telemetry=False))
    evidence = found.evidence
    if evidence is None:
        raise ValueError("captures of a device have evidence")
    channel = evidence.attribution.channel
    elsewhere = "" if channel in (None, Channel.TIMING) else f"the channel {channel}"
    device = found.scores["device"]
    names = ("u_t", "poisson_twin", "history_shuffled")
    subject = found.subject
    planted = None
    if subject is not None and subject.simulated:
        planted = float(subject.truth.get("effect_memory_gain") or 0.0) != 0.0
    return outcome_of(
        asked.claim,
        asked.find(evidence),
        meta,
        value=evidence.value,
        explained=elsewhere,
        planted=planted,
        needs=NEEDS,
        effect_unit=asked.unit,
        note=evidence.attribution.reason,
        reproduced=[
            Reproduced(f"NRMSE in {asked.mode} mode", asked.claimed, device),
            *(Reproduced(f"NRMSE of {name}", None, found.scores[name]) for name in names),
        ],
    )


_MEMORY = f"a memory of capacity {PLANTED_CAPACITY:g} beyond the present input (gain 4, 4.5 steps)"
_IN_TASK = (
    "counts that follow the target, put into the shares of an ordinary twin: a memory of 0.5 beyond it is "
    "no better at the task than the input itself"
)
_DIALOGUE = (
    f"waits whose logarithm follows the target with {PLANTED_SHARE:.0%} of its variance, put into the shares "
    "of an ordinary twin: one share a step shows no memory of a rate"
)
_STREAM_RUNS, _STREAM_S = 7, 9.0


def _answered(question: TwinQuestion) -> Procedure:
    asked = ASKED[question.claim]
    return driven(AskedOf(question, partial(of_capture, asked), partial(of_device, asked), read_s=20.0))


PROCEDURES: tuple[Procedure, ...] = (
    _answered(
        TwinQuestion(
            "H08", take_stream, find_memory, effect_in(), _MEMORY, _STREAM_RUNS, _STREAM_S, "capacity", NEEDS
        )
    ),
    _answered(TwinQuestion("S02", take_monologue, find_gain, effect_in(), _IN_TASK, 7, 5.5, "NRMSE", NEEDS)),
    _answered(
        TwinQuestion(
            "S04", take_stream, find_history, effect_in(), _MEMORY, _STREAM_RUNS, _STREAM_S, "NRMSE", NEEDS
        )
    ),
    _answered(TwinQuestion("S01", take_dialogue, find_gain, effect_in(), _DIALOGUE, 7, 9.0, "NRMSE", NEEDS)),
)
