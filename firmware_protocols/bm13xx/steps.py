"""The kinds of step that a bring-up consists of, for whoever holds the line."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_protocols.bm13xx.frames import Command, WriteRegister

RAMP_WAIT_S = 0.1
"""Between two steps of the hash clock (ESP-Miner, and the factory firmware in the captures)."""


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

    Those of version-rolling chips may have 9 or 11 bytes (`HostDecoder`).
    """

    model_chip_id: int
    count: int | None


@dataclass(frozen=True, slots=True)
class SetHostBaud:
    """Let the line drain, then speak at this rate."""

    baud: float


Step = PulseReset | Send | Wait | ExpectChips | SetHostBaud


@dataclass(frozen=True, slots=True)
class Ramp:
    """Values of the clock register, to be set one after the other with a wait behind each."""

    registers: tuple[int, ...]
    wait_s: float


def write(register: int, value: int, address: int | None = None) -> Send:
    """Send a register write, to every chip unless `address` names one."""
    return Send(WriteRegister(register, value, address))
