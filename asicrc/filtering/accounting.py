"""What a filter costs and what it keeps, always together: recall, continue rate, saving, energy, gain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from asicrc.evidence import Estimate
from asicrc.evidence.estimate import finite_or_none

ALPHA = 0.05
"""How often the interval of one share misses it; of two that hold together each misses half as often."""


@dataclass(frozen=True, slots=True)
class FilterAccount:
    """A filter that decides after `rounds_before` of `rounds` rounds; of `candidates`, `hits` were hits.

    `recall`: share of hits continued (None without a hit). `continue_rate`: share of all candidates that goes
    on, at the natural share of hits. `saving`: 1 - (k + (n - k) c) / n of the rounds, whatever becomes of the
    hits. `gain`: hits for the same energy, TPR / (k / n + (1 - k / n) c); 1 is no filter. `energy_per_hit` is
    its inverse, in units of an unfiltered hit's, infinite where every hit is aborted.
    """

    KEYS: ClassVar = (
        *("rounds_before", "rounds", "candidates", "hits", "kept", "recall", "low", "high"),
        *("continue_rate", "saving", "gain", "energy_per_hit"),
    )
    """Of `as_json`, also for who has no account to show."""

    rounds_before: int
    rounds: int
    candidates: int
    hits: int
    kept: int
    recall: Estimate | None
    continue_rate: Estimate
    saving: Estimate
    gain: Estimate | None

    @property
    def energy_per_hit(self) -> float | None:
        if self.gain is None:
            return None
        return 1 / self.gain.estimate if self.gain.estimate else float("inf")

    def as_json(self) -> dict[str, Any]:
        """Keys `hits, kept, recall, low, high, continue_rate, saving, gain, energy_per_hit, rounds_before,
        rounds`; the recall's bounds are Clopper and Pearson's."""
        recall = self.recall
        per_hit = self.energy_per_hit
        return {
            "rounds_before": self.rounds_before,
            "rounds": self.rounds,
            "candidates": self.candidates,
            "hits": self.hits,
            "kept": self.kept,
            "recall": None if recall is None else recall.estimate,
            "low": None if recall is None else recall.low,
            "high": None if recall is None else recall.high,
            "continue_rate": self.continue_rate.estimate,
            "saving": self.saving.estimate,
            "gain": None if self.gain is None else self.gain.as_json(),
            "energy_per_hit": None if per_hit is None else finite_or_none(per_hit),
        }


def account(
    continued: ArrayLike,
    hit: ArrayLike,
    *,
    rounds_before: int,
    rounds: int,
    hit_share: float | None = None,
    tried: int = 1,
) -> FilterAccount:
    """Count what a filter did.

    Parameters
    ----------
    continued, hit
        (n,) booleans, one for each candidate.
    rounds_before, rounds
        k and n: the filter has seen k rounds of n (64 of one hash, or 128 of SHA-256d) when it decides.
    hit_share
        The natural share of hits, where the candidates were drawn with another one (as many of either kind,
        say); None: as it is in the candidates.
    tried
        How many filters were tried: the intervals hold for all of them together (Bonferroni).

    Raises
    ------
    ValueError
        The rows differ in length or are empty, a round number makes no sense, or a share is none; or
        candidates that were drawn lack one of the kinds.
    """
    goes_on, is_hit = np.asarray(continued, bool), np.asarray(hit, bool)
    level, joint = 1 - ALPHA / tried, 1 - ALPHA / 2 / tried
    if goes_on.shape != is_hit.shape or goes_on.ndim != 1 or not goes_on.size:
        raise ValueError(
            f"decisions {goes_on.shape} and hits {is_hit.shape} have to be rows of one length above 0"
        )
    if not 0 <= rounds_before <= rounds or rounds < 1:
        raise ValueError(
            f"a filter decides after 0 to {rounds} rounds of {rounds}, not after {rounds_before}"
        )
    hits, kept = int(is_hit.sum()), int((goes_on & is_hit).sum())
    continue_rate = _continue_rate(goes_on, is_hit, hit_share, level)
    share_before = rounds_before / rounds
    saved = [
        (1 - share_before) * (1 - c) for c in (continue_rate.estimate, continue_rate.high, continue_rate.low)
    ]
    saving = Estimate(saved[0], saved[1], saved[2], len(goes_on), level, method="from the continue rate")
    recall = None
    if hits:
        bounds = _bounds(kept, hits, level)
        recall = Estimate(kept / hits, *bounds, hits, level, method="Clopper and Pearson 1934")
    return FilterAccount(
        rounds_before,
        rounds,
        len(goes_on),
        hits,
        kept,
        recall,
        continue_rate,
        saving,
        None if recall is None else _gain(kept, hits, goes_on, is_hit, hit_share, share_before, joint),
    )


def _gain(
    kept: int,
    hits: int,
    goes_on: np.ndarray[Any, np.dtype[np.bool_]],
    is_hit: np.ndarray[Any, np.dtype[np.bool_]],
    hit_share: float | None,
    share_before: float,
    joint: float,
) -> Estimate:
    recall = _bounds(kept, hits, joint)
    rate = _continue_rate(goes_on, is_hit, hit_share, joint)

    def of(recalled: float, continuing: float) -> float:
        cost = share_before + (1 - share_before) * continuing
        return recalled / cost if cost else 0.0  # a filter that costs nothing has seen and kept nothing

    return Estimate(
        of(kept / hits, rate.estimate),
        of(recall[0], rate.high),
        of(recall[1], rate.low),
        hits,
        2 * joint - 1,
        method="recall and continue rate with joint bounds of Clopper and Pearson 1934",
    )


def _continue_rate(
    goes_on: np.ndarray[Any, np.dtype[np.bool_]],
    is_hit: np.ndarray[Any, np.dtype[np.bool_]],
    hit_share: float | None,
    level: float,
) -> Estimate:
    n = len(goes_on)
    if hit_share is None:
        going = int(goes_on.sum())
        low, high = _bounds(going, n, level)
        return Estimate(going / n, low, high, n, level, method="Clopper and Pearson 1934")
    if not 0 <= hit_share <= 1:
        raise ValueError(f"a share of hits lies between 0 and 1, not at {hit_share}")
    hits = int(is_hit.sum())
    if not 0 < hits < n:
        raise ValueError("candidates drawn by kind have to hold some that hit and some that do not")
    parts = []
    for group, weight in ((is_hit, hit_share), (~is_hit, 1 - hit_share)):
        size, going = int(group.sum()), int((goes_on & group).sum())
        low, high = _bounds(going, size, level)
        parts.append((weight * going / size, weight * low, weight * high))
    rate, low, high = (sum(column) for column in zip(*parts, strict=True))
    return Estimate(rate, low, high, n, level, method="Clopper and Pearson 1934 of each kind, weighted")


def _bounds(k: int, n: int, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    low = float(stats.beta.ppf(tail, k, n - k + 1)) if k else 0.0
    high = float(stats.beta.isf(tail, k + 1, n - k)) if k < n else 1.0
    return low, high
