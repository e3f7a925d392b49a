"""Kernel rank and generalisation rank: how many directions of the state are more than noise.

The kernel rank counts the independent directions into which m different input streams drive the state, the
generalisation rank those that are left between streams that differ only in noise or in the remote past; a
good reservoir has much of the first and little of the second (Legenstein and Maass 2007; Dale et al. 2019).
On a device every direction is taken by noise, so only directions beyond the noise edge are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg

from asicrc.errors import NoAnswer, UsageError
from asicrc.reservoir.metrics.checking import Floats, replay_stack, spread_of_features, state_matrix
from asicrc.reservoir.metrics.noise_edge import noise_edge, noise_edge_against_noise


@dataclass(frozen=True, slots=True)
class StateRank:
    """`rank` directions of `strengths`, (r,) largest first, lie above `threshold`.

    `compared_with` says what the strengths are and where the threshold is from.
    """

    rank: int
    strengths: Floats
    threshold: float
    streams: int
    features: int
    compared_with: str

    def as_json(self) -> dict[str, Any]:
        return {
            "rank": self.rank,
            "threshold": self.threshold,
            "strengths": [float(s) for s in self.strengths],
            "streams": self.streams,
            "features": self.features,
            "compared_with": self.compared_with,
        }


@dataclass(frozen=True, slots=True)
class Separation:
    """`quality` is the kernel rank less the generalisation rank."""

    kernel: StateRank
    generalisation: StateRank

    @property
    def quality(self) -> int:
        return self.kernel.rank - self.generalisation.rank

    def as_json(self) -> dict[str, Any]:
        return {
            "kernel": self.kernel.as_json(),
            "generalisation": self.generalisation.as_json(),
            "quality": self.quality,
        }


def separation(kernel: ArrayLike, generalisation: ArrayLike, *, alpha: float = 0.05) -> Separation:
    """Both ranks from replayed streams, each (R, m, k): R replays of m streams, k features at their end."""
    return Separation(
        state_rank_of_replays(kernel, alpha=alpha), state_rank_of_replays(generalisation, alpha=alpha)
    )


def state_rank_of_replays(replays: ArrayLike, *, alpha: float = 0.05) -> StateRank:
    """Rank of the states of m streams against the noise between R replays of each, (R, m, k).

    The noise may differ between features and be correlated: it is estimated from the same replays, and the
    threshold knows that. Raises NoAnswer for one replay, fewer than 3 streams, or too few of both to estimate
    the noise, m (R - 1) < k + 2.
    """
    x = replay_stack(replays)
    runs, streams, features = x.shape
    means = x.mean(axis=0)
    residuals = (x - means).reshape(-1, features)
    centred = np.sqrt(runs) * (means - means.mean(axis=0))
    scale, keep = spread_of_features(x)
    noise_steps = streams * (runs - 1)
    if streams < 3 or noise_steps < int(keep.sum()) + 2:
        raise NoAnswer(
            f"{runs} replays of {streams} streams do not give the noise of {features} features",
            "use more streams or replays: streams x (replays - 1) is to be above the features by 2",
        )
    between = _gram(centred[:, keep] / scale[keep])
    within = _gram(residuals[:, keep] / scale[keep])
    roots = _roots(between, between + within)
    threshold = noise_edge_against_noise(streams - 1, len(roots), noise_steps, alpha)
    return StateRank(
        rank=int(np.count_nonzero(roots > threshold)),
        strengths=roots,
        threshold=threshold,
        streams=streams,
        features=features,
        compared_with=f"share of a direction's variance that differs between streams; {runs} replays of each",
    )


def state_rank(states: ArrayLike, noise_sd: ArrayLike | None = None, *, alpha: float = 0.05) -> StateRank:
    """Rank of the states of m streams, (m, k), where the noise is known, or where there is none.

    noise_sd : standard deviation of the noise, for all features or for each; independent between features.
        Without it, as for a simulation, a singular value counts above max(m, k) * 2.2e-16 of the largest.

    Raises UsageError for a noise that is not above 0, NoAnswer for fewer than 3 streams or constant states.
    """
    x = state_matrix(states)
    streams, features = x.shape
    if streams < 3:
        raise NoAnswer(
            f"{streams} streams have no rank to speak of", "use as many streams as features, or more"
        )
    centred = x - x.mean(axis=0)
    strengths: Floats
    if noise_sd is None:
        scale, keep = spread_of_features(x)
        strengths = np.asarray(np.linalg.svdvals(centred[:, keep] / scale[keep]), dtype=np.float64)
        threshold = float(strengths[0]) * max(x.shape) * float(np.finfo(np.float64).eps)
        compared = "singular values of the states, scaled to variance 1; rounding"
    else:
        sd = np.broadcast_to(np.asarray(noise_sd, dtype=np.float64), (features,))
        if not (np.isfinite(sd) & (sd > 0)).all():
            raise UsageError("the noise is not above 0 for every feature", "give its standard deviation")
        strengths = np.asarray(np.linalg.svdvals(centred / sd), dtype=np.float64)
        threshold = float(np.sqrt(noise_edge(streams - 1, features, alpha)))
        compared = "singular values of the states over the noise's standard deviation; edge of pure noise"
    rank = int(np.count_nonzero(strengths > threshold))
    return StateRank(rank, strengths, threshold, streams, features, compared)


def _gram(rows: Floats) -> Floats:
    product: Floats = rows.T @ rows
    return product


def _roots(part: Floats, whole: Floats) -> Floats:
    """Eigenvalues of `part` against `whole`, largest first, in the directions that `whole` has at all."""
    values, vectors = linalg.eigh(whole)
    alive = values > values[-1] * len(values) * np.finfo(np.float64).eps
    root = vectors[:, alive] / np.sqrt(values[alive])
    found: Floats = np.clip(linalg.eigvalsh(root.T @ part @ root)[::-1], 0.0, 1.0)
    return found
