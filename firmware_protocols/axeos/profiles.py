"""The generations of AxeOS that matter to a host, and how to tell them apart by what they report.

Versions are those of bitaxeorg/ESP-Miner; a fork's own number says nothing, so none is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from firmware_protocols.device.types import Capability

if TYPE_CHECKING:
    from firmware_protocols.axeos.info import AxeosInfo


class Generation(IntEnum):
    """In order: what one has, the later ones have."""

    OLD = 0
    """Up to v2.2: no fallback pool. Up to v2.1.10 the chip's frequency is read once, at the start."""
    LIVE = 1
    """v2.3 to v2.10: frequency and voltage take effect at once."""
    FAN = 2
    """v2.11 to v2.14: the fan's setting has a name of its own, frequencies may have a fraction."""
    HEAD = 3
    """From v2.15: a list of pools instead of two."""


class Action(StrEnum):
    """What a device does on a POST without a body; the value is the last part of the path."""

    RESTART = "restart"
    PAUSE = "pause"
    RESUME = "resume"
    IDENTIFY = "identify"
    DISMISS_BLOCK = "blockFound/dismiss"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a generation does. `settings` says how each member of AxeosSettings takes effect; one that is not
    there is ignored by the firmware, and still answered with 200."""

    name: str
    generation: Generation
    settings: Mapping[str, Capability]
    actions: frozenset[Action]
    """Those that every version of the generation has."""

    @property
    def fan_is_told_apart(self) -> bool:
        """Whether the fan's setting and its present speed are reported under two names."""
        return self.generation >= Generation.FAN

    @property
    def lists_pools(self) -> bool:
        return self.generation >= Generation.HEAD

    @property
    def takes_fractions(self) -> bool:
        """Whether a frequency of 487.5 MHz is kept; where not, it is cut to 487."""
        return self.generation >= Generation.FAN


LIVE, RESTART = Capability.LIVE, Capability.RESTART

_OLD = {
    "frequency_mhz": RESTART,
    "core_voltage_mv": LIVE,
    "auto_fan": RESTART,
    "fan_percent": LIVE,
    "clear_overheat": RESTART,
    "primary_pool": RESTART,
}
_LIVE = _OLD | {
    "frequency_mhz": LIVE,
    "auto_fan": LIVE,
    "overclock_enabled": LIVE,
    "min_fan_percent": LIVE,
    "temp_target_c": LIVE,
    "stats_interval_s": LIVE,
    "fallback_pool": RESTART,
}
_HEAD = {name: how for name, how in _LIVE.items() if not name.endswith("_pool")} | {
    "pools": RESTART,
    "primary_pool_index": RESTART,
    "secondary_pool_index": RESTART,
    "use_fallback_pool": RESTART,
}

ESP_OLD = Profile("esp-old", Generation.OLD, MappingProxyType(_OLD), frozenset({Action.RESTART}))
ESP_LIVE = Profile("esp-2.3", Generation.LIVE, MappingProxyType(_LIVE), frozenset({Action.RESTART}))
ESP_FAN = Profile("esp-2.11", Generation.FAN, MappingProxyType(_LIVE), frozenset({Action.RESTART}))
ESP_HEAD = Profile("esp-head", Generation.HEAD, MappingProxyType(_HEAD), frozenset(Action))

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {profile.name: profile for profile in (ESP_OLD, ESP_LIVE, ESP_FAN, ESP_HEAD)}
)


def detect_profile(info: AxeosInfo) -> Profile:
    """The generation that reports what `info` has. In doubt the earlier one, which promises less."""
    if info.pools is not None:
        return ESP_HEAD
    if info.manual_fan_percent is not None:
        return ESP_FAN
    if info.fallback_pool is not None:
        return ESP_LIVE
    return ESP_OLD
