"""What a capture keeps of the benchmark that it was made for, and reading it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

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
        return make_task(self.task_name, self.split.steps, self.seed, **self.task_options)


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
            task_options=dict(said["task_options"]),
            seed=int(said["seed"]),
            split=Split(int(said["washout"]), int(said["n_train"]), int(said["n_test"])),
            encoder=Encoder.from_json(said["encoder"]),
            mode=str(plan.get("mode", "stream")),
            handshake_timeout_s=float(plan.get("handshake_timeout_s") or 30.0),
        )
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise BadFile(f"{name} does not say what it was captured for: {error}", "capture it again") from None


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
    """Raises BadFile, NoAnswer."""
    capture = Capture(path)
    return capture, recorded_benchmark(capture.meta, path.name)
