"""Heat, power and the least voltage of a board: enough for a host's safety to have something to meet.

First order throughout, and simple on purpose: the chip draws C V^2 f, warms by so many kelvin a watt, fewer
the faster the fan turns, and follows with one time constant. Numbers without a source are assumed, so that
a board at its default settings draws what its maker tests for and is at 55 degC with the fan at full speed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from simulators.bm13xx.device_model import DeviceModel

AMBIENT_C = 25.0
TIME_CONSTANT_S = 20.0
"""Assumed."""

FAN_SHARE = 2.6
"""Assumed: at full speed the same heat leaves at 1 / (1 + 2.6) of the temperature."""

LOOSE_SINK = 6.0
"""Assumed: by how much warmer a chip gets, and how much sooner, whose heat sink has come off."""

LEAST_MV, LEAST_MV_PER_MHZ = 780.0, 0.5
"""Assumed: below 780 mV + 0.5 mV for each MHz a chip stops. What bitaxeorg/ESP-Miner:main/device_config.h
offers lies above, in any combination but the Gamma's lowest voltage with its highest clocks."""


@dataclass(frozen=True, slots=True)
class Constants:
    """Of one kind of board."""

    core_w_at_default: float
    default_mv: float
    default_mhz: float
    other_w: float
    """Of everything but the core; none of it warms the chip."""
    kelvin_per_w: float
    """With the fan standing."""


CONSTANTS = {
    # bitaxeorg/ESP-Miner:main/device_config.h: power_consumption_target 12 W, 485 MHz, 1.2 V; shares assumed
    "ultra": Constants(9.0, 1200.0, 485.0, other_w=3.0, kelvin_per_w=12.0),
    # likewise 19 W, 525 MHz, 1.15 V, of which power_offset says that 5 W are not the core's
    "gamma": Constants(14.0, 1150.0, 525.0, other_w=5.0, kelvin_per_w=7.7),
}


class BoardModel(DeviceModel, Protocol):
    """A device with a core voltage and a fan. Settings: `frequency_mhz`, `voltage_mv`, `fan_percent` (of full
    speed as it turns), and `heat_sink` (1 on, 0 loose)."""

    @property
    def core_w(self) -> float:
        """What the chip draws of `power_w`."""

    @property
    def least_mv(self) -> float:
        """Voltage below which the chip stops, at its present clock."""


class FirstOrderBoard:
    """`BoardModel` of this module's constants, without noise. `speed` is how many seconds of its own it goes
    through in one of the device's, which the emulator stretches for the sake of its hashing."""

    rate = 1.0

    def __init__(self, constants: Constants, ambient_c: float = AMBIENT_C, speed: float = 1.0) -> None:
        self._constants = constants
        self._speed = speed
        self._ambient_c = ambient_c
        self.temperature_c = ambient_c
        self._settings = {"frequency_mhz": 0.0, "voltage_mv": 0.0, "fan_percent": 0.0, "heat_sink": 1.0}

    @property
    def core_w(self) -> float:
        at = self._constants
        volts = (self._settings["voltage_mv"] / at.default_mv) ** 2
        return at.core_w_at_default * volts * self._settings["frequency_mhz"] / at.default_mhz

    @property
    def power_w(self) -> float:
        return self.core_w + self._constants.other_w

    @property
    def least_mv(self) -> float:
        return LEAST_MV + LEAST_MV_PER_MHZ * self._settings["frequency_mhz"]

    @property
    def faults(self) -> tuple[str, ...]:
        return () if self._settings["heat_sink"] else ("heat sink loose",)

    @property
    def final_c(self) -> float:
        """Where the temperature would end under the present settings."""
        rise = self._constants.kelvin_per_w / (1 + FAN_SHARE * self._settings["fan_percent"] / 100)
        return self._ambient_c + self.core_w * rise * self._looseness

    def set(self, name: str, value: float) -> None:
        if name not in self._settings:
            raise ValueError(f"a board has no setting {name!r}; it knows {', '.join(self._settings)}")
        self._settings[name] = value

    def step(self, dt_s: float) -> None:
        left = math.exp(-dt_s * self._speed * self._looseness / TIME_CONSTANT_S)
        self.temperature_c = self.final_c + (self.temperature_c - self.final_c) * left

    @property
    def _looseness(self) -> float:
        return 1.0 if self._settings["heat_sink"] else LOOSE_SINK
