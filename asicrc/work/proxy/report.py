"""What a run of the proxy came to, as one object."""

from __future__ import annotations

from typing import Any

from asicrc.work.proxy.measures import milliseconds
from asicrc.work.proxy.miner import ProxyMiner
from asicrc.work.proxy.proxy import Proxy


def report_of(proxy: Proxy) -> dict[str, Any]:
    """Rates are per second since the first miner was ready; see README.md for the keys."""
    now_ns = proxy.clock.now_ns()
    miners, counters = proxy.miners, proxy.counters
    first_ns = proxy.first_ready_ns
    mining_s = 0.0 if first_ns is None else (now_ns - first_ns) / 1e9
    idle_ns = proxy.gone_idle_ns + sum(miner.idle.total_ns(now_ns) for miner in miners)
    ready_ns = proxy.gone_ready_ns + sum(now_ns - (miner.ready_ns or now_ns) for miner in miners)
    return {
        "duration_s": (now_ns - proxy.begun_ns) / 1e9,
        "mode": proxy.mode,
        "pool": proxy.active_pool,
        "shares": {
            "received": counters.received,
            "forwarded": counters.forwarded,
            "accepted": counters.accepted,
            "refused_here": {str(code): n for code, n in sorted(counters.refused_here.items())},
            "refused_by_pool": {str(code): n for code, n in sorted(counters.refused_there.items())},
            "lost_with_pool": counters.lost,
            "unanswered": counters.unanswered,
        },
        "hash_rate_ghs": proxy.done.rate_ghs(mining_s).as_json(),
        "idle": {
            "share": idle_ns / ready_ns if ready_ns else None,
            "jobs": proxy.gone_jobs + sum(miner.idle.jobs for miner in miners),
            "per_job_ms": milliseconds(proxy.idle_durations_ns),
        },
        "pools": [record.as_json() for record in proxy.records],
        "miners": {
            "connected": len(miners),
            "came": proxy.came,
            "most": proxy.most,
            "turned_away": proxy.turned_away,
            "list": [_miner(miner, now_ns) for miner in miners],
        },
    }


def _miner(miner: ProxyMiner, now_ns: int) -> dict[str, Any]:
    ready_ns = now_ns - (miner.ready_ns or now_ns)
    return {
        "miner": miner.extranonce1.hex(),
        "user_agent": miner.user_agent,
        "worker": miner.worker,
        "difficulty": miner.difficulty,
        "shares": miner.shares,
        "accepted": miner.accepted,
        "refused": miner.refused,
        "hash_rate_ghs": miner.done.rate_ghs(ready_ns / 1e9).as_json(),
        "idle_share": miner.idle.total_ns(now_ns) / ready_ns if ready_ns else None,
        "jobs": miner.idle.jobs,
    }
