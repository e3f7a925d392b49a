"""How the TPS546 of a board is set up: nothing does it before the host when the board runs bitaxe-raw.

Limits of bitaxeorg/ESP-Miner:main/power/vcore.c (by board) and TPS546.h (for all), in the order of
256foundation/mujina:peripheral/tps546.rs, which drives the Gamma over this very firmware.
"""

from __future__ import annotations

from dataclasses import dataclass

from firmware_protocols.board_parts.pmbus import VoutMode, byte_from, to_slinear11, word_from
from firmware_protocols.board_parts.tps546 import (
    CLEAR_FAULTS,
    TURN_OFF,
    Command,
    set_volts,
    write_byte,
    write_word,
)
from firmware_protocols.errors import LocalProtocolError


@dataclass(frozen=True, slots=True)
class Tps546Settings:
    """Of one kind of board; volts and amperes of the regulator's own output."""

    phase: int
    vin_on_v: float
    vin_off_v: float
    vin_uv_warn_v: float | None
    """None: not written, as 0 makes the part warn for ever (ESP-Miner)."""
    vin_ov_fault_v: float
    scale_loop: float
    vout_min_v: float
    vout_max_v: float
    iout_warn_a: float
    iout_fault_a: float

    def check(self, volts: float) -> float:
        """Return `volts`. Raises LocalProtocolError outside the range of the board's regulator."""
        if not self.vout_min_v <= volts <= self.vout_max_v:
            raise LocalProtocolError(
                f"this board's TPS546 is set up for {self.vout_min_v:g} to {self.vout_max_v:g} V, "
                f"not for {volts:g} V"
            )
        return volts


SETTINGS = {
    "gamma": Tps546Settings(0x00, 4.8, 4.5, None, 6.5, 0.25, 1.0, 2.0, 25.0, 30.0),
    "hex": Tps546Settings(0x00, 11.5, 11.0, 11.0, 14.8, 0.125, 2.5, 4.5, 25.0, 30.0),
    "gamma_turbo": Tps546Settings(0xFF, 11.0, 10.5, 11.0, 14.8, 0.25, 1.0, 3.0, 50.0, 55.0),
}
"""The Gamma's are also those of every other single-chip board with this part. A Gamma Turbo has two of them
stacked, which needs more than is written here."""

ON_OFF_BY_COMMAND_AND_PIN = 0x1F
"""On while OPERATION says so and the pin is high; off at once."""
SWITCHING_KHZ = 650
VIN_OV_RESPONSE, IOUT_OC_RESPONSE, OT_RESPONSE, TON_MAX_RESPONSE = 0xB7, 0xC0, 0xFF, 0x3B
OT_WARN_C, OT_FAULT_C = 105, 145
TON_RISE_MS = 3
PINS_DECIDE = 0xFFFF

VOUT_LIMITS = (
    (Command.VOUT_OV_FAULT_LIMIT, 1.25),
    (Command.VOUT_OV_WARN_LIMIT, 1.16),
    (Command.VOUT_MARGIN_HIGH, 1.10),
    (Command.VOUT_MARGIN_LOW, 0.90),
    (Command.VOUT_UV_WARN_LIMIT, 0.90),
    (Command.VOUT_UV_FAULT_LIMIT, 0.75),
)
"""Shares of the commanded voltage."""

SET_UP_REGISTERS = (
    Command.PHASE,
    Command.FREQUENCY_SWITCH,
    Command.VIN_UV_WARN_LIMIT,
    Command.VIN_ON,
    Command.VIN_OFF,
    Command.VIN_OV_FAULT_LIMIT,
    Command.VIN_OV_FAULT_RESPONSE,
    Command.VOUT_SCALE_LOOP,
    Command.VOUT_MAX,
    Command.VOUT_MIN,
    Command.VOUT_COMMAND,
    *(command for command, _ in VOUT_LIMITS),
    Command.IOUT_OC_WARN_LIMIT,
    Command.IOUT_OC_FAULT_LIMIT,
    Command.IOUT_OC_FAULT_RESPONSE,
    Command.OT_WARN_LIMIT,
    Command.OT_FAULT_LIMIT,
    Command.OT_FAULT_RESPONSE,
    Command.TON_DELAY,
    Command.TON_RISE,
    Command.TON_MAX_FAULT_LIMIT,
    Command.TON_MAX_FAULT_RESPONSE,
    Command.TOFF_DELAY,
    Command.TOFF_FALL,
    Command.PIN_DETECT_OVERRIDE,
)
"""What `initialisation` changes and can be put back while the output is off, in the order of putting it back:
the phase first, of which the others are, and the range of the voltage before the voltage. ON_OFF_CONFIG is
not among them: one that does not wait for a command would turn the output on."""
_OF_ONE_BYTE = frozenset(
    {
        Command.PHASE,
        Command.VIN_OV_FAULT_RESPONSE,
        Command.IOUT_OC_FAULT_RESPONSE,
        Command.OT_FAULT_RESPONSE,
        Command.TON_MAX_FAULT_RESPONSE,
    }
)


