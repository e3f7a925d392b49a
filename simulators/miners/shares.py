"""From a proof of the chips to a line for the pool: what is let through, when it leaves, what is counted."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.miners.faults import MinerFaults
from simulators.miners.hasher import Hit
from simulators.miners.reactor import Reactor
from simulators.miners.truth import Truth


@dataclass(slots=True)
class ShareCounts:
    """Since the start, or since the firmware has forgotten them."""

    jobs: int = 0
    tickets: int = 0
    """Proofs that the chips reported."""
    lost: int = 0
    """Of these, those that the firmware threw away."""
    sent: int = 0
    accepted: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    difficulty_accepted: float = 0.0
    difficulty_rejected: float = 0.0
    best: float = 0.0
    """Difficulty of the best proof."""
    last_accepted_s: float = 0.0
    """CLOCK_REALTIME."""
    response_ms: float = 0.0
    process_ms: float = 0.0

    def answered(self, accepted: bool, reason: str, took_ms: float, difficulty: float) -> None:
        self.response_ms = took_ms
        if accepted:
            self.accepted += 1
            self.difficulty_accepted += difficulty
            self.last_accepted_s = time.time()
        else:
            self.rejected += 1
            self.difficulty_rejected += difficulty
            self.reasons[reason] += 1


@dataclass(slots=True)
class Outlet:
    """Sends shares in the order in which they were found, at the moments that the firmware has for it.

    `submit` writes one, with a nonce; it says whether there was a connection.
    """

    reactor: Reactor
    truth: Truth
    counts: ShareCounts
    submit: Callable[[Hit, int], bool]
    difficulty_of: Callable[[int], float]
    batch_ns: int
    jitter_s: float
    faults: MinerFaults
    rng: random.Random
    _last_ns: int = 0

    def share(self, hit: Hit) -> None:
        leaves_ns = hit.due_ns
        if self.jitter_s:
            leaves_ns += round(self.rng.expovariate(1 / self.jitter_s) * 1e9)
        if self.batch_ns:
            leaves_ns = -(-leaves_ns // self.batch_ns) * self.batch_ns
        self._last_ns = max(self._last_ns, leaves_ns)
        self.reactor.at(self._last_ns, lambda: self._send(hit))

    def _send(self, hit: Hit) -> None:
        nonce = hit.found.nonce
        if self.faults.bad_share and self.rng.random() < self.faults.bad_share:
            nonce = self.rng.getrandbits(32)
        times = 2 if self.faults.resent and self.rng.random() < self.faults.resent else 1
        for _ in range(times):
            if not self.submit(hit, nonce):
                self.counts.lost += 1
                self.truth.lost(hit, "no_connection")
                return
            now_ns = time.monotonic_ns()
            self.counts.sent += 1
            self.counts.process_ms = (now_ns - hit.due_ns) / 1e6
            self.truth.sent(now_ns, hit, nonce, self.difficulty_of(hit.found.value))
