"""Whether too many of what comes is bad: invalid proofs, damaged frames.

Counts in windows that do not overlap. A window is a burst where the lowest share of bad ones that its count
is compatible with (Clopper and Pearson 1934, one-sided at LEVEL) is above what is allowed: a device at
exactly the allowed share is stopped in at most LEVEL of the windows, however few events there are in one.
"""

from __future__ import annotations

from dataclasses import dataclass

from asicrc.bench.supervision.exact_tails import binomial_at_least, lowest_share

LEVEL = 1e-6
SHORTEST_S = 10.0
FEWEST = 50
"""In a window, before it is judged."""


@dataclass(frozen=True, slots=True)
class Burst:
    what: str
    bad: int
    total: int
    seconds: float
    at_least: float
    """Lower bound of the share."""
    allowed: float

    def __str__(self) -> str:
        return (
            f"{self.bad} of {self.total} {self.what} in {self.seconds:.0f} s: at least {self.at_least:.0%} "
            f"of them are, and {self.allowed:.0%} are allowed"
        )


class ShareWatch:
    """`what` is how bad ones are called in a message: `proofs are invalid`. `add` takes running totals."""

    def __init__(self, what: str, allowed: float, *, level: float = LEVEL) -> None:
        self._what = what
        self._allowed = allowed
        self._level = level
        self._since: tuple[int, int, int] | None = None

    def begin(self) -> None:
        """What was counted so far is of other settings."""
        self._since = None

    def add(self, bad: int, total: int, now_ns: int) -> Burst | None:
        """`total` counts the bad ones too. Both only grow."""
        if self._since is None:
            self._since = bad, total, now_ns
            return None
        bad_before, before, since_ns = self._since
        seconds, count = (now_ns - since_ns) / 1e9, total - before
        if seconds < SHORTEST_S or count < FEWEST:
            return None
        self._since = bad, total, now_ns
        found = bad - bad_before
        if binomial_at_least(found, count, self._allowed) >= self._level:
            return None
        at_least = lowest_share(found, count, self._level)
        return Burst(self._what, found, count, seconds, at_least, self._allowed)
