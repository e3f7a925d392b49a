"""Scores of all captures together, the verdicts, and the form in which they are handed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from asicrc.evidence import Estimate, EvidenceVerdict, Finding, Instrument
from asicrc.evidence.estimate import finite_or_none
from asicrc.reservoir.attribution import (
    CAPACITY_MARGINS,
    TASK_MARGINS,
    Attribution,
    Channel,
    Group,
    attribute,
    instrument_verdict,
    judge_gain,
    value_verdict,
)
from asicrc.reservoir.attribution.paired import LEAST_PAIRS
from asicrc.reservoir.benchmark.capacities import total
from asicrc.reservoir.benchmark.capture_scores import CaptureScores
from asicrc.reservoir.benchmark.split import Split

NULLS = ("u_t", "u_t_same_taps", "poisson_twin")
"""What a claim of memory has to beat in the task; those of them that were scored."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What was measured. `truth` is what a simulated device says of itself."""

    url: str
    mode: str
    channel: str
    heats: bool
    simulated: bool
    truth: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Findings and verdicts on a device. Of a simulated one `interpretation` is on the instrument."""

    task: Finding
    history: Finding
    memory: Mapping[Group, Finding]
    attribution: Attribution
    value: EvidenceVerdict
    value_reason: str
    interpretation: str
    interpretation_reason: str


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """`evidence` is None without a device."""

    task: str
    split: Split
    scores: Mapping[str, Estimate]
    captures: Sequence[CaptureScores]
    subject: Subject | None = None
    evidence: Evidence | None = None

    @property
    def channel(self) -> Channel | None:
        return None if self.evidence is None else self.evidence.attribution.channel

    def as_json(self) -> dict[str, Any]:
        evidence = self.evidence
        untested = EvidenceVerdict.NOT_TESTABLE_HERE.value
        return {
            "task": self.task,
            "n_train": self.split.n_train,
            "n_test": self.split.n_test,
            "washout": self.split.washout,
            "seeds": len(self.captures),
            "scores": [
                {
                    "name": name,
                    "nrmse": finite_or_none(score.estimate),
                    "low": finite_or_none(score.low),
                    "high": finite_or_none(score.high),
                }
                for name, score in self.scores.items()
            ],
            "channel": None if self.channel is None else self.channel.value,
            "value_verdict": untested if evidence is None else evidence.value.value,
            "interpretation_verdict": untested if evidence is None else evidence.interpretation,
            "smallest_effect": None if evidence is None else evidence.task.smallest_effect,
        }


def combine(
    task: str,
    split: Split,
    captures: Sequence[CaptureScores],
    *,
    subject: Subject | None = None,
    intervals: Mapping[str, Estimate] | None = None,
) -> BenchmarkResult:
    """Put captures or seeds together. `intervals` stand in where there is only one (over its test steps)."""
    names = [name for name in captures[0].scores if all(name in c.scores for c in captures)]
    scores = {
        name: _over_captures([c.scores[name].nrmse for c in captures], (intervals or {}).get(name))
        for name in names
    }
    evidence = None if subject is None else weigh(task, captures, subject)
    return BenchmarkResult(task, split, scores, captures, subject, evidence)


def weigh(task: str, captures: Sequence[CaptureScores], subject: Subject) -> Evidence:
    """The findings of a device's captures, what they are attributed to, and the two verdicts."""
    nulls = [name for name in NULLS if all(name in c.scores for c in captures)]
    gain = judge_gain(
        f"is the device better at {task} than the input alone and than a miner without memory?",
        {null: _differences(captures, null, "device") for null in nulls},
        TASK_MARGINS,
    )
    history = judge_gain(
        "do the states know more than the present input?",
        {"history_shuffled": _differences(captures, "history_shuffled", "device")},
        TASK_MARGINS,
    )
    memory = _memory(captures)
    found = attribute(gain, memory, heats=subject.heats)
    value, value_reason = value_verdict(
        task, subject.mode, [c.scores["device"].nrmse for c in captures], simulated=subject.simulated
    )
    interpretation, reason = found.computes.value, found.reason
    if subject.simulated and len(captures) < LEAST_PAIRS:
        interpretation, reason = Instrument.NOT_RESOLVED.value, f"{gain.note}; {found.reason}"
    elif subject.simulated:
        events = float(np.mean([c.events_per_step for c in captures]))
        verdict, why = instrument_verdict(
            found, subject.truth, channel=subject.channel, events_per_step=events
        )
        interpretation, reason = verdict.value, f"{why}; {found.reason}"
    return Evidence(gain, history, memory, found, value, value_reason, interpretation, reason)


def _memory(captures: Sequence[CaptureScores]) -> dict[Group, Finding]:
    """By group of features; the timing against the input and the twin, the others against the input."""
    groups: dict[Group, tuple[str, tuple[str, ...]]] = {Group.TIMING: ("device", ("u_t", "poisson_twin"))}
    groups |= {g: (g.value, ("u_t",)) for g in (Group.TEMPERATURE, Group.CONTROLLER, Group.AVERAGED)}
    found = {}
    for group, (name, nulls) in groups.items():
        if not all(name in c.curves for c in captures):
            continue
        gains = {
            null: np.array([total(c.curves[name]) - total(c.curves[null]) for c in captures])
            for null in nulls
        }
        question = f"does the {group.value} remember the input beyond {' and '.join(nulls)}?"
        found[group] = judge_gain(question, gains, CAPACITY_MARGINS)
    return found


def _differences(captures: Sequence[CaptureScores], null: str, device: str) -> np.ndarray:
    return np.array([c.scores[null].nrmse - c.scores[device].nrmse for c in captures])


def _over_captures(values: Sequence[float], of_one: Estimate | None) -> Estimate:
    n, mean = len(values), float(np.mean(values))
    if n == 1:
        return of_one or Estimate(mean, float("nan"), float("nan"), 1, method="one run, no interval")
    half = float(stats.t.ppf(0.975, n - 1)) * float(np.std(values, ddof=1)) / n**0.5
    return Estimate(mean, mean - half, mean + half, n, method="t over captures or seeds")
