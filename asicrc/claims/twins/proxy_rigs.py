"""A miner behind a pool, in virtual time, with and without work kept ahead: claims S14 and S15."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import stats

from asicrc.evidence import Estimate, EvidenceVerdict, Finding, TestResult, judge
from asicrc.work.proxy_study.closed_form import (
    PUBLISHED_GAIN,
    gain_without_idle,
    idle_share_of_asking,
    job_interval_for_gain,
)
from asicrc.work.proxy_study.sample_size import (
    MARGIN,
    gain_of,
    p_of_no_gain,
    shares_to_exclude,
    shares_to_see,
)
from asicrc.work.proxy_study.virtual_time import Arm, Supply, run_arms

LATENCY_S, JOB_S = 0.2, 30.0
SHARES = max(shares_to_see(), shares_to_exclude())
LATENCIES_S = (0.2, 0.05, 0.002)
ETA_MARGIN = 0.01
ETA_SHARES = 300
STUCK_S, STUCK_SHARE = 2.0, 0.5
RIGS = {
    "ideal": Supply(0.0, JOB_S, drift=0.0),
    "ordinary": Supply(LATENCY_S, JOB_S, stall_share=0.05, stall_s=2.0, jitter_s=0.02),
    "planted": Supply(LATENCY_S, job_interval_for_gain(PUBLISHED_GAIN, LATENCY_S)),
}
"""Ideal: a line without latency. Ordinary: 200 ms, jitter, one job in twenty 2 s late, a rate that drifts.
Planted: jobs so short that the same latency leaves the idle time that the claim takes."""


def take_arms(kind: str, seed: np.random.SeedSequence) -> tuple[Arm, Arm]:
    """Shares of both arms, as many as were planned."""
    return run_arms(RIGS[kind], SHARES, int(seed.generate_state(1)[0]))


def find_gain(arms: tuple[Arm, Arm]) -> Finding:
    """S14: is the gain beyond 5 %, with its whole interval?"""
    without, proxied = arms
    counts = without.shares, proxied.shares, without.seconds, proxied.seconds
    gain = gain_of(*counts)
    p = p_of_no_gain(*counts)
    se = (gain.high - gain.low) / 3.92
    return Finding(
        f"Does work kept ahead bring more than {MARGIN:.0%} more shares?",
        gain,
        [TestResult("two Poisson rates", gain.estimate / se, p, gain.n, "no gain")],
        2.8016 * se,
        judge(gain, p, margin=MARGIN),
        f"interleaved arms, {min(counts[:2])} shares in the smaller; no gain has p = {p:.2g}",
        p,
    )


def take_etas(kind: str, seed: np.random.SeedSequence) -> list[tuple[Supply, float, int]]:
    """Share of the time with work at each of three latencies, and over how many jobs.

    On `planted` half of the jobs come 2 s late, whatever the latency: then it does not go to 1.
    """
    found = []
    for latency_s, child in zip(LATENCIES_S, seed.spawn(len(LATENCIES_S)), strict=True):
        supply = replace(RIGS["ordinary" if kind == "ordinary" else "ideal"], latency_s=latency_s)
        supply = replace(
            supply, stall_share=0.0, stall_s=0.0, job_interval_s=1.0 if kind == "ideal" else JOB_S
        )
        if kind == "planted":
            supply = replace(supply, stall_share=STUCK_SHARE, stall_s=STUCK_S)
        without, _ = run_arms(supply, ETA_SHARES, int(child.generate_state(1)[0]))
        found.append((supply, 1 - without.idle_share, without.jobs))
    return found


def find_eta(etas: list[tuple[Supply, float, int]]) -> Finding:
    """S15: does what is measured follow the closed form of latency alone, to 0.01, and so go to 1?

    The closed form is given the latency and no stall: what else keeps a miner idle does not vanish with it.
    """
    off = np.array(
        [
            eta - (1 - idle_share_of_asking(supply.latency_s + 2 * supply.jitter_s, supply.job_interval_s))
            for supply, eta, _ in etas
        ]
    )
    worst = int(np.argmax(np.abs(off)))
    supply, eta, jobs = etas[worst]
    # A stall or none: the spread of the idle time of one job is at most half of its range.
    spread = (supply.stall_s / 2 + 2 * supply.jitter_s) / (supply.job_interval_s + supply.latency_s)
    half = float(stats.norm.ppf(0.975)) * spread / np.sqrt(jobs)
    effect = Estimate(
        float(off[worst]), float(off[worst] - half), float(off[worst] + half), jobs, method="jobs"
    )
    verdict = EvidenceVerdict.NOT_RESOLVED
    if abs(effect.low) < ETA_MARGIN and abs(effect.high) < ETA_MARGIN:
        verdict = EvidenceVerdict.SUPPORTED
    elif effect.high < -ETA_MARGIN or effect.low > ETA_MARGIN:
        verdict = EvidenceVerdict.REFUTED
    return Finding(
        "Is the share of time with work what the latency leaves, to 0.01, at each of three latencies?",
        effect,
        [],
        2.8016 * half / 1.96,
        verdict,
        f"eta {eta:.4f} at {supply.latency_s * 1e3:g} ms, the latency where it is furthest off",
    )


def planted_gain() -> float:
    """Of the planted rig, by its closed form."""
    rig = RIGS["planted"]
    return gain_without_idle(idle_share_of_asking(rig.latency_s, rig.job_interval_s))
