"""What a Stratum difficulty means on LBRY, and which of two conventions a device follows.

LBRY pools count in 256ths: difficulty D asks for what Bitcoin calls D/256 (JayDDee/cpuminer-opt: target
factor 256 for lbry; yiimp: multiplier 0x100). Held against 34 shares of cpuminer-opt 26.1. Whether the
firmware of an LB-Box does is not known, so it is found out from the first shares.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET, target_from_difficulty

DIFFICULTY_SCALE = 256
"""What the difficulty of LBRY pools is divided by."""
MIN_SHARES = 4
"""Shares below which nothing is said. Two are enough to tell 1 from 256 (by chance the wrong one fits once in
65,536); the others are for telling that it is neither."""
LEVEL = 1e-4
"""How improbable shares have to be under a scale for it to be out of the question."""


def target_from_stratum_difficulty(difficulty: float | Fraction, scale: int = DIFFICULTY_SCALE) -> int:
    """The largest hash that a share of this difficulty may have. Raises ValueError for 0 and less."""
    if scale < 1:
        raise ValueError(f"a difficulty scale is at least 1, not {scale}")
    if difficulty == float("inf"):
        return 0
    if not difficulty > 0:
        raise ValueError(f"difficulty must be above 0, not {difficulty}")
    return target_from_difficulty(Fraction(difficulty) / scale)


def stratum_difficulty_from_hash_value(value: int, scale: int = DIFFICULTY_SCALE) -> float:
    """The highest difficulty that a hash meets. A hash of 0 has an infinite one."""
    return scale * DIFFICULTY_1_TARGET / value if value else float("inf")


def expected_shares_per_s(hashes_per_s: float, difficulty: float, scale: int = DIFFICULTY_SCALE) -> float:
    """Mean rate of shares: one in 2**32 hashes has Bitcoin's difficulty 1."""
    return hashes_per_s * scale / (difficulty * 2**32)


@dataclass(frozen=True, slots=True)
class ScaleFit:
    """How shares sit with one scale: how many miss its target, and how probable the rest is under it.

    `probability` is the chance that all of them are at least as far above what was asked for as they are.
    """

    scale: int
    missed: int
    probability: float

    @property
    def fits(self) -> bool:
        return self.missed == 0 and self.probability >= LEVEL


@dataclass(frozen=True, slots=True)
class ScaleInference:
    """`scale` is None where the shares do not tell; `reason` says in words why."""

    scale: int | None
    shares: int
    fits: tuple[ScaleFit, ...]
    reason: str


def infer_difficulty_scale(
    shares: Iterable[tuple[float, int]],
    *,
    scales: Sequence[int] = (1, DIFFICULTY_SCALE),
    min_shares: int = MIN_SHARES,
) -> ScaleInference:
    """Which scale the first shares of a device follow, from (difficulty that was asked for, hash) of each.

    Hashes are uniform, so that a share exceeds its difficulty by a factor x with probability 1/x: under a
    scale that is 256 times too low each share is 256 times too good, under one too high most miss. Takes the
    one scale that fits; none where two do, where none does, or with fewer than `min_shares`.
    """
    found = list(shares)
    fits = tuple(_fit(found, scale) for scale in scales)
    fitting = [fit.scale for fit in fits if fit.fits]
    named = " and ".join(map(str, fitting or scales))
    if len(found) < min_shares:
        reason = f"{len(found)} shares are too few to tell; {min_shares} are needed"
    elif len(fitting) == 1:
        return ScaleInference(
            fitting[0], len(found), fits, f"only scale {named} fits all {len(found)} shares"
        )
    elif fitting:
        reason = f"scales {named} all fit the {len(found)} shares: more are needed"
    else:
        reason = (
            f"none of the scales {named} fits the {len(found)} shares: the device follows another one, or "
            "sends shares that it was not asked for"
        )
    return ScaleInference(None, len(found), fits, reason)


def _fit(shares: Sequence[tuple[float, int]], scale: int) -> ScaleFit:
    targets = [target_from_stratum_difficulty(difficulty, scale) for difficulty, _ in shares]
    missed = sum(value > target for target, (_, value) in zip(targets, shares, strict=True))
    nearest = max(
        (Fraction(value + 1, target + 1) for target, (_, value) in zip(targets, shares, strict=True)),
        default=Fraction(1),
    )
    return ScaleFit(scale, missed, min(1.0, float(nearest) ** len(shares)))
