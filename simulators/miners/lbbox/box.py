"""What a box is set to: its power plans and its pools."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.miners.foreign_text import address_of
from simulators.miners.pool_link import Pool
from simulators.models import MACHINES

_MACHINE = MACHINES["lbbox"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A power plan, as the box words it."""

    level: int
    mhz: float
    millivolts: float

    @property
    def info(self) -> str:
        return f"{self.mhz:g} MHz {self.millivolts / 1000:g} V 70 RPM 70 RPM"


PLANS = (Plan(0, _MACHINE.nominal_mhz, _MACHINE.nominal_mv), Plan(1, 525.0, 400.0), Plan(3, 0.0, 0.0))
"""Clocks and voltages are assumed."""


@dataclass(slots=True)
class BoxPool:
    url: str
    user: str
    password: str

    @property
    def pool(self) -> Pool:
        return Pool(*address_of(self.url), self.user, self.password)
