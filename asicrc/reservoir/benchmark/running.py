"""Running a benchmark: baselines alone, captures that there are, or a device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence import Estimate
from asicrc.reservoir.baselines import taps
from asicrc.reservoir.benchmark.capacities import memory_curves
from asicrc.reservoir.benchmark.capture_scores import CaptureScores, Question, capture_scores
from asicrc.reservoir.benchmark.input_scores import echo_states, input_scores
from asicrc.reservoir.benchmark.pictures import take_pictures
from asicrc.reservoir.benchmark.protocol import Protocol
from asicrc.reservoir.benchmark.recorded import driven_run, load_recorded, subject_of
from asicrc.reservoir.benchmark.result import BenchmarkResult, Subject, combine
from asicrc.reservoir.benchmark.scoring import Target
from asicrc.reservoir.benchmark.split import Split
from asicrc.reservoir.scale import config_seed, run_all
from asicrc.reservoir.tasks import Task

ROOT_SEED = 0


@dataclass(frozen=True, slots=True)
class Workers:
    """Where it runs; the results do not depend on it."""

    n_jobs: int = 1
    backend: str = "loky"
    scheduler: str | None = None

    def run(
        self, work: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], each: Callable[[Any], None]
    ) -> list[Any]:
        return run_all(
            work, tasks, n_jobs=self.n_jobs, backend=self.backend, scheduler=self.scheduler, each=each
        )


def run_baselines(
    protocol: Protocol, workers: Workers | None = None, say: Callable[[str], None] = lambda _: None
) -> BenchmarkResult:
    """What the input alone scores, over the seeds of the protocol; one run of a task that knows no seed."""
    if protocol.seeds > 1 and "seed" not in protocol.make_task(protocol.first_seed).details:
        say(f"the input of {protocol.task} is the same for every seed: one run")
        protocol = replace(protocol, seeds=1)
    counted = _Counted(say, protocol.seeds, "seeds")
    tasks = [(protocol, seed) for seed in protocol.all_seeds]
    captures = (workers or Workers()).run(score_seed, tasks, counted)
    scores = [scored for scored, _ in captures]
    return combine(protocol.task, protocol.split, scores, intervals=captures[0][1])


def score_seed(protocol: Protocol, seed: int) -> tuple[CaptureScores, dict[str, Estimate]]:
    """The baselines of one seed, with the intervals of one run where there is only one."""
    task = protocol.make_task(seed)
    target = Target(task.y, np.ones(len(task), dtype=np.bool_), protocol.split, protocol.alphas)
    units = protocol.question.esn_units
    scores = input_scores(task.u, target, seed=_seed(protocol.task, seed), esn_units=units)
    scored = CaptureScores(scores)
    if seed == protocol.first_seed:
        scored = _pictured(scored, task, target, protocol.question)
    return scored, _intervals(scored, target) if protocol.seeds == 1 else {}


def analyse_captures(
    paths: Sequence[Path],
    question: Question,
    *,
    split: Split | None = None,
    alphas: tuple[float, ...] | None = None,
    allow_missing: bool = False,
    workers: Workers | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> BenchmarkResult:
    """Score captures that were made for the same task on the same device, and weigh them together.

    Raises UsageError for no capture, or one that is given twice; NoAnswer for captures that cannot answer
    (degenerate states, a drive that was not applied, another task), BadFile for files that are none.
    """
    if not paths:
        raise UsageError("no capture was given", "--capture FILE, once for each")
    resolved = [path.resolve() for path in paths]
    for number, path in enumerate(resolved):
        if path in resolved[:number]:
            raise UsageError(
                f"{paths[number]} was given twice", "each capture counts once: a copy brings no evidence"
            )
    counted = _Counted(say, len(paths), "captures")
    alone = len(paths) == 1
    tasks = [(path, question, split, alphas, allow_missing, alone, path == paths[0]) for path in paths]
    scored = (workers or Workers()).run(score_file, tasks, counted)
    seen: dict[str, Path] = {}
    for path, one in zip(paths, scored, strict=True):
        if one.events_digest in seen:
            raise NoAnswer(
                f"{path.name} has the events of {seen[one.events_digest].name}: a copy brings no evidence",
                "weigh captures that were each taken anew",
            )
        seen[one.events_digest] = path
    subject = _same_subject([s.subject for s in scored], paths)
    return combine(
        _same("task", [s.task for s in scored], paths),
        _same("split", [s.split for s in scored], paths),
        [s.scores for s in scored],
        subject=subject,
        intervals=scored[0].intervals,
    )


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """`intervals` are those of one capture, where there is only one. `events_digest` is of the times of its
    events, which no two captures share."""

    task: str
    split: Split
    subject: Subject
    scores: CaptureScores
    intervals: dict[str, Estimate]
    events_digest: str


def score_file(
    path: Path,
    question: Question,
    split: Split | None,
    alphas: tuple[float, ...] | None,
    allow_missing: bool,
    alone: bool,
    pictured: bool,
) -> ScoredFile:
    """All scores of one capture file."""
    capture, said = load_recorded(path)
    task = said.task()
    run = driven_run(capture, said, task, name=path.name, allow_missing=allow_missing)
    target = Target(task.y, np.isfinite(run.drive.u), split or said.split, alphas)
    seed = _seed(said.task_name, said.seed)
    scores = capture_scores(run, target, question, seed, pictured=pictured)
    intervals = _intervals(scores, target) if alone else {}
    digest = sha256(run.steps.t_ns.tobytes()).hexdigest()
    return ScoredFile(
        said.task_name, target.split, subject_of(capture.identity, said, path), scores, intervals, digest
    )


def _pictured(scored: CaptureScores, task: Task, target: Target, question: Question) -> CaptureScores:
    """With memory curves and capacities of a delay line and the networks."""
    tables = {"linear_20": taps(task.u, 20)}
    for units in question.esn_units:
        tables[f"esn_{units}"] = echo_states(task.u, units, 0, target.split.test.start)
    curves, why_none = memory_curves(tables, task.u, question.max_delay, target.split.washout)
    pictures = take_pictures(target, scored.scores, tables, task.u)
    return replace(scored, curves=curves, pictures=pictures, notes=() if why_none is None else (why_none,))


def _intervals(scores: CaptureScores, target: Target) -> dict[str, Estimate]:
    found = {name: scored.interval(target) for name, scored in scores.scores.items()}
    return {name: interval for name, interval in found.items() if interval is not None}


def _seed(task: str, seed: int) -> np.random.SeedSequence:
    return config_seed(ROOT_SEED, {"task": task, "seed": seed})


def _same_subject(subjects: Sequence[Subject], paths: Sequence[Path]) -> Subject:
    """Captures of one device in one mode by one channel; which seed a twin had makes no difference."""
    comparable = [replace(s, url="", truth={}) for s in subjects]
    _same("device, mode or channel", comparable, paths)
    return subjects[0]


def _same(what: str, values: Sequence[Any], paths: Sequence[Path]) -> Any:
    for value, path in zip(values, paths, strict=True):
        if value != values[0]:
            raise NoAnswer(
                f"{path.name} has another {what} than {paths[0].name}: {value} and {values[0]}",
                "weigh captures of the same benchmark together",
            )
    return values[0]


class _Counted:
    """Tells of every result as it comes."""

    def __init__(self, say: Callable[[str], None], number: int, what: str) -> None:
        self._say, self._number, self._what, self._done = say, number, what, 0

    def __call__(self, _: Any) -> None:
        self._done += 1
        self._say(f"{self._done} of {self._number} {self._what} scored")
