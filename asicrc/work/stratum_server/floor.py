"""The difficulty that the shares really have, beside the one that was asked for, while they come in."""

from __future__ import annotations

from asicrc.analysis.effective_difficulty import floor_interval
from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET

DIFFICULTIES_KEPT = 100


class FloorWatch:
    """Per difficulty asked for: how many shares, and the largest of their hashes over the target."""

    def __init__(self) -> None:
        self.changed = False
        self._seen: dict[float, tuple[int, float]] = {}

    def add(self, requested: float, target: int, difficulty: float) -> None:
        """A share with a proof of Bitcoin's `difficulty`, of a job with this target."""
        if requested not in self._seen and len(self._seen) >= DIFFICULTIES_KEPT:
            return
        self.changed = True
        shares, largest = self._seen.get(requested, (0, 0.0))
        self._seen[requested] = shares + 1, max(largest, DIFFICULTY_1_TARGET / difficulty / target)

    def take(self) -> list[dict[str, float | int]]:
        """For the capture's key `effective_difficulty`, in the unit that the pool counts in."""
        self.changed = False
        found: list[dict[str, float | int]] = []
        for requested, (shares, largest) in self._seen.items():
            if largest > 0:
                estimate, low, high = floor_interval(requested, shares, largest)
                found.append(
                    {"requested": requested, "estimate": estimate, "low": low, "high": high, "n": shares}
                )
        return found
