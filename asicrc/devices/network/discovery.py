"""Which miners answer in a network: asked for what they are and nothing else, never logged in to.

Every question has a time of its own and only so many are under way at once, so that one host that accepts and
then says nothing costs its time and no more.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from asicrc.errors import UsageError
from firmware_protocols.axeos import AxeosInfo, Refused, detect_profile, read_info
from firmware_protocols.cgminer_api import (
    Command,
    CommandRefused,
    ReplyBuffer,
    encode_command,
    read_reply,
    read_version,
)
from firmware_protocols.errors import ProtocolError
from firmware_protocols.goldshell import read_status
from firmware_protocols.http_messages import HttpReply

PORTS = (80, 4028)
CGMINER_PORT = 4028
MOST_HOSTS = 1 << 16
MOST_PORTS = 16
AT_ONCE = 256
"""Hosts that are asked at the same time: a /24 with two ports takes some 3 s, a /16 a quarter of an hour."""
CONNECT_S = 1.5
ANSWER_S = 4.0
"""For one question. An ESP32 takes a second when it is busy."""
MOST_BODY = 1 << 17
READ_BYTES = 1 << 14
LONGEST_TEXT = 60


@dataclass(frozen=True, slots=True)
class FoundMiner:
    """`url` opens it; `what` is what it says it is. Nothing here names a person."""

    url: str
    family: str
    what: str


@dataclass(frozen=True, slots=True)
class Scan:
    """`silent` counts the ports that took a connection and were none of these miners."""

    miners: list[FoundMiner]
    hosts: int
    asked: int
    silent: int


def hosts_of(network: str, *, allow_public: bool = False) -> list[str]:
    """The hosts of a network such as 192.168.1.0/24, or of one address.

    Raises UsageError for what is none, for more than a /16, and for public addresses unless they are allowed.
    """
    try:
        found = ipaddress.ip_network(network, strict=False)
    except ValueError:
        raise UsageError(f"{network!r} is no network", "write it as 192.168.1.0/24") from None
    if found.num_addresses > MOST_HOSTS:
        raise UsageError(
            f"{network} has {found.num_addresses} addresses: a /16 ({MOST_HOSTS}) is the most",
            "scan a part of it",
        )
    if not allow_public and not (found.is_private or found.is_loopback or found.is_link_local):
        raise UsageError(
            f"{network} is not a private network, so it is other people's machines that would be asked",
            "if it is yours, say so with --allow-public",
        )
    return [str(address) for address in found.hosts()] or [str(found.network_address)]


def scan(network: str, ports: Sequence[int] = PORTS, *, allow_public: bool = False) -> Scan:
    """Ask every host. Raises UsageError as `hosts_of` does, and for too many ports."""
    if not 1 <= len(ports) <= MOST_PORTS or not all(1 <= port <= 65535 for port in ports):
        raise UsageError(
            f"--ports takes 1 to {MOST_PORTS} ports from 1 to 65535", "80,4028 are the usual ones"
        )
    hosts = hosts_of(network, allow_public=allow_public)
    return asyncio.run(_scan(hosts, tuple(dict.fromkeys(ports))))


async def _scan(hosts: list[str], ports: tuple[int, ...]) -> Scan:
    """A fixed crew works through the list, so that a big network takes no more memory than a small one."""
    places = ((host, port) for host in hosts for port in ports)
    miners: list[FoundMiner] = []
    silent = 0

    async def work() -> None:
        nonlocal silent
        for host, port in places:
            if not await _is_open(host, port):
                continue
            found = await _identify(host, port)
            if found is None:
                silent += 1
            else:
                miners.append(found)

    await asyncio.gather(*(work() for _ in range(min(AT_ONCE, len(hosts) * len(ports)))))
    miners.sort(key=lambda miner: (miner.family, miner.url))
    return Scan(_without_second_doors(miners), len(hosts), len(hosts) * len(ports), silent)


async def _is_open(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def _identify(host: str, port: int) -> FoundMiner | None:
    """The usual language of the port first, the other one after it."""
    asks = (_by_commands, _by_http) if port == CGMINER_PORT else (_by_http, _by_commands)
    for ask in asks:
        try:
            async with asyncio.timeout(ANSWER_S):
                found = await ask(host, port)
        except (OSError, TimeoutError, httpx.HTTPError, ProtocolError):
            continue
        if found is not None:
            return found
    return None


async def _by_http(host: str, port: int) -> FoundMiner | None:
    address = f"[{host}]" if ":" in host else host
    async with httpx.AsyncClient(
        base_url=f"http://{address}:{port}",
        trust_env=False,
        verify=False,  # there is no TLS here, and certificates take their time to load
        follow_redirects=False,
        timeout=ANSWER_S,
        headers={"User-Agent": "asicrc", "Accept-Encoding": "identity"},
    ) as client:
        reply = await _get(client, "/api/system/info")
        if reply is not None and reply.status == 200:
            try:
                info = read_info(reply)
            except ProtocolError:
                info = Refused(reply.status, "")
            if isinstance(info, AxeosInfo):
                return FoundMiner(_url("axeos", host, port, 80), "axeos", _axeos_in_words(info))
        reply = await _get(client, "/mcb/status")
        status = None if reply is None else read_status(reply)
        if status is None or isinstance(status, Refused) or status.model is None:
            return None
        said = f"{status.model} {status.firmware or ''}"
        return FoundMiner(_url("goldshell", host, port, 80), "goldshell", _shown(said))


async def _get(client: httpx.AsyncClient, path: str) -> HttpReply | None:
    """None for an answer that is longer than any miner's."""
    body = bytearray()
    async with client.stream("GET", path) as reply:
        if reply.headers.get("Content-Encoding", "identity") != "identity":
            return None
        async for part in reply.aiter_bytes():
            body += part
            if len(body) > MOST_BODY:
                return None
    return HttpReply(reply.status_code, bytes(body))


