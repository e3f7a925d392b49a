"""Shares on their way through: to the pool that their job is of, and its answer back to their miner.

A miner is told true when the pool has said true, and never before. What a pool leaves unanswered when it
goes is refused: whether it was counted nobody knows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from firmware_protocols.stratum_v1 import Id

if TYPE_CHECKING:
    from asicrc.work.proxy.miner import ProxyMiner


@dataclass(frozen=True, slots=True)
class ShareUnderWay:
    """`hashes` is what it stands for; `id` the miner's, to answer it."""

    miner: ProxyMiner
    id: Id
    t_ns: int
    hashes: float


@dataclass(slots=True)
class ShareCounters:
    """`received` is the sum of the rest: `accepted`, `refused_here`, `refused_there` by code, `lost` with
    their pool (refused, for want of an answer), and what is under way. `unanswered`: the miner was gone."""

    received: int = 0
    forwarded: int = 0
    accepted: int = 0
    lost: int = 0
    unanswered: int = 0
    refused_here: Counter[int] = field(default_factory=Counter)
    refused_there: Counter[int] = field(default_factory=Counter)
