"""What the miner has done, for the report at the end."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class MinerCount:
    """What the miner did so far."""

    warm_up_s: float = math.nan
    """How long the hash kernel took to load."""
    proofs: int = 0
    late: int = 0
    """Proofs that were found only after they had been due."""
    hashes: int = 0
    busy_ns: int = 0
    asked_hashes_per_s: float = 0.0
    """Of the newest work."""
    abandoned_ns: int = 0
    """Device work that was never hashed because the miner was too far behind when it was replaced."""

    @property
    def reached_hashes_per_s(self) -> float:
        """NaN before anything was hashed."""
        return self.hashes / (self.busy_ns / 1e9) if self.busy_ns else math.nan
