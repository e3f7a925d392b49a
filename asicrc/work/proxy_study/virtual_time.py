"""The two arms in virtual time: one event after the other, as many shares as were planned, in seconds.

A miner asks when its job is done; a new block makes its job stale until the pool's word is there. Directly,
the question and the job each take one way of the line, and some jobs are late. Through the proxy the next
job is there already, `local_s` away; the way of new blocks is as long as before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Supply:
    """How work comes, and how a miner uses it. `share_interval_s` is the mean while it hashes."""

    latency_s: float
    job_interval_s: float
    share_interval_s: float = 5.0
    stall_share: float = 0.0
    stall_s: float = 0.0
    jitter_s: float = 0.0
    """Mean of an exponential delay of each message on top of its half of the latency."""
    block_interval_s: float = 600.0
    local_s: float = 0.0005
    drift: float = 0.05
    """By how much of it the miner slows down in the course of a study: why the arms are interleaved."""


@dataclass(slots=True)
class Arm:
    """What one arm came to."""

    shares: int = 0
    stale: int = 0
    jobs: int = 0
    hashing_s: float = 0.0
    idle_s: float = 0.0

    @property
    def seconds(self) -> float:
        return self.hashing_s + self.idle_s

    @property
    def idle_share(self) -> float:
        return self.idle_s / self.seconds


def run_arms(supply: Supply, shares: int, seed: int) -> tuple[Arm, Arm]:
    """Without and with the proxy, until each arm has had `shares` shares.

    Periods of one length in the order A B B A, so that a drift falls on both alike.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    arms = Arm(), Arm()
    expected_s = 2 * shares * supply.share_interval_s
    period_s = max(expected_s / 64, 4 * (supply.job_interval_s + supply.latency_s))
    t_s = 0.0
    turn = 0
    while min(arm.shares for arm in arms) < shares or turn % 4:
        proxied = turn % 4 in (1, 2)
        t_s = _period(supply, arms[proxied], t_s, period_s, rng, proxied=proxied, whole_s=expected_s)
        turn += 1
    return arms


def _period(
    supply: Supply,
    arm: Arm,
    t_s: float,
    period_s: float,
    rng: np.random.Generator,
    *,
    proxied: bool,
    whole_s: float,
) -> float:
    """Whole units of work until the period is over; the time at the end of the last."""
    end_s = t_s + period_s
    block_s = t_s + rng.exponential(supply.block_interval_s)
    known_s = block_s + _way_s(supply, rng) + (supply.local_s if proxied else 0.0)
    while t_s < end_s:
        waits_s = supply.local_s if proxied else _waits_s(supply, rng)
        arm.idle_s += waits_s
        t_s += waits_s
        works_s = supply.job_interval_s
        slower = 1.0 - supply.drift * min(1.0, t_s / whole_s)
        found = t_s + works_s * rng.random(rng.poisson(works_s * slower / supply.share_interval_s))
        stale = 0
        while block_s < t_s + works_s:
            stale += int(np.count_nonzero((found >= block_s) & (found < known_s)))
            if known_s > t_s + works_s:
                break
            block_s = known_s + rng.exponential(supply.block_interval_s)
            known_s = block_s + _way_s(supply, rng) + (supply.local_s if proxied else 0.0)
        arm.shares += len(found) - stale
        arm.stale += stale
        arm.hashing_s += works_s
        arm.jobs += 1
        t_s += works_s
    return t_s


def _waits_s(supply: Supply, rng: np.random.Generator) -> float:
    """There, back, and what the pool takes longer."""
    late_s = supply.stall_s if supply.stall_share and rng.random() < supply.stall_share else 0.0
    return _way_s(supply, rng) + _way_s(supply, rng) + late_s


def _way_s(supply: Supply, rng: np.random.Generator) -> float:
    jitter_s = rng.exponential(supply.jitter_s) if supply.jitter_s else 0.0
    return supply.latency_s / 2 + jitter_s
