"""How a Goldshell box is pointed at our server, with its own pools behind, and given back.

A box adds pools behind the others. So ours is added, and then each of its own is taken out and added again:
at every moment at most one of them is missing, and all of them are kept on this machine before.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from asicrc.devices.network.control import ServerAddress
from asicrc.devices.network.goldshell_client import GoldshellClient
from firmware_protocols.device import SettingRefused
from firmware_protocols.goldshell import BoxPool
from firmware_protocols.json_values import JsonObject

USUAL_USER, USUAL_PASSWORD = "asicrc", "x"
MOST_POOLS = 16
MOST_TEXT = 255


@dataclass(frozen=True, slots=True)
class OwnPool:
    """All that it takes to add a pool again."""

    url: str
    user: str = field(repr=False)
    password: str = field(repr=False)


def way_back(pools: tuple[BoxPool, ...], server: ServerAddress) -> list[OwnPool]:
    """Its own pools in order.

    Raises SettingRefused where one could not be added again, where two have the same URL and user, as the box
    deletes both with one, and where one is `server` itself.
    """
    own: list[OwnPool] = []
    if any(pool.url == server.url for pool in pools):
        raise SettingRefused(
            f"{server.url} is in the box's own list of pools already, so it could not be told from ours on "
            "the way back; nothing was changed. Delete it in the box's web page, or choose another port with "
            "?server_port="
        )
    for pool in in_order(pools):
        secret = pool.password
        hidden = secret is None or (len(secret) >= 3 and set(secret) <= {"*"})
        if not pool.url or not pool.user or not secret or hidden:
            raise SettingRefused(
                "the box does not tell the password of one of its own pools, so that could not be put back; "
                "nothing was changed"
            )
        if any((other.url, other.user) == (pool.url, pool.user) for other in own):
            raise SettingRefused(
                "two of the box's own pools have the same URL and user: with one of them the other would go, "
                "and could not be put back; nothing was changed. Delete one of them in the box's web page"
            )
        own.append(OwnPool(pool.url, pool.user, secret))
    return own


def point_to(client: GoldshellClient, own: list[OwnPool], server: ServerAddress, user: str | None) -> None:
    """Raises SettingRefused."""
    if not any(pool.url == server.url for pool in client.pools()):
        client.add_pool(server.url, user or USUAL_USER, USUAL_PASSWORD)
    for pool in own:
        _move_to_the_end(client, pool)
    first = in_order(client.pools())[0]
    if first.url != server.url:
        raise SettingRefused("the box keeps another pool before ours, whatever the order they are added in")


def put_back(client: GoldshellClient, own: list[OwnPool], server: ServerAddress | None) -> None:
    """Raises SettingRefused where its list is not as it was at the end."""
    ours = None if server is None else server.url
    listed = [pool for pool in in_order(client.pools()) if pool.url != ours]
    if _named(listed) != [(pool.url, pool.user) for pool in own]:
        for wanted in own:
            _move_to_the_end(client, wanted)
    for pool in client.pools():  # ours last: while it is listed, this way can be gone once more
        if pool.url == ours:
            client.delete_pool(pool)
    if _named(in_order(client.pools())) != [(pool.url, pool.user) for pool in own]:
        raise SettingRefused("the box's own pools are not as they were")


def to_json(own: list[OwnPool]) -> JsonObject:
    """For a file that only its owner can read: with passwords, as a box forgets them with the pool."""
    return {"own": [{"url": pool.url, "user": pool.user, "password": pool.password} for pool in own]}


def from_json(content: JsonObject) -> list[OwnPool]:
    """Raises SettingRefused for what `to_json` has not written."""
    listed = content.get("own")
    if not isinstance(listed, list) or len(listed) > MOST_POOLS:
        raise SettingRefused("what was kept of the box's own pools cannot be read")
    own = []
    for value in listed:
        texts = [value.get(key) for key in ("url", "user", "password")] if isinstance(value, dict) else []
        if len(texts) != 3 or not all(isinstance(text, str) and 0 < len(text) <= MOST_TEXT for text in texts):
            raise SettingRefused("what was kept of the box's own pools cannot be read")
        own.append(OwnPool(*(str(text) for text in texts)))
    return own


def in_order(pools: tuple[BoxPool, ...]) -> list[BoxPool]:
    """As the box prefers them."""
    last = len(pools)
    return sorted(pools, key=lambda pool: last if pool.drag_id is None else pool.drag_id)


def _move_to_the_end(client: GoldshellClient, own: OwnPool) -> None:
    for pool in client.pools():
        if (pool.url, pool.user) == (own.url, own.user):
            client.delete_pool(pool)
    client.add_pool(own.url, own.user, own.password)


def _named(pools: list[BoxPool]) -> list[tuple[str, str | None]]:
    return [(pool.url, pool.user) for pool in pools]
