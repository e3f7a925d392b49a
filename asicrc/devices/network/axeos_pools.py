"""How an AxeOS miner is pointed at our server and given back to its own pools, without its passwords.

No firmware tells a pool's password, so none is ever written: up to v2.14 the pool is changed around it (what
a request leaves out stays in the miner's memory), from v2.15 on our pool gets a place of its own in the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from asicrc.devices.network.control import ServerAddress
from firmware_protocols.axeos import (
    SLOTS,
    AxeosInfo,
    AxeosPool,
    AxeosSettings,
    ChangeSettings,
    Profile,
    encode_request,
)
from firmware_protocols.device import SettingRefused
from firmware_protocols.errors import LocalProtocolError
from firmware_protocols.json_values import JsonObject, JsonValue

USUAL_USER = "asicrc"
MOST_TEXT = 255


@dataclass(frozen=True, slots=True)
class WayBack:
    """What puts the miner's own pools back. `empty_slot` is the place in its list that was empty before."""

    settings: AxeosSettings
    empty_slot: int | None = None


def way_back(info: AxeosInfo, profile: Profile) -> WayBack:
    """Found out before anything is changed. Raises SettingRefused where it could not be gone."""
    if profile.lists_pools:
        back = _of_list(info)
    elif info.primary_pool is None:
        raise SettingRefused(
            "the miner does not say which pool it mines at, so that could not be put back; nothing was "
            "changed. Write its pool down and point it by hand, with another pool as its fall-back"
        )
    else:
        back = WayBack(AxeosSettings(primary_pool=_without_password(info.primary_pool)))
    try:
        encode_request(ChangeSettings(back.settings), profile)
    except LocalProtocolError as error:
        raise SettingRefused(
            f"the miner's own pool could not be put back: {error}; nothing was changed"
        ) from None
    return back


def pointing(
    info: AxeosInfo, profile: Profile, back: WayBack, server: ServerAddress, user: str | None
) -> AxeosSettings:
    """What points the miner at our server. Raises SettingRefused where it would not take it."""
    if not profile.lists_pools:
        own = back.settings.primary_pool
        if own is None:
            raise SettingRefused("the miner's own pool is not known; nothing was changed")
        here = replace(
            own,
            url=server.host,
            port=server.port,
            user=user or own.user,
            tls=None if own.tls is None else 0,
            protocol=None if own.protocol is None else "SV1",
        )
        return AxeosSettings(primary_pool=here)
    lent = back.settings.pools
    here = AxeosPool(server.host, server.port, user or USUAL_USER, "x", slot=back.empty_slot)
    if lent:  # the place is another pool's, whose password stays in it
        here = replace(lent[0], url=server.host, port=server.port, user=user or USUAL_USER, tls=0)
    return AxeosSettings(
        pools=(here,),
        primary_pool_index=here.slot,
        secondary_pool_index=back.settings.primary_pool_index,
        use_fallback_pool=None if back.settings.use_fallback_pool is None else False,
    )


def in_words(profile: Profile, back: WayBack) -> str:
    """For the log: what becomes of the miner's own pools meanwhile."""
    if not profile.lists_pools:
        fall_back = (
            "its fall-back pool stays as it is"
            if "fallback_pool" in profile.settings
            else "this firmware has no fall-back pool: if asicrc dies, `asicrc restore` puts its pool back"
        )
        return f"the miner's pool is changed to asicrc and back, its password is left alone; {fall_back}"
    if back.empty_slot is None:
        return "all places of the miner's pool list are taken: one that is not in use is lent to asicrc"
    return f"asicrc is pool {back.empty_slot} of the miner's list for now; its own pool is the fall-back"


def to_json(back: WayBack) -> JsonObject:
    """For a file that only its owner can read: hosts and users, no password."""
    members: JsonObject = {"empty_slot": back.empty_slot}
    for name, value in back.settings.asked().items():
        if isinstance(value, AxeosPool):
            members[name] = _pool_json(value)
        elif isinstance(value, tuple):
            members[name] = [_pool_json(pool) for pool in value]
        else:
            members[name] = value
    return members


def from_json(content: Mapping[str, JsonValue]) -> WayBack:
    """Raises SettingRefused for what `to_json` has not written."""
    try:
        slot = content.get("empty_slot")
        members: dict[str, Any] = {
            name: content[name]
            for name in ("primary_pool_index", "secondary_pool_index", "use_fallback_pool")
            if content.get(name) is not None
        }
        if content.get("primary_pool") is not None:
            members["primary_pool"] = _pool(content["primary_pool"])
        if content.get("pools") is not None:
            listed = content["pools"]
            if not isinstance(listed, list):
                raise TypeError
            members["pools"] = tuple(_pool(value) for value in listed)
        if not (slot is None or (type(slot) is int and 0 <= slot < SLOTS)):
            raise TypeError
        for name in ("primary_pool_index", "secondary_pool_index"):
            if name in members and not (type(members[name]) is int and 0 <= members[name] < SLOTS):
                raise TypeError
    except (TypeError, KeyError, ValueError):
        raise SettingRefused("what was kept of the miner's own pools cannot be read") from None
    return WayBack(AxeosSettings(**members), slot)


def _of_list(info: AxeosInfo) -> WayBack:
    primary, secondary = info.primary_pool_index, info.secondary_pool_index
    if primary is None or secondary is None:
        raise SettingRefused(
            "the miner does not say which pools of its list it uses, so that could not be put back; "
            "nothing was changed"
        )
    settings = AxeosSettings(
        primary_pool_index=primary,
        secondary_pool_index=secondary,
        use_fallback_pool=info.use_fallback_pool,
    )
    taken = {pool.slot for pool in info.pools or ()} | {primary, secondary}
    slot = next((slot for slot in range(SLOTS) if slot not in taken), None)
    if slot is not None:
        return WayBack(settings, slot)
    spare = [pool for pool in info.pools or () if pool.slot not in (primary, secondary)]
    return WayBack(replace(settings, pools=(_without_password(spare[-1]),)))


def _without_password(pool: AxeosPool) -> AxeosPool:
    return replace(pool, url=pool.host, password=None)


def _pool_json(pool: AxeosPool) -> JsonObject:
    members: JsonObject = {entry.name: getattr(pool, entry.name) for entry in fields(AxeosPool)}
    members.pop("password")
    return members | {"extra": dict(pool.extra)}


def _pool(value: JsonValue) -> AxeosPool:
    if not isinstance(value, dict) or set(value) - {entry.name for entry in fields(AxeosPool)}:
        raise TypeError
    texts = ("url", "user", "certificate", "protocol")
    for name, member in value.items():
        is_text = member is None or (isinstance(member, str) and len(member) <= MOST_TEXT * 64)
        if (name in texts and not is_text) or (name == "extra" and not isinstance(member, dict)):
            raise TypeError
        if name not in texts and name != "extra" and not isinstance(member, int | float | bool | None):
            raise TypeError
    members: dict[str, Any] = dict(value)
    return AxeosPool(**members)
