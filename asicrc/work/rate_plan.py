"""How many shares a miner brings, and how long an experiment takes with them, before it is begun.

A share of difficulty D is one of D * 2**32 hashes (of LBRY, whose pools count in 256ths, D * 2**24). Shares
come as a Poisson process, so a window of length t brings none with probability exp(-rate * t).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from asicrc.errors import UsageError

HASHES_PER_DIFFICULTY = {"sha256d": 2.0**32, "lbry": 2.0**24}
USUAL_SHARES = 4_000
"""Intervals with which a change of their coefficient of variation by 0.05 is found."""
EMPTY_SHARE = 0.05
"""Windows without a share that a feature of intervals can bear."""


@dataclass(frozen=True, slots=True)
class RatePlan:
    """`difficulty` is what counts: the one asked for, or the miner's lowest where that is higher.

    `step_ms` is the length of one input step, or window. `difficulty_for_step` is the highest power of two
    at which at most `EMPTY_SHARE` of the steps stay empty; None where no difficulty of 1 or more does that,
    or the miner does not go as low.
    """

    hash_rate_ghs: float
    algorithm: str
    requested_difficulty: float
    difficulty: float
    shares_per_s: float
    mean_interval_s: float
    step_ms: float
    shares_per_step: float
    empty_step_share: float
    step_ms_for_few_empty: float
    difficulty_for_step: float | None
    shares: int
    steps: float
    hours: float
    source: str = "given"
    """Where the hash rate is from."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def rate_plan(
    hash_rate_ghs: float,
    difficulty: float,
    step_ms: float,
    shares: int = USUAL_SHARES,
    *,
    algorithm: str = "sha256d",
    lowest_difficulty: float | None = None,
    source: str = "given",
) -> RatePlan:
    """Raises UsageError for what is no rate, difficulty, step or number."""
    for name, value in (
        ("the hash rate", hash_rate_ghs),
        ("the difficulty", difficulty),
        ("the step", step_ms),
        ("the number of shares", float(shares)),
    ):
        if not 0 < value < 1e15:
            raise UsageError(f"{name} of {value:g} is none", "give one above 0 and below 1e15")
    hashes = HASHES_PER_DIFFICULTY[algorithm]
    counts = max(difficulty, lowest_difficulty or 0.0)
    per_s = hash_rate_ghs * 1e9 / (counts * hashes)
    step_s = step_ms / 1e3
    enough = -math.log(EMPTY_SHARE)
    highest = hash_rate_ghs * 1e9 * step_s / (hashes * enough)
    power = 2.0 ** math.floor(math.log2(highest)) if highest >= max(1.0, lowest_difficulty or 1.0) else None
    return RatePlan(
        hash_rate_ghs=hash_rate_ghs,
        algorithm=algorithm,
        requested_difficulty=difficulty,
        difficulty=counts,
        shares_per_s=per_s,
        mean_interval_s=1 / per_s,
        step_ms=step_ms,
        shares_per_step=per_s * step_s,
        empty_step_share=math.exp(-per_s * step_s),
        step_ms_for_few_empty=1e3 * enough / per_s,
        difficulty_for_step=power,
        shares=shares,
        steps=shares / (per_s * step_s),
        hours=shares / per_s / 3600,
        source=source,
    )
