"""How an emulated miner's hashing stands to the real one's: what a difficulty asks for, and how often.

A real LV06 tests 434 GH/s, an emulator a few MH/s of them: one in `hash_rate_scale`. So that shares come at a
useful rate all the same, difficulty 1 takes 2^zero_bits hashes instead of 2^32 (of LBRY 2^24), and every
target is wider by the same factor: a share of difficulty D comes every D 2^zero_bits / rate seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Proof = Literal["sha256d", "lbry"]

DIFFICULTY_1 = 0xFFFF << 208
LBRY_FACTOR = 256
"""What LBRY pools divide a difficulty by."""
REAL_ZERO_BITS = {"sha256d": 32, "lbry": 24}
_MAX_HASH = (1 << 256) - 1


@dataclass(frozen=True, slots=True)
class ShareScale:
    proof: Proof
    zero_bits: int
    hash_rate_scale: float
    """Hashes of the real miner for one of the emulator's."""
    floor: int
    """Difficulty below which the chips report nothing, a power of two."""
    difficulty_factor: int = 1
    """What the firmware divides a pool's difficulty by."""

    @property
    def difficulty_one(self) -> int:
        """What stands for 0xffff << 208 here; LBRY's factor of 256 comes on top of it, as it does there."""
        return DIFFICULTY_1 << (REAL_ZERO_BITS[self.proof] - self.zero_bits)

    def target(self, difficulty: float) -> int:
        """The largest hash that a share may have; of difficulty 0 any."""
        if not difficulty > 0:
            return _MAX_HASH
        exact = Fraction(difficulty)
        wide = self.difficulty_one * self.difficulty_factor * exact.denominator // exact.numerator
        return min(wide, _MAX_HASH)

    @property
    def ticket_target(self) -> int:
        """The largest hash that a chip reports: it compares zero bits, so a little more than the floor's."""
        bits = self.zero_bits + (8 if self.proof == "lbry" and self.difficulty_factor == 1 else 0)
        return min((1 << (256 - bits)) // self.floor - 1, _MAX_HASH)

    def difficulty_of(self, value: int) -> float:
        """The difficulty, as pools count, that a hash reaches."""
        return self.difficulty_one * self.difficulty_factor / max(value, 1)

    @property
    def hashes_per_ticket(self) -> float:
        """Emulated hashes for one that a chip reports."""
        return (1 << 256) / (self.ticket_target + 1)

    @property
    def speed_up(self) -> float:
        """How many times more often shares come than from the real miner."""
        return 2.0 ** (REAL_ZERO_BITS[self.proof] - self.zero_bits) / self.hash_rate_scale
