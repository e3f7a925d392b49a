"""S14 and S15: what work kept ahead of a miner is worth, and what latency costs.

The rig stands in virtual time. A capture of a miner cannot tell: in it this machine is the pool, next door to
the miner and always with further work, so that there is neither latency nor an arm without work ahead.
"""

from __future__ import annotations

from asicrc.claims.procedure import Procedure
from asicrc.claims.procedures.asked_of import AskedOf
from asicrc.claims.twins.asking import TwinQuestion, effect_in
from asicrc.claims.twins.proxy_rigs import (
    ETA_SHARES,
    LATENCIES_S,
    STUCK_S,
    STUCK_SHARE,
    find_eta,
    find_gain,
    planted_gain,
    take_arms,
    take_etas,
)
from asicrc.work.proxy_study.study import plan

_SIZES = plan()
GAIN = TwinQuestion(
    claim="S14",
    take=take_arms,
    find=find_gain,
    there=effect_in(),
    planted=f"a gain of {planted_gain():.1%}: jobs so short that 200 ms of latency leave the miner idle",
    runs=20,
    seconds=0.5,
    effect_unit="gain of shares",
    needs="a miner that works for a pool, directly and behind `asicrc proxy` in turns, "
    f"{_SIZES['n_per_arm']:,} shares an arm ({_SIZES['n_to_see_claim']} see the claim at 3 sigma); in a "
    "capture this machine is the pool",
)
ETA = TwinQuestion(
    claim="S15",
    take=take_etas,
    find=find_eta,
    there=effect_in(planted=False, ordinary=True, ideal=True),
    planted=f"a pool that is {STUCK_S:g} s late with {STUCK_SHARE:.0%} of the jobs at any latency: what "
    "breaks the claim",
    runs=20,
    seconds=0.02,
    effect_unit="eta less the closed form",
    needs=f"a miner behind a pool whose latency can be set, {len(LATENCIES_S)} latencies from "
    f"{LATENCIES_S[0] * 1e3:g} to {LATENCIES_S[-1] * 1e3:g} ms, {ETA_SHARES} shares at each; in a capture "
    "this machine is the pool, and no latency is there to vary",
)
PROCEDURES: tuple[Procedure, ...] = (AskedOf(GAIN).procedure(), AskedOf(ETA).procedure())
