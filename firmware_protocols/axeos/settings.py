"""What is to be changed on an AxeOS device, and whether it came true.

A device answers 200 without a body for settings that it took, for names that it does not know, and for values
that its hardware cannot reach. So nothing counts as set until `unmet` of a later AxeosInfo is empty.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from firmware_protocols.axeos.info import AxeosInfo
from firmware_protocols.axeos.pools import AxeosPool
from firmware_protocols.axeos.profiles import detect_profile


@dataclass(frozen=True, slots=True)
class AxeosSettings:
    """None is not changed."""

    frequency_mhz: float | None = None
    core_voltage_mv: int | None = None
    overclock_enabled: bool | None = None
    """Of the web page alone; the device does not ask for it."""
    auto_fan: bool | None = None
    fan_percent: int | None = None
    """While `auto_fan` is off."""
    min_fan_percent: int | None = None
    temp_target_c: int | None = None
    clear_overheat: bool | None = None
    """True lets a device that shut down for heat mine again; nothing else can be written."""
    stats_interval_s: int | None = None
    primary_pool: AxeosPool | None = None
    """Up to v2.14."""
    fallback_pool: AxeosPool | None = None
    """v2.3 to v2.14."""
    pools: tuple[AxeosPool, ...] | None = None
    """From v2.15 on: those whose `slot` is to be written."""
    primary_pool_index: int | None = None
    secondary_pool_index: int | None = None
    use_fallback_pool: bool | None = None

    def asked(self) -> dict[str, Any]:
        """The members that are to be changed."""
        members = ((entry.name, getattr(self, entry.name)) for entry in fields(self))
        return {name: value for name, value in members if value is not None}


def unmet(settings: AxeosSettings, info: AxeosInfo) -> dict[str, tuple[Any, Any]]:
    """What was asked and is not so: name -> (asked, is). None as what is says that the device does not tell.

    Frequencies are compared as the device keeps them, in single precision; passwords are never told, so they
    are not compared. That the chip *runs* at what is set is another question: `frequency_actual_mhz`.
    """
    differing: dict[str, tuple[Any, Any]] = {}
    for name, asked in settings.asked().items():
        match name:
            case "pools":
                for pool in asked:
                    there = next((told for told in info.pools or () if told.slot == pool.slot), None)
                    if not _same_pool(pool, there):
                        differing[f"pools[{pool.slot}]"] = (pool, there)
            case "primary_pool" | "fallback_pool":
                if not _same_pool(asked, getattr(info, name)):
                    differing[name] = (asked, getattr(info, name))
            case "clear_overheat":
                if info.overheat_mode is not False:
                    differing[name] = (asked, None if info.overheat_mode is None else False)
            case _:
                told = info.manual_fan_percent if _manual_fan(name, info) else getattr(info, name)
                if told is None or not math.isclose(asked, told, rel_tol=1e-6):
                    differing[name] = (asked, told)
    return differing


def _same_pool(asked: AxeosPool, told: AxeosPool | None) -> bool:
    if told is None:
        return False
    wanted = replace(asked, password=None, extra={}, slot=told.slot)
    said = replace(told, password=None, extra={})
    return all(
        getattr(wanted, entry.name) in (None, getattr(said, entry.name))
        for entry in fields(AxeosPool)
        if entry.name != "url"
    ) and (asked.host == told.host)


def _manual_fan(name: str, info: AxeosInfo) -> bool:
    return name == "fan_percent" and detect_profile(info).fan_is_told_apart
