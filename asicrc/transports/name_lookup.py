"""Addresses of hosts, found within a bounded time: a resolver may take a minute to say that it knows none."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Collection
from dataclasses import dataclass

from asicrc.clock import MACHINE_CLOCK
from asicrc.errors import DeviceError

WITHIN_S = 5.0
"""For all names together: a name of the local network is told in a fraction of it, or not at all."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """IP addresses in the resolver's order, each spelled one way; none with the reason in `why`."""

    addresses: tuple[str, ...]
    why: str = ""


def look_up(hosts: Collection[str]) -> dict[str, LookedUp]:
    """Of each host, a name or an address; names are asked for at the same time. Raises nothing."""
    found: dict[str, LookedUp] = {}
    answers: queue.SimpleQueue[tuple[str, LookedUp]] = queue.SimpleQueue()
    for host in set(hosts):
        if (address := one_spelling(host)) is not None:
            found[host] = LookedUp((address,))
            continue
        # Of its own, as nothing can end a question that the resolver does not answer.
        threading.Thread(target=_ask, args=(host, answers), name=f"look up {host}", daemon=True).start()
    end_ns = MACHINE_CLOCK.now_ns() + round(WITHIN_S * 1e9)
    while missing := set(hosts) - found.keys():
        try:
            host, answer = answers.get(timeout=max(0.0, (end_ns - MACHINE_CLOCK.now_ns()) / 1e9))
        except queue.Empty:
            found |= dict.fromkeys(missing, LookedUp((), f"no answer within {WITHIN_S:g} s"))
        else:
            found[host] = answer
    return found


def unknown_host(host: str, why: str) -> DeviceError:
    """To be raised where `why` there is no address."""
    return DeviceError(
        f"{host} is no address, and no name that this machine can look up: {why}",
        "give the miner's IP address; its display or the router's list shows it",
    )


def one_spelling(host: str) -> str | None:
    """An IP address as it is compared, an IPv4 address within an IPv6 one as such; None for a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _ask(host: str, answers: queue.SimpleQueue[tuple[str, LookedUp]]) -> None:
    try:
        # A dot at the end is the root of all names, which no list of hosts and no multicast answer has.
        found = socket.getaddrinfo(host.removesuffix("."), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        answers.put((host, LookedUp((), str(error))))
        return
    spelled = (one_spelling(str(entry[4][0])) or str(entry[4][0]) for entry in found)
    answers.put((host, LookedUp(tuple(dict.fromkeys(spelled)))))
