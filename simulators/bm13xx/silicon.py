"""The chips that can be emulated: the emulator's own account of their registers and of how they hash.

It stands beside firmware_protocols/bm13xx, which the hosts use, so that a mistake there does not meet itself
here. Facts: bitaxeorg/ESP-Miner:components/asic (E), 256foundation/mujina:REFERENCE.md (M), skot/BM1397 (S),
xertSuns1/braiins:open/bosminer/bosminer-am1-s9 (B), and the wire captures in the history of
MoellerDi/ESP-Miner. Registers whose reset value is not known read 0 until they are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

REFERENCE_CLOCK_HZ = 25e6

_CHIP_ID = 0x00
_PLL0, _NONCE_OFFSET, _HCN, _TICKET_MASK, _MISC, _FAST_UART = 0x08, 0x0C, 0x10, 0x14, 0x18, 0x28
_CORE_MAILBOX, _VERSION_MASK, _SOFT_RESET = 0x3C, 0xA4, 0xA8
_UART_RELAY, _ANALOG_MUX, _IO_DRIVER, _PAD_DISABLE = 0x2C, 0x54, 0x58, 0x68


@dataclass(frozen=True, slots=True)
class Silicon:
    """One kind of chip."""

    name: str
    chip_id: int
    id_byte: int
    """Bits 15..8 of CHIP_ID."""
    cores: int
    subcores: int
    """Versions or midstates that one job or sweep has at most on the silicon."""
    job: Literal["full", "midstate"]
    reset_values: Mapping[int, int]
    """Every register that answers, but for CHIP_ID."""
    pll: int
    ticket_mask: int
    baud: int
    """The register whose bits from 8 on are the line's divider: FAST_UART or MISC_CONTROL."""
    baud_mask: int
    baud_hold: int = 0
    """The bit of that register that, when set, leaves the speed as it is."""
    pll_minus_one: bool = True
    """Post-dividers are stored less one."""
    pll_flags: tuple[int, int] = (0x40, 0x50)
    """Bits 31..24 of a PLL setting, with a VCO below 2.4 GHz and from there on."""
    pll_reference_most: int = 2
    pll_reads_as: int = 0
    """Bits that the chip sets in what is read of its PLL."""
    hash_counting: int | None = None
    """HASH_COUNTING_NUMBER where it is what ends a sweep, and 0 halts."""
    version_mask: int | None = None
    nonce_offset: int | None = None
    """CHIP_NONCE_OFFSET, where sweeps start at it and not at the chip's address."""
    core_mailbox: int | None = None
    soft_reset: int | None = None
    overrun_ticks: float = 0.0
    excess_bits: Literal["whole", "twice", "none"] = "none"
    """How a nonce response states leading zero bits beyond the ticket mask."""
    job_id: Literal["five bits", "four bits", "whole"] = "whole"
    echoes_register: bool = True
    gated_cores: bool = False
    """Cores hash only when they were opened, one by one (BM1387)."""
    core_in_low_bits: bool = False
    """The core's number stands in the lowest 7 bits of the big-endian nonce, not in the highest (BM1387)."""
    midstates_in_turn: bool = False
    """A core tests one midstate a clock, and ends with its space (BM1387); otherwise all of them at once."""
    most_chips: int = 128
    """On one line: addresses are even."""
    usual_mhz: float = 0.0
    """At which an emulated chain of default size asks for 4 MH/s."""
    emulated_cores: int = 4
    emulated_subcores: int = 1


_FULL_HEADER_RESET = MappingProxyType(
    {
        _PLL0: 0,
        _HCN: 0,
        _TICKET_MASK: 0,
        _MISC: 0x0000C100,  # S, as FAST_UART's
        _FAST_UART: 0x01301A00,
        _UART_RELAY: 0,
        _CORE_MAILBOX: 0,
        _ANALOG_MUX: 0,
        _IO_DRIVER: 0,
        _VERSION_MASK: 0,
        _SOFT_RESET: 0,
    }
)
_OFFSET_RESET = MappingProxyType({**_FULL_HEADER_RESET, _NONCE_OFFSET: 0, _PAD_DISABLE: 0})


