"""What differs between coins that share this protocol: the header, its hash, the meaning of a difficulty."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

from firmware_protocols.bitcoin import Header, hash_value, target_from_difficulty
from firmware_protocols.errors import LocalProtocolError
from firmware_protocols.stratum_v1.server_messages import Notify


class Algorithm(Protocol):
    """Proof of work of one coin."""

    @property
    def name(self) -> str: ...

    def header(self, notify: Notify, merkle_root: bytes, version: int, ntime: int, nonce: int) -> bytes:
        """The bytes that are hashed. Raises LocalProtocolError for a job of another coin."""

    def hash_value(self, header: bytes) -> int:
        """The integer that a target is compared with."""

    def target(self, difficulty: float | Fraction) -> int:
        """The largest hash that a share of this difficulty may have."""


class _Sha256d:
    name = "sha256d"

    def header(self, notify: Notify, merkle_root: bytes, version: int, ntime: int, nonce: int) -> bytes:
        if notify.claimtrie is not None:
            raise LocalProtocolError("a job with a claim trie is LBRY's, not Bitcoin's")
        return Header(version, notify.prev_hash, merkle_root, ntime, notify.nbits, nonce).pack()

    def hash_value(self, header: bytes) -> int:
        return hash_value(header)

    def target(self, difficulty: float | Fraction) -> int:
        return target_from_difficulty(difficulty)


SHA256D: Algorithm = _Sha256d()
"""Bitcoin's."""
