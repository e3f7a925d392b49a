"""Bitcoin proof of work: headers, targets, hashes. Nothing here knows a device."""

from firmware_protocols.bitcoin.coinbase import build_coinbase, merkle_root_from_branch
from firmware_protocols.bitcoin.hashing import (
    hash_from_midstate,
    hash_value,
    midstate,
    midstates,
    sha256d,
)
from firmware_protocols.bitcoin.header import HEADER_SIZE, Header
from firmware_protocols.bitcoin.target import (
    DIFFICULTY_1_TARGET,
    compact_from_target,
    difficulty_from_hash_value,
    target_from_compact,
    target_from_difficulty,
    target_from_zero_bits,
)

__all__ = [
    "DIFFICULTY_1_TARGET",
    "HEADER_SIZE",
    "Header",
    "build_coinbase",
    "compact_from_target",
    "difficulty_from_hash_value",
    "hash_from_midstate",
    "hash_value",
    "merkle_root_from_branch",
    "midstate",
    "midstates",
    "sha256d",
    "target_from_compact",
    "target_from_difficulty",
    "target_from_zero_bits",
]
