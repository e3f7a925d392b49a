"""The absolute envelope of each chip on a bare line. Nothing is ever written outside it.

A bare chip on a serial line gives us no voltage control and no temperature: the envelope covers what can
be written there, which is the clock. The upper bound is what the boards that carry the chip are run at.
"""

from __future__ import annotations

from dataclasses import dataclass

from firmware_protocols.device import SettingRefused


@dataclass(frozen=True, slots=True)
class Range:
    low: float
    high: float
    unit: str
    source: str

    def check(self, name: str, value: float) -> float:
        """Return `value`. Raises SettingRefused outside the range."""
        if not self.low <= value <= self.high:
            raise SettingRefused(
                f"{name} = {value:g} {self.unit} is outside the built-in envelope "
                f"{self.low:g} to {self.high:g} {self.unit} ({self.source}); nothing was written"
            )
        return value

    def clamp(self, value: float) -> float:
        return min(max(value, self.low), self.high)


@dataclass(frozen=True, slots=True)
class Envelope:
    frequency_mhz: Range
    step_mhz: float
    step_interval_s: float


ENVELOPES = {
    "BM1366": Envelope(
        frequency_mhz=Range(
            50.0, 575.0, "MHz", "bitaxeorg/ESP-Miner:main/device_config.h offers 400 to 575 for the BM1366"
        ),
        step_mhz=6.25,
        step_interval_s=0.1,
    ),
}
"""Frequencies by chip model; ramp step and rate as bitaxeorg/ESP-Miner ramps its PLL."""

DEFAULT_FREQUENCY_MHZ = 200.0
"""Where a capture runs unless told otherwise: well below what needs a fan, whose presence a bare line
cannot tell us."""
