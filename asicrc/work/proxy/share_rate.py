"""How much harder than the pool's a miner's shares have to be, so that it does not drown the others."""

from __future__ import annotations

SHARES_TO_TELL = 32
"""Before a rate is acted on: its relative error is 18 % then."""
CALM = 0.25
"""Share of the highest rate below which the difficulty comes down again."""
LOOK_S = 10.0
MOST = 2.0**64


class ShareRate:
    """`factor` is a power of 2 from 1 on: a miner never gets an easier job than its pool has."""

    def __init__(self, most_per_s: float, now_ns: int) -> None:
        self.factor = 1.0
        self._most_per_s = most_per_s
        self._shares = 0
        self._since_ns = now_ns

    def share(self, now_ns: int) -> bool:
        """Count one. True when the factor has gone up: the miner should have another job at once."""
        self._shares += 1
        seconds = max(1e-9, (now_ns - self._since_ns) / 1e9)
        if self._shares < SHARES_TO_TELL:
            return False
        rate = self._shares / seconds
        if rate <= self._most_per_s:
            if seconds > LOOK_S:
                self._begin(now_ns)
            return False
        while rate > self._most_per_s and self.factor < MOST:
            self.factor *= 2.0
            rate /= 2.0
        self._begin(now_ns)
        return True

    def before_a_job(self, now_ns: int) -> float:
        """The factor for the next job: it comes down by half where the miner has become slow."""
        seconds = (now_ns - self._since_ns) / 1e9
        if self.factor > 1.0 and seconds > LOOK_S and self._shares / seconds < CALM * self._most_per_s:
            self.factor /= 2.0
            self._begin(now_ns)
        return self.factor

    def _begin(self, now_ns: int) -> None:
        self._shares, self._since_ns = 0, now_ns
