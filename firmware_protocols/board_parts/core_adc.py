"""The core's voltage as the microcontroller's own ADC sees it: coarse, but independent of the regulator.

The ESP32-S3 at 12 dB converts up to about 3.1 V into 12 bits; its calibration stays in the part, so the
volts here can be some percent off (Espressif's documentation of the ADC; bitaxeorg/ESP-Miner:main/adc.c for
the pin).
"""

from __future__ import annotations

from firmware_protocols.errors import RemoteProtocolError

FULL_V = 3.1
STEPS = 4095
TOLERANCE = 0.1
"""Assumed: share by which the result can be wrong."""


def core_volts(raw: int) -> float:
    """V of a raw conversion. Raises RemoteProtocolError for one of more than 12 bits."""
    if not 0 <= raw <= STEPS:
        raise RemoteProtocolError(f"a conversion has 12 bits: {raw} is none")
    return raw * FULL_V / STEPS
