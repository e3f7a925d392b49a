"""TICKET_MASK: how hard a result has to be before the chip reports it.

The chip tests zero bits, so a mask of difficulty D passes hashes from D * 0.99998 on
(`firmware_protocols.bitcoin.target_from_zero_bits`). Layout: 256foundation/mujina:REFERENCE.md,
bitaxeorg/ESP-Miner:components/asic/asic_common.c; the factory firmware of the S19k Pro writes 000000FF for
256.
"""

from __future__ import annotations

import math

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

MAX_DIFFICULTY = 1 << 32


def ticket_mask_register(difficulty: int) -> int:
    """Register value for a difficulty: difficulty less one, bits reversed inside each byte.

    Raises LocalProtocolError unless the difficulty is a power of two up to 2**32.
    """
    if not 1 <= difficulty <= MAX_DIFFICULTY:
        raise LocalProtocolError(f"a ticket mask has a difficulty of 1 to 2**32, not {difficulty}")
    if difficulty & (difficulty - 1):
        raise LocalProtocolError(
            f"a ticket mask has a power of two as its difficulty, not {difficulty}; "
            f"the next lower one is {floor_ticket_difficulty(difficulty)}"
        )
    return _bits_reversed_in_bytes(difficulty - 1)


def difficulty_from_ticket_mask(value: int) -> int:
    """Difficulty of a register value. Raises RemoteProtocolError if its bits are no run of ones."""
    if not 0 <= value <= 0xFFFFFFFF:
        raise RemoteProtocolError(f"a ticket mask has 32 bits, not {value:#x}")
    difficulty = _bits_reversed_in_bytes(value) + 1
    if difficulty & (difficulty - 1):
        raise RemoteProtocolError(f"{value:08x} is no ticket mask: its bits are no unbroken run")
    return difficulty


def floor_ticket_difficulty(difficulty: float) -> int:
    """The hardest ticket mask that lets everything of at least this difficulty pass.

    Raises LocalProtocolError below 1 and for what is no number.
    """
    if not difficulty >= 1:
        raise LocalProtocolError(f"no ticket mask is easier than difficulty 1, asked for {difficulty}")
    if difficulty >= MAX_DIFFICULTY:
        return MAX_DIFFICULTY
    return 1 << (math.floor(difficulty).bit_length() - 1)


def _bits_reversed_in_bytes(value: int) -> int:
    return int.from_bytes(bytes(_REVERSED[byte] for byte in value.to_bytes(4, "big")), "big")


_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