def _full_header_chip(name: str, chip_id: int, cores: int, usual_mhz: float, *, id_byte: int = 0) -> Silicon:
    """BM1362, BM1366: sweeps of 8 versions that start at the chip's address."""
    return Silicon(
        name=name,
        chip_id=chip_id,
        id_byte=id_byte,
        cores=cores,
        subcores=8,
        job="full",
        reset_values=_FULL_HEADER_RESET,
        pll=_PLL0,
        ticket_mask=_TICKET_MASK,
        baud=_FAST_UART,
        baud_mask=0xFF,
        hash_counting=_HCN,
        version_mask=_VERSION_MASK,
        core_mailbox=_CORE_MAILBOX,
        soft_reset=_SOFT_RESET,
        overrun_ticks=67.0,
        excess_bits="whole",
        job_id="five bits",
        usual_mhz=usual_mhz,
    )


def _offset_chip(name: str, chip_id: int, cores: int, usual_mhz: float) -> Silicon:
    """BM1368, BM1370: sweeps of 16 versions that start at CHIP_NONCE_OFFSET."""
    return Silicon(
        name=name,
        chip_id=chip_id,
        id_byte=0,
        cores=cores,
        subcores=16,
        job="full",
        reset_values=_OFFSET_RESET,
        pll=_PLL0,
        ticket_mask=_TICKET_MASK,
        baud=_FAST_UART,
        baud_mask=0xFF,
        hash_counting=_HCN,
        version_mask=_VERSION_MASK,
        nonce_offset=_NONCE_OFFSET,
        core_mailbox=_CORE_MAILBOX,
        soft_reset=_SOFT_RESET,
        overrun_ticks=133.6,
        excess_bits="twice",
        job_id="four bits",
        usual_mhz=usual_mhz,
    )


_BM1387 = Silicon(
    name="bm1387",
    chip_id=0x1387,
    id_byte=0x90,
    cores=114,
    subcores=4,
    job="midstate",
    # 0C PLL, 14 HASH_COUNTING_NUMBER (kept, and without effect: what it does is not known), 18 TICKET_MASK,
    # 1C MISC_CONTROL with the divider of 115,740 baud (B)
    reset_values=MappingProxyType({0x0C: 0, 0x14: 0, 0x18: 0, 0x1C: 0x00001A00}),
    pll=0x0C,
    ticket_mask=0x18,
    baud=0x1C,
    baud_mask=0x1F,
    baud_hold=1 << 30,
    pll_minus_one=False,
    pll_flags=(0, 0),
    pll_reference_most=63,
    pll_reads_as=1 << 31,
    echoes_register=False,
    gated_cores=True,
    core_in_low_bits=True,
    midstates_in_turn=True,
    most_chips=64,  # a nonce has six bits for the chip
    usual_mhz=650.0,
    emulated_subcores=4,
)

_BM1397 = Silicon(
    name="bm1397",
    chip_id=0x1397,
    id_byte=0x18,
    cores=128,  # of 168: the core's field in a nonce has 7 bits
    subcores=4,
    job="midstate",
    # those that E writes, and HASH_COUNTING_NUMBER (10), kept and without effect; MISC_CONTROL as E's default
    reset_values=MappingProxyType(
        {
            **dict.fromkeys((_PLL0, 0x10, _TICKET_MASK, 0x20, _FAST_UART, _CORE_MAILBOX), 0),
            **dict.fromkeys((0x68, 0x70, 0x80, 0x84), 0),
            _MISC: 0x00007A31,
        }
    ),
    pll=_PLL0,
    ticket_mask=_TICKET_MASK,
    baud=_MISC,
    baud_mask=0x1F,
    pll_minus_one=False,
    pll_flags=(0x40, 0x40),
    usual_mhz=425.0,
    emulated_cores=1,
    emulated_subcores=4,
)

SILICON: Mapping[str, Silicon] = MappingProxyType(
    {
        chip.name: chip
        for chip in (
            _full_header_chip("bm1366", 0x1366, cores=112, usual_mhz=200.0),  # where its driver starts
            _full_header_chip("bm1362", 0x1362, cores=65, usual_mhz=525.0, id_byte=3),
            _offset_chip("bm1368", 0x1368, cores=80, usual_mhz=490.0),
            _offset_chip("bm1370", 0x1370, cores=128, usual_mhz=525.0),
            _BM1387,
            _BM1397,
        )
    }
)
"""By the name that the option `chip` takes."""
