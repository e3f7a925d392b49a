"""Is the proxy worth what is said: +25 %? Planned first, then run in virtual time and over sockets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asicrc.evidence import Estimate, EvidenceVerdict, judge
from asicrc.work.proxy_study.closed_form import (
    PUBLISHED_GAIN,
    gain_without_idle,
    idle_share_for_gain,
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
from asicrc.work.proxy_study.sockets import RealArm, run_real_arms
from asicrc.work.proxy_study.virtual_time import Supply, run_arms

AGREES_WITHIN = 0.05
"""Of an idle share: what late wake-ups of a shared machine make of 10 ms in 200."""


@dataclass(frozen=True, slots=True)
class RealRun:
    """The arms over sockets, at a unit short enough to wait for, beside what theory has for that unit."""

    unit_s: float
    units: int
    idle_share: float
    idle_share_proxied: float
    idle_closed_form: float
    accepted: int

    @property
    def agrees(self) -> bool:
        """With the closed form before, and with no idle time after."""
        return (
            abs(self.idle_share - self.idle_closed_form) <= AGREES_WITHIN
            and self.idle_share_proxied <= AGREES_WITHIN
            and self.accepted == 2 * self.units
        )


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One latency. `gain` is measured from shares, `idle_share` is the direct arm's."""

    supply: Supply
    idle_share: float
    idle_share_proxied: float
    idle_closed_form: float
    gain: Estimate
    stale: tuple[int, int]
    verdict: EvidenceVerdict
    any_gain: EvidenceVerdict
    real: RealRun | None

    def as_json(self) -> dict[str, Any]:
        supply, real = self.supply, self.real
        return {
            "latency_ms": supply.latency_s * 1e3,
            "idle_share": self.idle_share,
            "idle_closed_form": self.idle_closed_form,
            "gain": self.gain.estimate,
            "low": self.gain.low,
            "high": self.gain.high,
            "n_per_arm": self.gain.n,
            "verdict": self.verdict.value,
            "any_gain_verdict": self.any_gain.value,
            "idle_share_proxied": self.idle_share_proxied,
            "gain_closed_form": gain_without_idle(self.idle_closed_form),
            "job_interval_s": supply.job_interval_s,
            "job_interval_for_claim_s": job_interval_for_gain(PUBLISHED_GAIN, supply.latency_s),
            "stall_share": supply.stall_share,
            "stall_s": supply.stall_s,
            "stale_shares": list(self.stale),
            "sockets": None
            if real is None
            else {
                "unit_s": real.unit_s,
                "n_per_arm": real.units,
                "idle_share": real.idle_share,
                "idle_share_proxied": real.idle_share_proxied,
                "idle_closed_form": real.idle_closed_form,
                "agrees": real.agrees,
            },
        }


def plan() -> dict[str, float | int]:
    """What was fixed before anything ran."""
    return {
        "claimed_gain": PUBLISHED_GAIN,
        "idle_share_for_claim": idle_share_for_gain(PUBLISHED_GAIN),
        "margin": MARGIN,
        "n_to_see_claim": shares_to_see(),
        "n_to_exclude_margin": shares_to_exclude(),
        "n_per_arm": max(shares_to_see(), shares_to_exclude()),
    }


def study_row(supply: Supply, *, shares: int, seed: int, real_unit_s: float, real_units: int) -> StudyRow:
    """Both arms at one latency. `real_units` of 0 leaves the sockets out. Raises DeviceError."""
    without, with_proxy = run_arms(supply, shares, seed)
    counts = without.shares, with_proxy.shares, without.seconds, with_proxy.seconds
    gain = gain_of(*counts)
    real = None
    if real_units:
        arms = run_real_arms(
            supply.latency_s,
            real_unit_s,
            real_units,
            stall_share=supply.stall_share,
            stall_s=supply.stall_s,
            seed=seed,
        )
        real = _real(supply, real_unit_s, *arms)
    return StudyRow(
        supply,
        without.idle_share,
        with_proxy.idle_share,
        _closed_form(supply, supply.job_interval_s),
        gain,
        (without.stale, with_proxy.stale),
        judge_claim(gain),
        judge(gain, p_of_no_gain(*counts), margin=MARGIN),
        real,
    )


def study(
    supplies: Sequence[Supply],
    *,
    shares: int | None = None,
    seed: int = 1,
    real_unit_s: float = 0.2,
    real_units: int = 8,
) -> dict[str, Any]:
    """One row for each supply; at the top stands the row of the longest latency without stalls.

    Raises DeviceError, and ValueError for no supply at all.
    """
    fixed = plan()
    n = int(fixed["n_per_arm"]) if shares is None else shares
    rows = [
        study_row(supply, shares=n, seed=seed + number, real_unit_s=real_unit_s, real_units=real_units)
        for number, supply in enumerate(supplies)
    ]
    head = max(rows, key=lambda row: (row.supply.stall_share == 0, row.supply.latency_s))
    return head.as_json() | {"plan": fixed | {"n_per_arm": n}, "rows": [row.as_json() for row in rows]}


def judge_claim(gain: Estimate) -> EvidenceVerdict:
    """Of the claim that the gain is the published one, or more: within the margin of it, by its interval.

    Not resolved below the shares that were planned to see it, however wide or narrow the interval is.
    """
    if gain.n < shares_to_see():
        return EvidenceVerdict.NOT_RESOLVED
    least = PUBLISHED_GAIN - MARGIN
    if gain.low >= least:
        return EvidenceVerdict.SUPPORTED
    return EvidenceVerdict.REFUTED if gain.high < least else EvidenceVerdict.NOT_RESOLVED


def _closed_form(supply: Supply, job_interval_s: float) -> float:
    return idle_share_of_asking(
        supply.latency_s + 2 * supply.jitter_s,
        job_interval_s,
        stall_share=supply.stall_share,
        stall_s=supply.stall_s,
    )


def _real(supply: Supply, unit_s: float, without: RealArm, with_proxy: RealArm) -> RealRun:
    """Few units meet few stalls: the closed form is of the share of jobs that were late."""
    late = without.idle_s > supply.latency_s + supply.stall_s / 2
    stall_share = float(late.mean()) if supply.stall_share else 0.0
    return RealRun(
        unit_s,
        len(without.idle_s),
        without.idle_share,
        with_proxy.idle_share,
        idle_share_of_asking(supply.latency_s, unit_s, stall_share=stall_share, stall_s=supply.stall_s),
        without.accepted + with_proxy.accepted,
    )
