"""The board of an LV06: its chip's clock and voltage, its fan and its heat. The physics is a model's."""

from __future__ import annotations

import math

from simulators.bitaxe.physics import BoardModel
from simulators.miners.options import MinerOptions
from simulators.models import MACHINES, DevicePhysics

_LV06 = MACHINES["lv06"]
CORES = round(_LV06.hashes_per_clock)
"""As the firmware counts them, each with one hash a clock."""
INITIAL_MHZ = 50.0
STEP_MHZ = 6.25
"""bitaxeorg/ESP-Miner:components/asic/frequency_transition_bmXX.c."""
LEAST_MV, MOST_MV = 989, 1928
"""What the regulator can give; a setting beyond ends there. DS4432U, as on the Bitaxe Ultra (assumed)."""
SUPPLY_MV = 5100.0
FULL_RPM = 6000.0
"""Assumed."""


class Board:
    """`powered` is whether the core has its voltage; without it the chip forgets its clock."""

    def __init__(self, options: MinerOptions) -> None:
        self.model: BoardModel = DevicePhysics(_LV06, ambient_c=options.ambient_c, speed=options.heat_speed)
        self.powered = True
        self.frequency_mhz = pll_mhz(options.frequency_mhz)
        """As the PLL has it."""
        self.core_mv = 0.0
        self.fan_percent = 0.0
        self._ramp_s = options.ramp_ms / 1e3
        self._since_step_s = 0.0
        self._ambient_c = options.ambient_c

    @property
    def hashes_per_s(self) -> float:
        if not self.powered:
            return 0.0
        return self.frequency_mhz * 1e6 * CORES * self.model.rate

    @property
    def power_w(self) -> float:
        return self.model.power_w

    @property
    def chip_c(self) -> float:
        return self.model.temperature_c

    @property
    def regulator_c(self) -> float:
        """Assumed to lie between the room and the chip."""
        return self._ambient_c + 0.85 * (self.model.temperature_c - self._ambient_c) + 4

    @property
    def rpm(self) -> int:
        return round(FULL_RPM * self.fan_percent / 100)

    def set_power(self, on: bool) -> None:
        """Switch the core off, or on with its clock at the lowest."""
        if on and not self.powered:
            self.start_chip()
        self.powered = on

    def start_chip(self) -> None:
        self.model.restart()
        self.frequency_mhz = pll_mhz(INITIAL_MHZ)

    def step(self, dt_s: float, target_mhz: float, setting_mv: float, fan_percent: float) -> None:
        """Let time go by with these settings in force."""
        self.core_mv = min(max(setting_mv, LEAST_MV), MOST_MV) if self.powered else 0.0
        self.fan_percent = fan_percent
        if self.powered:
            self._ramp(dt_s, target_mhz)
        self.model.set("voltage_mv", self.core_mv)
        self.model.set("frequency_mhz", self.frequency_mhz if self.powered else 0.0)
        self.model.set("fan_percent", fan_percent)
        self.model.step(dt_s)

    def lose_heat_sink(self) -> None:
        self.model.set("heat_sink", 0.0)

    def _ramp(self, dt_s: float, target_mhz: float) -> None:
        """One step on a grid of 6.25 MHz for each `ramp_ms`, the last one onto the target."""
        if self.frequency_mhz == pll_mhz(target_mhz):
            self._since_step_s = 0.0
            return
        self._since_step_s += dt_s
        while self._since_step_s >= self._ramp_s and self.frequency_mhz != pll_mhz(target_mhz):
            self._since_step_s -= self._ramp_s
            distance = target_mhz - self.frequency_mhz
            if abs(distance) < STEP_MHZ:
                self.frequency_mhz = pll_mhz(target_mhz)
                return
            grid = self.frequency_mhz / STEP_MHZ
            step = math.floor(grid + 1e-6) + 1 if distance > 0 else math.ceil(grid - 1e-6) - 1
            self.frequency_mhz = step * STEP_MHZ


def pll_mhz(target_mhz: float) -> float:
    """The nearest that ESP-Miner has the BM1366's PLL make of 25 MHz: 25 fb / (ref p1 p2), fb 144 to 235, p1
    above p2. 0 where there is none (below 42.7 MHz, above 2943): so says firmware of v2.15 in
    `actualFrequency` then, as it writes a PLL without dividers (bitaxeorg/ESP-Miner:components/asic/pll.c).
    """
    best = 0.0
    for reference in (2, 1):
        for first in range(7, 1, -1):
            for second in range(first - 1, 0, -1):
                divider = reference * first * second
                feedback = math.floor(target_mhz * divider / 25 + 0.5)
                if 144 <= feedback <= 235:
                    made = 25 * feedback / divider
                    if abs(made - target_mhz) < abs(best - target_mhz):
                        best = made
    return best
