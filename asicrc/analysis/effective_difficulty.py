"""The difficulty that a miner's shares really have, and the hash rate that follows from their number.

A firmware has a floor of its own below which its chips report nothing (256 on ESP-Miner), and some ignore
what a pool asks for. Hashes are uniform: those of shares of an effective target T lie evenly on (0, T]. So
the largest of n tells T, the more exactly the more there are: P(largest <= x T) = x^n. Nothing else enters,
no clock and no hash rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from asicrc.errors import NoAnswer
from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET
from firmware_protocols.device import NO_TIME, Job, NonceBatch, Reason, Verdict

if TYPE_CHECKING:
    from asicrc.capture.reader import Capture
    from asicrc.evidence import Estimate, TestResult

LEVEL = 0.95
MIN_SHARES_FOR_LAW = 20
_HASHES = 2.0**256


@dataclass(frozen=True, slots=True)
class RateEstimate:
    """Shares of jobs of one target. Difficulties are Bitcoin's, whatever the pool's unit is.

    `effective` above `requested` is a floor of the firmware, below it a firmware that does not do as asked.
    `law` tests that the hashes are evenly spread, without which the rest means little; None with too few.
    Rates are those of one miner, from `seconds` of miners at work; `hashes_per_s` holds at 95 % together.
    """

    requested: float
    effective: Estimate
    law: TestResult | None
    seconds: float
    shares_per_s: Estimate
    hashes_per_s: Estimate

    def as_json(self) -> dict[str, Any]:
        return {
            "requested": self.requested,
            "effective": self.effective.as_json(),
            "law": None if self.law is None else self.law.as_json(),
            "seconds": self.seconds,
            "shares_per_s": self.shares_per_s.as_json(),
            "hashes_per_s": self.hashes_per_s.as_json(),
        }


def floor_interval(
    requested: float, shares: int, largest: float, level: float = LEVEL
) -> tuple[float, float, float]:
    """Median-unbiased estimate and exact interval of the effective difficulty.

    `largest` is the largest hash over the requested target. Raises NoAnswer without shares.
    """
    if shares < 1 or not largest > 0:
        raise NoAnswer("no share tells its difficulty", "wait for shares, or ask for a lower difficulty")
    tail = (1 - level) / 2
    reached = requested / largest
    return reached * 0.5 ** (1 / shares), reached * tail ** (1 / shares), reached * (1 - tail) ** (1 / shares)


def effective_difficulty(requested: float, hashes: ArrayLike, level: float = LEVEL) -> Estimate:
    """Of shares whose hashes, over the requested target, are these. Raises NoAnswer without any."""
    from asicrc.evidence import Estimate

    values = np.asarray(hashes, float)
    estimate, low, high = floor_interval(requested, len(values), float(values.max(initial=0.0)), level)
    return Estimate(estimate, low, high, len(values), level, method="largest of n uniform hashes, exact")


def law_of_hashes(hashes: ArrayLike) -> TestResult | None:
    """Whether they are uniform up to the largest of them, given which the others are (exact)."""
    from scipy import stats

    from asicrc.evidence import TestResult

    values = np.sort(np.asarray(hashes, float))
    if len(values) < MIN_SHARES_FOR_LAW:
        return None
    found = stats.kstest(values[:-1] / values[-1], "uniform")
    return TestResult(
        "Kolmogorov-Smirnov",
        float(found.statistic),
        float(found.pvalue),
        len(values) - 1,
        "hashes uniform up to the largest",
    )


def rate_estimates(capture: Capture) -> list[RateEstimate]:
    """One for each target of the capture's jobs that has shares, the easiest first. Raises BadFile, NoAnswer.

    Duplicates count once; shares that miss the target count as well where they are proofs at all.
    """
    jobs = capture.jobs()
    end_ns = capture.number("pulled", "end_ns")
    events = capture.events(distinct=True)
    if end_ns is None:
        known = events["t_ns"][events["t_ns"] != NO_TIME]
        end_ns = int(known.max()) if known.size else NO_TIME
    worked_s = _seconds_at_work(jobs, capture.meta.get("miners"), int(end_ns))
    target_of = {job.number: job.target for job in jobs if job.target > 0}
    shares = _proofs(events)
    targets = np.array([float(target_of.get(int(number), 0)) for number in shares["job"]])
    estimates = []
    for target in sorted(set(target_of.values()), reverse=True):
        chosen = shares[targets == float(target)]
        if len(chosen) and worked_s.get(target, 0.0) > 0:
            estimates.append(_estimate(target, chosen, worked_s[target]))
    if not estimates:
        raise NoAnswer(f"{capture.path} has no share whose difficulty is known", "capture for longer")
    return estimates


def _estimate(target: int, shares: NonceBatch, seconds: float) -> RateEstimate:
    from scipy import stats

    from asicrc.evidence import Estimate

    requested = DIFFICULTY_1_TARGET / target
    hashes = requested / shares["difficulty"]
    n = len(shares)
    level = (1 + LEVEL) / 2  # two intervals at once
    rates = {
        share: (
            stats.gamma.ppf((1 - share) / 2, n) / seconds,
            stats.gamma.ppf((1 + share) / 2, n + 1) / seconds,
        )
        for share in (LEVEL, level)
    }
    floor = effective_difficulty(requested, hashes, level)
    per_share = _HASHES / DIFFICULTY_1_TARGET
    return RateEstimate(
        requested=requested,
        effective=effective_difficulty(requested, hashes),
        law=law_of_hashes(hashes),
        seconds=seconds,
        shares_per_s=Estimate(
            n / seconds, float(rates[LEVEL][0]), float(rates[LEVEL][1]), n, method="Garwood 1936"
        ),
        hashes_per_s=Estimate(
            n / seconds * floor.estimate * per_share,
            float(rates[level][0]) * floor.low * per_share,
            float(rates[level][1]) * floor.high * per_share,
            n,
            method="Garwood 1936 and the largest of n uniform hashes, at 97.5 % each",
        ),
    )


def _proofs(events: NonceBatch) -> NonceBatch:
    below = (events["verdict"] == Verdict.LOW) & (events["reason"] == Reason.BELOW_TARGET)
    stale = (events["verdict"] == Verdict.STALE) & (events["reason"] == Reason.CLEANED)
    proofs = (events["verdict"] == Verdict.VALID) | below | stale
    found: NonceBatch = events[proofs & (events["difficulty"] > 0) & ~events["synthetic"]]
    return found


def _seconds_at_work(jobs: list[Job], miners: object, end_ns: int) -> dict[int, float]:
    """For each target, for how long its jobs were the newest of a miner that was there."""
    by_miner: dict[bytes, list[Job]] = {}
    for job in jobs:
        if job.sent_ns != NO_TIME and not job.damaged:
            by_miner.setdefault(job.extranonce1, []).append(job)
    seconds: dict[int, float] = {}
    for extranonce1, sent in by_miner.items():
        record = miners.get(extranonce1.hex()) if isinstance(miners, dict) else None
        left_ns = record.get("left_ns") if isinstance(record, dict) else None
        until_ns = min(end_ns, left_ns) if isinstance(left_ns, int) else end_ns
        times = [*(job.sent_ns for job in sent), until_ns]
        for job, begun_ns, next_ns in zip(sent, times, times[1:], strict=False):
            seconds[job.target] = seconds.get(job.target, 0.0) + max(0, next_ns - begun_ns) / 1e9
    return seconds
