"""A proof of work at another scale: what emulators mine, where difficulty 1 asks for fewer hashes."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET
from firmware_protocols.stratum_v1 import Algorithm, Notify

_TARGETS_KEPT = 1024


@dataclass(frozen=True, slots=True)
class ScaledAlgorithm:
    """`base` with `difficulty_one` in the place of 0xffff << 208; LBRY's factor of 256 comes on top of it."""

    base: Algorithm
    difficulty_one: int = DIFFICULTY_1_TARGET
    _targets: dict[float | Fraction, int] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        return self.base.name

    def header(self, notify: Notify, merkle_root: bytes, version: int, ntime: int, nonce: int) -> bytes:
        return self.base.header(notify, merkle_root, version, ntime, nonce)

    def hash_value(self, header: bytes) -> int:
        return self.base.hash_value(header)

    def target(self, difficulty: float | Fraction) -> int:
        target = self._targets.get(difficulty)
        if target is None:
            scaled = Fraction(difficulty) * Fraction(DIFFICULTY_1_TARGET, self.difficulty_one)
            target = self.base.target(scaled)
            if len(self._targets) < _TARGETS_KEPT:
                self._targets[difficulty] = target
        return target
