"""From reset to hashing: the bring-up of a chip or a chain, as steps for whoever holds the line.

The order is that of bitaxeorg/ESP-Miner:components/asic/bm1366.c, which the captures of an S19k Pro and an
S19 XP (MoellerDi/ESP-Miner, components/bm1397/test/log) share as far as they go; for the other models that
take whole headers that of 256foundation/mujina:REFERENCE.md, "Initialization Sequence". Nobody has found out
which steps, repetitions and places in the order the chips need. The BM1366 is the one that this has been
checked for frame by frame. Midstate chips: `initialise_midstate`.

What a hash board wants beyond that is the board's affair and not here: UART_RELAY and IO_DRIVER at the ends
of its voltage domains (`InitValues.io_driver_domain_end`), and reset and voltage in the right order before.
"""

from __future__ import annotations

from collections.abc import Iterator

from firmware_protocols.bm13xx.baud import baud_from_register, baud_register_value
from firmware_protocols.bm13xx.frames import ChainInactive, ReadRegister, SetAddress
from firmware_protocols.bm13xx.initialise_midstate import gated_steps, midstate_steps
from firmware_protocols.bm13xx.models import ChipModel, GatedInitValues, InitValues, MidstateInitValues
from firmware_protocols.bm13xx.pll import RAMP_STEP_MHZ, frequency_ramp, solve_pll
from firmware_protocols.bm13xx.registers import Register, VersionMask
from firmware_protocols.bm13xx.steps import (
    RAMP_WAIT_S,
    ExpectChips,
    PulseReset,
    Ramp,
    Send,
    SetHostBaud,
    Step,
    Wait,
    write,
)
from firmware_protocols.bm13xx.ticket_mask import ticket_mask_register
from firmware_protocols.errors import LocalProtocolError

_SENSOR_WAIT_S = 0.01


def initialisation(
    model: ChipModel,
    *,
    chips: int,
    frequency_mhz: float,
    ticket_difficulty: int,
    hcn: int | None,
    fast_baud: float | None,
    start_frequency_mhz: float | None = None,
    ramp_step_mhz: float = RAMP_STEP_MHZ,
    ramp_wait_s: float = RAMP_WAIT_S,
    address_interval: int | None = None,
    version_mask: int = 0xFFFF,
) -> Iterator[Step]:
    """The steps that bring `chips` chips to hash at `frequency_mhz`, ready for the first job.

    `hcn` is HASH_COUNTING_NUMBER (`full_coverage_hcn`), and None for midstate chips, on which it is not known
    what it does. `fast_baud` None stays at RESET_BAUD. `start_frequency_mhz` is where the clock's ramp
    begins: by default at the model's lowest, and for the gated BM1387 there is then no ramp, as on the S9; it
    goes in steps of at most `ramp_step_mhz`, each followed by `ramp_wait_s`.
    `version_mask` is the 16 bits of VERSION_MASK, where there is such a register. Raises LocalProtocolError,
    before anything is yielded, for values that the model does not take and for a model whose bring-up is not
    known.
    """
    values = model.init
    if values is None:
        raise LocalProtocolError(f"the bring-up of the {model.name} is not known well enough to be sent")
    low, high = model.frequency_range_mhz
    if not low <= frequency_mhz <= high:
        raise LocalProtocolError(
            f"the {model.name} runs at {low:g} to {high:g} MHz, not at {frequency_mhz:g}"
        )
    places = addresses(chips, address_interval, least=model.address_interval_min)
    ticket = ticket_mask_register(ticket_difficulty)
    if start_frequency_mhz is None:
        start_frequency_mhz = frequency_mhz if isinstance(values, GatedInitValues) else low
    clock = Ramp(
        tuple(
            solve_pll(model, mhz).register
            for mhz in frequency_ramp(model, start_frequency_mhz, frequency_mhz, ramp_step_mhz)
        ),
        ramp_wait_s,
    )
    fast_rate = None if fast_baud is None else baud_register_value(model, fast_baud)
    if isinstance(values, InitValues):
        if hcn is None or not 1 <= hcn <= 0xFFFFFFFF:
            raise LocalProtocolError(f"HASH_COUNTING_NUMBER is 1 to 0xFFFFFFFF for a chip to hash, not {hcn}")
        rolling = VersionMask(version_mask).pack()
        return _full_header_steps(model, values, places, clock, ticket, hcn, rolling, fast_rate)
    if hcn is not None:
        raise LocalProtocolError(
            f"what HASH_COUNTING_NUMBER does on a {model.name} is not known: leave it, do not set it to {hcn}"
        )
    if isinstance(values, MidstateInitValues):
        return midstate_steps(model, values, places=places, clock=clock, ticket=ticket, fast_baud=fast_baud)
    return gated_steps(model, values, places=places, clock=clock, ticket=ticket, fast_baud=fast_baud)


