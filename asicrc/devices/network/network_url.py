"""URLs of miners on the network: `axeos://HOST[:PORT]?option=value`, and what may stand in them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from asicrc.devices.network.credentials import HINT
from asicrc.devices.url import DeviceUrl
from asicrc.errors import UsageError
from asicrc.transports.name_lookup import look_up, unknown_host

DEFAULT_PORTS = {"axeos": 80, "goldshell": 80, "cgminer": 4028, "luxos": 4028}
NETWORK_SCHEMES = frozenset(DEFAULT_PORTS)
SERVER_PORT = 3333
"""Where the work server listens for a miner on the LAN: one port, for which a firewall can be opened."""
SIMULATED_OPTIONS = {"simulated", "zero_bits", "hash_rate_scale", "difficulty_one", "time_scale", "seed"}
OPTIONS = {
    "server_port",
    "listen",
    "user",
    "board",
    "point",
    "wait_s",
    "gate_s",
    "command_port",
} | SIMULATED_OPTIONS
"""`point=hand`: no pool is written to the miner, its owner points it. `command_port` is a Goldshell box's."""
LONGEST_WAIT_S = 86_400.0
MOST_USER = 64
DIFFICULTY_ONE = 0xFFFF << 208

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?\.?", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class NetworkUrl:
    """Where the miner's management interface is, and how the capture is to be made.

    `difficulty_one` is the hash target of difficulty 1 as the miner means it: Bitcoin's, but for emulators.
    `wait_s` None is the usual time. `text` holds no secret: those are refused.
    """

    text: str
    scheme: str
    host: str
    port: int
    server_port: int | None
    listen: str | None
    user: str | None
    board: str | None
    by_hand: bool
    command_port: int
    wait_s: float | None
    gate_s: float | None
    simulated: bool
    difficulty_one: int
    scale: dict[str, float]
    """`zero_bits`, `hash_rate_scale` and `time_scale` of an emulator, as it states them."""

    @classmethod
    def parse(cls, url: DeviceUrl) -> NetworkUrl:
        """Raises UsageError, which never repeats what may be a secret."""
        url.reject_unknown(OPTIONS)
        host, port = host_and_port(url)
        simulated = url.options.get("simulated") == "1"
        given = sorted(set(url.options) & (SIMULATED_OPTIONS - {"simulated"}))
        if given and not simulated:
            raise UsageError(
                f"{', '.join(given)} in {url.text!r}: a real miner has no scale",
                "these options belong to emulated miners (simulated=1)",
            )
        if simulated and not is_loopback(host):
            raise UsageError(
                f"{url.text!r} says simulated=1, but {host} is another machine",
                "emulated miners run on 127.0.0.1; for a real miner leave the option out",
            )
        server_port = url.number("server_port", None, 1, 65535)
        return cls(
            text=url.text,
            scheme=url.scheme,
            host=host,
            port=port,
            server_port=None if server_port is None else int(server_port),
            listen=_address(url, "listen"),
            user=_user(url),
            board=url.options.get("board"),
            by_hand=_by_hand(url),
            command_port=int(url.number("command_port", 4028, 1, 65535) or 4028),
            wait_s=url.number("wait_s", None, 1, LONGEST_WAIT_S),
            gate_s=url.number("gate_s", None, 1, LONGEST_WAIT_S),
            simulated=simulated,
            difficulty_one=_difficulty_one(url),
            scale={
                key: float(url.number(key, 1.0, low, high) or low)
                for key, low, high in (
                    ("zero_bits", 1, 256),
                    ("hash_rate_scale", 1e-3, 1e18),
                    ("time_scale", 1e-3, 1e6),
                )
                if key in url.options
            },
        )

    @property
    def usual_server_port(self) -> int:
        """0, any, beside an emulator: several may run on one machine."""
        return 0 if is_loopback(self.host) else SERVER_PORT

    def resolved(self) -> str:
        """The miner's IP address. Raises DeviceError for a name that means none."""
        found = look_up([self.host])[self.host]
        if not found.addresses:
            raise unknown_host(self.host, found.why)
        return found.addresses[0]


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def host_and_port(url: DeviceUrl) -> tuple[str, int]:
    """Where the management interface is, as it is written. Raises UsageError."""
    target = url.target.rstrip("/")
    if "@" in target:
        raise UsageError(f"a {url.scheme}: URL takes no login: it would stand in captures and logs", HINT)
    host, colon, port = target.rpartition(":")
    if target.startswith("["):  # IPv6
        host, _, rest = target[1:].partition("]")
        port = rest.removeprefix(":")
    elif not colon:
        host, port = target, ""
    number = int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else None
    if not port:
        number = DEFAULT_PORTS[url.scheme]
    if number is None or not 1 <= number <= 65535 or not _is_host(host):
        raise UsageError(
            f"{url.text!r} does not name a miner", f"{url.scheme}://HOST or {url.scheme}://HOST:PORT"
        )
    return host, number


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return _HOST.fullmatch(host) is not None
    return True


def _address(url: DeviceUrl, key: str) -> str | None:
    text = url.options.get(key)
    if text is None:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise UsageError(f"{key}={text} in {url.text!r} is no IP address of this machine") from None
    if address.is_unspecified or address.is_multicast:
        raise UsageError(
            f"{key}={text} in {url.text!r} is no one address of this machine",
            "name the address that the miner reaches, or leave the option out: it is found then",
        )
    return str(address)


def _user(url: DeviceUrl) -> str | None:
    user = url.options.get("user")
    if user is not None and (len(user) > MOST_USER or not _USER.fullmatch(user)):
        raise UsageError(
            f"user= takes up to {MOST_USER} letters, digits, dots, dashes and underscores",
            "it is only how the miner calls itself towards asicrc; leave it out",
        )
    return user


def _by_hand(url: DeviceUrl) -> bool:
    if url.options.get("point", "hand") != "hand":
        raise UsageError(f"point= in {url.text!r} takes hand alone", "leave it out to have asicrc do it")
    return "point" in url.options


def _difficulty_one(url: DeviceUrl) -> int:
    text = url.options.get("difficulty_one")
    if text is None:
        return DIFFICULTY_ONE
    try:
        value = int(text, 0)
    except ValueError:
        value = 0
    if not 0 < value < 1 << 256:
        raise UsageError(f"difficulty_one={text[:80]} in {url.text!r} is no target of a hash")
    return value
