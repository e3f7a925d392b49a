"""Registers of SHA-256d after early rounds, hits and others: claims S08 and S28.

The hash is the same on every twin, and on every chip. What differs is whether a register bit is made to tell.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from asicrc.evidence import EvidenceVerdict, Finding, TestResult, not_testable
from asicrc.evidence.discrimination import CHANCE
from asicrc.filtering.round_data import ROUNDS
from asicrc.filtering.round_study import MARGIN, RoundScore, RoundStudy, study_rounds
from asicrc.filtering.tenths import detectable_ratio

EARLY = tuple(64 + k for k in range(1, 6))
"""Rounds 1 to 5 of the second hash."""
HEADLINE = 69
LATER = (64, 72, 80, 96, 112, 120)
"""If a bad early state cannot be mended, every later one knows of it too."""
CONTROL = 125
NO_CONTROL = "the positive control after round 61 did not tell"
RATIO_MARGIN = 1.05
PLANTED_AUC = 0.55
"""Of one register bit; a readout of 256 bits that learns from 12,000 of either kind keeps half of it."""
PER_KIND, ZERO_BITS = 12_000, 8


def take_early(kind: str, seed: np.random.SeedSequence) -> RoundStudy:
    return _study(kind, seed, EARLY)


def take_later(kind: str, seed: np.random.SeedSequence) -> RoundStudy:
    return _study(kind, seed, (HEADLINE, *LATER))


def find_early(study: RoundStudy) -> Finding:
    """S08: any of the first five rounds."""
    return strongest(study, "Do the registers after rounds 1 to 5 of the second hash tell which hashes hit?")


def find_later(study: RoundStudy) -> Finding:
    """S28: by how much the best tenth of early states hits oftener than the worst, at any round up to 56.

    Supported where the whole interval of a ratio is above 1.05, refuted where all of them are inside 1/1.05
    to 1.05; intervals hold for all rounds together.
    """
    question = "Does the best tenth of states hit oftener than the worst, at any round up to 56 of hash 2?"
    asked = _asked(study)
    ratios = {score.rounds_before: score.tenths for score in asked if score.tenths is not None}
    if not asked or len(ratios) < len(asked):
        return not_testable(
            question, study.per_kind, NO_CONTROL if not asked else "too few hashes for tenths"
        )
    furthest = max(ratios, key=lambda k: abs(math.log(ratios[k].estimate)))
    effect = ratios[furthest]
    verdict = EvidenceVerdict.NOT_RESOLVED
    if any(ratio.low > RATIO_MARGIN for ratio in ratios.values()):
        verdict = EvidenceVerdict.SUPPORTED
    elif all(ratio.low > 1 / RATIO_MARGIN and ratio.high < RATIO_MARGIN for ratio in ratios.values()):
        verdict = EvidenceVerdict.REFUTED
    widths = 2 * float(stats.norm.ppf((1 + effect.level) / 2))
    z = math.log(effect.estimate) / (math.log(effect.high / effect.low) / widths)
    p = float(2 * stats.norm.sf(abs(z)))
    return Finding(
        question,
        effect,
        [TestResult("log ratio of risks", z, p, effect.n, "the best tenth hits as often as the worst")],
        detectable_ratio(study.per_kind),
        verdict,
        f"{_place(furthest)}, the furthest from 1 of {len(asked)}; margin {RATIO_MARGIN:g}, "
        f"{study.per_kind} of either kind, {study.zero_bits} zero bits",
        min(1.0, p * len(asked)),
    )


def strongest(study: RoundStudy, question: str) -> Finding:
    """The k that is furthest from chance; its test and interval hold for all k together.

    The positive control, one round after which the first word of the hash is known, has to tell: without it
    nothing is answered.
    """
    asked = _asked(study)
    if not asked:
        return not_testable(question, study.per_kind, NO_CONTROL)
    best = max(asked, key=_from_chance)
    found = best.discrimination
    if found is None:
        raise ValueError("a round that was scored has a score")
    verdicts = {score.value_verdict for score in asked}
    verdict = EvidenceVerdict.NOT_RESOLVED
    if EvidenceVerdict.SUPPORTED in verdicts:
        verdict = EvidenceVerdict.SUPPORTED
    elif verdicts == {EvidenceVerdict.REFUTED}:
        verdict = EvidenceVerdict.REFUTED
    return Finding(
        question,
        found.auc,
        [found.test],
        found.detectable - CHANCE,
        verdict,
        f"{_place(best.rounds_before)}, the furthest from chance of {len(asked)}; margin "
        f"{MARGIN:g}, {study.per_kind} of either kind, {study.zero_bits} zero bits",
        found.p_corrected,
    )


def _asked(study: RoundStudy) -> list[RoundScore]:
    """The rounds that were scored but for the control; none where that did not tell."""
    control = next((score for score in study.scores if score.rounds_before == CONTROL), None)
    if control is None or control.value_verdict is not EvidenceVerdict.SUPPORTED:
        return []
    return [s for s in study.scores if s.rounds_before != CONTROL and s.discrimination is not None]


def _place(rounds_before: int) -> str:
    which, of_hash = divmod(rounds_before - 1, ROUNDS // 2)
    return f"after round {of_hash + 1} of hash {which + 1}"


def _from_chance(score: RoundScore) -> float:
    return 0.0 if score.discrimination is None else abs(score.discrimination.auc.estimate - CHANCE)


def _study(kind: str, seed: np.random.SeedSequence, rounds: tuple[int, ...]) -> RoundStudy:
    return study_rounds(
        (*rounds, CONTROL),
        zero_bits=ZERO_BITS,
        per_kind=PER_KIND,
        train_per_kind=PER_KIND,
        seed=int(seed.generate_state(1)[0]),
        planted_auc=PLANTED_AUC if kind == "planted" else None,
    )
