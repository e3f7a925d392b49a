"""What a proof has to reach, and who says so.

In this order: the ticket mask on the wire, a target or difficulty column, the user's --difficulty, else 1.
A difficulty column may also state what a proof *reached*; that is told by recomputing it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from asicrc.importing.proofs import Proof
from firmware_protocols.bitcoin import (
    DIFFICULTY_1_TARGET,
    difficulty_from_hash_value,
    hash_value,
    target_from_difficulty,
)

SAMPLE_ROWS = 500
_NEARLY_ALL = 0.9


class RequiredDifficulty:
    """Turns what a row states into a target, and remembers how easy and how hard that was."""

    def __init__(self, difficulty: float | None) -> None:
        self._option = difficulty
        self._source: str | None = None
        self._zero_bits: int | None = None
        self._lowest: Fraction | None = None
        self._highest: Fraction | None = None
        self._default_used = False
        self._believed: bool | None = None

    @property
    def default_target(self) -> int:
        """For rows that state nothing: --difficulty, else 1."""
        return target_from_difficulty(1 if self._option is None else self._option)

    def examine(self, proofs: Sequence[Proof]) -> list[str]:
        """Decide from the first rows whether the column is a requirement; return what to log."""
        stating = [proof for proof in proofs if proof.stated is not None][:SAMPLE_ROWS]
        if self._believed is not None or not stating:
            return []
        reached = sum(1 for proof in stating if _states_what_was_reached(proof))
        column = stating[0].stated_in
        self._believed = reached < _NEARLY_ALL * len(stating)
        if not self._believed:
            return [
                f"column {column} is the difficulty that each proof reached ({reached} of the first "
                f"{len(stating)} rows equal the recomputed one to the printed digits), not a requirement: "
                f"{self._fallback_words()} is required"
            ]
        self._source = f"column {column}"
        if self._option is not None:
            return [f"--difficulty {self._option:g} is not used: column {column} states what is required"]
        return []

    def target_of(self, proof: Proof) -> int:
        """The largest hash that counts for this row."""
        if proof.stated is None or not self._believed:
            self._default_used = True
            return self.default_target
        if isinstance(proof.stated, int):
            self._note(Fraction(DIFFICULTY_1_TARGET, proof.stated))
            return proof.stated
        exact = Fraction(proof.stated)
        self._note(exact)
        return target_from_difficulty(exact)

    def from_ticket_mask(self, difficulty: int, zero_bits: int) -> None:
        """The chips' own threshold was seen on the wire."""
        self._source, self._zero_bits = "ticket mask on the wire", zero_bits
        self._lowest = self._highest = Fraction(difficulty)

    def as_json(self) -> dict[str, Any]:
        """`difficulty` (the lowest where rows differ, with `highest`), `source`; for a chip `zero_bits`;
        `where_not_stated` for rows without a value."""
        if self._source is None or self._lowest is None or self._highest is None:
            return {
                "difficulty": 1.0 if self._option is None else float(self._option),
                "source": "default" if self._option is None else "--difficulty",
            }
        found: dict[str, Any] = {"difficulty": float(self._lowest), "source": self._source}
        if self._highest != self._lowest:
            found["highest"] = float(self._highest)
        if self._zero_bits is not None:
            found["zero_bits"] = self._zero_bits
        if self._default_used:
            found["where_not_stated"] = 1.0 if self._option is None else float(self._option)
        return found

    def _fallback_words(self) -> str:
        return "difficulty 1" if self._option is None else f"--difficulty {self._option:g}"

    def _note(self, difficulty: Fraction) -> None:
        self._lowest = difficulty if self._lowest is None else min(self._lowest, difficulty)
        self._highest = difficulty if self._highest is None else max(self._highest, difficulty)


def _states_what_was_reached(proof: Proof) -> bool:
    """Whether the stated difficulty is the recomputed one, to half a unit of the last printed digit."""
    if not isinstance(proof.stated, Decimal):
        return False
    recomputed = difficulty_from_hash_value(hash_value(proof.header()))
    exponent = proof.stated.as_tuple().exponent
    half_unit = 0.5 * 10.0 ** (exponent if isinstance(exponent, int) else 0)
    return abs(float(proof.stated) - recomputed) <= half_unit * 1.001 + 1e-9 * recomputed
