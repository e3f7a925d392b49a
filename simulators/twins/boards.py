"""Which miners have a twin: what can be set on them and within which limits, and what work they take.

The limits are those of the harness for the same board, number by number (asicrc/bench/network_limits.py says
where each is from; a test compares them). Nothing can break here, but a plan that runs on a twin is to run on
the bench too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from firmware_protocols.device import SettingRefused
from simulators.models import MACHINES, Machine

HIGHEST_DIFFICULTY, USUAL_DIFFICULTY = 2.0**48, 256.0
MOST_SHARES_PER_S = 5e6
"""At the nominal hash rate; an easier difficulty is refused. It bounds what a read brings."""
BIP320_MASK = 0x1FFFE000

NonceLayout = Literal["core high", "core low"]


@dataclass(frozen=True, slots=True)
class SettingRange:
    """From `low` to `high`, both allowed; `usual` is what the miner is found at."""

    low: float
    high: float
    usual: float
    unit: str

    def check(self, name: str, value: float, whose: str) -> None:
        """Raises SettingRefused outside the range, and for what is no number."""
        if not self.low <= value <= self.high:
            raise SettingRefused(
                f"{name} = {value:g} {self.unit} is outside the limits of {whose}, {self.low:g} to "
                f"{self.high:g} {self.unit}; nothing was written"
            )


@dataclass(frozen=True, slots=True)
class Board:
    """One kind of miner, as its driver has it."""

    machine: Machine
    model: str
    settings: Mapping[str, SettingRange]
    ramps: Mapping[str, float]
    """Limits of the steps in which a real one is set, by the harness's keys; a twin is there at once."""
    version_mask: int
    nonce_layout: NonceLayout
    job_interval_s: float = 30.0
    """As of the real one: asicrc/devices/network/network_device.py."""

    def limits(self) -> dict[str, float]:
        """By the harness's keys."""
        found = dict(self.ramps)
        for name, held in self.settings.items():
            if name in self.fixed:
                found[f"{name}_min"] = held.low
                if name != "fan_percent":
                    found[f"{name}_max"] = held.high
        found["temperature_c_max"] = self.machine.limits.highest_c
        if self.machine.limits.power_w is not None:
            found["power_w_max"] = self.machine.limits.power_w
        return found

    def goal(
        self, requested: Mapping[str, float], settings: Mapping[str, float]
    ) -> dict[str, tuple[float | None, float]]:
        """What is asked for and what it comes to, by name, for what is written.

        `settings` are those of now. Raises SettingRefused for what the board does not have, and outside its
        limits.
        """
        for name, value in requested.items():
            held = self.settings.get(name)
            if held is None:
                raise SettingRefused(
                    f"the {self.model} has no setting {name}; it has {', '.join(sorted(self.settings))}"
                )
            held.check(name, value, f"the {self.model}")
        return {name: (value, value) for name, value in requested.items()}

    def safe(self) -> dict[str, float]:
        """Cold and at rest, as far as can be set."""
        safe = {name: held.low for name, held in self.settings.items() if name in self.fixed}
        if "fan_percent" in safe:
            safe["fan_percent"] = self.settings["fan_percent"].high
        return safe

    @property
    def fixed(self) -> dict[str, float]:
        """What the physics has to be told, at the nominal point; it stays so where it cannot be set."""
        machine = self.machine
        return {
            "frequency_mhz": machine.nominal_mhz,
            "voltage_mv": machine.nominal_mv,
            "fan_percent": machine.nominal_fan_percent,
        }


def board_of(machine: str) -> Board:
    """Raises ValueError for a machine that there is no twin of."""
    if machine not in BOARDS:
        raise ValueError(f"there is no twin of {machine!r}; there are {', '.join(BOARDS)}, bm1366")
    return BOARDS[machine]


def _board(name: str, model: str, ramps: Mapping[str, float]) -> Board:
    machine = MACHINES[name]
    held = machine.limits
    easiest = machine.shares_per_s(1.0) / MOST_SHARES_PER_S
    ranges = {
        "frequency_mhz": (held.frequency_mhz, machine.nominal_mhz, "MHz"),
        "voltage_mv": (held.voltage_mv, machine.nominal_mv, "mV"),
        "fan_percent": (held.fan_percent, machine.nominal_fan_percent, "%"),
        "difficulty": ((easiest, HIGHEST_DIFFICULTY), USUAL_DIFFICULTY, ""),
    }
    settings = {
        setting: SettingRange(*limits, usual, unit)
        for setting, (limits, usual, unit) in ranges.items()
        if limits is not None
    }
    return Board(
        machine,
        model,
        MappingProxyType(settings),
        MappingProxyType(dict(ramps)),
        BIP320_MASK if machine.chip.startswith("BM13") and machine.chip not in ("BM1387", "BM1397") else 0,
        "core low" if machine.chip == "BM1387" else "core high",
    )


_AXEOS_RAMPS = {
    "frequency_step_mhz_max": 50.0,
    "frequency_step_interval_s_min": 0.8,
    "voltage_step_mv_max": 25.0,
    "voltage_step_interval_s_min": 0.1,
}
_S9_RAMPS = {
    "frequency_step_mhz_max": 50.0,
    "frequency_step_interval_s_min": 1.0,
    "voltage_step_mv_max": 100.0,
    "voltage_step_interval_s_min": 1.0,
}
BOARDS: Mapping[str, Board] = MappingProxyType(
    {
        "lv06": _board("lv06", "LV06", _AXEOS_RAMPS),
        "s9": _board("s9", "Antminer S9", _S9_RAMPS),
        "lbbox": _board("lbbox", "LB-Box", {}),
        "bitaxe-ultra": _board("bitaxe-ultra", "Bitaxe Ultra", _AXEOS_RAMPS),
        "bitaxe-gamma": _board("bitaxe-gamma", "Bitaxe Gamma", _AXEOS_RAMPS),
    }
)
"""By the name in `twin:NAME`."""
