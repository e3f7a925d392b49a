"""A BM1366 on a board with a regulator and a fan, as its driver has it (asicrc/devices/chain_device.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from firmware_protocols.bm13xx import floor_ticket_difficulty, full_coverage_hcn, solve_pll
from firmware_protocols.device import SettingRefused
from firmware_protocols.errors import ProtocolError
from simulators.bm13xx.scale import Scale, parse_scale
from simulators.models import MACHINES
from simulators.twins.boards import BIP320_MASK, Board, SettingRange
from simulators.twins.chip_mining import CHIP, MODEL

USUAL_MHZ = 200.0
"""Where its driver starts."""
JOB_INTERVAL_S = 2.0
_RAMPS = {
    "frequency_step_mhz_max": 6.25,
    "frequency_step_interval_s_min": 0.1,
    "voltage_step_mv_max": 25.0,
    "voltage_step_interval_s_min": 0.1,
}


@dataclass(frozen=True, slots=True)
class ChipBoard(Board):
    scale: Scale = field(kw_only=True)

    def goal(
        self, requested: Mapping[str, float], settings: Mapping[str, float]
    ) -> dict[str, tuple[float | None, float]]:
        """The clock is that of the PLL, the difficulty that of a ticket mask, and each is always written.

        The counting number is by default that with which one sweep covers the chip's nonces.
        """
        plain = Board.goal(self, requested, settings)
        frequency_mhz = requested.get("frequency_mhz", settings["frequency_mhz"])
        difficulty = requested.get("difficulty", settings["difficulty"])
        try:
            mhz = solve_pll(MODEL, frequency_mhz).mhz
            hcn = int(requested.get("hash_counting_number", usual_hcn(self.scale, mhz)))
            ticket = floor_ticket_difficulty(difficulty)
        except ProtocolError as error:
            raise SettingRefused(str(error)) from None
        return plain | {
            "frequency_mhz": (frequency_mhz, mhz),
            "difficulty": (difficulty, float(ticket)),
            "hash_counting_number": (float(hcn), float(hcn)),
        }

    def details(self) -> dict[str, int | float]:
        """Of the identity: what a host cannot ask a chip."""
        scale = self.scale
        return {
            "zero_bits": scale.zero_bits,
            "cores": scale.cores,
            "subcores": scale.subcores,
            "hashing_units": scale.cores * scale.subcores,
            "time_scale": scale.time_scale,
        }


def chip_board(sizes: Mapping[str, float]) -> ChipBoard:
    """`sizes` are fields of the emulated chip's `Scale`. Raises ValueError for one that it does not have."""
    scale = parse_scale([("chip", CHIP), *((name, f"{size:.15g}") for name, size in sizes.items())])
    machine = MACHINES["bitaxe-ultra"]
    held = machine.limits
    if held.frequency_mhz is None or held.voltage_mv is None or held.fan_percent is None:
        raise ValueError(f"{machine.name} has no clock, voltage or fan to set")
    mhz = solve_pll(MODEL, USUAL_MHZ).mhz
    settings = {
        "frequency_mhz": SettingRange(*held.frequency_mhz, mhz, "MHz"),
        "voltage_mv": SettingRange(*held.voltage_mv, machine.nominal_mv, "mV"),
        "fan_percent": SettingRange(*held.fan_percent, machine.nominal_fan_percent, "%"),
        "difficulty": SettingRange(1.0, 2.0**32, 1.0, ""),
        "hash_counting_number": SettingRange(1.0, 2.0**32 - 1, usual_hcn(scale, mhz), ""),
    }
    return ChipBoard(
        machine,
        MODEL.name,
        MappingProxyType(settings),
        MappingProxyType(_RAMPS),
        BIP320_MASK,
        "core high",
        JOB_INTERVAL_S,
        scale=scale,
    )


def usual_hcn(scale: Scale, mhz: float) -> int:
    """So that one sweep covers the 2**25 nonces of a core, in host time as on the real board."""
    return max(1, round(full_coverage_hcn(MODEL, mhz * 1e6) / scale.time_scale))
