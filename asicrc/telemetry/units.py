"""What a reading is in, by the end of its channel's name: as Home Assistant and Prometheus want it."""

from __future__ import annotations

import re
from typing import NamedTuple


class Unit(NamedTuple):
    """`device_class` is one of Home Assistant's for sensors; None where it has none for the quantity.

    `metric` is the end of a metric's name, in a base unit of OpenMetrics; `scale` brings a value to it.
    """

    symbol: str
    device_class: str | None
    metric: str
    scale: float
    precision: int


UNITS: dict[str, Unit] = {
    "c": Unit("°C", "temperature", "temperature_celsius", 1.0, 1),
    "w": Unit("W", "power", "power_watts", 1.0, 1),
    "mv": Unit("mV", "voltage", "voltage_volts", 1e-3, 0),
    "v": Unit("V", "voltage", "voltage_volts", 1.0, 2),
    "a": Unit("A", "current", "current_amperes", 1.0, 2),
    "mhz": Unit("MHz", "frequency", "frequency_hertz", 1e6, 1),
    "percent": Unit("%", None, "ratio", 1e-2, 1),
    "rpm": Unit("rpm", None, "rotation_hertz", 1 / 60, 0),
    "ghs": Unit("GH/s", None, "hash_rate_hashes_per_second", 1e9, 1),
    "s": Unit("s", "duration", "duration_seconds", 1.0, 3),
}
MOST_CHANNELS = 100
"""A device that brings more is shown with so many: a broker keeps each for good."""
_CHANNEL = re.compile(r"[a-z][a-z0-9_]{0,59}")


def unit_of(channel: str) -> Unit | None:
    """None for a channel in no unit, and for a name that may not stand in a topic or a template."""
    if _CHANNEL.fullmatch(channel) is None:
        return None
    return UNITS.get(channel.rpartition("_")[2])


def shown_channels(channels: object) -> list[str]:
    """Those in a unit, in the order of their names, at most `MOST_CHANNELS`."""
    names = [str(name) for name in channels] if isinstance(channels, dict) else []
    return sorted(name for name in names if unit_of(name) is not None)[:MOST_CHANNELS]
