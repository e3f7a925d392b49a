"""The bring-up of the chips that take midstates.

BM1387: order and values of the S9's open firmware (B: open/bosminer/bosminer-am1-s9/src/lib.rs), whose frames
its test bench shares (MISC_CONTROL 40209A80, the busy work of ones over a midstate of zero). The cores of
every chip are closed by the gate of MISC_CONTROL, and each piece of busy work opens one more, so that the
current rises in steps. No firmware clears the gate afterwards on a whole chain: it only keeps back cores that
were not opened. (B clears it on the one chip whose I2C it uses, which goes on hashing.) What an S9 does to
its voltage meanwhile, off, high until the cores are open, then lower, is the board's affair.

BM1397: read in bitaxeorg/ESP-Miner:components/asic/bm1397.c, and kanoi/cgminer:driver-gekko.c agrees but for
pauses and repetitions. None of it was seen on a wire.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from firmware_protocols.bm13xx.baud import RESET_BAUD, baud_from_register, baud_register_value
from firmware_protocols.bm13xx.bm1387_registers import MiscControl
from firmware_protocols.bm13xx.frames import ChainInactive, ReadRegister, SetAddress
from firmware_protocols.bm13xx.jobs import next_job_header, open_core_job
from firmware_protocols.bm13xx.models import ChipModel, GatedInitValues, MidstateInitValues
from firmware_protocols.bm13xx.steps import (
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

BUSY_WORK_DIFFICULTY = 1 << 16
"""Ticket mask while busy work is done. Its best nonce has difficulty 1.99: 2 would do on silicon, 64 is what
the S9's firmware has; this keeps the busy work of emulators quiet too, which report from fewer zero bits."""
_INACTIVE_WAIT_S = 0.1
_BUSY_WORK_WAIT_S = 0.1
"""Longer than any work lasts: 4 midstates at 100 MHz take 21 ms."""
_CLOCK_WRITE_WAIT_S = 0.01


def gated_steps(
    model: ChipModel,
    values: GatedInitValues,
    *,
    places: Sequence[int],
    clock: Ramp,
    ticket: int,
    fast_baud: float | None,
) -> Iterator[Step]:
    """Of a BM1387 chain; `clock` is the way of its PLL."""
    registers = model.registers
    yield from _found_and_addressed(model, places)
    for value in clock.registers:
        yield write(registers.pll0, value)
        yield Wait(clock.wait_s)
    rate = baud_register_value(model, RESET_BAUD if fast_baud is None else fast_baud)
    divider = rate >> model.baud.shift & model.baud.mask
    gated = MiscControl(divider, keep_baud=fast_baud is None, gate_block=True)
    yield write(registers.misc_control, gated.pack())
    if (
        fast_baud is not None
    ):  # no reading back before the host has followed: the answer comes at the new rate
        yield SetHostBaud(baud_from_register(model, rate))
    yield write(registers.ticket_mask, ticket_mask_register(BUSY_WORK_DIFFICULTY))
    header = 0
    for _ in range(values.open_core_works):
        yield Send(open_core_job(header, model.subcores))
        header = next_job_header(model, header)
    yield Wait(_BUSY_WORK_WAIT_S)
    yield write(registers.ticket_mask, ticket)


def midstate_steps(
    model: ChipModel,
    values: MidstateInitValues,
    *,
    places: Sequence[int],
    clock: Ramp,
    ticket: int,
    fast_baud: float | None,
) -> Iterator[Step]:
    """Of a BM1397 chain."""
    registers = model.registers
    yield from _found_and_addressed(model, places)
    for register, value in values.before_ticket_mask:
        yield write(register, value)
    yield write(registers.ticket_mask, ticket)
    for register, value in values.after_ticket_mask:
        yield write(register, value)
    yield write(model.baud.register, baud_register_value(model, RESET_BAUD))
    for value in clock.registers:
        for setting in (values.before_pll, (registers.pll0, value)):
            for _ in range(2):
                yield Wait(_CLOCK_WRITE_WAIT_S)
                yield write(*setting)
        yield Wait(clock.wait_s)
    if fast_baud is not None:
        rate = baud_register_value(model, fast_baud)
        yield write(model.baud.register, rate)
        yield SetHostBaud(baud_from_register(model, rate))


def _found_and_addressed(model: ChipModel, places: Sequence[int]) -> Iterator[Step]:
    yield PulseReset()
    yield Send(ReadRegister(model.registers.chip_id))
    yield ExpectChips(model.chip_id, len(places))
    for _ in range(3):  # so that every chip has heard it
        yield Send(ChainInactive())
        yield Wait(_INACTIVE_WAIT_S)
    for address in places:
        yield Send(SetAddress(address))
