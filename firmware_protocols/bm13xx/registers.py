"""Registers of the BM1362, BM1366, BM1368, BM1370 (and of the BM1397 where they agree), 32 bits each.

Numbers and layouts: 256foundation/mujina:mujina-miner/src/asic/bm13xx/REFERENCE.md and register.rs,
skot/BM1397:protocol.md, bitaxeorg/ESP-Miner:components/asic. The clock registers have modules of their own
(`pll`, `baud`), as has TICKET_MASK.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError


class Register(IntEnum):
    """Register numbers. A number that is not here can still be read and written: frames take any."""

    CHIP_ID = 0x00
    HASH_RATE = 0x04
    PLL0 = 0x08
    CHIP_NONCE_OFFSET = 0x0C
    HASH_COUNTING_NUMBER = 0x10
    """Length of a sweep in ticks of 80 ns (`scan_order`); 0 halts hashing."""
    TICKET_MASK = 0x14
    MISC_CONTROL = 0x18
    FAST_UART = 0x28
    UART_RELAY = 0x2C
    CORE_MAILBOX = 0x3C
    CORE_VALUE = 0x40
    EXTERNAL_TEMPERATURE = 0x44
    ERROR_FLAG = 0x48
    NONCE_ERROR_COUNT = 0x4C
    NONCE_OVERFLOW_COUNT = 0x50
    ANALOG_MUX = 0x54
    IO_DRIVER = 0x58
    PLL1 = 0x60
    PLL2 = 0x64
    PLL3_OR_PAD_DISABLE = 0x68
    """PLL3 on the BM1397; on the BM1368 and BM1370 5AA55AA5 switches the pads of the ring oscillator off."""
    PLL0_DIVIDER = 0x70
    PLL1_DIVIDER = 0x74
    PLL2_DIVIDER = 0x78
    PLL3_DIVIDER = 0x7C
    DOMAIN0_HASHES = 0x88
    DOMAIN1_HASHES = 0x89
    DOMAIN2_HASHES = 0x8A
    DOMAIN3_HASHES = 0x8B
    TOTAL_HASHES = 0x8C
    """Counter; whether its unit is 2**32 or 2**20 hashes is not verified."""
    VERSION_MASK = 0xA4
    SOFT_RESET = 0xA8
    TEMPERATURE_CONTROL = 0xB0
    TEMPERATURE = 0xB4
    ADC_CONFIG = 0xB8
    ADC_CONTROL1 = 0xB9
    ADC_CONTROL2 = 0xBA
    ADC_CONTROL3 = 0xBB
    ADC_UNKNOWN = 0xBC
    ADC_RESULT = 0xBD


@dataclass(frozen=True, slots=True)
class ChipId:
    """CHIP_ID: the model, a byte that differs by model (0 here, 3 on the BM1362, 0x18 on the BM1397), the
    chip's address."""

    model: int
    revision: int
    address: int

    def pack(self) -> int:
        """Register value. Raises LocalProtocolError for a field out of range."""
        return (
            _field("model", self.model, 16) << 16
            | _field("revision", self.revision, 8) << 8
            | _field("address", self.address, 8)
        )

    @classmethod
    def unpack(cls, value: int) -> ChipId:
        """Raises RemoteProtocolError for more than 32 bits."""
        _register_value(value)
        return cls(value >> 16, value >> 8 & 0xFF, value & 0xFF)


@dataclass(frozen=True, slots=True)
class VersionMask:
    """VERSION_MASK: which version bits the chip may roll (`mask`, bit 0 is version bit 13).

    skot/BM1397 has the mask cover bits 28..16; hashing shows bits 28..13.
    """

    mask: int
    automatic: bool = True
    fixed: bool = False
    generator: int = 1

    def pack(self) -> int:
        """Register value; 9000FFFF for the whole mask. Raises LocalProtocolError for a field out of range."""
        flags = self.automatic << 31 | self.fixed << 30 | _field("generator", self.generator, 2) << 28
        return flags | _field("mask", self.mask, 16)

    @classmethod
    def unpack(cls, value: int) -> VersionMask:
        """Raises RemoteProtocolError for more than 32 bits and for any of bits 27..16."""
        _register_value(value)
        if value & 0x0FFF0000:
            raise RemoteProtocolError(f"bits 27..16 of a version mask are 0, not as in {value:08x}")
        return cls(value & 0xFFFF, bool(value >> 31), bool(value >> 30 & 1), value >> 28 & 3)

    @property
    def pool_mask(self) -> int:
        """The same bits at their place in the version, as a pool grants them (1FFFE000 for all)."""
        return self.mask << 13


