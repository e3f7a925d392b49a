"""How many functions of the drive can be told from the noise of counting, with a given number of runs.

A direction of the state with noise-to-signal ratio beta^2 in one run is worth 1 / (1 + beta^2 / S) of a
function when S runs are averaged; the directions that extremise it are the eigentasks, and the sum is the
resolvable expressive capacity (Hu et al., PRX 13, 041020, 2023). The constant function is not counted. With
one run it is the sum of the consistency spectrum, for both compare what repeats with what there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg

from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence import Estimate
from asicrc.evidence.jackknife import jackknife_estimate, time_blocks
from asicrc.reservoir.metrics.checking import Floats, state_matrix
from asicrc.reservoir.metrics.consistency import consistency
from asicrc.reservoir.metrics.noise_edge import noise_edge
from asicrc.reservoir.metrics.state_basis import LEAST_STEPS, STEPS_PER_FEATURE

ANSCOMBE_VARIANCE = 0.25
"""Noise variance of sqrt(count + 3/8), whatever the mean (Anscombe 1948)."""


@dataclass(frozen=True, slots=True)
class ResolvableCapacity:
    """capacity : sum over the resolved directions, with `shots` runs averaged
    noise_to_signal : (r,) beta^2 of one run for the resolved directions, smallest first
    eigentasks : (k, r) what to multiply the centred states by
    """

    capacity: Estimate
    noise_to_signal: Floats
    eigentasks: Floats
    shots: int
    features: int

    def as_json(self) -> dict[str, Any]:
        return {
            "capacity": self.capacity.as_json(),
            "noise_to_signal": [float(value) for value in self.noise_to_signal],
            "resolved": len(self.noise_to_signal),
            "shots": self.shots,
            "features": self.features,
        }


def resolvable_capacity_of_replays(
    replays: ArrayLike,
    *,
    shots: int = 1,
    washout: int = 0,
    alpha: float = 0.05,
    surrogates: int = 39,
    seed: int = 0,
) -> ResolvableCapacity:
    """From R >= 2 replays of the same drive, (R, T, k), whatever the noise is.

    Directions count whose consistency is above that of shifted replays. Raises as `consistency` does, and
    UsageError for less than one shot.
    """
    _check_shots(shots)
    x = np.asarray(replays, dtype=np.float64)
    whole = consistency(x, washout=washout, alpha=alpha, surrogates=surrogates, seed=seed)
    resolved = whole.spectrum[: whole.significant]
    tasks = whole.directions[:, : whole.significant]
    after = x.reshape(*x.shape[:2], -1)[:, washout:]
    left_out = np.array(
        [_of_directions(np.delete(after, rows, axis=1), tasks, shots) for rows in _blocks(after)]
    )
    value = float(_worth(resolved, shots).sum())
    return ResolvableCapacity(
        jackknife_estimate(value, left_out, whole.n), 1 / resolved - 1, tasks, shots, x.shape[-1]
    )


def resolvable_capacity_of_counts(
    states: ArrayLike, noise_variance: ArrayLike, *, shots: int = 1, alpha: float = 0.05
) -> ResolvableCapacity:
    """From one run, (T, k), with noise of known variance for each feature: the mean count of Poisson counts.

    `noise_variance` is one number or (k,); `ANSCOMBE_VARIANCE` for counts after that transform. Directions
    count beyond the edge of pure noise. It takes counts as Poisson, so a dead time, which makes them more
    regular, lets it read too low. Raises UsageError for a variance that is not above 0, NoAnswer for too few
    steps (below 100, or 5 for each feature).
    """
    _check_shots(shots)
    x = state_matrix(states)
    n, features = x.shape
    if n < max(LEAST_STEPS, STEPS_PER_FEATURE * (features + 1)):
        raise NoAnswer(f"{n} steps for {features} features", "use more steps, or fewer features")
    variance = np.broadcast_to(np.asarray(noise_variance, dtype=np.float64), (features,))
    if not (np.isfinite(variance) & (variance > 0)).all():
        raise UsageError(
            "the noise variance is not above 0 for every feature", "leave features without noise out"
        )
    sd = np.sqrt(variance)
    z = (x - x.mean(axis=0)) / sd
    values, vectors = linalg.eigh(z.T @ z / (n - 1))
    resolved = values > noise_edge(n - 1, features, alpha) / (n - 1)
    tasks = vectors[:, resolved][:, ::-1] / sd[:, None]
    population = _population(values[resolved][::-1], features / (n - 1))
    left_out = np.array(
        [_of_projections(np.delete(x, rows, axis=0) @ tasks, shots) for rows in time_blocks(n)]
    )
    value = float(_worth(1 - 1 / population, shots).sum())
    return ResolvableCapacity(
        jackknife_estimate(value, left_out, n), 1 / (population - 1), tasks, shots, features
    )


def _worth(consistent: Floats, shots: int) -> Floats:
    """1 / (1 + beta^2 / S), from the share of a run's variance that repeats, 1 / (1 + beta^2)."""
    value: Floats = shots * consistent / (1 + (shots - 1) * consistent)
    return value


def _population(values: Floats, ratio: float) -> Floats:
    """Eigenvalues that a sample of k / n = `ratio` shows as `values` (Baik and Silverstein 2006)."""
    shifted = values + 1 - ratio
    population: Floats = (shifted + np.sqrt(np.maximum(shifted**2 - 4 * values, 0.0))) / 2
    return population


def _of_projections(projected: Floats, shots: int) -> float:
    """Capacity of directions in which the noise has variance 1."""
    return float(_worth(np.maximum(1 - 1 / projected.var(axis=0, ddof=1), 0.0), shots).sum())


def _of_directions(x: Floats, tasks: Floats, shots: int) -> float:
    """Capacity of fixed directions, from products of different replays."""
    projected = x @ tasks
    projected = projected - projected.mean(axis=1, keepdims=True)
    runs = len(x)
    own = np.sum(projected**2, axis=(0, 1))
    shared = (np.sum(projected.sum(axis=0) ** 2, axis=0) - own) / (runs - 1)
    return float(_worth(np.maximum(shared / own, 0.0), shots).sum())


def _blocks(x: Floats) -> list[slice]:
    return time_blocks(x.shape[1])


def _check_shots(shots: int) -> None:
    if shots < 1:
        raise UsageError(f"{shots} shots", "one run or more is averaged")
