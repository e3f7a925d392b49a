"""All scores of one capture: the device, the input alone, the host alone, the twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from asicrc.errors import NoAnswer, UsageError
from asicrc.reservoir.attribution import Group
from asicrc.reservoir.baselines import (
    MemorylessTwin,
    controller_states,
    history_shuffled,
    measure_twin,
    taps,
)
from asicrc.reservoir.baselines.telemetry_twin import telemetry_twin
from asicrc.reservoir.benchmark.capacities import memory_curves
from asicrc.reservoir.benchmark.input_scores import echo_states, input_scores, same_taps
from asicrc.reservoir.benchmark.pictures import Pictures, take_pictures
from asicrc.reservoir.benchmark.scoring import Scored, Target, score, score_constant
from asicrc.reservoir.driven_run import DrivenRun
from asicrc.reservoir.states import (
    FeatureSet,
    StateTable,
    informative,
    telemetry,
    uninformative_share,
    usual_features,
)
from asicrc.reservoir.states.informative import MOST_UNINFORMATIVE
from asicrc.reservoir.states.table import Floats
from asicrc.reservoir.states.telemetry import TELEMETRY, sensor_channels

TWIN_DRAWS = 3
"""Runs of the twin whose scores are averaged: its own noise is no part of the question."""


@dataclass(frozen=True, slots=True)
class CaptureScores:
    """scores : by name, in the order of print
    curves : memory capacities by delay, of `device`, `poisson_twin`, `u_t` and the groups of features
    kept, refused : names of the features that were used, and the uninformative share of the others
    twin : what was measured for it
    """

    scores: dict[str, Scored]
    curves: dict[str, Floats] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    refused: dict[str, float] = field(default_factory=dict)
    events_per_step: float = 0.0
    missing_steps: int = 0
    twin: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    pictures: Pictures | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of each capture. `features` None are the usual ones of its mode; `esn_units` are the
    networks beside it, `max_delay` is the reach of the memory capacity."""

    features: FeatureSet | None = None
    esn_units: Sequence[int] = (100,)
    max_delay: int = 20
    input_baselines: bool = True
    """False leaves out what does not enter the verdict: delay lines, networks, noise."""
    telemetry: bool = True
    """False leaves out the scores of timing and sensors together."""


def capture_scores(
    run: DrivenRun,
    target: Target,
    question: Question,
    seed: np.random.SeedSequence,
    *,
    pictured: bool = False,
) -> CaptureScores:
    """Score one capture; `pictured` also keeps what its figures need.

    Raises NoAnswer for degenerate states, too few steps or too few answers, UsageError for a target of
    another length than the run.
    """
    if len(target.y) != len(run):
        raise UsageError(
            f"a target of {len(target.y)} steps for a run of {len(run)}", "give the task that was captured"
        )
    rng = np.random.default_rng(seed)
    split = target.split
    u = known_input(run)
    features = question.features or usual_features(run.mode)
    states, refused = informative(features.states(run.steps))
    twin = measure_twin(run)
    twins = [_like(features.states(twin.draw(rng)), states) for _ in range(TWIN_DRAWS)]
    deaf_steps = twin.deaf().draw(rng)
    deaf = _like(features.states(deaf_steps), states)
    controller = controller_states(run, deaf_steps)
    parts = [split.train, split.test]
    sensors = _sensor_table(run)

    scores = {"device": score("device", states, target)}
    if question.telemetry:
        scores |= _with_telemetry(run, sensors, states, twins[0], twin, target)
    input_table = taps_of(u, features, run)
    if question.input_baselines:
        fresh = np.random.SeedSequence(rng.integers(0, 2**32, 4).tolist())
        scores |= input_scores(
            u, target, seed=fresh, noise=max(states.width, 1), esn_units=question.esn_units
        )
    else:
        scores["u_t"] = score("u_t", taps_of(u, FeatureSet(), run), target)
    if features.remembers:
        scores["u_t_same_taps"] = score("u_t_same_taps", input_table, target)
    scores["host_path"] = score("host_path", deaf, target)
    scores["poisson_twin"] = _mean_scores([score("poisson_twin", table, target) for table in twins])
    scores["controller_only"] = (
        _renamed(score_constant(target), "controller_only")
        if controller is None
        else score("controller_only", controller, target)
    )
    scores["history_shuffled"] = score("history_shuffled", history_shuffled(states, u, parts, rng), target)

    tables = {"device": states, "u_t": input_table} | _sensor_groups(sensors, controller)
    drawn_twins = {f"poisson_twin {number}": table for number, table in enumerate(twins)}
    curves, why_none = memory_curves(tables | drawn_twins, u, question.max_delay, split.washout)
    if curves:
        curves["poisson_twin"] = np.mean([curves.pop(name) for name in drawn_twins], axis=0)
    pictures = None
    if pictured:
        drawn = {"device": states, "poisson_twin": twins[0], "linear_20": taps(u, 20)}
        drawn |= {"esn_100": echo_states(u, 100, 0, split.test.start)} if question.input_baselines else {}
        pictures = take_pictures(target, scores, drawn, u)
    return CaptureScores(
        scores=scores,
        curves=curves,
        kept=states.names,
        refused=refused,
        events_per_step=len(run.steps.t_ns) / len(run),
        missing_steps=run.drive.missing_steps,
        twin=twin.as_json(),
        notes=tuple(note for note in (_frozen_sensors(sensors), why_none) if note is not None),
        pictures=pictures,
    )