def version_mask_register(pool_mask: int) -> int:
    """VERSION_MASK for what a pool grants. Raises LocalProtocolError for bits outside 28..13 (BIP 320)."""
    if pool_mask & ~0x1FFFE000:
        raise LocalProtocolError(f"the chips roll version bits 28..13 (1fffe000), not {pool_mask:08x}")
    return VersionMask(pool_mask >> 13).pack()


@dataclass(frozen=True, slots=True)
class CoreMailbox:
    """CORE_MAILBOX: a register inside one core, or with `core` None inside all."""

    register: int
    value: int
    core: int | None = None
    write: bool = True

    def pack(self) -> int:
        """Register value; 800082AA enables the cores. Raises LocalProtocolError for a field out of range."""
        where = 1 << 31 if self.core is None else _field("core", self.core, 8) << 16
        what = 1 << 15 if self.write else 1 << 14
        return where | what | _field("register", self.register, 5) << 8 | _field("value", self.value, 8)

    @classmethod
    def unpack(cls, value: int) -> CoreMailbox:
        """Raises RemoteProtocolError for a value that is neither a read nor a write of one core or all."""
        _register_value(value)
        everywhere, write, read = value >> 31, value >> 15 & 1, value >> 14 & 1
        if value & 0x7F002000 or write == read or (everywhere and value & 0x00FF0000):
            raise RemoteProtocolError(f"{value:08x} is no core mailbox value")
        core = None if everywhere else value >> 16 & 0xFF
        return cls(value >> 8 & 0x1F, value & 0xFF, core, bool(write))


@dataclass(frozen=True, slots=True)
class Temperature:
    """TEMPERATURE of a BM1368: bit 31 says that `code` is a measurement.

    T = 0.171342 code - 299.5144 degC (256foundation/mujina:register.rs). The BM1366 has no known sensor.
    """

    code: int
    valid: bool = True

    def pack(self) -> int:
        """Register value. Raises LocalProtocolError for a code out of range."""
        return self.valid << 31 | _field("code", self.code, 16)

    @classmethod
    def unpack(cls, value: int) -> Temperature:
        """Bits 30..16 and what they say are not known; they have been seen as 0. Raises RemoteProtocolError
        for more than 32 bits."""
        _register_value(value)
        return cls(value & 0xFFFF, bool(value >> 31))

    @property
    def celsius(self) -> float:
        """Degrees. Raises RemoteProtocolError while the sensor has not measured."""
        if not self.valid:
            raise RemoteProtocolError(
                "the temperature is not valid yet; enable the sensor (TEMPERATURE_CONTROL) and read again"
            )
        return self.code * 0.171342 - 299.5144


@dataclass(frozen=True, slots=True)
class VoltageReading:
    """ADC_RESULT of a BM1368 or BM1370: bit 31 says that `code` (15 bits) is a measurement.

    V = code / 16384 - 1, times 0.6 on the BM1368 (256foundation/mujina:REFERENCE.md). The five inputs and how
    a conversion is started are described there.
    """

    code: int
    valid: bool = True

    def pack(self) -> int:
        """Register value, bits 30..15 left 0. Raises LocalProtocolError for a code out of range."""
        return self.valid << 31 | _field("code", self.code, 15)

    @classmethod
    def unpack(cls, value: int) -> VoltageReading:
        """Bits 30..15 change from reading to reading, are not understood, and are left out. Raises
        RemoteProtocolError for more than 32 bits."""
        _register_value(value)
        return cls(value & 0x7FFF, bool(value >> 31))

    def volts(self, scale: float = 1.0) -> float:
        """Volts; `scale` is 0.6 on the BM1368. Raises RemoteProtocolError while there is no measurement."""
        if not self.valid:
            raise RemoteProtocolError(
                "the voltage is not valid yet; wait 60 ms from the start, and read again"
            )
        return (self.code / 16384 - 1) * scale


def _field(name: str, value: int, bits: int) -> int:
    if not 0 <= value < 1 << bits:
        raise LocalProtocolError(f"{name} has {bits} bits, not {value:#x}")
    return value


def _register_value(value: int) -> int:
    if not 0 <= value <= 0xFFFFFFFF:
        raise RemoteProtocolError(f"a register has 32 bits, not {value:#x}")
    return value
