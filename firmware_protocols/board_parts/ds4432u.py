"""DS4432U: a current DAC at the feedback of the core's regulator (TPS40305), which so sets its voltage.

With 0.6 V at the feedback, 4750 ohm from the output to it and 3320 ohm to ground, a current I into the
feedback node gives V = 0.6 + 4750 * (0.6/3320 - I), and I = code/127 * 98.921 uA with the sign in bit 7:
set, the output goes down (bitaxeorg/ESP-Miner:main/power/DS4432U.c; two codes seen in the logs of
MoellerDi/ESP-Miner: 1.20 V = C6, 1.25 V = B9). One step is 3.70 mV.

The seven bits of the code reach from 0.989 to 1.928 V; what ESP-Miner lets through beyond (0.046 to 2.39 V)
would wrap round to another voltage, so it is refused here. Code 0, after power-on, is 1.458 V.
"""

from __future__ import annotations

import math

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

ADDRESS = 0x48
OUT0, OUT1 = 0xF8, 0xF9
"""Registers; the core's regulator is on the first output."""

POWER_ON_CODE = 0

_FEEDBACK_V = 0.6
_TOP_OHM, _BOTTOM_OHM = 4750.0, 3320.0
_FULL_SCALE_A = 98.921e-6
_STEPS = 127
_LOWER = 0x80
"""Bit of a code that lowers the output."""

STEP_V = _TOP_OHM * _FULL_SCALE_A / _STEPS
ZERO_V = _FEEDBACK_V + _TOP_OHM * _FEEDBACK_V / _BOTTOM_OHM
LOWEST_V, HIGHEST_V = ZERO_V - _STEPS * STEP_V, ZERO_V + _STEPS * STEP_V


def code_for(volts: float) -> int:
    """Code of the highest voltage that is not above `volts`. Raises LocalProtocolError out of reach."""
    if not LOWEST_V <= volts <= HIGHEST_V:
        raise LocalProtocolError(
            f"a DS4432U reaches {LOWEST_V:.4f} to {HIGHEST_V:.4f} V on this board, not {volts:g} V"
        )
    steps = (volts - ZERO_V) / STEP_V
    whole = max(math.floor(steps + _EXACT), -_STEPS)
    return whole if whole >= 0 else _LOWER | -whole


def volts_of(code: int) -> float:
    """Output voltage of a code, before the tolerance of the resistors."""
    if not 0 <= code <= 0xFF:
        raise LocalProtocolError(f"a code has 8 bits: {code} is none")
    steps = code & _STEPS
    return ZERO_V + STEP_V * (-steps if code & _LOWER else steps)


def write_code(code: int) -> bytes:
    """I2C bytes that set the output."""
    if not 0 <= code <= 0xFF:
        raise LocalProtocolError(f"a code has 8 bits: {code} is none")
    return bytes((OUT0, code))


READ_CODE = bytes((OUT0,))
"""I2C bytes to write before reading one byte: `code_from`."""


def code_from(data: bytes) -> int:
    """Code as it was read back. Raises RemoteProtocolError for anything but one byte."""
    if len(data) != 1:
        raise RemoteProtocolError(f"a DS4432U register has one byte, not {len(data)}")
    return data[0]


_EXACT = 1e-6
"""Steps: a voltage that `volts_of` gave leads back to its code whatever the last bits say."""
