"""What the physics of a device does to the emulator: the seam where models of heat and silicon plug in."""

from __future__ import annotations

from typing import Protocol


class DeviceModel(Protocol):
    """A device as the emulator sees it. It has no clock: `step` says how much device time went by."""

    @property
    def rate(self) -> float:
        """Share of the nonces that are found, 0 to 1."""

    @property
    def power_w(self) -> float: ...

    @property
    def temperature_c(self) -> float: ...

    @property
    def faults(self) -> tuple[str, ...]:
        """Names of what is wrong with the device at the moment."""

    def set(self, name: str, value: float) -> None:
        """Take a setting that the host changed: `frequency_mhz` (mean of the chips that hash, 0 for none).

        Raises ValueError for a name that the model does not know.
        """

    def step(self, dt_s: float) -> None:
        """Let `dt_s` seconds of device time go by."""


class IdealDevice:
    """The scan order and nothing else: every nonce is found, no power drawn, the temperature stands still."""

    rate = 1.0
    power_w = 0.0
    faults: tuple[str, ...] = ()

    def __init__(self, temperature_c: float = 25.0) -> None:
        self.temperature_c = temperature_c
        self.frequency_mhz = 0.0
        self.age_s = 0.0

    def set(self, name: str, value: float) -> None:
        if name != "frequency_mhz":
            raise ValueError(f"an ideal device has no setting {name!r}; it knows frequency_mhz")
        self.frequency_mhz = value

    def step(self, dt_s: float) -> None:
        self.age_s += dt_s
