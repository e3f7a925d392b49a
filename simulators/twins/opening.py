"""`twin:MACHINE?option=value&...`: a twin by URL, for every command that takes a device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl

from firmware_protocols.device import DeviceProtocol
from simulators.twins.named import ideal


@contextmanager
def open_twin(url: str) -> Iterator[DeviceProtocol]:
    """Raises ValueError, in one line, for whatever the URL says that there is not."""
    _, _, rest = url.partition(":")
    machine, _, query = rest.partition("?")
    options = dict(parse_qsl(query, strict_parsing=bool(query)))
    device = ideal(machine, seed=int(options.get("seed", 0)))
    try:
        yield device
    finally:
        device.close()
