"""From reset to hashing: the bring-up of a chip or a chain, as steps for whoever holds the line.

The order is that of bitaxeorg/ESP-Miner:components/asic/bm1366.c, which the captures of an S19k Pro and an
S19 XP (MoellerDi/ESP-Miner, components/bm1397/test/log) share as far as they go; for the other models that of
256foundation/mujina:REFERENCE.md, "Initialization Sequence". Nobody has found out which steps, repetitions
and places in the order the chips need. The BM1366 is the one that this has been checked for frame by frame.

What a hash board wants beyond that is the board's affair and not here: UART_RELAY and IO_DRIVER at the ends
of its voltage domains (`InitValues.io_driver_domain_end`), and reset and voltage in the right order before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from firmware_protocols.bm13xx.baud import baud_from_fast_uart, fast_uart_for_baud
from firmware_protocols.bm13xx.frames import (
    ChainInactive,
    Command,
    ReadRegister,
    SetAddress,
    WriteRegister,
)
from firmware_protocols.bm13xx.models import ChipModel, InitValues
from firmware_protocols.bm13xx.pll import frequency_ramp, solve_pll
from firmware_protocols.bm13xx.registers import Register, VersionMask
from firmware_protocols.bm13xx.ticket_mask import ticket_mask_register
from firmware_protocols.errors import LocalProtocolError


@dataclass(frozen=True, slots=True)
class PulseReset:
    """Hold the reset line active (low), release it, and wait until the chips speak at RESET_BAUD."""


@dataclass(frozen=True, slots=True)
class Send:
    """Put this frame on the line."""

    frame: Command


@dataclass(frozen=True, slots=True)
class Wait:
    """Let this much time pass, everything sent before having left the line."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ExpectChips:
    """Collect the answers to the CHIP_ID read before: all of this model, `count` of them if that is known.

    They may have 9 or 11 bytes (`HostDecoder`).
    """

    model_chip_id: int
    count: int | None


@dataclass(frozen=True, slots=True)
class SetHostBaud:
    """Let the line drain, then speak at this rate."""

    baud: float


Step = PulseReset | Send | Wait | ExpectChips | SetHostBaud

RAMP_WAIT_S = 0.1
_SENSOR_WAIT_S = 0.01


def initialisation(
    model: ChipModel,
    *,
    chips: int,
    frequency_mhz: float,
    ticket_difficulty: int,
    hcn: int,
    fast_baud: float | None,
    start_frequency_mhz: float = 50.0,
    address_interval: int | None = None,
    version_mask: int = 0xFFFF,
) -> Iterator[Step]:
    """The steps that bring `chips` chips to hash at `frequency_mhz`, ready for the first job.

    `hcn` is HASH_COUNTING_NUMBER (`full_coverage_hcn`), `fast_baud` None stays at RESET_BAUD, `version_mask`
    is the register's 16 bits. Raises LocalProtocolError, before anything is yielded, for values that the
    model does not take and for a model whose bring-up is not known.
    """
    values = model.init
    if not isinstance(values, InitValues):
        raise LocalProtocolError(f"the bring-up of the {model.name} is not known well enough to be sent")
    low, high = model.frequency_range_mhz
    if not low <= frequency_mhz <= high:
        raise LocalProtocolError(
            f"the {model.name} runs at {low:g} to {high:g} MHz, not at {frequency_mhz:g}"
        )
    if not 1 <= hcn <= 0xFFFFFFFF:
        raise LocalProtocolError(f"HASH_COUNTING_NUMBER is 1 to 0xFFFFFFFF for a chip to hash, not {hcn}")
    places = addresses(chips, address_interval)
    ticket = ticket_mask_register(ticket_difficulty)
    rolling = VersionMask(version_mask).pack()
    ramp = [
        solve_pll(model, mhz).register for mhz in frequency_ramp(model, start_frequency_mhz, frequency_mhz)
    ]
    fast_uart = None if fast_baud is None else fast_uart_for_baud(model, fast_baud)

    def steps() -> Iterator[Step]:
        yield from _enumeration(model, values, places, rolling)
        yield from _configuration(values, places, ticket)
        for register in ramp:
            yield _write(Register.PLL0, register)
            yield Wait(RAMP_WAIT_S)
        yield from _separation(model, places)
        yield _write(Register.HASH_COUNTING_NUMBER, hcn)
        yield _write(Register.VERSION_MASK, rolling)
        if fast_uart is not None:
            yield _write(Register.FAST_UART, fast_uart)
            yield SetHostBaud(baud_from_fast_uart(fast_uart))

    return steps()