async def _by_commands(host: str, port: int) -> FoundMiner | None:
    reader, writer = await asyncio.open_connection(host, port)
    buffer = ReplyBuffer()
    try:
        writer.write(encode_command(Command("version")))
        await writer.drain()
        while not buffer.complete:
            data = await reader.read(READ_BYTES)
            if not data:
                buffer.closed()
                break
            buffer.receive_data(data)
    finally:
        writer.close()
    version = read_version(read_reply(buffer.data, "version"))
    if isinstance(version, CommandRefused):
        return None
    software = version.software or "a cgminer-like miner"
    family = "luxos" if "LUXMINER" in software.upper() else "cgminer"
    said = f"{version.miner_type or ''} {software} {version.software_version or ''}"
    return FoundMiner(_url(family, host, port, CGMINER_PORT), family, _shown(said))


def _without_second_doors(miners: list[FoundMiner]) -> list[FoundMiner]:
    """A Goldshell box has a command port too: at the usual ports it is one entry, the one that can be set."""
    boxes = {miner.url.replace("goldshell:", "cgminer:") for miner in miners if miner.family == "goldshell"}
    return [miner for miner in miners if miner.url not in boxes]


def _url(family: str, host: str, port: int, usual: int) -> str:
    address = f"[{host}]" if ":" in host else host
    return f"{family}://{address}" + ("" if port == usual else f":{port}")


def _axeos_in_words(info: AxeosInfo) -> str:
    named = info.miner_model or info.device_model or "AxeOS"
    return _shown(f"{named} {info.asic_model or ''} {info.version or ''} ({detect_profile(info).name})")


def _shown(text: str) -> str:
    """What a stranger says of itself, as far as it is shown."""
    clean = "".join(c if c.isprintable() else " " for c in text[: LONGEST_TEXT * 2])
    return " ".join(clean.split())[:LONGEST_TEXT]
