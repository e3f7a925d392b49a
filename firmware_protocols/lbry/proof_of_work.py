"""LBRY's proof of work (lbryio/lbrycrd:src/hash.cpp):

a = sha256d(header)
b = sha512(a)
hash = sha256d(ripemd160(b[0:32]) + ripemd160(b[32:64]))
"""

from __future__ import annotations

from hashlib import sha512

from firmware_protocols.bitcoin import sha256d
from firmware_protocols.lbry.ripemd160 import ripemd160


def proof_hash(header: bytes) -> bytes:
    """32 bytes in digest order."""
    return proof_hash_from_sha256d(sha256d(header))


def proof_hash_from_sha256d(first: bytes) -> bytes:
    """The rest of the way, for a header whose SHA-256d is there already."""
    spread = sha512(first).digest()
    return sha256d(ripemd160(spread[:32]) + ripemd160(spread[32:]))


def hash_value(header: bytes) -> int:
    """The integer that a target is compared with: the hash read little-endian."""
    return int.from_bytes(proof_hash(header), "little")
