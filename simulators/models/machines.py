"""The machines that are modelled, each number with where it is from.

What no source gives is assumed, so that the machine draws at its nominal point what its maker or firmware
states, and is there as warm as `nominal_c` says; README.md gives the reasoning for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from simulators.models.power import PowerLaw
from simulators.models.voltage import SpeedLaw

DIFFICULTY_ONE = {"sha256d": 2.0**32, "lbry": 2.0**24}
"""Hashes for a share of difficulty 1. LBRY's pools count in units that are 256 times smaller."""


@dataclass(frozen=True, slots=True)
class HeatPath:
    """A Foster network whose last stage is the heat sink in its air.

    The sink lets its heat go at `sink_k_per_w` / (1 + `fan_share` * fan), fan from 0 to 1; its capacity
    stays.
    """

    chip_k_per_w: tuple[float, ...]
    chip_s: tuple[float, ...]
    """Time constants of the stages up to the sink, fastest first."""
    sink_k_per_w: float
    """With the fan standing."""
    sink_j_per_k: float
    fan_share: float

    def sink_at(self, fan_percent: float) -> float:
        """Resistance of the last stage, K/W."""
        return self.sink_k_per_w / (1.0 + self.fan_share * fan_percent / 100.0)

    def total_at(self, fan_percent: float) -> float:
        """K/W from the chip to the air."""
        return sum(self.chip_k_per_w) + self.sink_at(fan_percent)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a driver lets through: the same numbers as the bench's envelope of that board."""

    frequency_mhz: tuple[float, float] | None
    """None: no clock can be set."""
    voltage_mv: tuple[float, float] | None
    fan_percent: tuple[float, float] | None
    highest_c: float
    power_w: float | None


@dataclass(frozen=True, slots=True)
class Machine:
    """One kind of machine; `boards` equal boards of `chips` chips in all, each of `cores` cores."""

    name: str
    chip: str
    algorithm: Literal["sha256d", "lbry"]
    boards: int
    chips: int
    cores: int
    hashes_per_clock: float
    """Of one chip."""
    nominal_mhz: float
    nominal_mv: float
    nominal_fan_percent: float
    nominal_c: float
    """Of the chips at the nominal point, in a room of 25 degC."""
    power: PowerLaw
    speed: SpeedLaw
    heat: HeatPath
    limits: Limits
    sources: Mapping[str, str]

    @property
    def nominal_ghs(self) -> float:
        return self.rate_ghs(self.nominal_mhz)

    @property
    def nominal_w(self) -> float:
        return self.power.dynamic_w + self.power.leakage_w + self.power.other_w

    def rate_ghs(self, frequency_mhz: float) -> float:
        """Hash rate at a clock, with every hash right."""
        return self.chips * self.hashes_per_clock * frequency_mhz / 1e3

    def shares_per_s(self, difficulty: float, ghs: float | None = None) -> float:
        """Rate of shares at a difficulty, at the nominal hash rate unless told otherwise."""
        rate_ghs = self.nominal_ghs if ghs is None else ghs
        return rate_ghs * 1e9 / (difficulty * DIFFICULTY_ONE[self.algorithm])

    def one_board(self) -> Machine:
        """Of `boards` equal ones: a board takes its share of the heat, and warms by as much."""
        share = 1.0 / self.boards
        power, heat = self.power, self.heat
        return replace(
            self,
            name=f"{self.name} board" if self.boards > 1 else self.name,
            boards=1,
            chips=self.chips // self.boards,
            power=power._replace(
                dynamic_w=power.dynamic_w * share,
                leakage_w=power.leakage_w * share,
                other_w=power.other_w * share,
            ),
            heat=replace(
                heat,
                chip_k_per_w=tuple(resistance / share for resistance in heat.chip_k_per_w),
                sink_k_per_w=heat.sink_k_per_w / share,
                sink_j_per_k=heat.sink_j_per_k * share,
            ),
        )


_ESP = "bitaxeorg/ESP-Miner:main/device_config.h"

_LV06 = Machine(
    name="lv06",
    chip="BM1366",
    algorithm="sha256d",
    boards=1,
    chips=1,
    cores=112,
    hashes_per_clock=894.0,
    nominal_mhz=550.0,
    nominal_mv=1200.0,
    nominal_fan_percent=100.0,
    nominal_c=58.0,
    power=PowerLaw(9.0, 1.0, 3.0, 1200.0, 550.0, 58.0, leakage_mv=400.0, leakage_k=45.0),
    speed=SpeedLaw(
        edge_mv=1055.0,
        edge_mhz=540.0,
        reference_c=58.0,
        threshold_mv=770.0,
        threshold_mv_per_k=1.0,
        alpha=1.3,
        mobility_exponent=1.4,
        jitter=0.015,
        control_slack=0.02,
        brown_out_mv=700.0,
    ),
    heat=HeatPath((0.3, 0.5), (0.3, 4.0), sink_k_per_w=11.0, sink_j_per_k=25.0, fan_share=3.4),
    limits=Limits((50.0, 575.0), (1000.0, 1300.0), (25.0, 100.0), 72.0, 25.0),
    sources=MappingProxyType(
        {
            "cores, hashes_per_clock": f"{_ESP}: small_core_count 894 of 112 cores",
            "nominal_mhz": "what the maker's 500 GH/s takes (559), rounded to one that ESP-Miner offers",
            "nominal_mv": f"{_ESP}: default of the BM1366",
            "power": "13 W, the maker's; 3 W beside the core and 1 W of leakage are assumed",
        }
    ),
)

