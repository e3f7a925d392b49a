"""The three hash boards of an S9: clocks, voltages, fans and heat. The physics is a model's."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.bitaxe.physics import BoardModel
from simulators.miners.options import MinerOptions
from simulators.models import MACHINES, DevicePhysics

_BOARD = MACHINES["s9"].one_board()
CHIPS, CORES = _BOARD.chips, _BOARD.cores
"""Of a board, and of a chip."""
PLACES = (6, 7, 8)
"""Numbers of the boards in `stats`, by their connectors."""
GRID_MHZ = 6.25
"""The S9 has a table of frequencies; Luxor does not publish it. A step of the PLL is assumed."""
RAMP_STEP_MHZ = 5.0
FULL_RPM = 6000.0
TARGET_C = 80.0
"""Of the chips, which the fans are steered to (assumed)."""


@dataclass(slots=True)
class HashBoard:
    """`frequency_mhz` is on its way to `target_mhz`."""

    number: int
    model: BoardModel
    frequency_mhz: float
    target_mhz: float
    voltage_mv: float
    on: bool = True

    @property
    def place(self) -> int:
        return PLACES[self.number]

    @property
    def hashes_per_s(self) -> float:
        return self.frequency_mhz * 1e6 * CHIPS * CORES * self.model.rate if self.on else 0.0

    @property
    def ramping(self) -> bool:
        return self.frequency_mhz != self.target_mhz


class Boards:
    def __init__(self, options: MinerOptions, frequency_mhz: float) -> None:
        self.all = tuple(
            HashBoard(
                number,
                DevicePhysics(_BOARD, ambient_c=options.ambient_c, speed=options.heat_speed),
                frequency_mhz,
                frequency_mhz,
                options.voltage_mv,
            )
            for number in range(len(PLACES))
        )
        self.fan_percent = 50.0
        self._ramp_s = options.ramp_ms / 1e3
        self._since_step_s = 0.0

    @property
    def hashes_per_s(self) -> float:
        return sum(board.hashes_per_s for board in self.all)

    @property
    def power_w(self) -> float:
        return sum(board.model.power_w for board in self.all)

    @property
    def hottest_c(self) -> float:
        return max(board.model.temperature_c for board in self.all)

    @property
    def rpm(self) -> int:
        return round(FULL_RPM * self.fan_percent / 100 / 60) * 60

    def set_power(self, on: bool) -> None:
        for board in self.all:
            if on and not board.on:
                board.model.restart()
            board.on = on

    def restart(self) -> None:
        """Start the chips of all boards anew: one that hung, as its voltage was too low, hashes again."""
        for board in self.all:
            board.model.restart()

    def step(self, dt_s: float) -> None:
        self._since_step_s = self._since_step_s + dt_s if self._any_ramping else 0.0
        while self._any_ramping and self._since_step_s >= self._ramp_s:
            self._since_step_s -= self._ramp_s
            for board in self.all:
                away = board.target_mhz - board.frequency_mhz
                board.frequency_mhz += min(max(away, -RAMP_STEP_MHZ), RAMP_STEP_MHZ)
        self.fan_percent = min(max(self.fan_percent + 0.3 * dt_s * (self.hottest_c - TARGET_C), 20.0), 100.0)
        for board in self.all:
            board.model.set("voltage_mv", board.voltage_mv if board.on else 0.0)
            board.model.set("frequency_mhz", board.frequency_mhz if board.on else 0.0)
            board.model.set("fan_percent", self.fan_percent)
            board.model.step(dt_s)

    def lose_heat_sink(self) -> None:
        for board in self.all:
            board.model.set("heat_sink", 0.0)

    @property
    def _any_ramping(self) -> bool:
        return any(board.ramping for board in self.all)


def on_grid(mhz: float) -> float:
    return round(mhz / GRID_MHZ) * GRID_MHZ
