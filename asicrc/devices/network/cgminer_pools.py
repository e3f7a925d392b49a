"""How a cgminer-family miner is pointed at our server, with its own pools behind, and given back.

Its pools stay in its list with their passwords: ours is added, put first, and taken out again. Nothing is
saved in its configuration (`save` is never sent), so a restart of the miner alone gives it back too.
"""

from __future__ import annotations

from asicrc.devices.network.cgminer_client import CgminerClient, active, in_order, is_at
from asicrc.devices.network.control import ServerAddress
from asicrc.devices.network.waiting import Waiting
from firmware_protocols.cgminer_api import Pool, add_pool, disable_pool, order_pools, remove_pool, switch_pool
from firmware_protocols.device import SettingRefused
from firmware_protocols.json_values import JsonObject

USUAL_USER = "asicrc"
LEAVES_WITHIN_S = 30.0
MOST_POOLS = 64


def kept(pools: tuple[Pool, ...], server: ServerAddress) -> JsonObject:
    """Which pool it works for and in which order it prefers them: by their addresses, as numbers shift.

    Raises SettingRefused for a miner without a pool of its own, as cgminer does not give up its last one, and
    for one that lists `server` already: on the way back that would be taken out as ours.
    """
    if any(is_at(pool, server) for pool in pools):
        raise SettingRefused(
            f"{server.host}:{server.port} is in the miner's own list of pools already, so it could not be "
            "told from ours on the way back; nothing was changed. Take it out in the miner's web page, or "
            "choose another port with ?server_port="
        )
    ordered = in_order(pools)
    if not ordered:
        raise SettingRefused(
            "the miner tells of no pool of its own, and would not give ours up again; nothing was changed. "
            "Give it a pool in its web page first"
        )
    works_for = active(pools) or ordered[0]
    return {
        "order": [{"url": pool.url, "user": pool.user} for pool in ordered],
        "active": next(place for place, pool in enumerate(ordered) if pool.number == works_for.number)
        if works_for.number is not None
        else 0,
    }


def point_to(client: CgminerClient, server: ServerAddress, user: str | None) -> None:
    """Raises SettingRefused; then its list is as it was."""
    if not any(is_at(pool, server) for pool in client.pools()):
        client.do(add_pool(server.url, user or USUAL_USER, "x"))
    ours = _ours(client.pools(), server)
    if ours is None or ours.number is None:
        raise SettingRefused("the miner answered that our pool was added, but does not list it")
    try:
        client.do(switch_pool(ours.number))
    except SettingRefused:
        client.do(remove_pool(ours.number))
        raise
    first = in_order(client.pools())[0]
    if not is_at(first, server):
        raise SettingRefused("the miner answered that it goes to our pool, but prefers another one")


def put_back(client: CgminerClient, content: JsonObject, server: ServerAddress, waiting: Waiting) -> None:
    """Its own pools as they were, ours out. Raises SettingRefused where that is not so at the end."""
    own = _own(content)
    place = content.get("active")
    if not isinstance(place, int) or not 0 <= place < len(own):
        raise SettingRefused("what was kept of the miner's own pools cannot be read")
    numbers = _numbers(client.pools(), own)
    client.do(switch_pool(numbers[place]))
    client.do(order_pools(*numbers))
    ours = _ours(client.pools(), server)
    if ours is not None and ours.number is not None:
        _take_out(client, ours.number, waiting)
    after = client.pools()
    if _ours(after, server) is not None:
        raise SettingRefused("our pool is still in the miner's list")
    if [pool.number for pool in in_order(after)] != _numbers(after, own):
        raise SettingRefused("the miner's own pools are not in the order that they had")


def _take_out(client: CgminerClient, number: int, waiting: Waiting) -> None:
    """Our pool, once the miner has left it: disabled, it is left even for a pool that is slow to answer."""
    client.do(disable_pool(number))

    def has_left() -> bool:
        now = active(client.pools())
        return now is None or now.number != number

    if not waiting.until(has_left, LEAVES_WITHIN_S):
        own = [pool for pool in client.pools() if pool.number != number]
        said = ", ".join(sorted({pool.status or "of unknown state" for pool in own}))
        raise SettingRefused(
            f"the miner stays with our pool, as its own are {said}. Ours is disabled, and gone once it "
            "is restarted; or run `asicrc restore` once its own pool answers"
        )
    client.do(remove_pool(number))


def _own(content: JsonObject) -> list[tuple[str | None, str | None]]:
    order = content.get("order")
    if not isinstance(order, list) or not 1 <= len(order) <= MOST_POOLS:
        raise SettingRefused("what was kept of the miner's own pools cannot be read")
    own: list[tuple[str | None, str | None]] = []
    for pool in order:
        members = pool if isinstance(pool, dict) else {}
        url, user = members.get("url"), members.get("user")
        if not isinstance(url, str | None) or not isinstance(user, str | None) or not members:
            raise SettingRefused("what was kept of the miner's own pools cannot be read")
        own.append((url, user))
    return own


def _numbers(pools: tuple[Pool, ...], own: list[tuple[str | None, str | None]]) -> list[int]:
    """The numbers that its own pools have now. Raises SettingRefused where one is gone."""
    left = {pool.number: (pool.url, pool.user) for pool in pools if pool.number is not None}
    numbers = []
    for wanted in own:
        number = next((number for number, found in left.items() if found == wanted), None)
        if number is None:
            raise SettingRefused("a pool of its own that the miner had is not in its list any more")
        del left[number]
        numbers.append(number)
    return numbers


def _ours(pools: tuple[Pool, ...], server: ServerAddress) -> Pool | None:
    return next((pool for pool in pools if is_at(pool, server)), None)
