"""Search for the hyperparameters of an ESN: random draws, narrowed down in rounds on fresh series.

The series of the search are its own; score the outcome on others. Each round judges fewer candidates on more
series that no round before has seen, so that a lucky candidate does not stay lucky (successive halving,
Jamieson and Talwalkar 2016, with a round of small changes to the best in the middle).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from asicrc.reservoir.esn import ESN
from asicrc.reservoir.metrics.scores import nrmse
from asicrc.reservoir.tasks.task import Task

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """Ranges that are drawn from: uniform, but `input_scaling` on a logarithmic scale; `leak` is 1 in a share
    `no_leak` of the draws."""

    spectral_radius: tuple[float, float] = (0.7, 1.1)
    input_scaling: tuple[float, float] = (0.004, 0.2)
    bias_scaling: tuple[float, float] = (0.0, 0.9)
    leak: tuple[float, float] = (0.5, 1.0)
    no_leak: float = 0.5
    degrees: tuple[int, ...] = (3, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """`draws` candidates on `first` series; the best `kept` and `draws` / 4 changes of them on `second` more;
    the best `finalists` on `last` more. `seed` draws the candidates; series and reservoirs are numbered from
    `first_series`."""

    draws: int = 320
    first: int = 3
    kept: int = 8
    second: int = 8
    finalists: int = 6
    last: int = 24
    seed: int = 0
    first_series: int = 10_000


class Found(NamedTuple):
    """The best `parameters`, and the NRMSE on the series of the last round: mean and standard deviation."""

    parameters: dict[str, Any]
    nrmse_mean: float
    nrmse_deviation: float


def search_esn(
    units: int,
    task: Callable[[int], Task],
    *,
    n_train: int,
    washout: int,
    space: SearchSpace | None = None,
    plan: SearchPlan | None = None,
    n_jobs: int = 1,
) -> Found:
    """Parameters of the ESN of `units` with the least mean NRMSE of the rows after the first `n_train`.

    `task` gives the series of a number. The outcome does not depend on `n_jobs`.
    """
    space, plan = space or SearchSpace(), plan or SearchPlan()
    rng = np.random.default_rng(np.random.SeedSequence([plan.seed, units]))
    numbers = iter(range(plan.first_series, plan.first_series + plan.first + plan.second + plan.last))

    def judged(candidates: Sequence[dict[str, Any]], n_series: int) -> list[tuple[Floats, dict[str, Any]]]:
        series = [next(numbers) for _ in range(n_series)]
        tasks = [task(number) for number in series]
        scores = Parallel(n_jobs=n_jobs, prefer="threads")(  # kernels and BLAS hold no interpreter lock
            delayed(esn_errors)(candidate | {"units": units}, tasks, series, n_train, washout)
            for candidate in candidates
        )
        return sorted(zip(scores, candidates, strict=True), key=lambda pair: float(pair[0].mean()))

    drawn = judged([_draw(rng, space) for _ in range(plan.draws)], plan.first)
    best = [candidate for _, candidate in drawn[: plan.kept]]
    changed = [_changed(rng, best[i % len(best)], space) for i in range(plan.draws // 4)]
    close = judged(best + changed, plan.second)
    last = judged([candidate for _, candidate in close[: plan.finalists]], plan.last)
    scores, parameters = last[0]
    return Found(parameters, float(scores.mean()), float(scores.std(ddof=1)))


def esn_errors(
    parameters: dict[str, Any], tasks: Sequence[Task], seeds: Sequence[int], n_train: int, washout: int
) -> Floats:
    """NRMSE of the rows from `n_train` on, for each task with a reservoir of its own seed."""
    errors = np.empty(len(tasks))
    for i, (task, seed) in enumerate(zip(tasks, seeds, strict=True)):
        network = ESN(**parameters, seed=seed, washout=washout)
        network.fit(task.u[:n_train, None], task.y[:n_train])
        predicted = network.predict(task.u[n_train:, None], state=network.last_state_)
        errors[i] = nrmse(task.y[n_train:], predicted)
    return errors


def _draw(rng: np.random.Generator, space: SearchSpace) -> dict[str, Any]:
    low, high = np.log(space.input_scaling)
    return {
        "spectral_radius": float(rng.uniform(*space.spectral_radius)),
        "input_scaling": float(np.exp(rng.uniform(low, high))),
        "bias_scaling": float(rng.uniform(*space.bias_scaling)),
        "leak": 1.0 if rng.random() < space.no_leak else float(rng.uniform(*space.leak)),
        "degree": int(rng.choice(space.degrees)),
    }


def _changed(rng: np.random.Generator, candidate: dict[str, Any], space: SearchSpace) -> dict[str, Any]:
    """A neighbour: a twentieth of each range away, a third in the input scaling."""

    def near(name: str, ends: tuple[float, float]) -> float:
        step = (ends[1] - ends[0]) / 20
        return float(np.clip(candidate[name] + step * rng.standard_normal(), *ends))

    scaling = candidate["input_scaling"] * np.exp(rng.standard_normal() / 3)
    return candidate | {
        "spectral_radius": near("spectral_radius", space.spectral_radius),
        "input_scaling": float(np.clip(scaling, *space.input_scaling)),
        "bias_scaling": near("bias_scaling", space.bias_scaling),
        "leak": near("leak", space.leak) if candidate["leak"] < 1 else 1.0,
    }
