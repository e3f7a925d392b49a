"""Does the time at which a nonce comes tell of its hash? Claim S20 of arXiv 2601.12032, asked of a capture.

What is asked about is the depth of the hash, its value over its target: uniform on (0, 1], known only once
all rounds are done, and no field of the header. Nonce, version, ntime and extranonce are not asked about: the
scan order makes times depend on them on any device. They know nothing of the depth, but comparisons are made
between nonces of one region (`strata`) all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from asicrc.analysis.dependence.discrete import discrete_information
from asicrc.analysis.dependence.information import Information
from asicrc.errors import NoAnswer
from asicrc.evidence import DESIGN_LEVEL, ClaimMargins, EvidenceVerdict, judge_claim
from asicrc.evidence.discrimination import CHANCE, Discrimination, discriminate

MARGINS = ClaimMargins(claimed=0.02)
"""Of the AUC round 0.5 (claim S20)."""
SHARES = (0.25, 0.5)
"""Which of the deepest hashes are told from the others: the best quarter, the better half."""
BINS = 4
FEWEST = 100

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TimingLeak:
    """One timing against the depth: information of `BINS` by `BINS` classes, nats; an AUC for each share."""

    timing: str
    n: int
    information: Information
    by_share: dict[float, Discrimination]

    def as_json(self) -> dict[str, Any]:
        return {
            "timing": self.timing,
            "n": self.n,
            "mi": self.information.mi.as_json(),
            "test": self.information.test.as_json(),
            "deepest": {f"{share:g}": found.as_json() for share, found in self.by_share.items()},
        }


@dataclass(frozen=True, slots=True)
class Leakage:
    """`strongest` is the comparison with the smallest p-value; `p_corrected` is for all that were tried.

    All intervals hold together with 95 % (Bonferroni).
    """

    leaks: list[TimingLeak]
    left_out: dict[str, str]
    p_corrected: float
    strongest: tuple[TimingLeak, Discrimination]

    @property
    def verdict(self) -> EvidenceVerdict:
        """Supported where any test, of information or of an AUC, finds something; refuted where all AUCs lie
        inside the margin."""
        found = [of_share for leak in self.leaks for of_share in leak.by_share.values()]
        verdicts = [judge_claim(each.auc, self.p_corrected, MARGINS, null_value=CHANCE) for each in found]
        if self.p_corrected <= DESIGN_LEVEL:
            return EvidenceVerdict.SUPPORTED
        if all(verdict is EvidenceVerdict.REFUTED for verdict in verdicts):
            return EvidenceVerdict.REFUTED
        return EvidenceVerdict.NOT_RESOLVED

    def as_json(self) -> dict[str, Any]:
        leak, found = self.strongest
        mi = leak.information.mi
        return {
            "timing": leak.timing,
            "mi": mi.estimate,
            "low": mi.low,
            "high": mi.high,
            **found.as_json(),
            "p_corrected": self.p_corrected,
            "margin": MARGINS.claimed,
            "verdict": self.verdict.value,
            "tried": [each.as_json() for each in self.leaks],
            "left_out": self.left_out,
        }


def leakage(
    depth: Floats,
    timings: Mapping[str, Floats],
    strata: NDArray[np.int64],
    *,
    seed: np.random.SeedSequence,
    permutations: int = 999,
) -> Leakage:
    """Depth (n,) of hashes against timings (n,) each; NaN where an event has none. `strata` (n,) are compared
    within. Raises NoAnswer where no timing is known of 100 events."""
    usable: dict[str, NDArray[np.bool_]] = {}
    left_out: dict[str, str] = {}
    for name, values in timings.items():
        known = np.isfinite(values) & np.isfinite(depth)
        if int(known.sum()) < FEWEST:
            left_out[name] = f"is known of {int(known.sum())} events; it takes {FEWEST}"
        elif np.unique(values[known]).size < BINS:
            left_out[name] = "takes fewer than four values"
        else:
            usable[name] = known
    if not usable:
        raise NoAnswer(
            "no timing can be held against the hashes: "
            + "; ".join(f"{name} {why}" for name, why in left_out.items()),
            "capture for longer, with send times or on a direct line",
        )
    tried = len(usable) * (len(SHARES) + 1)
    leaks = []
    for (name, known), child in zip(usable.items(), seed.spawn(len(usable)), strict=True):
        inside = _ranks_within(timings[name][known], strata[known])
        of_depth = depth[known]
        information = discrete_information(
            _classes(of_depth), _classes(inside), strata=strata[known], seed=child, permutations=permutations
        )
        by_share = {
            share: discriminate(inside, of_depth <= np.quantile(of_depth, share), tried=tried)
            for share in SHARES
        }
        leaks.append(TimingLeak(name, int(known.sum()), information, by_share))
    found = [(each.p_corrected, leak, each) for leak in leaks for each in leak.by_share.values()]
    p, leak, each = min(found, key=lambda entry: entry[0])
    of_information = min(min(1.0, leak.information.test.p_value * tried) for leak in leaks)
    return Leakage(leaks, left_out, min(p, of_information), (leak, each))


def _classes(values: Floats) -> NDArray[np.int64]:
    """Equally filled classes, by rank."""
    return np.minimum((rankdata(values) - 0.5) * BINS // len(values), BINS - 1).astype(np.int64)


def _ranks_within(values: Floats, strata: NDArray[np.int64]) -> Floats:
    """Ranks inside each stratum, from 0 to 1: what strata have apart is taken out."""
    ranks = np.empty(len(values))
    for stratum in np.unique(strata):
        rows = strata == stratum
        ranks[rows] = (rankdata(values[rows]) - 0.5) / int(rows.sum())
    return ranks
