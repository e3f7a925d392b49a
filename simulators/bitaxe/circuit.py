"""What the parts of the board share: voltage, fan and temperature, as they truly are."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.bitaxe.physics import BoardModel

FULL_RPM = 6000.0
"""Assumed; a 40 mm fan."""

BESIDE_SHARE = 25 / 30
"""Of the chip's rise above the room that the thermometer beside it sees: 25 of 30 K, as ESP-Miner adds 5."""

SUPPLY_V = 5.0


@dataclass(slots=True)
class Circuit:
    """The true state, which a regulator or fan controller changes and a sensor reads."""

    model: BoardModel
    ambient_c: float
    diode_wired: bool
    """Whether the EMC2101 sees the diode in the chip."""
    voltage_mv: float = 0.0
    fan_percent: float = 0.0
    """Of full duty, as commanded."""
    fan_stopped: bool = False
    voltage_kept: bool = False
    """Whether the regulator takes no other voltage any more."""
    sensor_lost: bool = False
    """Whether the EMC2101 has stopped answering."""

    def set_voltage(self, millivolts: float) -> None:
        self.voltage_mv = millivolts
        self.model.set("voltage_mv", millivolts)

    def set_fan(self, percent: float) -> None:
        self.fan_percent = percent
        self.model.set("fan_percent", self.turning_percent)

    def stop_fan(self, stopped: bool) -> None:
        self.fan_stopped = stopped
        self.model.set("fan_percent", self.turning_percent)

    def keep_voltage(self, kept: bool) -> None:
        self.voltage_kept = kept

    def lose_sensor(self, lost: bool = True) -> None:
        self.sensor_lost = lost

    @property
    def turning_percent(self) -> float:
        """Speed of the fan as it is."""
        return 0.0 if self.fan_stopped else self.fan_percent

    @property
    def rpm(self) -> float:
        return FULL_RPM * self.turning_percent / 100

    @property
    def beside_c(self) -> float:
        """Temperature of the thermometer beside the chip."""
        return self.ambient_c + (self.model.temperature_c - self.ambient_c) * BESIDE_SHARE
