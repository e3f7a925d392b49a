"""The "OTOC" of the papers: how one flipped bit spreads through the rounds of the hash.

Their program hashes a seed and the seed with its last bit flipped, and calls the share of bits in which the
two hashes differ an out-of-time-order correlator. It has no operators and no time in it; what it measures
is the avalanche of SHA-256 (Webster and Tavares 1985), a property of the function that every implementation
shares: 0.5 within 1 / sqrt(4 256 n). Followed round by round the state of 256 bits is fully mixed some 20
rounds after the word with the flipped bit entered. Nothing in it can tell a chip from a program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from asicrc.analysis.papers.hamming import SHARE_MARGINS
from asicrc.engines import engine as installed_engine
from asicrc.evidence import Estimate, Finding, TestResult, judge_claim
from asicrc.evidence.finding import POWER_80_SE

ALL_ROUNDS = 128
STATE_BITS = 256
RoundStates = Callable[[bytes, NDArray[np.uint32], Sequence[int]], NDArray[np.uint32]]


@dataclass(frozen=True, slots=True)
class Scrambling:
    """`share` (128,) of the state's bits that differ after each round, of n pairs. `mixed_rounds` are, for
    each of the two hashes, the first of its rounds from which on all lie within chance of 1/2; None for
    never. `finding` is about the last round of the second hash."""

    n: int
    share: NDArray[np.float64]
    mixed_rounds: tuple[int | None, int | None]
    finding: Finding

    def as_json(self) -> dict[str, Any]:
        return {
            **self.finding.as_json(),
            "mixed_rounds": list(self.mixed_rounds),
            "share_by_round": [round(float(value), 6) for value in self.share],
        }


def nonce_scrambling(
    header80: bytes, n: int = 2000, *, bit: int = 0, seed: int = 0, engine: RoundStates | None = None
) -> Scrambling:
    """Flip one bit of the nonce of a header, n nonces, and follow the difference through both hashes.

    `engine` gives the states of the rounds; None: that of the software hasher that is installed. Raises
    UsageError where there is none, ValueError for a bit that a nonce does not have.
    """
    if not 0 <= bit < 32:
        raise ValueError(f"a nonce has bits 0 to 31, not {bit}")
    states = engine or installed_engine("round_states")
    rng = np.random.default_rng(np.random.SeedSequence([seed, bit]))
    nonces = rng.integers(0, 1 << 32, n, dtype=np.uint32)
    rounds = list(range(1, ALL_ROUNDS + 1))
    differ = states(header80, nonces, rounds) ^ states(header80, nonces ^ np.uint32(1 << bit), rounds)
    counts = np.bitwise_count(differ).sum(axis=1).astype(np.int64)
    return scrambling_of_counts(counts)


def scrambling_of_counts(counts: NDArray[np.int64]) -> Scrambling:
    """From (rounds, n) numbers of bits in which two states differ."""
    rounds, n = counts.shape
    share = counts.mean(axis=1) / STATE_BITS
    se = float(np.sqrt(1 / (4 * STATE_BITS * n)))
    # all rounds at once: Bonferroni over them
    off = np.abs(share - 0.5) > float(stats.norm.isf(0.01 / (2 * rounds))) * se
    half_way = rounds // 2
    mixed = _mixed(off[:half_way]), _mixed(off[half_way:])
    z = (float(share[-1]) - 0.5) / se
    p = 2 * float(stats.norm.sf(abs(z)))
    half = float(stats.norm.ppf(0.975)) * se
    effect = Estimate(
        float(share[-1]), float(share[-1]) - half, float(share[-1]) + half, n, method="Binomial(256, 1/2)"
    )
    finding = Finding(
        question="Does a flipped bit change another share than half of the last state's bits?",
        effect=effect,
        nulls=[TestResult("share of bits that differ", z, p, n, "an ideal function")],
        smallest_effect=POWER_80_SE * se,
        verdict=judge_claim(effect, p, SHARE_MARGINS, null_value=0.5),
        note="a property of SHA-256 on anything that computes it; refuted: it is 1/2 to 1 %",
        p_corrected=p,
    )
    return Scrambling(n, share, mixed, finding)


def _mixed(off: NDArray[np.bool_]) -> int | None:
    """The first round, from 1, from which on none is off."""
    last = int(np.flatnonzero(off)[-1]) + 1 if off.any() else 0
    return None if last == len(off) else last + 1
