"""Which parts a Bitaxe carries, and what its own firmware thinks of them.

All of bitaxeorg/ESP-Miner:main/device_config.h (parts, offsets, what they draw) and main/thermal/thermal.c
(which thermometer is believed).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BitaxeBoard:
    """One kind of board. `regulator` is "ds4432u" or "tps546"; the fan controller is an EMC2101 on both."""

    name: str
    chip: str
    versions: tuple[str, ...]
    """Board versions that have these parts; later ones of the same name may have others."""
    regulator: str
    has_ina260: bool
    """Whether the draw of the whole board can be read."""
    temperature_external: bool
    """Whether the diode in the chip is read, or the EMC2101's own thermometer beside it."""
    temperature_offset_c: float
    """Added to the reading: how much warmer the chip is than the thermometer."""
    ideality: int | None
    beta: int | None
    """Registers of the EMC2101 that fit the diode; None leaves the part's own."""
    other_power_w: float
    """What the rest of the board draws beside the core: added where only the core can be read."""
    default_mhz: float
    default_mv: float
    most_power_w: float
    """The most that the firmware shows as possible for the board."""


BOARDS = {
    "ultra": BitaxeBoard(
        name="ultra",
        chip="bm1366",
        versions=("0.11", "201", "202", "203", "204", "205"),
        regulator="ds4432u",
        has_ina260=True,
        temperature_external=False,
        temperature_offset_c=5.0,
        ideality=None,
        beta=None,
        other_power_w=5.0,
        default_mhz=485.0,
        default_mv=1200.0,
        most_power_w=25.0,
    ),
    "gamma": BitaxeBoard(
        name="gamma",
        chip="bm1370",
        versions=("600", "601", "602", "603"),
        regulator="tps546",
        has_ina260=False,
        temperature_external=True,
        temperature_offset_c=0.0,
        ideality=0x24,
        beta=0x00,
        other_power_w=5.0,
        default_mhz=525.0,
        default_mv=1150.0,
        most_power_w=40.0,
    ),
}
