"""PATCH /api/system at HEAD: a table of names, types and limits; one wrong value refuses all of them.

bitaxeorg/ESP-Miner:main/nvs_config.c, main/http_server/http_server.c (check_settings_and_update).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.miners.options import MinerOptions

POOL_SLOTS = 8
MAX_TEXT = 255

EMPTY_POOL: Mapping[str, Any] = {
    "stratumProtocol": "SV1",
    "stratumURL": "",
    "stratumPort": 3333,
    "stratumUser": "",
    "stratumPassword": "x",
    "stratumSuggestedDifficulty": 0,
    "stratumExtranonceSubscribe": False,
    "stratumTLS": 0,
    "stratumCert": "",
    "stratumDecodeCoinbase": True,
    "stratumV2ChannelType": "extended",
    "stratumV2AuthorityPubkey": "",
    "stratumV2RequireAuth": False,
}
"""What the members of a pool are that a request leaves out."""
_TEXTS = {"ssid": (1, 32), "wifiPass": (0, 63), "hostname": (1, 32), "display": (0, 4000)}
_NUMBERS: Mapping[str, tuple[type, int, int]] = {
    "frequency": (float, 1, 65535),
    "coreVoltage": (int, 1, 65535),
    "overclockEnabled": (bool, 0, 1),
    "autofanspeed": (bool, 0, 1),
    "manualFanSpeed": (int, 0, 100),
    "minFanSpeed": (int, 0, 99),
    "temptarget": (int, 35, 66),
    "overheat_mode": (bool, 0, 0),
    "statsFrequency": (int, 0, 65535),
    "primaryPoolIndex": (int, 0, POOL_SLOTS - 1),
    "secondaryPoolIndex": (int, 0, POOL_SLOTS - 1),
    "useFallbackStratum": (bool, 0, 1),
    "rotation": (int, 0, 270),
    "invertscreen": (bool, 0, 1),
    "displayOffset": (int, 0, 255),
    "displayTimeout": (int, -1, 65535),
    "useCustomWWW": (bool, 0, 1),
}


class SettingRefused(Exception):
    """A value that the firmware does not take; it answers `Wrong API input`."""


def initial_settings(options: MinerOptions) -> dict[str, Any]:
    pools: list[dict[str, Any] | None] = [None] * POOL_SLOTS
    for slot, address in enumerate((options.pool, options.fallback)):
        if address:
            host, _, port = address.rpartition(":")
            where = {"stratumURL": host, "stratumPort": int(port), "stratumUser": options.user}
            own = {"stratumPassword": options.password, "stratumSuggestedDifficulty": 1000}
            pools[slot] = {**EMPTY_POOL, **where, **own}
    return {
        "ssid": "workshop",
        "wifiPass": "not-told",
        "hostname": "bitaxe",
        "display": "SSD1306 (128x32)",
        "frequency": options.frequency_mhz,
        "coreVoltage": int(options.voltage_mv),
        "overclockEnabled": False,
        "autofanspeed": True,
        "manualFanSpeed": 100,
        "minFanSpeed": 25,
        "temptarget": 60,
        "overheat_mode": False,
        "statsFrequency": 0,
        "primaryPoolIndex": 0,
        "secondaryPoolIndex": 1,
        "useFallbackStratum": False,
        "rotation": 0,
        "invertscreen": False,
        "displayOffset": 0,
        "displayTimeout": -1,
        "useCustomWWW": False,
        "pools": pools,
    }


def checked_settings(members: Mapping[str, Any]) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    """Settings by name, and pools by slot, of members under small letters. Others are passed over.

    Raises SettingRefused.
    """
    values: dict[str, Any] = {}
    for name, (least, most) in _TEXTS.items():
        if name.lower() in members:
            values[name] = _text(members[name.lower()], least, most, name)
    for name, (kind, low, high) in _NUMBERS.items():
        if name.lower() in members:
            values[name] = _number(members[name.lower()], kind, low, high, name)
    if values.get("rotation", 0) not in (0, 90, 180, 270):
        raise SettingRefused("rotation")
    return values, _pools(members.get("pools", []))


def checked_pool(value: Any) -> dict[str, Any]:
    """A pool whose members left out are reset. Raises SettingRefused."""
    if not isinstance(value, dict):
        raise SettingRefused("a pool that is no object")
    given = {key.lower(): item for key, item in value.items()}
    pool = dict(EMPTY_POOL)
    for name, default in EMPTY_POOL.items():
        if name.lower() in given:
            pool[name] = _pool_member(name, given[name.lower()], default)
    for name in ("stratumURL", "stratumPort", "stratumUser"):
        if name.lower() not in given or pool[name] == "":
            raise SettingRefused(f"{name} is required")
    if pool["stratumProtocol"] not in ("SV1", "SV2"):
        raise SettingRefused("stratumProtocol")
    return pool


def _pools(listed: Any) -> dict[int, dict[str, Any]]:
    if not isinstance(listed, list):
        raise SettingRefused("pools is no list")
    found = {}
    for value in listed:
        slot = value.get("id") if isinstance(value, dict) else None
        if isinstance(slot, bool) or not isinstance(slot, int | float) or not 0 <= slot < POOL_SLOTS:
            raise SettingRefused("a pool without an id")
        found[int(slot)] = checked_pool(value)
    return found


def _pool_member(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, bool):
        return bool(_number(value, bool, 0, 1, name))
    if isinstance(default, str):
        return _text(value, 0, 3000 if name == "stratumCert" else MAX_TEXT, name)
    high = {"stratumPort": 65535, "stratumTLS": 2}.get(name, 10**18)
    return _number(value, int, 1 if name == "stratumPort" else 0, high, name)


def _text(value: Any, least: int, most: int, name: str) -> str:
    if not isinstance(value, str) or not least <= len(value) <= most:
        raise SettingRefused(name)
    return value


def _number(value: Any, kind: type, low: int, high: int, name: str) -> Any:
    """Integers are cut from what is given before they are compared, as cJSON's `valueint` is."""
    if isinstance(value, bool):
        if kind is not bool:
            raise SettingRefused(name)
        value = int(value)
    if not isinstance(value, int | float) or value != value or abs(value) > 1e18:
        raise SettingRefused(name)
    number = float(value) if kind is float else int(value)
    if not low <= number <= high:
        raise SettingRefused(name)
    return bool(number) if kind is bool else number