_ULTRA = replace(
    _LV06,
    name="bitaxe-ultra",
    nominal_mhz=485.0,
    nominal_c=55.0,
    power=PowerLaw(8.1, 0.9, 3.0, 1200.0, 485.0, 55.0, leakage_mv=400.0, leakage_k=45.0),
    heat=replace(_LV06.heat, sink_k_per_w=11.15),
    sources=MappingProxyType(
        {
            "cores, hashes_per_clock": f"{_ESP}: small_core_count 894 of 112 cores",
            "nominal_mhz, nominal_mv": f"{_ESP}: defaults of the BM1366",
            "power": f"{_ESP}: power_consumption_target 12 W; shares assumed",
        }
    ),
)

_GAMMA = replace(
    _LV06,
    name="bitaxe-gamma",
    chip="BM1370",
    cores=128,
    hashes_per_clock=2040.0,
    nominal_mhz=525.0,
    nominal_mv=1150.0,
    nominal_c=55.0,
    power=PowerLaw(12.6, 1.4, 5.0, 1150.0, 525.0, 55.0, leakage_mv=400.0, leakage_k=45.0),
    speed=_LV06.speed._replace(edge_mv=1042.0, edge_mhz=515.0),
    heat=HeatPath((0.2, 0.3), (0.3, 4.0), sink_k_per_w=7.2, sink_j_per_k=40.0, fan_share=3.38),
    limits=Limits((50.0, 625.0), (1000.0, 1250.0), (25.0, 100.0), 72.0, 40.0),
    sources=MappingProxyType(
        {
            "cores, hashes_per_clock": f"{_ESP}: small_core_count 2040 of 128 cores",
            "nominal_mhz, nominal_mv": f"{_ESP}: defaults of the BM1370",
            "power": f"{_ESP}: power_consumption_target 19 W, power_offset 5 W; leakage assumed",
        }
    ),
)

_S9 = Machine(
    name="s9",
    chip="BM1387",
    algorithm="sha256d",
    boards=3,
    chips=189,
    cores=114,
    hashes_per_clock=114.0,
    nominal_mhz=643.0,
    nominal_mv=8900.0,
    nominal_fan_percent=55.0,
    nominal_c=85.0,
    power=PowerLaw(1160.0, 100.0, 63.0, 8900.0, 643.0, 85.0, leakage_mv=8000.0, leakage_k=45.0),
    speed=SpeedLaw(
        edge_mv=8150.0,
        edge_mhz=632.0,
        reference_c=85.0,
        threshold_mv=6100.0,
        threshold_mv_per_k=8.0,
        alpha=1.3,
        mobility_exponent=1.4,
        jitter=0.015,
        control_slack=0.02,
        brown_out_mv=5500.0,
    ),
    heat=HeatPath((0.006, 0.010), (0.2, 6.0), sink_k_per_w=0.0765, sink_j_per_k=1260.0, fan_share=2.6),
    limits=Limits((100.0, 650.0), (7950.0, 9400.0), None, 100.0, None),
    sources=MappingProxyType(
        {
            "chips, cores": "three boards of 63 BM1387 of 114 cores (braiins:open/bosminer/bosminer-am1-s9)",
            "nominal_mhz": "`frequency` of a factory unit's `stats`, of which 13.7 TH/s are reported",
            "nominal_mv": "of a board's supply, between the 8.8 V that bosminer starts at and its 9.4 V",
            "power": "1,323 W, the maker's for 13.5 TH/s; the shares are assumed",
        }
    ),
)

_LBBOX = Machine(
    name="lbbox",
    chip="LBRY",
    algorithm="lbry",
    boards=1,
    chips=1,
    cores=64,
    hashes_per_clock=250.0,
    nominal_mhz=700.0,
    nominal_mv=440.0,
    nominal_fan_percent=70.0,
    nominal_c=65.0,
    power=PowerLaw(130.0, 12.0, 20.0, 440.0, 700.0, 65.0, leakage_mv=400.0, leakage_k=45.0),
    speed=SpeedLaw(
        edge_mv=405.0,
        edge_mhz=688.0,
        reference_c=65.0,
        threshold_mv=280.0,
        threshold_mv_per_k=0.4,
        alpha=1.3,
        mobility_exponent=1.4,
        jitter=0.015,
        control_slack=0.02,
        brown_out_mv=250.0,
    ),
    heat=HeatPath((0.03, 0.05), (0.3, 5.0), sink_k_per_w=0.57, sink_j_per_k=500.0, fan_share=2.6),
    limits=Limits(None, None, None, 95.0, None),
    sources=MappingProxyType(
        {
            "hashes_per_clock, cores": "assumed: 250 a clock make the maker's 175 GH/s at 700 MHz",
            "nominal_mhz, nominal_mv": "assumed: no LB-Box has been read",
            "power": "162 W, the maker's; the shares are assumed",
        }
    ),
)

MACHINES: Mapping[str, Machine] = MappingProxyType(
    {machine.name: machine for machine in (_S9, _LV06, _LBBOX, _ULTRA, _GAMMA)}
)
"""By name: s9, lv06, lbbox, bitaxe-ultra, bitaxe-gamma."""
