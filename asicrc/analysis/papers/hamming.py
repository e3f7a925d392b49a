"""Hamming distance of consecutive hashes (H, sections III.C, V.B): SHA-256 diffuses, shares are selected.

Two hashes of good mixing differ in each bit with probability 1/2: 128 of 256 bits, standard deviation 8.
But shares are hashes below a target, and z leading bits of all of them are 0: they differ in (256 - z) / 2
bits on average. At difficulty 256 that is 108, and read as "scrambling" of 128 it looks like a defect of
the chip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from asicrc.errors import NoAnswer
from asicrc.evidence import ClaimMargins, Estimate, Finding, TestResult, judge_claim
from asicrc.evidence.finding import POWER_80_SE

HASH_BITS = 256
MIN_PAIRS = 30
_SPARE_BITS = 8
SHARE_MARGINS = ClaimMargins(claimed=0.01, tolerated=0.0)
"""Of the share of the free bits that differ."""


@dataclass(frozen=True, slots=True)
class HammingResult:
    """`finding` is about the share of the free bits that differ, 1/2 being full diffusion. `printed` is the
    papers' "scrambling", the mean distance over 256."""

    finding: Finding
    forced_zeros: int
    mean_bits: float
    printed: float
    law: TestResult

    def as_json(self) -> dict[str, Any]:
        return {
            **self.finding.as_json(),
            "forced_zeros": self.forced_zeros,
            "mean_bits": self.mean_bits,
            "expected_bits": (HASH_BITS - self.forced_zeros) / 2,
            "printed": self.printed,
            "law": self.law.as_json(),
        }


def hamming_of_hashes(hashes: NDArray[np.uint8], forced_zeros: int) -> HammingResult:
    """Distances of consecutive hashes against Binomial(256 - z, 1/2).

    Parameters
    ----------
    hashes : (n, 32) bytes, the most significant first, in order
    forced_zeros : z, leading bits that the target leaves no choice; 0 for hashes that nobody selected

    Bits before these are not compared. Raises NoAnswer for fewer than 30 pairs.
    """
    n = len(hashes) - 1
    if n < MIN_PAIRS:
        raise NoAnswer(f"{max(n, 0)} pairs of hashes; this takes {MIN_PAIRS}", "capture for longer")
    free = HASH_BITS - forced_zeros
    differ = np.unpackbits(hashes[1:] ^ hashes[:-1], axis=1)[:, forced_zeros:]
    distances = differ.sum(axis=1).astype(np.int64)
    # neighbours share a hash: distances of one are uncorrelated all the same, each bit being a fair coin
    mean, se = float(distances.mean()), float(np.sqrt(free / 4 / n))
    z = (mean - free / 2) / se
    p = 2 * float(stats.norm.sf(abs(z)))
    half = float(stats.norm.ppf(0.975)) * se
    effect = Estimate(
        mean / free, (mean - half) / free, (mean + half) / free, n, method=f"Binomial({free}, 1/2)"
    )
    finding = Finding(
        question="Do consecutive hashes differ in half of the bits that are free to?",
        effect=effect,
        nulls=[TestResult("mean distance", z, p, n, f"Binomial({free}, 1/2)")],
        smallest_effect=POWER_80_SE * se / free,
        verdict=judge_claim(effect, p, SHARE_MARGINS, null_value=0.5),
        note=f"{forced_zeros} leading zeros are forced by the target; refuted: diffusion is full to 1 %",
        p_corrected=p,
    )
    whole = float(np.unpackbits(hashes[1:] ^ hashes[:-1], axis=1).sum(axis=1).mean())
    return HammingResult(finding, forced_zeros, whole, whole / HASH_BITS, _law(distances, free))


def forced_zeros_seen(hashes: NDArray[np.uint8]) -> int:
    """Leading bits that selection leaves no choice, as the hashes themselves show.

    The largest of n hashes fills its power of two to within 10 / n if the target is one. If not, the bits
    that follow are not free either, each half as much as the one before: eight more are left out then.
    """
    zeros = int(leading_zeros(hashes).min())
    bits = np.unpackbits(hashes, axis=1)[:, zeros : zeros + 32].astype(float)
    filled = float((bits @ 0.5 ** np.arange(1, bits.shape[1] + 1)).max())
    return zeros if filled > 1 - 10 / len(hashes) else min(zeros + _SPARE_BITS, HASH_BITS)


def leading_zeros(hashes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Of each hash, most significant byte first."""
    bits = np.unpackbits(hashes, axis=1)
    first: NDArray[np.int64] = np.where(bits.any(axis=1), np.argmax(bits, axis=1), HASH_BITS)
    return first


def _law(distances: NDArray[np.int64], free: int) -> TestResult:
    """Chi-squared of the counts of distances against the binomial law, bins of five expected or more."""
    n = len(distances)
    cells = max(2, min(12, n // 10))
    edges = np.unique(stats.binom.ppf(np.linspace(0, 1, cells + 1)[1:-1], free, 0.5).astype(np.int64))
    cdf = np.concatenate([[0.0], stats.binom.cdf(edges, free, 0.5), [1.0]])
    expected = n * np.diff(cdf)
    found = np.bincount(np.searchsorted(edges, distances, side="left"), minlength=len(expected))
    statistic = float(np.sum((found - expected) ** 2 / expected))
    df = len(expected) - 1
    return TestResult(
        f"chi-squared of {len(expected)} bins",
        statistic,
        float(stats.chi2.sf(statistic, df)),
        n,
        f"Binomial({free}, 1/2)",
    )
