"""The 112-byte block header: Bitcoin's with the root of the claim trie between merkle root and time.

Source: lbryio/lbrycrd:src/primitives/block.h; both genesis blocks of src/chainparams.cpp hash right.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from firmware_protocols.bitcoin import sha256d
from firmware_protocols.lbry.proof_of_work import hash_value

HEADER_SIZE = 112
_LAYOUT = struct.Struct("<I32s32s32sIII")


@dataclass(frozen=True, slots=True)
class LbryHeader:
    """Fields of a header. 32-byte values stand in header byte order (as hashed, not as displayed)."""

    version: int
    prev_hash: bytes
    merkle_root: bytes
    claimtrie: bytes
    ntime: int
    nbits: int
    nonce: int

    def pack(self) -> bytes:
        """The 112 bytes. Raises ValueError for a hash that is not 32 bytes or a field beyond 32 bits."""
        if not len(self.prev_hash) == len(self.merkle_root) == len(self.claimtrie) == 32:
            raise ValueError("prev_hash, merkle_root and claimtrie have 32 bytes each")
        try:
            return _LAYOUT.pack(
                self.version,
                self.prev_hash,
                self.merkle_root,
                self.claimtrie,
                self.ntime,
                self.nbits,
                self.nonce,
            )
        except struct.error as error:
            raise ValueError(f"a header field does not fit 32 bits: {error}") from None

    @classmethod
    def unpack(cls, data: bytes) -> LbryHeader:
        """Inverse of `pack`. Raises ValueError unless there are 112 bytes."""
        if len(data) != HEADER_SIZE:
            raise ValueError(f"an LBRY block header has 112 bytes, not {len(data)}")
        return cls(*_LAYOUT.unpack(data))

    def hash_value(self) -> int:
        """The proof of work, as the integer that targets are compared with."""
        return hash_value(self.pack())

    def block_id(self) -> bytes:
        """What names the block, in header byte order: SHA-256d, which no target is compared with."""
        return sha256d(self.pack())
