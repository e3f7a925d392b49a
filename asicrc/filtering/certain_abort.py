"""What a hash can be spared for sure: rounds that no test of its top word needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from asicrc.engines import engine
from asicrc.errors import NoAnswer
from asicrc.filtering.round_data import LAST_INITIAL_WORD, ROUNDS

_HEADERS, _NONCES = 4, 1000


@dataclass(frozen=True, slots=True)
class CertainAbort:
    """Shares of the 2 x 64 rounds. `checked` hashes bore the rounds out."""

    nonce_free: int
    without_a: int
    after_the_end: int
    checked: int

    @property
    def after_the_end_share(self) -> float:
        """Of stopping where the top word is known."""
        return self.after_the_end / ROUNDS

    @property
    def with_halves_share(self) -> float:
        """And counting rounds whose new a is not needed as half done."""
        return (self.after_the_end + self.without_a / 2) / ROUNDS

    @property
    def with_nonce_free_share(self) -> float:
        """Stopping early, and sharing what is the same for all nonces."""
        return (self.after_the_end + self.nonce_free) / ROUNDS

    def as_json(self) -> dict[str, Any]:
        return {
            "rounds": ROUNDS,
            "nonce_free": self.nonce_free,
            "without_a": self.without_a,
            "after_the_end": self.after_the_end,
            "saving_after_the_end": self.after_the_end_share,
            "saving_with_half_rounds": self.with_halves_share,
            "saving_with_nonce_free": self.with_nonce_free_share,
            "checked_hashes": self.checked,
        }


def certain_abort(seed: np.random.SeedSequence) -> CertainAbort:
    """Derived by tracing SHA-256d symbolically, then checked on hashes of random headers.

    Raises NoAnswer if a hash contradicts what was derived.
    """
    derived = engine("needed_rounds")()
    states_of = engine("round_states")
    rng = np.random.default_rng(seed)
    last = ROUNDS - derived.after_the_end
    for _ in range(_HEADERS):
        nonces = rng.integers(0, 1 << 32, _NONCES)
        rounds = [derived.nonce_free, derived.nonce_free + 1, last, ROUNDS]
        before, first, decided, end = states_of(rng.bytes(80), nonces, rounds)
        top_word = end[7] + np.uint32(LAST_INITIAL_WORD)
        known = decided[4] + np.uint32(LAST_INITIAL_WORD)
        if (
            np.ptp(before, axis=1).any()
            or not np.ptp(first, axis=1).any()
            or not np.array_equal(top_word, known)
        ):
            raise NoAnswer(
                "hashes contradict the rounds that were derived", "report it: this is an error of asicrc"
            )
    return CertainAbort(derived.nonce_free, derived.without_a, derived.after_the_end, _HEADERS * _NONCES)
