"""Which entry of a station file a device URL is meant by."""

from __future__ import annotations

import ipaddress
import os
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from serial.tools import list_ports

from asicrc.errors import UsageError

if TYPE_CHECKING:
    from asicrc.bench.station import StationDevice

_USUAL = {("serial", "chip"): "bm1366", ("bitaxe-raw", "board"): "ultra"}
"""What a URL means that leaves an option out."""
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}")


def matches(device: StationDevice, url: str) -> bool:
    """Whether an entry means the device behind `url`; the rules stand at `Station.device_for`."""
    if device.url_prefix is not None:
        return _in_full(url).startswith(_in_full(device.url_prefix))
    scheme, targets, options = _parts(url)
    if device.usb_serial is not None:
        return device.usb_serial in _usb_serials(targets)
    named_scheme, named_targets, named_options = _parts(device.url or "")
    return (
        scheme == named_scheme
        and targets == named_targets
        and all(
            options.get(key, _USUAL.get((scheme, key), "")).casefold() == value.casefold()
            for key, value in named_options.items()
        )
    )


def without_mac(serial: str) -> str:
    """A serial number as it may be stored: some adapters give their MAC address for one."""
    return "(a MAC address)" if _MAC.fullmatch(serial) else serial


def _parts(url: str) -> tuple[str, list[str], dict[str, str]]:
    """Scheme, targets and options; a target that is a device file by the file that it leads to, a miner by
    host and port."""
    scheme, _, rest = url.partition(":")
    target, _, query = rest.partition("?")
    targets = _place(scheme, target) or [
        os.path.realpath(part) if part.startswith("/dev/") else part
        for part in target.removeprefix("//").split(",")
    ]
    return scheme, targets, dict(parse_qsl(query, keep_blank_values=True))


def _place(scheme: str, target: str) -> list[str]:
    """Host and port of a miner on the network, one spelling for each; empty for what is none."""
    from asicrc.devices.network.network_url import NETWORK_SCHEMES, host_and_port
    from asicrc.devices.url import DeviceUrl

    if scheme not in NETWORK_SCHEMES:
        return []
    try:
        host, port = host_and_port(DeviceUrl.parse(f"{scheme}:{target}"))
    except UsageError:
        return []
    try:
        return [str(ipaddress.ip_address(host)), str(port)]
    except ValueError:
        return [host.lower().removesuffix("."), str(port)]


def _in_full(beginning: str) -> str:
    """What a URL begins with: a miner's as it is usually written, in small letters."""
    from asicrc.devices.network.network_url import NETWORK_SCHEMES

    scheme, _, rest = beginning.partition(":")
    if scheme not in NETWORK_SCHEMES:
        return beginning
    return f"{scheme}://{rest.removeprefix('//')}".lower() if rest else beginning


def _usb_serials(targets: list[str]) -> set[str]:
    """Serial numbers of the USB adapters whose ports these are; of none where they are no ports."""
    if not any(target.startswith("/dev/") for target in targets):
        return set()
    return {
        port.serial_number
        for port in list_ports.comports()
        if port.serial_number and os.path.realpath(port.device) in targets
    }
