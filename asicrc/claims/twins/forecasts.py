"""Forecasts of Mackey and Glass by an S9, against delay lines of the same input: claim H16.

A delay line knows the input without noise, so no memory of it is better: what would be is a device that knows
the series better than its past does. No twin has that. It is put into the data: of an ordinary twin's shares
so many stay in each step as the value 84 steps ahead says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asicrc.claims.twins.driven import MACHINE, STEP_S, STREAM_DIFFICULTY, TASK_SPLIT
from asicrc.claims.twins.told import by_counts
from asicrc.claims.twins.units import twin_of
from asicrc.evidence import Finding
from asicrc.reservoir.attribution import TASK_MARGINS, judge_gain
from asicrc.reservoir.attribution.paired import LEAST_PAIRS
from asicrc.reservoir.baselines import quadratic_taps, taps
from asicrc.reservoir.benchmark import Protocol, Target, score
from asicrc.reservoir.benchmark.capture_scores import known_input
from asicrc.reservoir.benchmark.capturing import Driving, run_in_memory
from asicrc.reservoir.driven_run import DrivenRun
from asicrc.reservoir.encoders import encoder_for
from asicrc.reservoir.states import StateTable, informative, usual_features

HORIZON = 84
"""As is usual for this series (Jaeger and Haas 2004): over a few steps any delay line forecasts it."""
INPUT_LOW, INPUT_HIGH = 0.1, 1.6
DELAYS = 20
LEAST_RATE = 0.1
"""Of the highest, where something is planted."""
TASK = "mackey_glass"
QUESTION = f"Does the device forecast the series {HORIZON} steps ahead better than delay lines of its input?"
PROTOCOL = Protocol(TASK, {"horizon": HORIZON}, TASK_SPLIT, LEAST_PAIRS)
DRIVING = Driving(
    encoder_for("work", step_s=STEP_S, u_low=INPUT_LOW, u_high=INPUT_HIGH),
    requested={"difficulty": STREAM_DIFFICULTY},
)


@dataclass(frozen=True, slots=True)
class Gains:
    """Over each of the delay lines, one for each capture: NRMSE of the line less that of the device."""

    linear: tuple[float, ...]
    quadratic: tuple[float, ...]


def take_forecast(kind: str, seed: np.random.SeedSequence) -> Gains:
    device = twin_of(kind, MACHINE, seed)
    scores = []
    for number in seed.generate_state(LEAST_PAIRS + 2)[2:].tolist():
        run, task = run_in_memory(device, PROTOCOL, DRIVING, number)
        if kind == "planted":
            run = by_counts(run, task.y, np.random.default_rng(number), least=LEAST_RATE)
        scores.append(scores_of(run, Target(task.y, np.isfinite(run.drive.u), PROTOCOL.split)))
    device_nrmse, linear, quadratic = np.array(scores).T
    return Gains(tuple(linear - device_nrmse), tuple(quadratic - device_nrmse))


def find_forecast(gains: Gains) -> Finding:
    lines = {"linear delay line": gains.linear, "quadratic delay line": gains.quadratic}
    return judge_gain(QUESTION, lines, TASK_MARGINS)


def scores_of(run: DrivenRun, target: Target) -> tuple[float, float, float]:
    """NRMSE of the device, of a linear and of a quadratic delay line."""
    u = known_input(run)
    states, _ = informative(usual_features(run.mode).states(run.steps))
    tables: dict[str, StateTable] = {
        "device": states,
        "linear": taps(u, DELAYS),
        "quadratic": quadratic_taps(u, DELAYS),
    }
    device, linear, quadratic = (score(name, table, target).nrmse for name, table in tables.items())
    return device, linear, quadratic
