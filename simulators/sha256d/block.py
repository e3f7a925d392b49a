"""What a scan is about: the part of a header that stays, and the full hash of one nonce of it."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from firmware_protocols import bitcoin
from simulators.sha256d.midstate import first_block_state

MIDSTATE_SIZE = 32
TAIL_SIZE = 12
_FIRST_BLOCK = 64
_NONCE_OFFSET = 76
_MIDSTATES_KEPT = 4096  # an emulated chip asks for the same ones again and again, a few microseconds each

Words = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Block:
    """A header without its nonce, as the kernel wants it and as the confirmation does.

    `value_of` gives the SHA-256d, read little-endian, for a counter; it does without the kernel.
    """

    midstate: Words
    tail: Words
    chip_order: bool
    value_of: Callable[[int], int]


def header_block(header80: bytes, *, chip_order: bool) -> Block:
    """From a whole header, whose nonce is ignored. Raises ValueError unless it has 80 bytes."""
    if len(header80) != bitcoin.HEADER_SIZE:
        raise ValueError(f"a block header has {bitcoin.HEADER_SIZE} bytes, not {len(header80)}")
    header80 = bytes(header80)
    first_block, tail = header80[:_FIRST_BLOCK], header80[_FIRST_BLOCK:_NONCE_OFFSET]
    begun, nonce_bytes = hashlib.sha256(first_block), _nonce_bytes(chip_order)

    def value_of(counter: int) -> int:
        inner = begun.copy()
        inner.update(tail + nonce_bytes(counter))
        return int.from_bytes(hashlib.sha256(inner.digest()).digest(), "little")

    return Block(_remembered_midstate(first_block), _big_endian(tail), chip_order, value_of)


def midstate_block(midstate32: bytes, tail12: bytes, *, chip_order: bool) -> Block:
    """From a midstate (H0 to H7, big-endian each) and header bytes 64 to 75. Raises ValueError for other
    sizes."""
    if len(midstate32) != MIDSTATE_SIZE or len(tail12) != TAIL_SIZE:
        raise ValueError(
            f"a midstate has {MIDSTATE_SIZE} bytes and a header goes on with {TAIL_SIZE} before its nonce, "
            f"not {len(midstate32)} and {len(tail12)}"
        )
    nonce_bytes = _nonce_bytes(chip_order)

    def value_of(counter: int) -> int:
        return int.from_bytes(bitcoin.hash_from_midstate(midstate32, tail12 + nonce_bytes(counter)), "little")

    return Block(_big_endian(midstate32), _big_endian(tail12), chip_order, value_of)


@lru_cache(maxsize=_MIDSTATES_KEPT)
def _remembered_midstate(first_block: bytes) -> Words:
    return first_block_state(_big_endian(first_block))


def _big_endian(data: bytes) -> Words:
    return np.frombuffer(data, dtype=">u4").astype(np.uint32)


def _nonce_bytes(chip_order: bool) -> Callable[[int], bytes]:
    return struct.Struct(">I" if chip_order else "<I").pack
