"""Do the registers of SHA-256d after k rounds tell whether the hash will hit? Asked of many k at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence import Estimate, EvidenceVerdict, judge
from asicrc.evidence.discrimination import CHANCE, Discrimination, discriminate
from asicrc.filtering.accounting import FilterAccount, account
from asicrc.filtering.policies import baselines
from asicrc.filtering.round_data import (
    DECIDED_AFTER,
    MOST_ZERO_BITS,
    ROUNDS,
    bits,
    meets,
    round_batches,
)
from asicrc.filtering.tenths import ratio_of_tenths
from asicrc.reservoir.readouts import RidgeReadout

DEFAULT_ROUNDS = (
    *range(1, 9),
    16,
    32,
    48,
    64,
    *(64 + k for k in (1, 2, 3, 4, 5, 8, 16, 32, 48, 56, 58, 60, 61, 64)),
)
"""k of the 2 x 64: the papers' first five of either hash, and on to the end."""
MARGIN = 0.002
"""Of the AUC round 0.5: claim S08 of arXiv 2601.12032 is refuted inside it."""
THRESHOLD = 0.5
_TRAIN, _TEST, _RANDOM, _PLANT = range(4)


@dataclass(frozen=True, slots=True)
class RoundScore:
    """One k. `reason` says why there is no score. The value verdict: do the registers predict? The verdict of
    the interpretation: does a filter gain by it? `tenths` is how much oftener hashes of the best tenth of
    scores hit than those of the worst, None where a score takes too few values for tenths.
    """

    rounds_before: int
    method: str
    discrimination: Discrimination | None = None
    filter_account: FilterAccount | None = None
    policies: dict[str, FilterAccount] = field(default_factory=dict)
    tenths: Estimate | None = None
    reason: str = ""

    @property
    def value_verdict(self) -> EvidenceVerdict:
        if self.discrimination is None:
            return EvidenceVerdict.NOT_TESTABLE_HERE
        found = self.discrimination
        return judge(found.auc, found.p_corrected, null_value=CHANCE, margin=MARGIN)

    @property
    def interpretation_verdict(self) -> EvidenceVerdict:
        gain = None if self.filter_account is None else self.filter_account.gain
        if gain is None:
            return EvidenceVerdict.NOT_TESTABLE_HERE
        if gain.low > 1:
            return EvidenceVerdict.SUPPORTED
        return EvidenceVerdict.REFUTED if gain.high <= 1 else EvidenceVerdict.NOT_RESOLVED

    def as_json(self) -> dict[str, Any]:
        found = self.discrimination
        which_hash, in_hash = divmod(self.rounds_before - 1, ROUNDS // 2)
        scores: dict[str, Any] = dict.fromkeys(
            ("auc", "auc_low", "auc_high", "detectable_auc", "p_corrected")
        )
        done = self.filter_account
        counts = dict.fromkeys(FilterAccount.KEYS) if done is None else done.as_json()
        return {
            "k": self.rounds_before,
            "hash": which_hash + 1,
            "round": in_hash + 1,
            "method": self.method,
            **(scores if found is None else found.as_json()),
            "ratio_of_tenths": None if self.tenths is None else self.tenths.as_json(),
            **counts,
            "rounds_before": self.rounds_before,
            "rounds": ROUNDS,
            "label_leak": None,
            "value_verdict": self.value_verdict.value,
            "interpretation_verdict": self.interpretation_verdict.value,
            "baselines": {name: policy.as_json() for name, policy in self.policies.items()},
            "reason": self.reason or None,
        }


@dataclass(frozen=True, slots=True)
class RoundStudy:
    """`per_kind` test hashes that hit, and as many others, on headers that training never saw."""

    zero_bits: int
    per_kind: int
    trained_on: int
    planted_auc: float | None
    scores: list[RoundScore]

    def as_json(self) -> dict[str, Any]:
        return {
            "zero_bits": self.zero_bits,
            "per_class": self.per_kind,
            "train_per_class": self.trained_on,
            "rounds": ROUNDS,
            "margin": MARGIN,
            "tried": sum(score.discrimination is not None for score in self.scores),
            "planted_auc": self.planted_auc,
            "scores": [score.as_json() for score in self.scores],
        }


def study_rounds(
    rounds: Sequence[int] = DEFAULT_ROUNDS,
    *,
    zero_bits: int = 12,
    per_kind: int = 100_000,
    train_per_kind: int | None = None,
    seed: int = 1,
    planted_auc: float | None = None,
    threads: int = 1,
    say: Callable[[str], None] = lambda _: None,
) -> RoundStudy:
    """Train a ridge readout on the 256 register bits after each k, and score it on other headers.

    From k = 125 on (round 61 of the second hash) the score is the rule that decides: the top word is known.
    Before the nonce comes in nothing varies, and nothing is to be tested. With `planted_auc` one register bit
    is made to tell as much, which the study has to find. Intervals and tests hold for all k together
    (Bonferroni).

    Raises UsageError for rounds, sizes or bits that there are not.
    """
    _check(rounds, zero_bits, per_kind, train_per_kind, planted_auc)
    rounds = sorted(set(rounds))
    train_per_kind = per_kind // 5 if train_per_kind is None else train_per_kind
    seeds = np.random.SeedSequence(seed).spawn(4)
    leak = None if planted_auc is None else _Leak(planted_auc, np.random.default_rng(seeds[_PLANT]))
    learnt = [k for k in rounds if k < DECIDED_AFTER]
    readouts = {k: RidgeReadout() for k in learnt}
    varying = dict.fromkeys(learnt, False)
    say(f"{hashes_needed(zero_bits, per_kind, train_per_kind):.2g} hashes are to be scanned for their hits")
    say(f"training on {train_per_kind} hashes of either kind")
    for batch in round_batches(train_per_kind, zero_bits, learnt, seeds[_TRAIN], threads):
        for place, k in enumerate(learnt):
            states = batch.states[place]
            varying[k] = varying[k] or bool(np.ptp(states, axis=1).any())
            if varying[k]:
                readouts[k].partial_fit(_features(states, batch.hit, leak), batch.hit.astype(np.float32))
    say(f"scoring {per_kind} of either kind")
    scored = [k for k in rounds if varying.get(k, True)]
    parts: dict[int, list[NDArray[np.float32]]] = {k: [] for k in scored}
    hits = []
    for batch in round_batches(per_kind, zero_bits, scored, seeds[_TEST], threads):
        hits.append(batch.hit)
        for place, k in enumerate(scored):
            states = batch.states[place]
            if k >= DECIDED_AFTER:
                parts[k].append(meets(states[4 + k - DECIDED_AFTER], zero_bits).astype(np.float32))
            else:
                parts[k].append(readouts[k].predict(_features(states, batch.hit, leak)).astype(np.float32))
    hit = np.concatenate(hits)
    random = seeds[_RANDOM].spawn(len(rounds))
    scores = []
    for k, of_policy in zip(rounds, random, strict=True):
        if k in parts:
            scores.append(_scored(k, np.concatenate(parts[k]), hit, 2.0**-zero_bits, len(scored), of_policy))
        else:
            scores.append(
                RoundScore(k, "none", reason="no nonce is in the registers yet: all hashes are the same")
            )
    return RoundStudy(zero_bits, per_kind, train_per_kind, planted_auc, scores)


class _Leak:
    """One bit that is the label with probability 2 AUC - 1, and otherwise as it was."""

    def __init__(self, auc: float, rng: np.random.Generator) -> None:
        self._share = 2 * (auc - CHANCE)
        self._rng = rng

    def plant(self, features: NDArray[np.float32], hit: NDArray[np.bool_]) -> None:
        told = self._rng.random(len(hit)) < self._share
        features[told, 0] = hit[told]


def _features(states: NDArray[np.uint32], hit: NDArray[np.bool_], leak: _Leak | None) -> NDArray[np.float32]:
    features = bits(states)
    if leak is not None:
        leak.plant(features, hit)
    return features


def _scored(
    k: int,
    score: NDArray[np.float32],
    hit: NDArray[np.bool_],
    hit_share: float,
    tried: int,
    seed: np.random.SeedSequence,
) -> RoundScore:
    method = "ridge on 256 register bits" if k < DECIDED_AFTER else "the top word, exact"
    try:
        found = discriminate(score, hit, tried=tried)
    except NoAnswer as error:
        return RoundScore(k, method, reason=error.message)
    done = account(score > THRESHOLD, hit, rounds_before=k, rounds=ROUNDS, hit_share=hit_share, tried=tried)
    rate = done.continue_rate.estimate
    policies = baselines(
        hit, continue_rate=rate, seed=seed, rounds_before=k, rounds=ROUNDS, hit_share=hit_share, tried=tried
    )
    try:
        tenths = ratio_of_tenths(score, hit, tried=tried)
    except NoAnswer:
        tenths = None
    return RoundScore(k, method, found, done, policies, tenths)


def hashes_needed(zero_bits: int, per_kind: int, train_per_kind: int | None) -> float:
    """Hashes that a study has to scan for its hits."""
    trained = per_kind // 5 if train_per_kind is None else train_per_kind
    return math.ldexp(per_kind + trained, zero_bits)


def _check(
    rounds: Sequence[int],
    zero_bits: int,
    per_kind: int,
    train_per_kind: int | None,
    planted_auc: float | None,
) -> None:
    if not rounds or not all(1 <= k <= ROUNDS for k in rounds):
        raise UsageError(
            f"rounds run from 1 to {ROUNDS}; 65 is the first of the second hash", "--rounds 5,69,125"
        )
    if not 1 <= zero_bits <= MOST_ZERO_BITS:
        raise UsageError(
            f"{zero_bits} zero bits are no target of a study", f"--zero-bits 1 to {MOST_ZERO_BITS}"
        )
    if per_kind < 100 or (train_per_kind is not None and train_per_kind < 100):
        raise UsageError("fewer than 100 hashes of either kind tell nothing", "--per-class 100000")
    if planted_auc is not None and not CHANCE < planted_auc < 1:
        raise UsageError(f"an AUC of {planted_auc:g} cannot be planted", "--plant-auc 0.52")
