"""How often the default battery is wrong, on records of which the truth is known.

    python -m asicrc.analysis.calibration --devices 1000 --jobs 2 --output calibration

Each record of a class is another device with other work. Where nothing is planted no test of the battery
may call its claim supported: of all records the upper end of the 95 % interval is to stay below 5 %, in the
worst class; the battery is built for 1 %, so that confounds which no test models have room. An effect of a
size that was fixed beforehand is to be found in 90 % with the lower end. Curves say what smaller ones come
to.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from asicrc.analysis.battery import TESTS, run_battery
from asicrc.analysis.event_stream import EventStream
from asicrc.analysis.spectra.host_periods import HostPeriod, regular_period, usual_periods
from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.devices.twins import make_twin
from asicrc.evidence import PROMISED_LEVEL, Estimate, EvidenceVerdict
from asicrc.evidence.binomial import clopper_pearson
from asicrc.evidence.block_bootstrap import Floats
from asicrc.reservoir.kept_runs import run_numbers
from asicrc.reservoir.scale import config_seed

LEAST_POWER = 0.90
ROOT_SEED = 7_2026
INTERVALS = 4000
LONGEST_S = 1e5
"""Of a twin's own time for a record: ten times what the slowest takes, and some minutes of the host's."""
HEARTBEAT_EVENTS = 2588
MEAN_S = 0.0804
"""Of an S9 at difficulty 256."""


@dataclass(frozen=True, slots=True)
class RecordClass:
    """Records of one kind: a twin, or intervals of a given law. `wanted` is the test that has to find what
    was planted, empty where nothing was; `points` of a curve are not held to a limit."""

    label: str
    make: Callable[[np.random.SeedSequence], tuple[EventStream, list[HostPeriod]]]
    wanted: str = ""
    effect: float = 0.0
    is_curve: bool = False


@dataclass(frozen=True, slots=True)
class ClassResult:
    """`found` is the share of records in which something was called supported: anything at all where
    nothing is planted, the wanted test where something is. `refuted` counts those in which the wanted test
    refuted it."""

    label: str
    wanted: str
    effect: float
    found: Estimate
    refuted: int
    by_test: Mapping[str, int]
    verdicts: Mapping[str, Mapping[str, int]]
    is_curve: bool

    @property
    def passed(self) -> bool | None:
        """None for a point of a curve."""
        if self.is_curve:
            return None
        return self.found.low >= LEAST_POWER if self.wanted else self.found.high <= PROMISED_LEVEL

    def as_json(self) -> dict[str, Any]:
        return {
            "class": self.label,
            "wanted": self.wanted,
            "effect": self.effect,
            "found": self.found.as_json(),
            "refuted": self.refuted,
            "by_test": dict(self.by_test),
            "verdicts": {test: dict(counts) for test, counts in self.verdicts.items()},
            "passed": self.passed,
        }


def calibrate(
    records: int,
    classes: Sequence[RecordClass] | None = None,
    *,
    n_jobs: int = 1,
    kept: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[ClassResult]:
    """The battery on `records` of each class. A limit can be met from about 150 records on.

    `kept` is a file from which finished records are taken and to which new ones are added. Raises
    StorageError.
    """
    results = []
    for of in ALL if classes is None else classes:
        verdicts = run_numbers(verdicts_of, of, range(records), kept=kept, n_jobs=n_jobs)
        results.append(summarise(of, verdicts))
        say(result_line(results[-1]))
    return results


def verdicts_of(of: RecordClass, number: int) -> dict[str, str]:
    """The verdict of each test on one record; its device, work and noise are of its number."""
    seed = config_seed(ROOT_SEED, {"class": of.label, "record": number})
    stream, hosts = of.make(seed)
    battery = run_battery(stream, hosts=hosts, seed=number)
    return {key: finding.verdict.value for key, finding in battery.findings.items()}


def summarise(of: RecordClass, verdicts: Sequence[Mapping[str, str]]) -> ClassResult:
    supported = EvidenceVerdict.SUPPORTED.value
    by_test = {key: sum(one[key] == supported for one in verdicts) for key in verdicts[0]}
    anything = sum(supported in one.values() for one in verdicts)
    found = by_test[of.wanted] if of.wanted else anything
    refuted = sum(one.get(of.wanted) == EvidenceVerdict.REFUTED.value for one in verdicts)
    counts = {key: dict(Counter(one[key] for one in verdicts)) for key in verdicts[0]}
    share = clopper_pearson(found, len(verdicts))
    return ClassResult(of.label, of.wanted, of.effect, share, refuted, by_test, counts, of.is_curve)


def result_line(result: ClassResult) -> str:
    share = result.found
    of_what = f"{result.wanted} found" if result.wanted else "false alarms"
    tests = ", ".join(f"{name} {count}" for name, count in result.by_test.items() if count)
    passed = {True: "passed", False: "NOT PASSED", None: ""}[result.passed]
    refuted = f"; refuted {result.refuted}" if result.wanted else ""
    return (
        f"{result.label:<34} {of_what:<16} {share.estimate:7.2%} [{share.low:.2%}, {share.high:.2%}] "
        f"of {share.n}{refuted}; {tests or 'none'} {passed}".rstrip()
    )


@dataclass(frozen=True, slots=True)
class Twin:
    """Makes records of a named twin, each of another unit of its population."""

    kind: str
    machine: str
    events: int
    effects: Mapping[str, float] = field(default_factory=dict)
    requested: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, seed: np.random.SeedSequence) -> tuple[EventStream, list[HostPeriod]]:
        """Raises UsageError where no twins are installed."""
        device_seed, work_seed = (int(word) >> 1 for word in seed.generate_state(2))
        device = make_twin(
            self.kind, self.machine, seed=device_seed, unit=device_seed % 1000, effects=dict(self.effects)
        )
        plan = CapturePlan(
            duration_s=LONGEST_S, max_events=self.events, seed=work_seed, requested=dict(self.requested)
        )
        capture = capture_in_memory(device, plan)
        events = capture.events(distinct=True)[: self.events]
        floor_s = capture.number("jitter_floor", "rms_high_s")
        stream = EventStream.of(events["t_ns"], events["segment"], floor_s=floor_s)
        hosts = usual_periods(device.identity.model, stream.quantum_s)
        jobs = regular_period("jobs that are renewed", [job.sent_ns for job in capture.jobs()])
        return stream, [*hosts, *([jobs] if jobs else [])]


@dataclass(frozen=True, slots=True)
class GammaIntervals:
    """Makes records whose intervals are a gamma law of a given CV, delivered as an S9 delivers: a read each
    millisecond, jitter, in order."""

    cv: float
    intervals: int = INTERVALS

    def __call__(self, seed: np.random.SeedSequence) -> tuple[EventStream, list[HostPeriod]]:
        rng = np.random.default_rng(seed)
        steps = rng.gamma(1 / self.cv**2, MEAN_S * self.cv**2, self.intervals)
        return _delivered(np.cumsum(np.append(0.0, steps)), rng), usual_periods()


@dataclass(frozen=True, slots=True)
class ModulatedRate:
    """Makes records of a Poisson process whose rate is 1 + depth sin(2 pi f t), delivered likewise."""

    depth: float
    frequency_hz: float = 2.4
    events: int = HEARTBEAT_EVENTS

    def __call__(self, seed: np.random.SeedSequence) -> tuple[EventStream, list[HostPeriod]]:
        rng = np.random.default_rng(seed)
        drawn = int(self.events * (1 + self.depth) * 1.2) + 50
        t = np.cumsum(rng.exponential(MEAN_S / (1 + self.depth), drawn))
        phase = rng.random()
        rate = 1 + self.depth * np.sin(2 * np.pi * (self.frequency_hz * t + phase))
        kept = t[rng.random(drawn) * (1 + self.depth) < rate][: self.events]
        return _delivered(kept, rng), usual_periods()


def _delivered(t_s: Floats, rng: np.random.Generator) -> EventStream:
    read = np.ceil(t_s / 0.001 + rng.random()) * 0.001
    arrived = np.maximum.accumulate(read + np.abs(rng.normal(0.002, 0.0005, len(read))))
    return EventStream.of(np.round(arrived * 1e9).astype(np.int64), floor_s=0.0007)


NOTHING_PLANTED = (
    RecordClass("ideal S9", Twin("ideal", "s9", INTERVALS + 1)),
    RecordClass("ordinary S9", Twin("ordinary", "s9", INTERVALS + 1)),
    RecordClass(
        "ordinary LB-Box", Twin("ordinary", "lbbox", INTERVALS + 1, requested={"difficulty": 4096.0})
    ),
    RecordClass("ordinary LV06", Twin("ordinary", "lv06", INTERVALS + 1)),
)
FIXED_SIZES = (
    RecordClass(
        "planted S9, heartbeat 0.25",
        Twin("planted", "s9", HEARTBEAT_EVENTS, {"heartbeat_hz": 2.4, "heartbeat_depth": 0.25}),
        "heartbeat",
        0.25,
    ),
    RecordClass("gamma intervals, CV 0.95", GammaIntervals(0.95), "cv", -0.05),
    RecordClass("gamma intervals, CV 1.05", GammaIntervals(1.05), "cv", 0.05),
)
CURVES = tuple(
    RecordClass(f"gamma intervals, CV {1 + shift:g}", GammaIntervals(1 + shift), "cv", shift, True)
    for shift in (-0.08, -0.03, -0.02, -0.01, 0.01, 0.02, 0.03, 0.08)
) + tuple(
    RecordClass(f"heartbeat {depth:g}", ModulatedRate(depth), "heartbeat", depth, True)
    for depth in (0.05, 0.08, 0.1, 0.12, 0.15, 0.2)
)
ALL = NOTHING_PLANTED + FIXED_SIZES + CURVES


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every class that is held to a limit passed."""
    parser = argparse.ArgumentParser(prog="python -m asicrc.analysis.calibration", description=__doc__)
    parser.add_argument("--devices", type=int, default=1000, help="records of each class")
    parser.add_argument("--jobs", type=int, default=-1, help="processes; -1: all cores")
    parser.add_argument("--only", default="", help="classes whose name contains this")
    parser.add_argument(
        "--output",
        type=Path,
        default=None,
        help="folder for arrivals.json, arrivals.png and the finished records",
    )
    chosen = parser.parse_args(arguments)
    classes = [of for of in ALL if chosen.only in of.label]

    def say(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    say(f"tests: {', '.join(TESTS)}; seed {ROOT_SEED}")
    kept = None if chosen.output is None else chosen.output / "arrivals-runs.jsonl"
    results = calibrate(chosen.devices, classes, n_jobs=chosen.jobs, kept=kept, say=say)
    if chosen.output is not None:
        from asicrc.report.calibration_figure import calibration_figure
        from asicrc.report.saving import save_figure

        (chosen.output / "arrivals.json").write_text(
            json.dumps({"seed": ROOT_SEED, "classes": [result.as_json() for result in results]}, indent=1)
        )
        save_figure(calibration_figure(results), chosen.output / "arrivals.png")
    return 0 if all(result.passed is not False for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
