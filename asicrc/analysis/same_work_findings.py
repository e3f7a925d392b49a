"""What two runs of the same work answer: findings with their nulls and verdicts."""

from __future__ import annotations

import numpy as np
from scipy import stats

from asicrc.analysis.same_work_times import ALPHA, PairTimes, Shift
from asicrc.evidence import Estimate, EvidenceVerdict, Finding, TestResult, judge


def same_work_findings(
    missing_a: Estimate | None,
    missing_b: Estimate | None,
    invalid_a: Estimate | None,
    invalid_b: Estimate | None,
    times: PairTimes | None,
) -> dict[str, Finding]:
    """Findings by name: `missing`, `invalid`, `core_shift`, `chip_shift`; without those that lack their data.

    The estimates are shares of proofs missed and of answers that do not hash, by run.
    """
    findings: dict[str, Finding] = {}
    if missing_a is not None and missing_b is not None:
        findings["missing"] = _missing_finding(missing_a, missing_b)
    if invalid_a is not None and invalid_b is not None:
        findings["invalid"] = invalid_finding(invalid_a, invalid_b)
    if times is not None:
        for name, shifts in (("core_shift", times.cores), ("chip_shift", times.chips)):
            if shifts:
                findings[name] = _shift_finding(times, shifts)
    return findings


def smallest_rate(n: int) -> float | None:
    """The rate r of which n would have shown a case with a probability of 80 %: 1 - (1 - r)^n = 0.8.

    For what does not happen at all under the null, so that a single case is seen.
    """
    return 1 - 0.2 ** (1 / n) if n else None


def _missing_finding(rate_a: Estimate, rate_b: Estimate) -> Finding:
    """Exact sign test on the proofs that came in one run only."""
    k_a, k_b = _count(rate_a), _count(rate_b)
    p = float(stats.binomtest(k_b, k_a + k_b).pvalue) if k_a + k_b else 1.0
    effect = _difference(rate_a, rate_b)
    return Finding(
        question="Does one run miss proofs that the other finds more often than the other way round?",
        effect=effect,
        nulls=[TestResult("sign test", float(k_b), p, k_a + k_b, "a miss is as likely in either run")],
        smallest_effect=smallest_rate(effect.n),
        verdict=judge(effect, p, alpha=ALPHA),
        note="share of the proofs missed in B less that in A",
        p_corrected=p,
    )


def invalid_finding(rate_a: Estimate, rate_b: Estimate) -> Finding:
    k_a, k_b = _count(rate_a), _count(rate_b)
    table = np.array([[k_a, rate_a.n - k_a], [k_b, rate_b.n - k_b]])
    p = float(stats.fisher_exact(table).pvalue)
    effect = _difference(rate_a, rate_b)
    return Finding(
        question="Does one run give more answers that do not hash than the other?",
        effect=effect,
        nulls=[TestResult("Fisher's exact test", float(k_b), p, rate_a.n + rate_b.n, "equal shares")],
        smallest_effect=smallest_rate(effect.n),
        verdict=judge(effect, p, alpha=ALPHA),
        note="share of the answers in B less that in A",
        p_corrected=p,
    )


def _count(rate: Estimate) -> int:
    return round(rate.estimate * rate.n)


def _difference(rate_a: Estimate, rate_b: Estimate) -> Estimate:
    """B less A; squares of the distances to the single ends added (Newcombe 1998, method 10)."""
    value = rate_b.estimate - rate_a.estimate
    low = value - float(np.hypot(rate_b.estimate - rate_b.low, rate_a.high - rate_a.estimate))
    high = value + float(np.hypot(rate_b.high - rate_b.estimate, rate_a.estimate - rate_a.low))
    return Estimate(value, low, high, min(rate_a.n, rate_b.n), method="Newcombe 1998, from exact intervals")


def _shift_finding(times: PairTimes, shifts: list[Shift]) -> Finding:
    largest = min(shifts, key=lambda shift: (shift.p_corrected, -abs(shift.shift_us)))
    verdicts = {shift.verdict for shift in shifts}
    verdict = EvidenceVerdict.NOT_RESOLVED
    if EvidenceVerdict.SUPPORTED in verdicts:
        verdict = EvidenceVerdict.SUPPORTED
    elif verdicts == {EvidenceVerdict.REFUTED}:
        verdict = EvidenceVerdict.REFUTED
    what = "chip" if largest.core is None else "core"
    floor = "not known" if times.floor_ms is None else f"{times.floor_ms:.3g} ms of host time"
    return Finding(
        question=f"Does some {what} come later or earlier in B than in A, against the others (us)?",
        effect=Estimate(largest.shift_us, largest.low, largest.high, largest.n, method=times.shift_method),
        nulls=[
            TestResult(
                "largest shift over all labels",
                largest.shift_us,
                largest.p_corrected,
                times.n,
                "which core answers says nothing of the time",
                replicates=times.permutations,
            )
        ],
        smallest_effect=times.smallest_shift_us if largest.core is not None else None,
        verdict=verdict,
        note=f"the {what} with the smallest p of {len(shifts)}; floor of two stamps {floor}",
        p_corrected=largest.p_corrected,
    )
