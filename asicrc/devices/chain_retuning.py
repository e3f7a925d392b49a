"""From one setting of a chain that works to another, without bringing it up anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from asicrc.bench.limits import Envelope
from firmware_protocols.bm13xx import (
    RAMP_STEP_MHZ,
    ChipModel,
    Send,
    Step,
    Wait,
    WriteRegister,
    frequency_ramp,
    solve_pll,
    ticket_mask_register,
)


@dataclass(frozen=True, slots=True)
class ChainGoal:
    """What a chain is to be set to. `pll_mhz` is the clock nearest to what was asked for."""

    frequency_mhz: float
    pll_mhz: float
    difficulty: float
    ticket_difficulty: int
    hcn: int | None


def can_retune(model: ChipModel) -> bool:
    """Chips with midstates get another register before each new clock, which belongs to their bring-up."""
    return model.job_format == "full"


def retuning(model: ChipModel, now: ChainGoal, goal: ChainGoal, envelope: Envelope) -> Iterator[Step]:
    """The clock in the envelope's steps; then what else differs, to all chips at once.

    Raises LocalProtocolError for a clock that the model cannot be set to.
    """
    registers = model.registers
    if goal.frequency_mhz != now.frequency_mhz:
        step_mhz = min(envelope.step_mhz, RAMP_STEP_MHZ)
        for mhz in frequency_ramp(model, now.frequency_mhz, goal.frequency_mhz, step_mhz):
            yield Send(WriteRegister(registers.pll0, solve_pll(model, mhz).register))
            yield Wait(envelope.step_interval_s)
    if goal.ticket_difficulty != now.ticket_difficulty:
        yield Send(WriteRegister(registers.ticket_mask, ticket_mask_register(goal.ticket_difficulty)))
    if goal.hcn is not None and goal.hcn != now.hcn:
        yield Send(WriteRegister(registers.hash_counting_number, goal.hcn))
