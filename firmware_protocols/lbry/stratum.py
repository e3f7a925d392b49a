"""LBRY over Stratum V1: its header and its difficulty for `ServerConnection` and `ShareJudge`.

mining.notify has the claim trie's root after the previous hash, with the same order of words
(`Notify.claimtrie`); everything else is as with Bitcoin.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from firmware_protocols.errors import LocalProtocolError
from firmware_protocols.lbry.difficulty import DIFFICULTY_SCALE, target_from_stratum_difficulty
from firmware_protocols.lbry.header import LbryHeader
from firmware_protocols.lbry.proof_of_work import hash_value
from firmware_protocols.stratum_v1 import Notify


@dataclass(frozen=True, slots=True)
class Lbry:
    """A `stratum_v1.Algorithm`. `difficulty_scale` is the device's (`infer_difficulty_scale`)."""

    difficulty_scale: int = DIFFICULTY_SCALE

    @property
    def name(self) -> str:
        return "lbry"

    def header(self, notify: Notify, merkle_root: bytes, version: int, ntime: int, nonce: int) -> bytes:
        """The 112 bytes that are hashed. Raises LocalProtocolError for a job without a claim trie."""
        if notify.claimtrie is None:
            raise LocalProtocolError("a job without a claim trie is not LBRY's")
        return LbryHeader(
            version, notify.prev_hash, merkle_root, notify.claimtrie, ntime, notify.nbits, nonce
        ).pack()

    def hash_value(self, header: bytes) -> int:
        return hash_value(header)

    def target(self, difficulty: float | Fraction) -> int:
        return target_from_stratum_difficulty(difficulty, self.difficulty_scale)
