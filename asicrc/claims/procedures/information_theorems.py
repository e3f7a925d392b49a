"""The theorems of the second paper on finite distributions, and what samples make of them: S18, S19, S21.

Exact values over random distributions of many sizes; then samples, where zero is never zero.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from asicrc.analysis.dependence.discrete import discrete_information
from asicrc.analysis.dependence.finite import (
    Probabilities,
    baseline_accuracy,
    best_accuracy,
    mutual_information,
    product,
    witness,
)
from asicrc.analysis.dependence.predictor import beats_baseline
from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures.deciding import COMPUTATION, COMPUTED, computed_in, holds, per_cent
from asicrc.evidence import Estimate, TestResult
from asicrc.evidence.binomial import clopper_pearson

EXACT = 1e-12
DISTRIBUTIONS, LARGEST = 500, 8
SAMPLES, ROWS, PERMUTATIONS = 100, 200, 99
LEVEL = 0.01
MANY = 64
"""Outcomes of a guess that learns its training rows by heart."""
SAMPLED_LEVEL = 0.05
"""Of the permutation test, whose p-value cannot fall below 1 in 100 here."""
TARGET_BITS = 32
"""Zero bits of difficulty 1."""
FILTER_RECALL, FILTER_GOES_ON = 0.99, 0.01
"""A filter better than any that was claimed."""


def no_leak(context: Context) -> ClaimOutcome:
    """S18: I(S; O) of independent variables, exact and sampled."""
    rng = np.random.default_rng(context.seed)
    exact = max(mutual_information(_independent(rng)) for _ in range(DISTRIBUTIONS))
    found = []
    for child in context.seed.spawn(SAMPLES):
        s, o = _sample(_independent(rng, size=4), ROWS, rng)
        found.append(discrete_information(s, o, seed=child, permutations=PERMUTATIONS))
    alarms = sum(one.test.p_value <= SAMPLED_LEVEL for one in found)
    rate = clopper_pearson(alarms, SAMPLES)
    plug_in = float(np.mean([one.plug_in for one in found]))
    expected = (4 - 1) * (4 - 1) / (2 * ROWS)
    verdict = holds(exact <= EXACT and rate.low <= SAMPLED_LEVEL)
    return ClaimOutcome(
        "S18",
        COMPUTED,
        verdict,
        verdict,
        f"True of distributions, and of any two variables: nothing in it is about hashes. Of {ROWS} samples "
        f"the plug-in value is {plug_in:.3f} nats though the truth is 0, so that it counts only against "
        "permutations.",
        [
            Reproduced(f"largest of {DISTRIBUTIONS} independent distributions", 0.0, exact, "nats"),
            Reproduced(f"plug-in of {ROWS} samples, mean", None, plug_in, "nats"),
            Reproduced("its bias, (|S| - 1)(|O| - 1) / 2 n", None, expected, "nats"),
            Reproduced("false alarms of the permutation test", f"{per_cent(SAMPLED_LEVEL)}", rate),
        ],
        smallest_effect=2 * stats.chi2.isf(LEVEL, 9) / (2 * ROWS),
        effect_unit=f"nats, of {ROWS} samples",
    )


def better_predictor(context: Context) -> ClaimOutcome:
    """S19: no guess beats the baseline where nothing is shared; held out, the test keeps its level."""
    rng = np.random.default_rng(context.seed)
    above = [
        best_accuracy(joint) - baseline_accuracy(joint)
        for joint in (_independent(rng) for _ in range(DISTRIBUTIONS))
    ]
    alarms = {"held out": 0, "on the training rows": 0}
    seen = 0
    for _ in range(SAMPLES):
        s, o = rng.integers(MANY, size=2 * ROWS), rng.integers(2, size=2 * ROWS)
        for name, test in _tests(s, o).items():
            alarms[name] += test.p_value <= LEVEL
        joint = _independent(rng, size=4)
        joint = 0.5 * joint + 0.5 * np.diag(joint.sum(axis=1))
        seen += _tests(*_sample(joint, 2 * ROWS, rng))["held out"].p_value <= LEVEL
    held_out, training, power = (
        clopper_pearson(count, SAMPLES)
        for count in (alarms["held out"], alarms["on the training rows"], seen)
    )
    verdict = holds(max(above) <= EXACT and held_out.low <= LEVEL and power.high > 0.5)
    baseline = 1 - 2.0**-TARGET_BITS
    accuracy = 1 - FILTER_GOES_ON
    return ClaimOutcome(
        "S19",
        COMPUTED,
        verdict,
        verdict,
        f"True, and of no use to a filter that mines: one with a recall of {per_cent(FILTER_RECALL)} that "
        f"lets {per_cent(FILTER_GOES_ON)} go on is right {per_cent(accuracy)} of the time, and saying no to "
        f"all is right 1 - 2^-{TARGET_BITS}. Scored on the rows that it was trained on, a guess that knows "
        f"nothing beats the baseline in {per_cent(training.estimate)} of samples.",
        [
            Reproduced("most that a guess has above the baseline, independent", 0.0, max(above)),
            Reproduced("false alarms, held out", f"{per_cent(LEVEL)}", held_out),
            Reproduced("false alarms, on the training rows", None, training),
            Reproduced("found where there is dependence, held out", None, power),
            Reproduced("baseline of mining at difficulty 1", None, baseline),
            Reproduced("accuracy of a filter that keeps the hits", None, accuracy),
        ],
        smallest_effect=2.8 * math.sqrt(0.25 / ROWS),
        effect_unit=f"accuracy above the baseline, of {ROWS} held-out rows",
    )


def a_witness(context: Context) -> ClaimOutcome:
    """S21: the event that tells two distributions apart, and how many samples it takes to see it."""
    rng = np.random.default_rng(context.seed)
    missed, off = 0, 0.0
    for _ in range(DISTRIBUTIONS):
        size = int(rng.integers(2, LARGEST + 1))
        p, q = rng.dirichlet(np.ones(size)), rng.dirichlet(np.ones(size))
        total = 0.5 * float(np.abs(p - q).sum())
        best = p > q
        off = max(off, abs(float(p[best].sum() - q[best].sum()) - total))
        missed += bool(p[witness(p, q)] == q[witness(p, q)])
    verdict = holds(missed == 0 and off <= EXACT)
    apart = {n: _found_apart(n, rng) for n in (100, 1_000, 10_000)}
    return ClaimOutcome(
        "S21",
        COMPUTED,
        verdict,
        verdict,
        "True of any two distributions that differ, by however little. It does not say how many samples "
        "that takes, nor that a device keeps its distribution, nor that no other has it.",
        [
            Reproduced(f"pairs without a witness, of {DISTRIBUTIONS}", 0.0, float(missed)),
            Reproduced("largest distance of the witness from the total variation", 0.0, off),
            *(
                Reproduced(f"G-test tells two apart by 0.02, {n:,} samples of each", None, found)
                for n, found in apart.items()
            ),
        ],
        smallest_effect=2.8 * math.sqrt(0.5 / 10_000),
        effect_unit="difference of one probability, of 10,000 samples of each",
    )


def _found_apart(n: int, rng: np.random.Generator) -> Estimate:
    """How often a G-test at 1 % tells four outcomes of equal probability from ones 0.02 off."""
    even = np.full(4, 0.25)
    other = even + np.array([0.02, -0.02, 0.0, 0.0])
    found = 0
    for _ in range(SAMPLES):
        table = np.stack([rng.multinomial(n, even), rng.multinomial(n, other)])
        test = stats.chi2_contingency(table, lambda_="log-likelihood", correction=False)
        found += float(test.pvalue) <= LEVEL
    return clopper_pearson(found, SAMPLES)


def _tests(s: NDArray[np.int64], o: NDArray[np.int64]) -> dict[str, TestResult]:
    """A guess of o by the likeliest in each s, trained on the first half; scored on either half."""
    half = len(s) // 2
    counts = np.zeros((int(s.max()) + 1, int(o.max()) + 1))
    np.add.at(counts, (s[:half], o[:half]), 1)
    likeliest = counts.argmax(axis=1)
    majority = int(np.bincount(o[:half]).argmax())
    return {
        "held out": beats_baseline(likeliest[s[half:]], o[half:], majority).test,
        "on the training rows": beats_baseline(likeliest[s[:half]], o[:half], majority).test,
    }


def _independent(rng: np.random.Generator, size: int | None = None) -> Probabilities:
    """A joint distribution of two that know nothing of each other, of 2 to 8 outcomes each."""
    sizes = rng.integers(2, LARGEST + 1, 2) if size is None else (size, size)
    return product(rng.dirichlet(np.ones(sizes[0])), rng.dirichlet(np.ones(sizes[1])))


def _sample(
    joint: Probabilities, n: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """n pairs (s, o)."""
    cells = rng.choice(joint.size, n, p=joint.ravel() / joint.sum())
    s, o = np.divmod(cells, joint.shape[1])
    return s.astype(np.int64), o.astype(np.int64)


_SOURCE = frozenset({COMPUTATION})
PROCEDURES: tuple[Procedure, ...] = (
    Procedure("S18", _SOURCE, no_leak, computed_in(1.0)),
    Procedure("S19", _SOURCE, better_predictor, computed_in(0.5)),
    Procedure("S21", _SOURCE, a_witness, computed_in(0.5)),
)
