"""The 80-byte block header."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from firmware_protocols.bitcoin.hashing import hash_value

HEADER_SIZE = 80
_LAYOUT = struct.Struct("<I32s32sIII")


@dataclass(frozen=True, slots=True)
class Header:
    """Fields of a header. 32-byte values stand in header byte order (as hashed, not as displayed)."""

    version: int
    prev_hash: bytes
    merkle_root: bytes
    ntime: int
    nbits: int
    nonce: int

    def pack(self) -> bytes:
        """The 80 bytes. Raises ValueError for a hash that is not 32 bytes or a field beyond 32 bits."""
        if len(self.prev_hash) != 32 or len(self.merkle_root) != 32:
            raise ValueError("prev_hash and merkle_root have 32 bytes each")
        try:
            return _LAYOUT.pack(
                self.version, self.prev_hash, self.merkle_root, self.ntime, self.nbits, self.nonce
            )
        except struct.error as error:
            raise ValueError(f"a header field does not fit 32 bits: {error}") from None

    @classmethod
    def unpack(cls, data: bytes) -> Header:
        """Inverse of `pack`. Raises ValueError unless there are 80 bytes."""
        if len(data) != HEADER_SIZE:
            raise ValueError(f"a block header has 80 bytes, not {len(data)}")
        return cls(*_LAYOUT.unpack(data))

    def hash_value(self) -> int:
        """SHA-256d of the header as the integer that targets are compared with."""
        return hash_value(self.pack())
