"""A task: an input series, what is to be computed from it, and how the two are aligned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicrc.errors import UsageError

Floats = NDArray[np.float64]
Seed = int | np.random.SeedSequence


@dataclass(frozen=True, slots=True)
class Task:
    """Row t of `y` is to be computed from `u[0]`..`u[t]`, and from nothing later.

    u : (T,) input, in the unit of the task, not of an encoder
    y : (T,) target, or (T, k) for k targets
    alignment : what stands in row t of `y`, in the notation of the task's definition, such as "y[t+1]"
    details : parameters, seed, how many draws were discarded; JSON values only. `kind` is "regression",
        "bits" or "symbols", `u_low` and `u_high` bound the input where the definition does

    Raises UsageError for series of different lengths, of no length, and for values that are not finite.
    """

    name: str
    u: Floats
    y: Floats
    alignment: str
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.u.ndim != 1 or self.y.ndim not in (1, 2):
            raise UsageError(
                f"task {self.name}: u has shape {self.u.shape} and y {self.y.shape}",
                "u is (T,), y is (T,) or (T, k)",
            )
        if len(self.u) != len(self.y) or not len(self.u):
            raise UsageError(
                f"task {self.name}: u has {len(self.u)} steps and y has {len(self.y)}",
                "give one target, or one row of targets, for each step of the input",
            )
        for label, values in (("u", self.u), ("y", self.y)):
            bad = ~np.isfinite(values).reshape(len(values), -1).all(axis=1)
            if bad.any():
                raise UsageError(
                    f"task {self.name}: {label} is not finite in {int(bad.sum())} steps, first in step "
                    f"{int(np.argmax(bad))}",
                    "leave those steps out, or put a measured value there",
                )

    def __len__(self) -> int:
        return len(self.u)

    @property
    def outputs(self) -> int:
        return 1 if self.y.ndim == 1 else int(self.y.shape[1])


def seed_sequence(seed: Seed) -> np.random.SeedSequence:
    """Raises UsageError for a seed below 0."""
    if isinstance(seed, np.random.SeedSequence):
        return seed
    if seed < 0:
        raise UsageError(f"the seed is {seed}", "a seed is 0 or above")
    return np.random.SeedSequence(seed)


def child_seed(seed: Seed, number: int) -> np.random.SeedSequence:
    """Child `number` of a seed: what `spawn` makes, but without counting in the parent."""
    parent = seed_sequence(seed)
    return np.random.SeedSequence(
        entropy=parent.entropy, spawn_key=(*parent.spawn_key, number), pool_size=parent.pool_size
    )


def seed_details(seed: Seed) -> dict[str, Any]:
    """The seed in JSON values, enough to make the same `SeedSequence` again."""
    parent = seed_sequence(seed)
    entropy = parent.entropy
    many = isinstance(entropy, (list, tuple, np.ndarray))
    plain = [int(word) for word in entropy] if many else int(entropy or 0)  # type: ignore[union-attr,arg-type]
    return {"seed": plain, "spawn_key": [int(k) for k in parent.spawn_key]}


def checked_count(name: str, value: int, least: int = 1) -> int:
    """Raises UsageError for less than `least`."""
    if value < least:
        raise UsageError(f"{name} is {value}", f"{name} is {least} or more")
    return value
