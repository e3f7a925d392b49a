"""Table 6 of arXiv 2601.12032: the settings of a sweep of an S9, and the CV that is printed for each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PrintedPoint:
    """One row. The voltage is that of a hash board."""

    voltage_mv: float
    frequency_mhz: float
    difficulty: float
    cv: float

    @property
    def name(self) -> str:
        volts, mhz = self.voltage_mv / 1e3, self.frequency_mhz
        return f"{volts:g} V, {mhz:g} MHz, difficulty {self.difficulty:g}"

    @property
    def settings(self) -> dict[str, float]:
        return {
            "voltage_mv": self.voltage_mv,
            "frequency_mhz": self.frequency_mhz,
            "difficulty": self.difficulty,
        }


TABLE_6 = (
    PrintedPoint(7600.0, 200.0, 1024.0, 0.586),
    PrintedPoint(8200.0, 575.0, 1024.0, 0.71),
    PrintedPoint(7600.0, 300.0, 16384.0, 0.98),
    PrintedPoint(7600.0, 325.0, 4096.0, 0.092),
)
DWELL_S = 300.0
"""Of each point."""
