"""Which entry of a station file a device URL is meant by."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from serial.tools import list_ports

from asicrc.errors import UsageError
from asicrc.transports.name_lookup import LookedUp, look_up, one_spelling, unknown_host

if TYPE_CHECKING:
    from asicrc.bench.station import StationDevice

_USUAL = {("serial", "chip"): "bm1366", ("bitaxe-raw", "board"): "ultra"}
"""What a URL means that leaves an option out."""
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}")


@dataclass(frozen=True, slots=True)
class Meant:
    """The entries that mean a device; `doubts` names those of which nobody knows, with the host and why."""

    devices: list[StationDevice]
    doubts: list[str]


def meant_by(devices: Sequence[StationDevice], url: str, known: dict[str, LookedUp]) -> Meant:
    """The rules stand at `Station.device_for`. `known` keeps what was looked up, so that it is done once.

    Raises DeviceError where an address of the URL's own host would tell, and none is known.
    """
    written = [(device, _as_written(device, url)) for device in devices]
    unsure = [(device, _hosts(device, url)) for device, fits in written if fits is None]
    if missing := {host for _, hosts in unsure for host in hosts} - known.keys():
        known |= look_up(missing)
    found = [device for device, fits in written if fits or (fits is None and _by_address(device, url, known))]
    own = _place(url)
    if unsure and not found and own is not None and not known[own[0]].addresses:
        raise unknown_host(own[0], known[own[0]].why)
    doubts = [
        f"{device.label!r}: {host}: {known[host].why}"
        for device, hosts in unsure
        for host in hosts
        if not known[host].addresses
    ]
    return Meant(found, doubts)


def check_names_a_device(url: str) -> None:
    """Raises ValueError for a miner's URL that means none: its limits would hold for nothing."""
    scheme = url.partition(":")[0]
    if scheme.lower() in _network_schemes() and (scheme != scheme.lower() or _place(url) is None):
        raise ValueError(
            f"url does not name a miner: it is {scheme.lower()}://HOST or {scheme.lower()}://HOST:PORT"
        )


def without_mac(serial: str) -> str:
    """A serial number as it may be stored: some adapters give their MAC address for one."""
    return "(a MAC address)" if _MAC.fullmatch(serial) else serial


def _as_written(device: StationDevice, url: str) -> bool | None:
    """Whether an entry means the device behind `url`; None where only addresses of hosts can tell."""
    scheme, targets, options = _parts(url)
    if device.usb_serial is not None:
        return device.usb_serial in _usb_serials(targets)
    place = _place(url)
    if device.url_prefix is not None:
        beginning = _in_full(device.url_prefix)
        may_be_address = place is not None and re.match(rf"{scheme}://[\[0-9]", beginning) is not None
        return _in_full(url).startswith(beginning) or (None if may_be_address else False)
    named_scheme, named_targets, named_options = _parts(device.url or "")
    if scheme != named_scheme or not _holds(named_options, scheme, options):
        return False
    named_place = _place(device.url or "")
    if place is None or named_place is None or place == named_place or place[1] != named_place[1]:
        return targets == named_targets
    are_names = one_spelling(place[0]) is None or one_spelling(named_place[0]) is None
    return None if are_names else False


def _hosts(device: StationDevice, url: str) -> list[str]:
    """Those whose addresses tell whether an entry means a miner."""
    places = [_place(url), _place(device.url or "")]
    return [place[0] for place in places if place is not None]


def _by_address(device: StationDevice, url: str, known: Mapping[str, LookedUp]) -> bool:
    """One address in common, or an address of the URL's host that is written so."""
    addresses, *named = [set(known[host].addresses) for host in _hosts(device, url)]
    if named:
        return bool(addresses & named[0])
    scheme, _, _ = _parts(url)
    beginning = _in_full(device.url_prefix or "")
    return any(text.startswith(beginning) for address in addresses for text in _written(scheme, address, url))


def _holds(named: Mapping[str, str], scheme: str, given: Mapping[str, str]) -> bool:
    """Whether each option of an entry stands in the URL, or is what a URL without it means."""
    return all(
        given.get(key, _USUAL.get((scheme, key), "")).casefold() == value.casefold()
        for key, value in named.items()
    )


def _parts(url: str) -> tuple[str, list[str], dict[str, str]]:
    """Scheme, targets and options; a target that is a device file by the file that it leads to, a miner by
    host and port."""
    scheme, _, rest = url.partition(":")
    target, _, query = rest.partition("?")
    targets = _place(url) or [
        os.path.realpath(part) if part.startswith("/dev/") else part
        for part in target.removeprefix("//").split(",")
    ]
    return scheme, list(targets), dict(parse_qsl(query, keep_blank_values=True))


def _place(url: str) -> tuple[str, str] | None:
    """Host and port of a miner on the network, one spelling for each; None for what is none."""
    from asicrc.devices.network.network_url import host_and_port
    from asicrc.devices.url import DeviceUrl

    if url.partition(":")[0] not in _network_schemes():
        return None
    try:
        host, port = host_and_port(DeviceUrl.parse(url.partition("?")[0]))
    except UsageError:
        return None
    return one_spelling(host) or host.lower().removesuffix("."), str(port)


def _written(scheme: str, address: str, url: str) -> list[str]:
    """The URLs of a miner by its address, with its port, and without where that is the usual one."""
    from asicrc.devices.network.network_url import DEFAULT_PORTS

    place = _place(url)
    if place is None:
        return []
    host = f"[{address}]" if ":" in address else address
    bare = [f"{scheme}://{host}"] if place[1] == str(DEFAULT_PORTS[scheme]) else []
    return [*bare, f"{scheme}://{host}:{place[1]}"]


def _in_full(beginning: str) -> str:
    """What a URL begins with: a miner's as it is usually written, in small letters."""
    scheme, _, rest = beginning.partition(":")
    if scheme.lower() not in _network_schemes():
        return beginning
    return f"{scheme}://{rest.removeprefix('//')}".lower() if rest else beginning


def _network_schemes() -> frozenset[str]:
    from asicrc.devices.network.network_url import NETWORK_SCHEMES

    return NETWORK_SCHEMES


def _usb_serials(targets: list[str]) -> set[str]:
    """Serial numbers of the USB adapters whose ports these are; of none where they are no ports."""
    if not any(target.startswith("/dev/") for target in targets):
        return set()
    return {
        port.serial_number
        for port in list_ports.comports()
        if port.serial_number and os.path.realpath(port.device) in targets
    }