def addresses(chips: int, interval: int | None = None, *, least: int = 2) -> list[int]:
    """Addresses of a chain, from the host outward: multiples of `interval`, by default 256 // chips.

    Factory firmware always uses 2, and 4 on the S9. Raises LocalProtocolError if they do not fit 0..255, or
    for an interval below `least` (`ChipModel.address_interval_min`): lower bits are not part of a nonce.
    """
    if not 1 <= chips <= 128:
        raise LocalProtocolError(f"a chain has 1 to 128 chips, not {chips}")
    step = 256 // chips if interval is None else interval
    if step < least or (chips - 1) * step > 0xFF:
        raise LocalProtocolError(
            f"{chips} chips {step} apart do not fit addresses 0 to 255, in steps from {least} on"
        )
    return [step * n for n in range(chips)]


def nonce_offset(chip: int, chips: int) -> int:
    """CHIP_NONCE_OFFSET of chip number `chip`: bit 31 enables it, bits 15..0 count steps of 512 candidates.

    Even shares, as the captures have them: 0x25F * chip for the 108 chips of an S21, 0x3F1 * chip for the 65
    of an S21 Pro.
    """
    return 1 << 31 | chip * -(-0x10000 // chips)


def _full_header_steps(
    model: ChipModel,
    values: InitValues,
    places: list[int],
    clock: Ramp,
    ticket: int,
    hcn: int,
    rolling: int,
    fast_rate: int | None,
) -> Iterator[Step]:
    yield from _enumeration(model, values, places, rolling)
    yield from _configuration(values, places, ticket)
    for value in clock.registers:
        yield write(Register.PLL0, value)
        yield Wait(clock.wait_s)
    yield from _separation(model, places)
    yield write(Register.HASH_COUNTING_NUMBER, hcn)
    yield write(Register.VERSION_MASK, rolling)
    if fast_rate is not None:
        yield write(model.baud.register, fast_rate)
        yield SetHostBaud(baud_from_register(model, fast_rate))


def _enumeration(model: ChipModel, values: InitValues, places: list[int], rolling: int) -> Iterator[Step]:
    yield PulseReset()
    for _ in range(3):  # as every known firmware does; nobody knows why
        yield write(Register.VERSION_MASK, rolling)
    yield Send(ReadRegister(Register.CHIP_ID))
    yield ExpectChips(model.chip_id, len(places))
    yield write(Register.SOFT_RESET, values.soft_reset_broadcast)
    yield write(Register.MISC_CONTROL, values.misc_control_broadcast)
    yield Send(ChainInactive())
    for address in places:
        yield Send(SetAddress(address))


def _configuration(values: InitValues, places: list[int], ticket: int) -> Iterator[Step]:
    for value in values.mailbox_broadcast:
        yield write(Register.CORE_MAILBOX, value)
    yield write(Register.TICKET_MASK, ticket)
    if values.analog_mux is not None and values.adc_control is None:
        yield write(Register.ANALOG_MUX, values.analog_mux)
    yield write(Register.IO_DRIVER, values.io_driver)
    if values.pad_disable is not None:
        yield write(Register.PLL3_OR_PAD_DISABLE, values.pad_disable)
    if values.uart_relay is not None and len(places) == 1:
        yield write(Register.UART_RELAY, values.uart_relay, places[0])
    for address in places:
        yield write(Register.SOFT_RESET, values.soft_reset_chip, address)
        yield write(Register.MISC_CONTROL, values.misc_control_chip, address)
        for value in values.mailbox_chip:
            yield write(Register.CORE_MAILBOX, value, address)
    if values.adc_control is not None and values.analog_mux is not None:
        yield write(Register.ADC_CONTROL1, values.adc_control)
        yield write(Register.ANALOG_MUX, values.analog_mux)
        yield write(Register.ADC_CONTROL1, values.adc_control)
    for value in values.temperature_enable:
        yield write(Register.TEMPERATURE_CONTROL, value)
        yield Wait(_SENSOR_WAIT_S)
    if values.mailbox_last is not None:
        yield write(Register.CORE_MAILBOX, values.mailbox_last)


def _separation(model: ChipModel, places: list[int]) -> Iterator[Step]:
    """Give each chip its own start, where its address does not do that: a single one too, whose start would
    otherwise be another after each job (M)."""
    if model.registers.nonce_offset is None or model.nonce_has_address:
        return
    for chip, address in enumerate(places):
        yield write(model.registers.nonce_offset, nonce_offset(chip, len(places)), address)
