"""What a capture keeps of the benchmark that it was made for, and reading it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asicrc.capture.plan import DRIVE_REQUESTED
from asicrc.capture.reader import Capture
from asicrc.errors import BadFile, NoAnswer, UsageError
from asicrc.reservoir.benchmark.protocol import Protocol
from asicrc.reservoir.benchmark.result import Subject
from asicrc.reservoir.benchmark.split import Split
from asicrc.reservoir.driven_run import DrivenRun, Recorded
from asicrc.reservoir.encoders import Encoder
from asicrc.reservoir.tasks import Task, make_task
from firmware_protocols.device import DeviceIdentity

META_KEY = "benchmark"
LARGEST_OPTION = 1e6
"""Of a task, in a capture that may be somebody else's: a larger delay or burn-in is none."""
MOST_OF_AN_OPTION = 1000


@dataclass(frozen=True, slots=True)
class RecordedBenchmark:
    """The task, the seed, the split and the encoder of one capture, as it says itself."""

    task_name: str
    task_options: Mapping[str, Any]
    seed: int
    split: Split
    encoder: Encoder
    mode: str
    handshake_timeout_s: float

    def task(self) -> Task:
        """Raises UsageError for options that the task does not have, BadFile for a task that is none."""
        try:
            return make_task(self.task_name, self.split.steps, self.seed, **self.task_options)
        except (TypeError, ValueError, OverflowError, MemoryError) as error:
            raise BadFile(
                f"what a capture says of its task {self.task_name} makes none: {error}", "capture it again"
            ) from None


def benchmark_meta(protocol: Protocol, encoder: Encoder, seed: int) -> dict[str, Any]:
    """For the capture: JSON values."""
    return {
        META_KEY: {
            "task": protocol.task,
            "task_options": dict(protocol.task_options),
            "seed": seed,
            "washout": protocol.split.washout,
            "n_train": protocol.split.n_train,
            "n_test": protocol.split.n_test,
            "encoder": encoder.as_json(),
        }
    }


def recorded_benchmark(meta: Mapping[str, Any], name: str) -> RecordedBenchmark:
    """Raises NoAnswer for a capture that was made for something else, BadFile for one that was altered."""
    said = meta.get(META_KEY)
    if said is None:
        raise NoAnswer(
            f"{name} was not captured for a benchmark: it has no input to compute anything from",
            "capture one with `asicrc benchmark narma10 --device URL`",
        )
    plan = meta.get("plan") or {}
    try:
        return RecordedBenchmark(
            task_name=str(said["task"]),
            task_options={str(key): _option(value) for key, value in dict(said["task_options"]).items()},
            seed=int(said["seed"]),
            split=Split(int(said["washout"]), int(said["n_train"]), int(said["n_test"])),
            encoder=Encoder.from_json(said["encoder"]),
            mode=str(plan.get("mode", "stream")),
            handshake_timeout_s=float(plan.get("handshake_timeout_s") or 30.0),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, UsageError) as error:
        raise BadFile(f"{name} does not say what it was captured for: {error}", "capture it again") from None


def _option(value: Any) -> Any:
    """Raises ValueError for what is no text, no number of a size that a task has, and no list of them."""
    each = value if isinstance(value, list) and len(value) <= MOST_OF_AN_OPTION else [value]
    for one in each:
        if not isinstance(one, str) and not (isinstance(one, int | float) and abs(one) <= LARGEST_OPTION):
            raise ValueError(f"{one!r:.40} is no option of a task")
    return value


def driven_run(
    capture: Recorded, said: RecordedBenchmark, task: Task, *, name: str, allow_missing: bool = False
) -> DrivenRun:
    """The run of a capture, once its drive is known to be that of the task.

    Raises NoAnswer where it is another input, or a step was not applied.
    """
    run = DrivenRun.of(
        capture,
        said.encoder,
        mode=said.mode,
        steps=len(task),
        allow_missing=allow_missing,
        handshake_timeout_s=said.handshake_timeout_s,
    )
    wanted = said.encoder.values(task.u)
    span = said.encoder.high - said.encoder.low
    if np.abs(run.drive.requested - wanted).max() > 1e-6 * span:
        raise NoAnswer(
            f"{name} was driven with another input than task {said.task_name} has at seed {said.seed}",
            "analyse it with the version of asicrc that captured it",
        )
    return run


def subject_of(identity: DeviceIdentity | None, said: RecordedBenchmark, path: Path | None = None) -> Subject:
    """What was measured, for the verdicts."""
    return Subject(
        url=identity.url if identity is not None else str(path),
        mode=said.mode,
        channel=said.encoder.channel,
        heats=said.encoder.heats,
        simulated=identity is not None and identity.simulated,
        truth=dict(identity.details) if identity is not None else {},
    )


def load_recorded(path: Path) -> tuple[Capture, RecordedBenchmark]:
    """Raises BadFile; NoAnswer for a capture of something else, and of more or fewer steps than it says: no
    task is made before that is known, for the file may be somebody else's."""
    capture = Capture(path)
    said = recorded_benchmark(capture.meta, path.name)
    driven = sum(reading.channel == DRIVE_REQUESTED for reading in capture.readings())
    if driven != said.split.steps * said.encoder.nodes:
        raise NoAnswer(
            f"{path.name} went through {driven} steps of a drive, not the {said.split.steps} of its task, of "
            f"{said.encoder.nodes} virtual nodes each",
            "let a capture run to its end",
        )
    return capture, said
