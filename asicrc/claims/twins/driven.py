"""An S9 driven with an input, as a reservoir would be: claims H08, H16, S01, S02, S04 and S07.

Each run is a whole verdict: ten captures of one unit, scored and weighed as `asicrc benchmark` does. The
input is in the work, which reaches no chip of an ideal or ordinary twin. There are 160 shares a step of
0.25 s: at so many the planted memory has a capacity of 0.5 beyond the present input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from asicrc.claims.twins.told import by_counts, by_waits
from asicrc.claims.twins.units import twin_of
from asicrc.evidence import Finding
from asicrc.reservoir.attribution import Group
from asicrc.reservoir.attribution.paired import LEAST_PAIRS
from asicrc.reservoir.benchmark import (
    CaptureScores,
    Evidence,
    Protocol,
    Question,
    Split,
    Subject,
    Target,
    capture_scores,
    combine,
)
from asicrc.reservoir.benchmark.capturing import Driving, run_in_memory
from asicrc.reservoir.driven_run import HANDSHAKE, DrivenRun
from asicrc.reservoir.encoders import encoder_for
from asicrc.reservoir.states.table import Floats
from asicrc.reservoir.tasks import Task
from firmware_protocols.device import DeviceProtocol

MACHINE = "s9"
PLANTED_MEMORY = {"memory_gain": 4.0, "memory_tau": 4.5}
PLANTED_CAPACITY = 0.5
STREAM_SPLIT, TASK_SPLIT = Split(20, 250, 300), Split(20, 150, 150)
STEP_S, STREAM_DIFFICULTY = 0.25, 5.0
_QUESTION = Question(input_baselines=False, telemetry=False, max_delay=10)


@dataclass(frozen=True, slots=True)
class Bench:
    """How a twin is driven, and what is asked of its captures."""

    protocol: Protocol
    driving: Driving

    def evidence(self, device: DeviceProtocol, captures: Sequence[CaptureScores]) -> Evidence:
        encoder = self.driving.encoder
        subject = Subject(
            device.identity.url, self.driving.mode, encoder.channel, encoder.heats, simulated=True
        )
        found = combine(self.protocol.task, self.protocol.split, captures, subject=subject).evidence
        if found is None:
            raise RuntimeError("captures of a device have evidence")
        return found


STREAM = Bench(
    Protocol(split=STREAM_SPLIT, seeds=LEAST_PAIRS, question=_QUESTION),
    Driving(encoder_for("work", step_s=STEP_S), requested={"difficulty": STREAM_DIFFICULTY}),
)
MONOLOGUE = replace(STREAM, protocol=replace(STREAM.protocol, split=TASK_SPLIT))
LEAST_RATE = 0.5
"""Of the highest, where counts are made to follow the target."""
DIALOGUE_SPLIT, DIALOGUE_DIFFICULTY = Split(100, 1200, 700), 64.0
"""The 2,000 steps of the registry: one share a step tells little, and 600 found it in four twins of seven."""
PLANTED_SHARE = 0.5
"""Of the variance of the logarithm of a wait: so much is made to follow the target."""
DIALOGUE = Bench(
    Protocol(split=DIALOGUE_SPLIT, seeds=LEAST_PAIRS, question=_QUESTION),
    Driving(
        encoder_for("work", step_s=STEP_S), mode=HANDSHAKE, requested={"difficulty": DIALOGUE_DIFFICULTY}
    ),
)


def take_stream(kind: str, seed: np.random.SeedSequence) -> Evidence:
    """Work that follows the clock, for the memory itself."""
    device = twin_of(kind, MACHINE, seed, PLANTED_MEMORY)
    return STREAM.evidence(device, captures_of(STREAM, device, seed))


def take_monologue(kind: str, seed: np.random.SeedSequence) -> Evidence:
    """The same, for the task. What is planted is put into the counts of an ordinary twin: a memory that is
    beyond the input by 0.5 is not better at the task than the input itself."""
    device = twin_of(kind, MACHINE, seed)
    rng = np.random.default_rng(seed)

    def plant(run: DrivenRun, y: Floats) -> DrivenRun:
        return by_counts(run, y, rng, least=LEAST_RATE)

    return MONOLOGUE.evidence(
        device, captures_of(MONOLOGUE, device, seed, plant if kind == "planted" else None)
    )


def take_dialogue(kind: str, seed: np.random.SeedSequence) -> Evidence:
    """The next work when a share has come.

    One share a step shows no memory of a rate, however large. What is planted is put into the waits of an
    ordinary twin: they follow the target.
    """
    device = twin_of(kind, MACHINE, seed)

    def plant(run: DrivenRun, y: Floats) -> DrivenRun:
        return by_waits(run, y, share=PLANTED_SHARE)

    return DIALOGUE.evidence(
        device, captures_of(DIALOGUE, device, seed, plant if kind == "planted" else None)
    )


def captures_of(
    bench: Bench,
    device: DeviceProtocol,
    seed: np.random.SeedSequence,
    plant: Callable[[DrivenRun, Floats], DrivenRun] | None = None,
) -> list[CaptureScores]:
    """Ten, each with an input of its own. `plant` is given a run and its target."""
    found = []
    for number in seed.generate_state(LEAST_PAIRS + 2)[2:].tolist():
        run, task = run_in_memory(device, bench.protocol, bench.driving, number)
        if plant is not None:
            run = plant(run, task.y)
        found.append(scored(bench, run, task, number))
    return found


def scored(bench: Bench, run: DrivenRun, task: Task, number: int) -> CaptureScores:
    target = Target(task.y, np.isfinite(run.drive.u), bench.protocol.split)
    # `number` is the seed of the input: the memoryless twin's noise has a stream of its own
    return capture_scores(run, target, bench.protocol.question, np.random.SeedSequence([number, 1]))


def find_memory(evidence: Evidence) -> Finding:
    """H08: capacity beyond the present input and the memoryless twin."""
    return evidence.memory[Group.TIMING]


def find_gain(evidence: Evidence) -> Finding:
    """S01, S02: the task, beyond the better of the input and the memoryless twin."""
    return evidence.task


def find_history(evidence: Evidence) -> Finding:
    """S04: what is lost when only the history is shuffled."""
    return replace(evidence.history, note=f"{evidence.history.note}; the present input stays")
