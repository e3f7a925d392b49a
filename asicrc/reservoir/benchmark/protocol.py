"""What is run: task, split, seeds, features. Everything that a result depends on beside the device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asicrc.errors import UsageError
from asicrc.reservoir.benchmark.capture_scores import Question
from asicrc.reservoir.benchmark.scoring import readout_json
from asicrc.reservoir.benchmark.split import Split
from asicrc.reservoir.tasks import Task, make_task

MOST_SEEDS = 10_000


@dataclass(frozen=True, slots=True)
class Protocol:
    """Seeds count from `first_seed`; each gives an input of its own, and a capture of its own."""

    task: str = "narma10"
    task_options: Mapping[str, Any] = field(default_factory=dict)
    split: Split = field(default_factory=Split)
    seeds: int = 10
    first_seed: int = 0
    question: Question = field(default_factory=Question)
    alphas: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise UsageError(f"{self.seeds} seeds", f"give 1 to {MOST_SEEDS}; a verdict needs 10")

    @property
    def all_seeds(self) -> range:
        return range(self.first_seed, self.first_seed + self.seeds)

    def make_task(self, seed: int) -> Task:
        """Input and target of one seed, of as many steps as the split has."""
        return make_task(self.task, self.split.steps, seed, **self.task_options)

    def input_range(self) -> tuple[float, float]:
        """Bounds of the input: those of its law, else of the inputs of all seeds."""
        tasks = [self.make_task(seed) for seed in self.all_seeds]
        details = tasks[0].details
        if "u_low" in details and "u_high" in details:
            return float(details["u_low"]), float(details["u_high"])
        return min(float(t.u.min()) for t in tasks), max(float(t.u.max()) for t in tasks)

    def hyperparameters(self) -> dict[str, Any]:
        """For print and for the capture."""
        return {
            "task": self.task,
            **({"task_options": dict(self.task_options)} if self.task_options else {}),
            "washout": self.split.washout,
            "n_train": self.split.n_train,
            "n_test": self.split.n_test,
            "seeds": f"{self.all_seeds.start} to {self.all_seeds.stop - 1}",
            **analysis_json(self.question, self.alphas, self.split.n_train),
        }


def analysis_json(question: Question, alphas: tuple[float, ...] | None, n_train: int) -> dict[str, Any]:
    """The hyperparameters of the analysis alone, for print."""
    features = question.features
    return {
        **({"features": "usual"} if features is None else features.as_json()),
        "esn_units": list(question.esn_units),
        "max_delay": question.max_delay,
        **readout_json(alphas, n_train),
    }
