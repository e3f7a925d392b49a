"""What goes over the line, as values: commands and jobs to the chips, responses from them.

32-byte values stand in header byte order; the wire's own order is the business of encoding and parsing.
Numbers are the header's (nonce, nbits, ntime, version: the little-endian read of their header bytes).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChainInactive:
    """Every chip forgets its address and stops passing addresses on until it is given one."""


@dataclass(frozen=True, slots=True)
class SetAddress:
    """The first chip without an address takes this one (0..255)."""

    address: int


@dataclass(frozen=True, slots=True)
class ReadRegister:
    """Ask one chip, or with `address` None all of them, for a register."""

    register: int
    address: int | None = None


@dataclass(frozen=True, slots=True)
class WriteRegister:
    """Write 32 bits to one chip's register, or with `address` None to all chips'."""

    register: int
    value: int
    address: int | None = None


@dataclass(frozen=True, slots=True)
class FullJob:
    """A whole header to work on (BM1362, BM1366, BM1368, BM1370).

    `job_header` is the byte that carries the job id. `length_byte` is 0x36 from the factory firmware and 0x56
    from ESP-Miner, for the same 88 bytes; the chips take both.
    """

    job_header: int
    nbits: int
    ntime: int
    merkle_root: bytes
    prev_hash: bytes
    version: int
    starting_nonce: int = 0
    midstates: int = 1
    length_byte: int = 0x56


@dataclass(frozen=True, slots=True)
class MidstateJob:
    """The last 12 bytes of a header before the nonce, with 1, 2 or 4 midstates of its first block (BM1387,
    BM1397).

    `merkle_tail` is header bytes 64..67. Each midstate is H0..H7, big-endian, 32 bytes.
    """

    job_header: int
    nbits: int
    ntime: int
    merkle_tail: bytes
    midstates: tuple[bytes, ...]
    starting_nonce: int = 0


@dataclass(frozen=True, slots=True)
class RegisterResponse:
    """A register's value. `extra` is the two bytes that only the 11-byte form has (seen as zero).

    `address` and `register` are None where the chip does not say them (BM1387): the answer to a read is then
    known by its place in time alone.
    """

    value: int
    address: int | None
    register: int | None
    extra: bytes = b"\x00\x00"


@dataclass(frozen=True, slots=True)
class NonceResponse:
    """A result. `nonce` is the header's integer.

    `midstate_or_excess` is the BM1397's midstate number, the BM1387's count of the solutions of a work, and
    elsewhere the excess over the ticket mask (`excess_bits`). `header` names job and sub-core or midstate
    (`job_header_of`, `subcore_of`). `version_bits` are 0 in the forms that have no room for them.
    """

    nonce: int
    midstate_or_excess: int
    header: int
    version_bits: int = 0


Command = ChainInactive | SetAddress | ReadRegister | WriteRegister | FullJob | MidstateJob
"""From host to chip."""
Response = RegisterResponse | NonceResponse
"""From chip to host."""
