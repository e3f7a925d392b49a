"""Does the same drive give the same states again? What differs between replays computes nothing.

Consistency is the correlation between replays of one drive (Uchida et al. 2004); over all directions of the
state it is a spectrum, the eigenvalues of the whitened covariance between replays (Lymburn et al. 2019,
Juengling et al. 2021). Its sum bounds the information processing capacity of a single run.
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
from asicrc.reservoir.metrics.capacity_table import circular_shifts
from asicrc.reservoir.metrics.checking import Floats, replay_stack, spread_of_features
from asicrc.reservoir.metrics.state_basis import LEAST_STEPS, STEPS_PER_FEATURE

SURROGATES = 39


@dataclass(frozen=True, slots=True)
class Consistency:
    """features : consistency of each feature, 1 for a feature that depends on the drive alone
    spectrum : (r,) consistency of each direction, largest first; `capacity` is their sum
    directions : (k, r) what to multiply the centred states by to see each direction, at variance 1
    significant : how many lie above `threshold`, the largest one that shifted replays give
    constant : features that never change; their estimate is NaN
    """

    features: tuple[Estimate, ...]
    spectrum: Floats
    capacity: Estimate
    directions: Floats
    significant: int
    threshold: float
    constant: tuple[int, ...]
    replays: int
    n: int

    def as_json(self) -> dict[str, Any]:
        return {
            "features": [feature.as_json() for feature in self.features],
            "spectrum": [float(value) for value in self.spectrum],
            "capacity": self.capacity.as_json(),
            "significant": self.significant,
            "threshold": self.threshold,
            "constant": list(self.constant),
            "replays": self.replays,
            "n": self.n,
        }


def consistency(
    replays: ArrayLike, *, washout: int = 0, alpha: float = 0.05, surrogates: int = SURROGATES, seed: int = 0
) -> Consistency:
    """Consistency of R >= 2 replays of the same drive, (R, T, k), after `washout` steps.

    Raises NoAnswer for one replay, too few steps (below 100, or 5 for each feature), or constant states;
    UsageError for surrogates that are too few for `alpha`.
    """
    x = replay_stack(replays)
    if washout < 0 or (surrogates + 1) * alpha < 1:
        raise UsageError(
            f"washout {washout}, {surrogates} surrogates for alpha {alpha:g}",
            "washout is 0 or more, surrogates 1/alpha - 1 or more",
        )
    x = x[:, washout:]
    runs, n, features = x.shape
    if n < max(LEAST_STEPS, STEPS_PER_FEATURE * (features + 1)):
        raise NoAnswer(f"{n} steps after the washout, for {features} features", "replay a longer drive")
    deviations = x - x.mean(axis=1, keepdims=True)
    scale, keep = spread_of_features(x, deviations)
    x = deviations[:, :, keep] / scale[keep]

    parts = [_moments(x[:, rows]) for rows in time_blocks(n)]
    own, shared = (np.sum([part[i] for part in parts], axis=0) for i in (0, 1))
    whiten = _whitening(own)
    spectrum, vectors = linalg.eigh(whiten.T @ shared @ whiten)
    rests = [(own - part_own, shared - part_shared) for part_own, part_shared in parts]
    sums = np.array([np.trace(linalg.pinvh(rest_own) @ rest_shared) for rest_own, rest_shared in rests])
    ratios = np.array([np.diag(rest_shared) / np.diag(rest_own) for rest_own, rest_shared in rests])
    value = np.diag(shared) / np.diag(own)
    kept = iter(jackknife_estimate(float(v), ratios[:, j], n) for j, v in enumerate(value))
    unknown = Estimate(np.nan, np.nan, np.nan, n, method="the feature is constant")

    directions = np.zeros((features, len(spectrum)))
    directions[keep] = (whiten @ vectors / scale[keep][:, None] * np.sqrt(n * runs))[:, ::-1]
    threshold = _largest_of_shifted(x, whiten, alpha, surrogates, seed)
    return Consistency(
        features=tuple(next(kept) if there else unknown for there in keep),
        spectrum=spectrum[::-1],
        capacity=jackknife_estimate(float(spectrum.sum()), sums, n),
        directions=directions,
        significant=int(np.count_nonzero(spectrum > threshold)),
        threshold=threshold,
        constant=tuple(int(j) for j in np.flatnonzero(~keep)),
        replays=runs,
        n=n,
    )


def _moments(x: Floats) -> tuple[Floats, Floats]:
    """(k, k) products within replays, and between different ones on the same footing."""
    runs = len(x)
    own = np.einsum("rti,rtj->ij", x, x, optimize=True)
    mean = x.sum(axis=0)
    return own, (mean.T @ mean - own) / (runs - 1)


def _whitening(own: Floats) -> Floats:
    values, vectors = linalg.eigh(own)
    alive = values > values[-1] * len(values) * np.finfo(np.float64).eps
    root: Floats = vectors[:, alive] / np.sqrt(values[alive])
    return root


def _largest_of_shifted(x: Floats, whiten: Floats, alpha: float, surrogates: int, seed: int) -> float:
    """1 - `alpha` quantile of the largest eigenvalue when the replays are shifted against each other."""
    runs, n, _ = x.shape
    white = x @ whiten
    # run r is moved by r shifts, so that every two runs are apart, also round the end
    span = n // (runs - 1)
    largest = np.empty(surrogates)
    for k, shift in enumerate(circular_shifts(span, span // 20, surrogates, seed)):
        moved = np.stack([np.roll(run, r * shift, axis=0) for r, run in enumerate(white)])
        largest[k] = linalg.eigvalsh(_moments(moved)[1])[-1]
    place = int(np.ceil((1 - alpha) * (surrogates + 1) - 1e-9)) - 1
    return float(np.sort(largest)[place])
