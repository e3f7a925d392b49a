"""What could be opened from here. Nothing is opened: some boards reset when their port is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.metadata import entry_points

from serial.tools import list_ports

from asicrc.devices.url import URL_FORMS

NO_DEVICES = frozenset({"pool"})
"""Emulators of what miners talk to."""


@dataclass(frozen=True)
class Port:
    url: str
    description: str
    usb_id: str | None
    accessible: bool


@dataclass(frozen=True)
class Discovery:
    ports: list[Port]
    emulated: list[str]
    url_forms: tuple[tuple[str, str], ...]


def discover() -> Discovery:
    """Serial ports as the system lists them, and emulators as installed packages offer them."""
    ports = [
        Port(
            url=f"serial:{info.device}",
            description=info.description,
            usb_id=None if info.vid is None else f"{info.vid:04x}:{info.pid:04x}",
            accessible=os.access(info.device, os.R_OK | os.W_OK),
        )
        for info in sorted(list_ports.comports())
    ]
    emulated = [
        f"sim:{entry.name}"
        for entry in entry_points(group="asicrc.emulators")
        if entry.name not in NO_DEVICES
    ]
    return Discovery(ports, emulated, URL_FORMS)