def addresses(chips: int, interval: int | None = None) -> list[int]:
    """Addresses of a chain, from the host outward: multiples of `interval`, by default 256 // chips.

    Factory firmware always uses 2. Raises LocalProtocolError if they do not fit 0..255, or for an interval
    below 2: the lowest address bit is not part of a nonce.
    """
    if not 1 <= chips <= 128:
        raise LocalProtocolError(f"a chain has 1 to 128 chips, not {chips}")
    step = 256 // chips if interval is None else interval
    if step < 2 or (chips - 1) * step > 0xFF:
        raise LocalProtocolError(
            f"{chips} chips {step} apart do not fit addresses 0 to 255, in steps from 2 on"
        )
    return [step * n for n in range(chips)]


def _enumeration(model: ChipModel, values: InitValues, places: list[int], rolling: int) -> Iterator[Step]:
    yield PulseReset()
    for _ in range(3):  # as every known firmware does; nobody knows why
        yield _write(Register.VERSION_MASK, rolling)
    yield Send(ReadRegister(Register.CHIP_ID))
    yield ExpectChips(model.chip_id, len(places))
    yield _write(Register.SOFT_RESET, values.soft_reset_broadcast)
    yield _write(Register.MISC_CONTROL, values.misc_control_broadcast)
    yield Send(ChainInactive())
    for address in places:
        yield Send(SetAddress(address))


def _configuration(values: InitValues, places: list[int], ticket: int) -> Iterator[Step]:
    for value in values.mailbox_broadcast:
        yield _write(Register.CORE_MAILBOX, value)
    yield _write(Register.TICKET_MASK, ticket)
    if values.analog_mux is not None and values.adc_control is None:
        yield _write(Register.ANALOG_MUX, values.analog_mux)
    yield _write(Register.IO_DRIVER, values.io_driver)
    if values.pad_disable is not None:
        yield _write(Register.PLL3_OR_PAD_DISABLE, values.pad_disable)
    if values.uart_relay is not None and len(places) == 1:
        yield _write(Register.UART_RELAY, values.uart_relay, places[0])
    for address in places:
        yield _write(Register.SOFT_RESET, values.soft_reset_chip, address)
        yield _write(Register.MISC_CONTROL, values.misc_control_chip, address)
        for value in values.mailbox_chip:
            yield _write(Register.CORE_MAILBOX, value, address)
    if values.adc_control is not None and values.analog_mux is not None:
        yield _write(Register.ADC_CONTROL1, values.adc_control)
        yield _write(Register.ANALOG_MUX, values.analog_mux)
        yield _write(Register.ADC_CONTROL1, values.adc_control)
    for value in values.temperature_enable:
        yield _write(Register.TEMPERATURE_CONTROL, value)
        yield Wait(_SENSOR_WAIT_S)
    if values.mailbox_last is not None:
        yield _write(Register.CORE_MAILBOX, values.mailbox_last)


def _separation(model: ChipModel, places: list[int]) -> Iterator[Step]:
    """Give each chip of a chain its own start, where its address does not do that."""
    if model.nonce_has_address or len(places) == 1:
        return
    for chip, address in enumerate(places):
        yield _write(Register.CHIP_NONCE_OFFSET, nonce_offset(chip, len(places)), address)


def nonce_offset(chip: int, chips: int) -> int:
    """CHIP_NONCE_OFFSET of chip number `chip`: bit 31 enables it, bits 15..0 count steps of 512 candidates.

    Even shares, as the captures have them: 0x25F * chip for the 108 chips of an S21, 0x3F1 * chip for the 65
    of an S21 Pro.
    """
    return 1 << 31 | chip * -(-0x10000 // chips)


def _write(register: Register, value: int, address: int | None = None) -> Send:
    return Send(WriteRegister(register, value, address))
