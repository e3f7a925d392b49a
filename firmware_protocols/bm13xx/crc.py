"""The two checksums of the BM13xx line.

CRC5 guards commands and responses, CRC16 guards jobs; both are taken over everything after the preamble.
Parameters: 256foundation/mujina:mujina-miner/src/asic/bm13xx/REFERENCE.md, checked on more than 45,000
captured frames.
"""

from __future__ import annotations

import binascii

_CRC5_POLY = 0x05
_CRC5_INIT = 0x1F


def crc5(data: bytes) -> int:
    """CRC5, polynomial 0x05, start 0x1F, most significant bit first, no final inversion.

    Over the bytes of a response after its preamble, the last one (type and checksum) included, it is 0.
    """
    state = _CRC5_INIT << 3
    for byte in data:
        state = _CRC5_TABLE[state ^ byte]
    return state >> 3


def crc16(data: bytes) -> int:
    """CRC16, polynomial 0x1021, start 0xFFFF, no reflection, no final inversion (CCITT-FALSE)."""
    return binascii.crc_hqx(data, 0xFFFF)


def response_tail(body: bytes, response_type: int) -> int:
    """Last byte of a response: the type in bits 7..5, and in bits 4..0 the CRC5 over body and type."""
    state = crc5(body)
    for bit in (response_type >> 2 & 1, response_type >> 1 & 1, response_type & 1):
        carry = state >> 4 ^ bit
        state = state << 1 & 0x1F ^ (_CRC5_POLY if carry else 0)
    return response_type << 5 | state


def _crc5_table() -> tuple[int, ...]:
    """For each byte: the register after it, left-aligned in 8 bits so that the next byte can be XORed in."""
    table = []
    for byte in range(256):
        state = byte
        for _ in range(8):
            state = state << 1 ^ (_CRC5_POLY << 3 if state & 0x80 else 0)
            state &= 0xFF
        table.append(state)
    return tuple(table)


_CRC5_TABLE = _crc5_table()
