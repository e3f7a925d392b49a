"""PATCH /api/system: the members that a generation takes, written and read.

Limits and semantics: bitaxeorg/ESP-Miner: main/nvs_config.c and http_server.c (check_settings_and_update) at
HEAD, http_server.c (PATCH_update_settings) at v2.1.8 and v2.6.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from firmware_protocols.axeos.pools import SLOTS, AxeosPool, read_listed_pool, read_pool, written_pool_members
from firmware_protocols.axeos.profiles import Generation, Profile
from firmware_protocols.axeos.settings import AxeosSettings
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.json_values import Fields, JsonObject, JsonValue, as_flag, as_integer, as_number

WHERE = "PATCH /api/system"


@dataclass(frozen=True, slots=True)
class Update:
    """What a device makes of a PATCH: the settings it knows, and the names it ignores without a word."""

    settings: AxeosSettings
    ignored: tuple[str, ...]


def settings_body(settings: AxeosSettings, profile: Profile) -> JsonObject:
    """The members of the PATCH. Raises LocalProtocolError for what this generation would refuse or ignore."""
    members: JsonObject = {}
    for name, value in settings.asked().items():
        if name not in profile.settings:
            raise LocalProtocolError(
                f"{profile.name} ignores {name} and answers 200 all the same; "
                f"it takes {', '.join(profile.settings)}"
            )
        if name in _NUMBERS:
            members[_NUMBERS[name].key(profile)] = _NUMBERS[name].written(name, value, profile)
        elif name == "primary_pool":
            members |= written_pool_members(value, "", listed=False)
        elif name == "fallback_pool":
            members |= written_pool_members(value, "fallback", listed=False)
        elif name == "pools":
            members["pools"] = [_listed(pool) for pool in value]
        else:
            members |= _cleared(value)
    return members


def read_settings(document: JsonObject, profile: Profile) -> Update:
    """What a device of this generation takes from a PATCH; names do not tell upper from lower case.

    Raises RemoteProtocolError where it refuses: at HEAD one wrong value refuses all of them. Earlier firmware
    stores what it can of a wrong value; here it refuses too, so that an emulator shows the mistake.
    """
    known = {key.lower(): key for key in _known_keys(profile)}
    named: JsonObject = {}
    for key, value in document.items():
        named.setdefault(known.get(key.lower(), key), value)
    body = Fields(named, WHERE)
    members: dict[str, Any] = {}
    for name, number in _NUMBERS.items():
        key = number.key(profile)
        if name in profile.settings and key in body.rest:
            members[name] = number.read(body.take(key), body.at(key))
    if "overheat_mode" in body.rest:
        if (
            as_flag(body.take("overheat_mode"), body.at("overheat_mode"))
            and profile.generation >= Generation.FAN
        ):
            raise RemoteProtocolError(f"{body.at('overheat_mode')}: only 0 is taken")
        members["clear_overheat"] = True
    if profile.lists_pools:
        listed = body.members("pools")
        if listed is not None:
            places = enumerate(listed)
            members["pools"] = tuple(read_listed_pool(pool, f"{body.at('pools')}[{i}]") for i, pool in places)
    else:
        members["primary_pool"] = _flat_pool(body, "")
        if "fallback_pool" in profile.settings:
            members["fallback_pool"] = _flat_pool(body, "fallback")
    return Update(AxeosSettings(**members), tuple(body.rest))


@dataclass(frozen=True, slots=True)
class _Number:
    """One setting that is a number, with the limits of nvs_config.c."""

    name: str
    low: int
    high: int
    kind: type
    name_before_fan: str | None = None

    def key(self, profile: Profile) -> str:
        return self.name if profile.fan_is_told_apart else self.name_before_fan or self.name

    def written(self, setting: str, value: Any, profile: Profile) -> JsonValue:
        if not self.low <= value <= self.high:  # also where it is not a number at all
            raise LocalProtocolError(f"{setting} lies between {self.low} and {self.high}, not at {value}")
        if float(value).is_integer():
            return int(value)
        if self.kind is not float or not profile.takes_fractions:
            raise LocalProtocolError(f"{profile.name} cuts {setting} to a whole number; {value} is none")
        return float(value)

    def read(self, value: JsonValue, where: str) -> Any:
        number: float = as_number(value, where) if self.kind is not bool else as_flag(value, where)
        if not self.low <= number <= self.high:
            raise RemoteProtocolError(f"{where}: not between {self.low} and {self.high}")
        return as_integer(value, where) if self.kind is int else number


_NUMBERS = {
    "frequency_mhz": _Number("frequency", 1, 65535, float),
    "core_voltage_mv": _Number("coreVoltage", 1, 65535, int),
    "overclock_enabled": _Number("overclockEnabled", 0, 1, bool),
    "auto_fan": _Number("autofanspeed", 0, 1, bool),
    "fan_percent": _Number("manualFanSpeed", 0, 100, int, "fanspeed"),
    "min_fan_percent": _Number("minFanSpeed", 0, 99, int),
    "temp_target_c": _Number("temptarget", 35, 66, int),
    "stats_interval_s": _Number("statsFrequency", 0, 65535, int),
    "primary_pool_index": _Number("primaryPoolIndex", 0, 7, int),
    "secondary_pool_index": _Number("secondaryPoolIndex", 0, 7, int),
    "use_fallback_pool": _Number("useFallbackStratum", 0, 1, bool),
}

_POOL_KEYS = (
    "stratumURL",
    "stratumPort",
    "stratumUser",
    "stratumPassword",
    "stratumSuggestedDifficulty",
    "stratumExtranonceSubscribe",
    "stratumTLS",
    "stratumCert",
    "stratumDecodeCoinbase",
    "stratumProtocol",
)


def _known_keys(profile: Profile) -> list[str]:
    keys = [number.key(profile) for name, number in _NUMBERS.items() if name in profile.settings]
    if profile.lists_pools:
        return [*keys, "overheat_mode", "pools"]
    return [
        *keys,
        "overheat_mode",
        *_POOL_KEYS,
        *(f"fallback{key[0].upper()}{key[1:]}" for key in _POOL_KEYS),
    ]


def _cleared(value: bool) -> JsonObject:
    if not value:
        raise LocalProtocolError("an overheat can be cleared and not be set; leave clear_overheat out")
    return {"overheat_mode": 0}


def _listed(pool: AxeosPool) -> JsonObject:
    if pool.slot is None or not 0 <= pool.slot < SLOTS:
        raise LocalProtocolError(f"a pool of a list has a slot from 0 to 7, not {pool.slot}")
    return {"id": pool.slot} | written_pool_members(pool, "", listed=True)


def _flat_pool(body: Fields, prefix: str) -> AxeosPool | None:
    """A PATCH may change the user alone, so the url may be absent here; then it is empty."""
    keys = [f"{prefix}{key[0].upper()}{key[1:]}" if prefix else key for key in _POOL_KEYS]
    if not any(key in body.rest for key in keys):
        return None
    without_url = keys[0] not in body.rest
    if without_url:
        body.rest[keys[0]] = ""
    return read_pool(body, prefix, masked=False)
