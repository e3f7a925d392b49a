"""Idle time of a miner that waits for its work, and what is won by not waiting.

L is the latency there and back, T how long a miner works on what it is given, S how much later a stalling
pool's jobs come and q how often they do. A miner that asks when it is done waits L + q S for each T.
"""

from __future__ import annotations

PUBLISHED_RATIO = 220 / 175
"""GH/s with and without the Virtual Block Manager (arXiv 2601.12032, section 15.2): said to be +25 %."""
PUBLISHED_GAIN = PUBLISHED_RATIO - 1


def idle_share_of_asking(
    latency_s: float, job_interval_s: float, *, stall_share: float = 0.0, stall_s: float = 0.0
) -> float:
    """(L + q S) / (T + L + q S): of a miner that is given the next job when it has handed its share in.

    It tends to 0 with the latency (equations 13 and 14 of the paper have eta = 1 - this).
    """
    waits_s = latency_s + stall_share * stall_s
    return waits_s / (job_interval_s + waits_s)


def idle_share_of_interval(work_s: float, job_interval_s: float) -> float:
    """max(0, 1 - W / J): of a miner that is through after W, and has the next job only when J is over."""
    return max(0.0, 1.0 - work_s / job_interval_s)


def gain_without_idle(idle_share: float) -> float:
    """i / (1 - i): how much more is hashed when nothing is waited for."""
    return idle_share / (1.0 - idle_share)


def idle_share_for_gain(gain: float) -> float:
    """g / (1 + g): how idle a miner has to be before, 20.5 % for 175 to 220 GH/s."""
    return gain / (1.0 + gain)


def job_interval_for_gain(gain: float, latency_s: float) -> float:
    """L / g: how short jobs have to be, s; four times the latency for +25 %."""
    return latency_s / gain


def stale_share(latency_s: float, block_interval_s: float) -> float:
    """(L / 2) / B: work on the block before, until the new one is told. No proxy at the miner removes it."""
    return latency_s / 2 / block_interval_s
