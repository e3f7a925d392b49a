"""One task over devices, encoders, features and seeds: every combination, on as many workers as there are.

For simulated devices, which are made anew for each capture. A real device is one: its captures are taken one
after the other, and their files scored by `analyse_captures` with one question after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asicrc.devices import Circumstances, open_device
from asicrc.errors import UsageError
from asicrc.reservoir.benchmark.capacities import total
from asicrc.reservoir.benchmark.capture_scores import Question, capture_scores
from asicrc.reservoir.benchmark.capturing import Driving, run_in_memory
from asicrc.reservoir.benchmark.protocol import Protocol
from asicrc.reservoir.benchmark.running import Workers
from asicrc.reservoir.benchmark.scoring import Target
from asicrc.reservoir.scale import config_seed


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One capture scored by one question. `nrmse` and `memory` by name."""

    device: str
    driving: str
    question: str
    seed: int
    nrmse: Mapping[str, float]
    memory: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        return {
            "device": self.device,
            "driving": self.driving,
            "question": self.question,
            "seed": self.seed,
            "nrmse": dict(self.nrmse),
            "memory": dict(self.memory),
        }


def sweep(
    protocol: Protocol,
    devices: Sequence[str],
    drivings: Mapping[str, Driving],
    questions: Mapping[str, Question],
    *,
    workers: Workers | None = None,
    each: Callable[[list[SweepRow]], None] = lambda _: None,
) -> list[SweepRow]:
    """All rows, ordered by device, driving, seed, question. `protocol` gives task, split and seeds.

    Each capture is made once and scored by every question. The results do not depend on the workers.
    """
    captures = [
        (protocol, url, name, driving, questions, seed)
        for url in devices
        for name, driving in drivings.items()
        for seed in protocol.all_seeds
    ]
    rows = (workers or Workers()).run(sweep_capture, captures, each)
    return [row for of_capture in rows for row in of_capture]


def sweep_capture(
    protocol: Protocol, url: str, name: str, driving: Driving, questions: Mapping[str, Question], seed: int
) -> list[SweepRow]:
    """One capture of one simulated device, scored by every question. Raises UsageError for a real one."""
    with open_device(url, Circumstances(station=None)) as device:
        if not device.identity.simulated:
            raise UsageError(
                f"{url} is a real device, of which no two captures are taken at a time",
                "capture with `asicrc benchmark`, then score the files",
            )
        run, task = run_in_memory(device, protocol, driving, seed)
    target = Target(task.y, np.isfinite(run.drive.u), protocol.split, protocol.alphas)
    rows = []
    for label, question in questions.items():
        drawn = config_seed(0, {"device": url, "driving": name, "question": label, "seed": seed})
        scored = capture_scores(run, target, question, drawn)
        nrmse = {score: found.nrmse for score, found in scored.scores.items()}
        memory = {curve: total(values) for curve, values in scored.curves.items()}
        rows.append(SweepRow(url, name, label, seed, nrmse, memory))
    return rows
