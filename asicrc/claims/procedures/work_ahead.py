"""S14 and S15: what work kept ahead of a miner is worth, and what latency costs.

The rig stands in virtual time. What the proxy is worth on a miner is measured by two captures of the miner,
one directly and one through `asicrc proxy`, which no single device or file holds.
"""

from __future__ import annotations

from asicrc.claims.procedure import Procedure
from asicrc.claims.procedures.asked_of import AskedOf
from asicrc.claims.twins.asking import TwinQuestion, effect_in
from asicrc.claims.twins.proxy_rigs import (
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
    needs=f"a miner, with and without `asicrc proxy` in turns, {_SIZES['n_per_arm']} shares an arm "
    f"({_SIZES['n_to_see_claim']} see the claim at 3 sigma)",
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
    needs="a miner at three latencies, 300 shares each",
)
PROCEDURES: tuple[Procedure, ...] = (AskedOf(GAIN).procedure(), AskedOf(ETA).procedure())
