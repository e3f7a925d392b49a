"""An S9 whose deepest hashes may come later than the others, or not: claim S20."""

from __future__ import annotations

import numpy as np

from asicrc.analysis.dependence.capture_leakage import leakage_in
from asicrc.analysis.dependence.leakage import MARGINS, SHARES, Leakage
from asicrc.capture.memory import MemoryCapture, capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.claims.twins.units import twin_of, work_seed
from asicrc.evidence import Finding

PLANTED_AUC = 0.52
PER_CLASS = 10_000
EVENTS = round(PER_CLASS / min(SHARES))
"""So that the deepest quarter has 10,000."""
LEAK_DIFFICULTY = 64.0
LONGEST_S = 6000.0


def take_proofs(kind: str, seed: np.random.SeedSequence) -> Finding:
    """40,000 proofs with their depths and times."""
    device = twin_of(kind, "s9", seed, {"leak_auc": PLANTED_AUC})
    plan = CapturePlan(
        duration_s=LONGEST_S,
        max_events=EVENTS,
        seed=work_seed(seed),
        requested={"difficulty": LEAK_DIFFICULTY},
    )
    return leak_in(capture_in_memory(device, plan), seed)


def find_leak(finding: Finding) -> Finding:
    return finding


def leak_in(capture: MemoryCapture, seed: np.random.SeedSequence) -> Finding:
    return leak_finding(leakage_in(capture, "the twin", int(seed.generate_state(1)[0])))


def leak_finding(found: Leakage) -> Finding:
    """The strongest comparison of all that were tried, corrected for their number."""
    leak, strongest = found.strongest
    tried = sum(len(each.by_share) + 1 for each in found.leaks)
    return Finding(
        "Do the times of proofs tell how deep their hashes are?",
        strongest.auc,
        [strongest.test, leak.information.test],
        strongest.detectable - 0.5,
        found.verdict,
        f"AUC by the {leak.timing}, the strongest of {tried} comparisons; margin {MARGINS.claimed:g}",
        found.p_corrected,
    )
