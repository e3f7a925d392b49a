"""What the proxy puts up with from a pool, and how it divides work among miners."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProxyLimits:
    """A pool beyond one of these is left for the next; none of them ends a miner's connection."""

    connect_s: float = 10.0
    greeting_s: float = 20.0
    """From the connection to the first job."""
    patience_s: float = 3.0
    """While a pool is tried for longer than this, the next one is tried beside it."""
    silent_s: float = 180.0
    """Without any message. Pools send a job each minute or so."""
    answer_s: float = 60.0
    """For the answer to a share."""
    damaged_in_a_row: int = 16
    """Lines that are no messages, or messages without what they need."""
    refused_in_a_row: int = 32
    """Shares that hash here and are refused there, stale ones aside: the headers differ then."""
    seldom_s: float = 86_400.0
    """A difficulty at which all miners together find a share less often than this is absurd."""
    supposed_hashes_per_s: float = 1e15
    """How fast they are together, before shares have told it: generously."""
    messages_per_s: float = 2_000.0
    burst_messages: float = 4_000.0
    """A pool that sends more is read no faster."""
    flood_jobs_per_s: float = 20.0
    flood_burst: float = 200.0
    """A pool that sends more jobs is left, where there is another one."""

    retry_s: float = 1.0
    longest_retry_s: float = 60.0
    """Between two tries of a pool: doubled at each failure, up to this."""
    steady_s: float = 60.0
    """A pool that has worked for so long has its failures forgotten."""
    return_after_s: float = 5.0
    """A preferred pool has to work for so long before the miners go back to it."""
    drain_s: float = 10.0
    """How long a pool that is no longer mined for still takes late shares and answers."""

    dispatches_per_s: float = 2.0
    dispatch_burst: float = 8.0
    """Jobs of a pool that are sent on to the miners; of more, the newest."""
    renew_s: float = 60.0
    """A miner has further work of the same job after this, or sooner where it would run out."""
    space_used: float = 0.5
    """Share of its search space after which a miner has further work."""
    ntime_ahead_s: int = 600
    """How far a header's time may be put ahead of what has passed, where nothing else is left to roll."""
    most_shares_per_s: float = 10.0
    """Of one miner; it is asked for a higher difficulty than the pool's if it sends more."""
