"""Home Assistant's discovery: one retained message a sensor, under homeassistant/sensor/ID/KEY/config.

Fields as its documentation has them (home-assistant.io: integrations/mqtt "discovery", integrations/sensor).
Templates name our own keys only; what a device says of itself stands in plain fields, shortened.
"""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from asicrc import __version__
from asicrc.telemetry.mqtt.topics import OFFLINE, ONLINE, RigTopics
from asicrc.telemetry.units import unit_of

PREFIX = "homeassistant"
EXPIRE_AFTER_S = 120
"""Without a state for so long a value is shown as unavailable, or for three times what is between two."""
_LONGEST_WORDS = 120
_WHAT = {
    "c": "temperature", "w": "power", "mv": "voltage", "v": "voltage", "a": "current", "mhz": "frequency",
    "rpm": "speed",
}  # fmt: skip


class _Sensor(NamedTuple):
    key: str
    name: str
    unit: str | None
    device_class: str | None
    state_class: str
    precision: int | None


_OF_CAPTURE = (
    _Sensor("events", "Events", None, None, "total_increasing", 0),
    _Sensor("valid", "Valid shares", None, None, "total_increasing", 0),
    _Sensor("low", "Shares below the target", None, None, "total_increasing", 0),
    _Sensor("stale", "Stale shares", None, None, "total_increasing", 0),
    _Sensor("rate_per_s", "Event rate", "1/s", None, "measurement", 2),
    _Sensor("cv", "Interval CV", None, None, "measurement", 3),
    _Sensor("invalid_percent", "Invalid share of events", "%", None, "measurement", 2),
    _Sensor("duration_s", "Captured time", "s", "duration", "measurement", 0),
    _Sensor("commit_age_s", "Age of the last commit", "s", "duration", "measurement", 1),
)


class DeviceWords(NamedTuple):
    """What the device said that it is."""

    model: str
    firmware: str | None


def discovery_messages(
    topics: RigTopics,
    device: DeviceWords,
    channels: list[str],
    prefix: str = PREFIX,
    state_interval_s: float = 0.0,
) -> dict[str, bytes]:
    """Topic -> payload, for the sensors of a capture and one for each channel of readings."""
    identifier = f"asicrc_{topics.rig}"
    expire_after_s = max(EXPIRE_AFTER_S, math.ceil(3 * state_interval_s))
    about: dict[str, Any] = {
        "identifiers": [identifier],
        "name": f"{device.model[:_LONGEST_WORDS]} ({topics.rig})",
        "model": device.model[:_LONGEST_WORDS],
        "manufacturer": "seen by asicrc",
    }
    if device.firmware:
        about["sw_version"] = device.firmware[:_LONGEST_WORDS]
    sensors = [(sensor, f"value_json.{sensor.key}") for sensor in _OF_CAPTURE]
    for channel in channels:
        unit = unit_of(channel)
        if unit is None:
            raise ValueError(f"{channel!r} is a channel in no unit that is known")
        sensor = _Sensor(
            channel, _title(channel), unit.symbol, unit.device_class, "measurement", unit.precision
        )
        sensors.append((sensor, f"value_json.readings.get('{channel}')"))
    return {
        f"{prefix}/sensor/{identifier}/{sensor.key}/config": json.dumps(
            _config(topics, identifier, about, sensor, value, expire_after_s),
            separators=(",", ":"),
        ).encode()
        for sensor, value in sensors
    }


def _config(
    topics: RigTopics,
    identifier: str,
    device: dict[str, Any],
    sensor: _Sensor,
    value: str,
    expire_after_s: int,
) -> dict[str, Any]:
    config: dict[str, Any] = {
        "name": sensor.name,
        "unique_id": f"{identifier}_{sensor.key}",
        "state_topic": topics.state,
        "value_template": f"{{{{ {value} }}}}",
        "state_class": sensor.state_class,
        "availability_topic": topics.availability,
        "payload_available": ONLINE,
        "payload_not_available": OFFLINE,
        "expire_after": expire_after_s,
        "qos": 1,
        "device": device,
        "origin": {"name": "asicrc", "sw_version": __version__},
    }
    if sensor.unit is not None:
        config["unit_of_measurement"] = sensor.unit
    if sensor.device_class is not None:
        config["device_class"] = sensor.device_class
    if sensor.precision is not None:
        config["suggested_display_precision"] = sensor.precision
    return config


def _title(channel: str) -> str:
    """`core_mv` as `Core voltage`, beside a `Core current`: no two sensors of a device have one name."""
    name, _, unit = channel.rpartition("_")
    what = _WHAT.get(unit, "")
    said = name.replace("_", " ") + ("" if what[:4] in name else f" {what}")
    return said.capitalize()
