"""How often the verdict on memory is wrong, on twins of which the truth is known.

    python -m asicrc.reservoir.calibration --runs 500 --jobs 2 --output calibration

One run is a whole verdict: ten short captures of one device by one encoder, scored and weighed as
`asicrc benchmark` does. Devices without memory are to be called supported in less than 5 % of the runs, with
the upper end of the 95 % interval, in the worst class; a planted memory of capacity 0.5 is to be found in
90 % with the lower end.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from asicrc.devices.twins import make_twin
from asicrc.evidence import Estimate
from asicrc.evidence.binomial import clopper_pearson
from asicrc.reservoir.attribution import Group
from asicrc.reservoir.attribution.paired import LEAST_PAIRS
from asicrc.reservoir.benchmark import (
    CaptureScores,
    Protocol,
    Question,
    Split,
    Subject,
    Target,
    capture_scores,
    combine,
)
from asicrc.reservoir.benchmark.capturing import Driving, run_in_memory
from asicrc.reservoir.encoders import encoder_for
from asicrc.reservoir.kept_runs import run_numbers
from asicrc.reservoir.scale import config_seed
from firmware_protocols.device import DeviceProtocol

MOST_FALSE = 0.05
LEAST_POWER = 0.90
ROOT_SEED = 5_2026
_QUESTION = Question(input_baselines=False, telemetry=False, max_delay=10)


@dataclass(frozen=True, slots=True)
class TwinClass:
    """One kind of twin behind one encoder. Memory is `planted` or not.

    `name` is of the entry point; `encoder` and `options` as for `encoder_for`; `requested` stays as it is.
    """

    name: str
    encoder: str
    options: Mapping[str, float]
    requested: Mapping[str, float]
    split: Split
    step_s: float
    effects: Mapping[str, float] = field(default_factory=dict)
    machine: str = "lv06"

    @property
    def planted(self) -> bool:
        return bool(self.effects)

    @property
    def label(self) -> str:
        return f"{self.name}, {self.encoder}"

    def device(self, seed: int) -> DeviceProtocol:
        """Another unit of the population for each seed. Raises UsageError where no twins are installed."""
        return make_twin(self.name, self.machine, seed=seed, unit=seed % 1000, effects=dict(self.effects))

    def protocol(self) -> Protocol:
        return Protocol(split=self.split, seeds=LEAST_PAIRS, question=_QUESTION)


_SHORT, _STEP_S = Split(10, 75, 75), 0.25
_ENCODERS: Mapping[str, Mapping[str, float]] = {
    "work": {},
    "difficulty": {"low": 0.5, "high": 2.0},
    "frequency": {"low": 450.0, "high": 550.0},
    "voltage": {"low": 1150.0, "high": 1250.0},
    "duty": {"low": 450.0, "high": 550.0},
}
WITHOUT_MEMORY = tuple(
    TwinClass(kind, encoder, options, {} if encoder == "difficulty" else {"difficulty": 1.0}, _SHORT, _STEP_S)
    for kind in ("ideal", "ordinary")
    for encoder, options in _ENCODERS.items()
)
WITH_MEMORY = (
    TwinClass(
        "planted",
        "work",
        {},
        {"difficulty": 0.5},
        Split(20, 200, 200),
        1.0,
        {"memory_gain": 4.0, "memory_tau": 4.5},
    ),
)
"""At these 160 shares a step 400 steps measure a capacity of 0.50 beyond the present (long series 0.57: a
slow memory shows less in a short one)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one run came to."""

    label: str
    computes: str
    channel: str | None
    capacity: float | None
    """Gain in memory capacity over the nearest null; None where an input was not white by chance."""


@dataclass(frozen=True, slots=True)
class ClassResult:
    """Of all runs of one class. `supported` is their share, with its exact interval."""

    label: str
    planted: bool
    supported: Estimate
    capacity: float
    channels: Mapping[str, int]

    @property
    def passed(self) -> bool:
        return self.supported.low >= LEAST_POWER if self.planted else self.supported.high <= MOST_FALSE

    def as_json(self) -> dict[str, Any]:
        return {
            "class": self.label,
            "planted": self.planted,
            "supported": self.supported.as_json(),
            "capacity": self.capacity,
            "channels": dict(self.channels),
            "passed": self.passed,
        }


def calibrate(
    runs: int,
    classes: Sequence[TwinClass] = WITHOUT_MEMORY + WITH_MEMORY,
    *,
    n_jobs: int = 1,
    kept: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[ClassResult]:
    """`runs` verdicts of each class. `passed` needs about 150 runs: with fewer no interval is that narrow.

    `kept` is a file from which finished runs are taken and to which new ones are added. Raises StorageError.
    """
    results = []
    for of in classes:
        lines = run_numbers(_verdict_line, of, range(runs), kept=kept, n_jobs=n_jobs)
        results.append(summarise(of, [Verdict(**line) for line in lines]))
        say(result_line(results[-1]))
    return results


def verdict_of(of: TwinClass, number: int) -> Verdict:
    """One verdict: ten captures of one twin, its own device, noise and inputs for each run."""
    seed = config_seed(ROOT_SEED, {"class": of.label, "run": number})
    device_seed, *capture_seeds = (int(word) >> 1 for word in seed.generate_state(LEAST_PAIRS + 1))
    device = of.device(device_seed)
    protocol = of.protocol()
    driving = Driving(encoder_for(of.encoder, step_s=of.step_s, **of.options), requested=dict(of.requested))
    captures: list[CaptureScores] = []
    for capture_seed in capture_seeds:
        run, task = run_in_memory(device, protocol, driving, capture_seed)
        target = Target(task.y, np.isfinite(run.drive.u), of.split)
        # The twin's noise is drawn from the stream of the input. Children of the seed would keep them apart,
        # and make other runs than those of which the figures are told. To these it makes no difference: the
        # capacity of a deaf twin is lower by 0.004 +- 0.005 than with a stream of its own (1,500 inputs), and
        # 0.5 is looked for.
        captures.append(capture_scores(run, target, _QUESTION, np.random.SeedSequence(capture_seed)))
    encoder = driving.encoder
    subject = Subject(device.identity.url, "stream", encoder.channel, encoder.heats, simulated=True)
    evidence = combine(protocol.task, of.split, captures, subject=subject).evidence
    if evidence is None:
        raise RuntimeError("captures of a device have evidence")
    timing = evidence.memory.get(Group.TIMING)
    channel = evidence.attribution.channel
    return Verdict(
        of.label,
        evidence.attribution.computes.value,
        None if channel is None else channel.value,
        None if timing is None else timing.effect.estimate,
    )


def _verdict_line(of: TwinClass, number: int) -> dict[str, Any]:
    return asdict(verdict_of(of, number))


def summarise(of: TwinClass, verdicts: Sequence[Verdict]) -> ClassResult:
    """Count the verdicts of one class."""
    supported = sum(v.computes == "supported" for v in verdicts)
    names = [v.channel or "none" for v in verdicts]
    return ClassResult(
        of.label,
        of.planted,
        clopper_pearson(supported, len(verdicts)),
        float(np.mean([v.capacity for v in verdicts if v.capacity is not None] or [np.nan])),
        {name: names.count(name) for name in sorted(set(names))},
    )


def result_line(result: ClassResult) -> str:
    share = result.supported
    goal = f"power >= {LEAST_POWER:.0%}" if result.planted else f"false alarms <= {MOST_FALSE:.0%}"
    said = "passed" if result.passed else "NOT PASSED"
    channels = ", ".join(f"{name} {count}" for name, count in result.channels.items())
    return (
        f"{result.label:<24} supported {share.estimate:6.1%} [{share.low:.1%}, {share.high:.1%}] "
        f"of {share.n}; capacity {result.capacity:+.3f}; {channels}; {goal}: {said}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every class passed."""
    parser = argparse.ArgumentParser(prog="python -m asicrc.reservoir.calibration", description=__doc__)
    parser.add_argument("--runs", type=int, default=500, help="verdicts of each class")
    parser.add_argument("--jobs", type=int, default=-1, help="processes; -1: all cores")
    parser.add_argument("--only", default="", help="classes whose name contains this")
    parser.add_argument(
        "--output", type=Path, default=None, help="folder for memory.json, memory.png and what is finished"
    )
    chosen = parser.parse_args(arguments)
    classes = [of for of in WITHOUT_MEMORY + WITH_MEMORY if chosen.only in of.label]

    def say(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    kept = None if chosen.output is None else chosen.output / "memory-runs.jsonl"
    results = calibrate(chosen.runs, classes, n_jobs=chosen.jobs, kept=kept, say=say)
    if chosen.output is not None:
        from asicrc.report.calibration_figure import memory_calibration_figure
        from asicrc.report.saving import save_figure

        (chosen.output / "memory.json").write_text(
            json.dumps({"seed": ROOT_SEED, "classes": [result.as_json() for result in results]}, indent=1)
        )
        save_figure(memory_calibration_figure(results), chosen.output / "memory.png")
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
