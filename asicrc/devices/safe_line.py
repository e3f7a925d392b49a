"""What makes a bare chip line safe without anybody there: no hashing, the lowest clock."""

from __future__ import annotations

from asicrc.bench.guardian import SafeStep
from asicrc.bench.limits import Envelope
from asicrc.devices.chip_line import ChipLine
from asicrc.devices.chip_settings import RESET_BAUD, fast_baud
from firmware_protocols.bm13xx import Command, ReadRegister, WriteRegister, encode, solve_pll


def steps_to_halt(line: ChipLine, envelope: Envelope) -> list[SafeStep]:
    """Steps for the guardian of this line, at each baud rate that the chips may stand at.

    A death between two baud rates leaves the host's speed behind: at the wrong one the chips see junk, which
    they ignore. Chips whose HASH_COUNTING_NUMBER does not halt them run dry within seconds without new jobs.
    Empty for a line without a descriptor (a recording).
    """
    fd = line.transport.descriptor
    if fd is None:
        return []
    registers = line.model.registers
    lowest = solve_pll(line.model, envelope.frequency_mhz.low).register
    frames: list[tuple[str, Command]] = []
    if line.model.hcn_halts:
        frames.append(("hashing halted", WriteRegister(registers.hash_counting_number, 0)))
    frames.append((f"clock {envelope.frequency_mhz.low:g} MHz", WriteRegister(registers.pll0, lowest)))
    steps: list[SafeStep] = []
    for baud in dict.fromkeys((line.transport.baud, fast_baud(line.model), RESET_BAUD)):
        steps.append(SafeStep(fd, "baud", baud=baud, name=f"{baud} baud"))
        for name, frame in frames:
            steps.append(SafeStep(fd, "write", data=encode(frame, line.model), name=name))
        question = encode(ReadRegister(registers.chip_id), line.model)
        steps.append(
            SafeStep(fd, "write", data=question, expect_reply=True, name=f"chips answer at {baud} baud")
        )
    return steps