def register_bytes(command: Command) -> int:
    """How many bytes one of SET_UP_REGISTERS has: 1 or 2."""
    return 1 if command in _OF_ONE_BYTE else 2


def register_from(command: Command, data: bytes) -> int:
    """One of SET_UP_REGISTERS as it was read, raw. Raises RemoteProtocolError for another number of bytes."""
    return byte_from(data) if command in _OF_ONE_BYTE else word_from(data)


def write_register(command: Command, value: int) -> bytes:
    """I2C bytes that put one of SET_UP_REGISTERS back. Raises LocalProtocolError for a value too large."""
    return write_byte(command, value) if command in _OF_ONE_BYTE else write_word(command, value)


def initialisation(settings: Tps546Settings, mode: VoutMode, volts: float) -> tuple[bytes, ...]:
    """I2C writes, in order, that leave the output off, at `volts` once it is turned on, and no fault latched.

    `mode` is what VOUT_MODE was read as. Raises LocalProtocolError for a voltage outside the board's range.
    """
    settings.check(volts)
    base = 1.0 if mode.relative else volts
    warn = settings.vin_uv_warn_v
    return (
        TURN_OFF,
        write_byte(Command.ON_OFF_CONFIG, ON_OFF_BY_COMMAND_AND_PIN),
        write_byte(Command.PHASE, settings.phase),
        _whole(Command.FREQUENCY_SWITCH, SWITCHING_KHZ),
        *((_real(Command.VIN_UV_WARN_LIMIT, warn),) if warn is not None else ()),
        _real(Command.VIN_ON, settings.vin_on_v),
        _real(Command.VIN_OFF, settings.vin_off_v),
        _real(Command.VIN_OV_FAULT_LIMIT, settings.vin_ov_fault_v),
        write_byte(Command.VIN_OV_FAULT_RESPONSE, VIN_OV_RESPONSE),
        _real(Command.VOUT_SCALE_LOOP, settings.scale_loop),
        set_volts(volts, mode),
        write_word(Command.VOUT_MAX, mode.word(settings.vout_max_v)),
        write_word(Command.VOUT_MIN, mode.word(settings.vout_min_v)),
        *(write_word(command, mode.word(share * base)) for command, share in VOUT_LIMITS),
        _real(Command.IOUT_OC_WARN_LIMIT, settings.iout_warn_a),
        _real(Command.IOUT_OC_FAULT_LIMIT, settings.iout_fault_a),
        write_byte(Command.IOUT_OC_FAULT_RESPONSE, IOUT_OC_RESPONSE),
        _whole(Command.OT_WARN_LIMIT, OT_WARN_C),
        _whole(Command.OT_FAULT_LIMIT, OT_FAULT_C),
        write_byte(Command.OT_FAULT_RESPONSE, OT_RESPONSE),
        _whole(Command.TON_DELAY, 0),
        _whole(Command.TON_RISE, TON_RISE_MS),
        _whole(Command.TON_MAX_FAULT_LIMIT, 0),
        write_byte(Command.TON_MAX_FAULT_RESPONSE, TON_MAX_RESPONSE),
        _whole(Command.TOFF_DELAY, 0),
        _whole(Command.TOFF_FALL, 0),
        write_word(Command.PIN_DETECT_OVERRIDE, PINS_DECIDE),
        CLEAR_FAULTS,
    )


def _real(command: int, value: float) -> bytes:
    return write_word(command, to_slinear11(value))


def _whole(command: int, value: int) -> bytes:
    """With exponent 0, as both firmwares write whole numbers."""
    return write_word(command, to_slinear11(value, lowest_exponent=0))
