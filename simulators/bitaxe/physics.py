"""What an emulated board asks of the physics of its chips; `simulators.models.DevicePhysics` is it."""

from __future__ import annotations

from typing import Protocol

from simulators.bm13xx.device_model import DeviceModel


class BoardModel(DeviceModel, Protocol):
    """A device with a core voltage and a fan. Settings: `frequency_mhz`, `voltage_mv`, `fan_percent` (of full
    speed as it turns), and `heat_sink` (1 on, 0 loose)."""

    @property
    def core_w(self) -> float:
        """What the chip draws of `power_w`."""

    @property
    def least_mv(self) -> float:
        """Voltage below which the chip stops, at its present clock."""

    @property
    def stopped(self) -> bool:
        """Whether the voltage was too low for the clock, or for the chip at all, since the last `restart`."""

    def restart(self) -> None:
        """Start the chip anew."""
