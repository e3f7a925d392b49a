"""Coinbase transactions and merkle roots: what makes one job differ from the next."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from firmware_protocols.bitcoin.hashing import sha256d

_ONE_BYTE_LENGTH = 252
"""Longer ones have more bytes of length, the first of which says how many."""


def merkle_root_from_branch(coinbase: bytes, branch: Iterable[bytes]) -> bytes:
    """Merkle root, header byte order, of a coinbase transaction and its Stratum branch of 32-byte hashes.

    Raises ValueError for a hash of another size.
    """
    root = sha256d(coinbase)
    for sibling in branch:
        if len(sibling) != 32:
            raise ValueError(f"a merkle branch has 32-byte hashes, not {len(sibling)}")
        root = sha256d(root + sibling)
    return root


def build_coinbase(height: int, extra: bytes, value_sat: int, script_pubkey: bytes) -> bytes:
    """A valid coinbase transaction with one output, no witness.

    `extra` follows the height in the script (BIP 34; a chain's first 16 heights, for which nodes expect an
    opcode, aside) and makes the job unique; together they may have 100 bytes, and `script_pubkey` 252, whose
    length then fits one byte. `value_sat` in satoshi. Raises ValueError beyond that and for negative numbers.
    """
    if height < 0 or not 0 <= value_sat < 1 << 63:
        raise ValueError(f"no block has height {height} and pays {value_sat} satoshi")
    if len(script_pubkey) > _ONE_BYTE_LENGTH:
        raise ValueError(f"an output script has at most {_ONE_BYTE_LENGTH} bytes, not {len(script_pubkey)}")
    number = height.to_bytes((height.bit_length() + 8) // 8, "little")  # room for the sign bit
    script = bytes([len(number)]) + number + extra
    if not 2 <= len(script) <= 100:
        raise ValueError(f"a coinbase script has 2 to 100 bytes, not {len(script)}")
    return b"".join(
        (
            struct.pack("<IB", 1, 1),
            bytes(32) + b"\xff\xff\xff\xff",
            bytes([len(script)]) + script,
            b"\xff\xff\xff\xff" + b"\x01" + struct.pack("<q", value_sat),
            bytes([len(script_pubkey)]) + script_pubkey,
            bytes(4),
        )
    )
