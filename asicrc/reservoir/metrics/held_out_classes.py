"""Can the inputs before a state be told from it? Nearest mean, learnt on other replays than it is tried on.

Places of a replayed input are the classes: each stands for the history of inputs that led to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from asicrc.errors import NoAnswer
from asicrc.evidence import Estimate, TestResult
from asicrc.evidence.binomial import clopper_pearson
from asicrc.reservoir.metrics.checking import Floats, replay_stack, spread_of_features

SURROGATES = 199


@dataclass(frozen=True, slots=True)
class HeldOutClasses:
    """`accuracy` is the share of states that are told right, of `classes`; chance is one in so many."""

    accuracy: Estimate
    classes: int
    test: TestResult

    def as_json(self) -> dict[str, Any]:
        return {
            "accuracy": self.accuracy.as_json(),
            "classes": self.classes,
            "chance": 1 / self.classes,
            "p_value": self.test.p_value,
        }


def classify_held_out(replays: ArrayLike, *, surrogates: int = SURROGATES, seed: int = 0) -> HeldOutClasses:
    """From (R, m, k): R replays of m places, k features each. Each replay is told by means of the others.

    The distance is that in the noise between replays (Fisher 1936). The null turns each replay round by
    itself: what follows in time goes on doing so, and nothing belongs to a place any more. The interval takes
    the states for independent trials.

    Raises NoAnswer for fewer than three replays or two places, for replays too few for the noise of the
    features, and for states that are constant.
    """
    x = replay_stack(replays, least=3)
    runs, classes, _ = x.shape
    scale, keep = spread_of_features(x)
    features, noise_steps = int(keep.sum()), classes * (runs - 2)
    if classes < 2 or noise_steps < features + 2:
        raise NoAnswer(
            f"{runs} replays of {classes} places do not give the noise of {features} features",
            "more replays, or more places",
        )
    x = x[..., keep] / scale[keep]
    right = _right(x)
    rng = np.random.default_rng(seed)
    by_chance = [
        _right(np.stack([np.roll(run, turn, axis=0) for run, turn in zip(x, turns, strict=True)]))
        for turns in rng.integers(0, classes, (surrogates, runs)).tolist()
    ]
    reached = sum(count >= right for count in by_chance)
    n = runs * classes
    return HeldOutClasses(
        clopper_pearson(right, n),
        classes,
        TestResult(
            f"{surrogates} replays turned round, one-sided",
            float(right),
            (1 + reached) / (1 + surrogates),
            n,
            f"states are told right once in {classes}",
        ),
    )


def _right(x: Floats) -> int:
    """How many of (R, m, k) states are nearest to the mean of their own place in the other replays."""
    runs, classes, features = x.shape
    means = (x.sum(axis=0) - x) / (runs - 1)
    # Leaving one replay out scales its own residual by R / (R - 1) and takes it from the sum of products.
    residuals = x - x.mean(axis=0)
    products = np.einsum("rck,rcl->rkl", residuals, residuals)
    within = products.sum(axis=0) - products * (runs / (runs - 1))
    strength, directions = np.linalg.eigh(within)
    alive = strength > strength[:, -1:] * features * np.finfo(np.float64).eps
    root = directions * np.where(alive, 1 / np.sqrt(np.where(alive, strength, 1.0)), 0.0)[:, None]
    states, centres = x @ root, means @ root
    away = (states[:, :, None] - centres[:, None]) ** 2
    return int((away.sum(axis=3).argmin(axis=2) == np.arange(classes)).sum())