def known_input(run: DrivenRun) -> Floats:
    """(T,) the input as read back; its mean where it is not known."""
    u = run.drive.u
    known = np.isfinite(u)
    if not known.any():
        raise NoAnswer(
            "the device said of no step what it was driven with", "drive it by a setting it reports"
        )
    filled: Floats = np.where(known, u, u[known].mean())
    return filled


def taps_of(u: Floats, features: FeatureSet, run: DrivenRun) -> StateTable:
    return same_taps(u, features, run.steps.starts_ns)


def _like(table: StateTable, states: StateTable) -> StateTable:
    return table.chosen(states.names)


def _with_telemetry(
    run: DrivenRun,
    all_sensors: StateTable,
    states: StateTable,
    twin_states: StateTable,
    twin: MemorylessTwin,
    target: Target,
) -> dict[str, Scored]:
    """Timing and sensors together, of the device, and of the twin behind the same filter of the telemetry."""
    sensors = _informative(all_sensors, all_sensors.names)
    if sensors is None:
        return {}
    found = {"device_telemetry": score("device_telemetry", StateTable.beside([states, sensors]), target)}
    filtered = telemetry_twin(run, sensors)
    name = "poisson_twin_telemetry"
    tables = [twin_states] + ([] if filtered is None else [filtered])
    return found | {name: score(name, StateTable.beside(tables), target)}


def _sensor_groups(sensors: StateTable, controller: StateTable | None) -> dict[str, StateTable]:
    heat = [name for name in sensors.names if name.endswith("_c")]
    fans = [name for name in sensors.names if name.endswith("_rpm")]
    groups = {
        Group.TEMPERATURE: _informative(sensors, heat),
        Group.AVERAGED: _informative(sensors, [n for n in sensors.names if n not in (*heat, *fans)]),
    }
    of_controller = [table for table in (controller, _informative(sensors, fans)) if table is not None]
    if of_controller:
        groups[Group.CONTROLLER] = StateTable.beside(of_controller)
    return {group.value: table for group, table in groups.items() if table is not None}


def _informative(sensors: StateTable, names: Sequence[str]) -> StateTable | None:
    if not names:
        return None
    try:
        return informative(sensors.chosen(names))[0]
    except NoAnswer:
        return None


def _sensor_table(run: DrivenRun) -> StateTable:
    """All of them; without columns where the device has none."""
    channels = sensor_channels(run.readings, run.encoder.channel)
    return telemetry(run.readings, run.steps.starts_ns, channels, run.encoder.channel)


def _frozen_sensors(sensors: StateTable) -> str | None:
    """A note on the sensors that no score and no group of features has; None where each says something."""
    shares = uninformative_share(sensors).tolist()
    frozen = [
        name.removeprefix(TELEMETRY)
        for name, share in zip(sensors.names, shares, strict=True)
        if share > MOST_UNINFORMATIVE
    ]
    if not frozen:
        return None
    return (
        f"{len(frozen)} of {sensors.width} sensors were left out, missing or the same in more than "
        f"{MOST_UNINFORMATIVE:.0%} of the steps: {', '.join(frozen)}"
    )


def _mean_scores(scores: Sequence[Scored]) -> Scored:
    first = scores[0]
    return Scored(
        first.name,
        float(np.mean([s.nrmse for s in scores])),
        float(np.mean([s.nrmse_range for s in scores])),
        first.prediction,
        first.alpha,
        first.features,
    )


def _renamed(scored: Scored, name: str) -> Scored:
    return Scored(name, scored.nrmse, scored.nrmse_range, scored.prediction, scored.alpha, scored.features)
