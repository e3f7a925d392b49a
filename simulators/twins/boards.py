"""Which miners have a twin: what can be set on them and within which limits, and what work they take.

The limits are those of the harness for the same board, number by number (asicrc/bench/limits.py and
network_limits.py say where each is from; a test compares them). Nothing can break here, but a plan that runs
on a twin is to run on the bench too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from firmware_protocols.device import SettingRefused

LOWEST_DIFFICULTY, HIGHEST_DIFFICULTY = 1e-6, 2.0**48


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


_DIFFICULTY = SettingRange(LOWEST_DIFFICULTY, HIGHEST_DIFFICULTY, 256.0, "")
_FAN = SettingRange(25.0, 100.0, 100.0, "%")


@dataclass(frozen=True, slots=True)
class Board:
    """One kind of miner, as its driver has it."""

    model: str
    settings: Mapping[str, SettingRange]
    steps: Mapping[str, float]
    """Further limits of the harness, by its keys; a twin follows a setting at once."""
    algorithm: str = "sha256d"
    version_mask: int = 0
    hashes_per_difficulty: float = 2.0**32
    """Expected number of hashes for a share of difficulty 1, as its pools count."""
    job_interval_s: float = 30.0
    """As for the real one: asicrc/devices/network/network_device.py."""

    def limits(self) -> dict[str, float]:
        """By the harness's keys."""
        found = dict(self.steps)
        for name, held in self.settings.items():
            if name != "difficulty":
                found[f"{name}_min"] = held.low
                if name != "fan_percent":
                    found[f"{name}_max"] = held.high
        return found


_LV06 = Board(
    "LV06",
    {
        "frequency_mhz": SettingRange(50.0, 575.0, 485.0, "MHz"),
        "voltage_mv": SettingRange(1000.0, 1300.0, 1200.0, "mV"),
        "fan_percent": _FAN,
        "difficulty": _DIFFICULTY,
    },
    {
        "frequency_step_mhz_max": 50.0,
        "frequency_step_interval_s_min": 0.8,
        "voltage_step_mv_max": 25.0,
        "voltage_step_interval_s_min": 0.1,
        "temperature_c_max": 72.0,
        "power_w_max": 25.0,
    },
    version_mask=0x1FFFE000,
)
_S9 = Board(
    "Antminer S9",
    {
        "frequency_mhz": SettingRange(100.0, 650.0, 650.0, "MHz"),
        "voltage_mv": SettingRange(7950.0, 9400.0, 8900.0, "mV"),
        "difficulty": _DIFFICULTY,
    },
    {
        "frequency_step_mhz_max": 50.0,
        "frequency_step_interval_s_min": 1.0,
        "voltage_step_mv_max": 100.0,
        "voltage_step_interval_s_min": 1.0,
        "temperature_c_max": 100.0,
    },
)
_LB_BOX = Board(
    "LB-Box",
    {"difficulty": _DIFFICULTY},
    {"temperature_c_max": 95.0},
    algorithm="lbry",
    hashes_per_difficulty=2.0**24,
)

BOARDS: Mapping[str, Board] = {"lv06": _LV06, "s9": _S9, "lbbox": _LB_BOX}
"""By the name in `twin:NAME`."""
