"""Home Assistant's discovery, against what its documentation allows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from captures import begun, grow

from asicrc.telemetry.capture_view import CaptureView
from asicrc.telemetry.mqtt.discovery import DeviceWords, discovery_messages
from asicrc.telemetry.mqtt.state import state_json
from asicrc.telemetry.mqtt.topics import RigTopics
from asicrc.telemetry.units import MOST_CHANNELS, UNITS, shown_channels, unit_of

# home-assistant.io/integrations/sensor#device-class, and developers.home-assistant.io "Sensor entity".
UNITS_OF_CLASS = {
    "temperature": {"°C", "°F", "K"},
    "power": {"mW", "W", "kW", "MW", "GW", "TW"},
    "voltage": {"µV", "mV", "V", "kV", "MV"},
    "current": {"mA", "A"},
    "frequency": {"Hz", "kHz", "MHz", "GHz"},
    "duration": {"d", "h", "min", "s", "ms", "µs"},
}
STATE_CLASSES = {"measurement", "measurement_angle", "total", "total_increasing"}
# home-assistant.io/integrations/sensor.mqtt#configuration-variables and its page on discovery.
KEYS = {
    "name", "unique_id", "state_topic", "value_template", "state_class", "availability_topic",
    "payload_available", "payload_not_available", "expire_after", "qos", "device", "origin",
    "unit_of_measurement", "device_class", "suggested_display_precision",
}  # fmt: skip
TOPIC = re.compile(r"homeassistant/sensor/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config")
TEMPLATE = re.compile(r"\{\{ value_json\.(?:([a-z0-9_]+)|readings\.get\('([a-z0-9_]+)'\)) \}\}")
CHANNELS = ["temperature_c", "power_w", "core_set_mv", "input_v", "core_a", "frequency_mhz", "fan_percent",
            "fan_rpm", "hash_rate_ghs", "job_first_share_s"]  # fmt: skip


@pytest.fixture
def configs() -> dict[str, dict[str, object]]:
    messages = discovery_messages(
        RigTopics("lab", "bench-1"), DeviceWords('BM1366 "{{ x }}"' * 50, "v2.1"), CHANNELS
    )
    return {topic: json.loads(payload) for topic, payload in messages.items()}


def test_every_sensor_is_as_home_assistant_documents_it(configs: dict[str, dict[str, object]]) -> None:
    assert len(configs) == len(CHANNELS) + 9
    for topic, config in configs.items():
        assert TOPIC.fullmatch(topic), topic
        assert set(config) <= KEYS
        assert config["state_class"] in STATE_CLASSES
        device_class, unit = config.get("device_class"), config.get("unit_of_measurement")
        if device_class is not None:
            assert unit in UNITS_OF_CLASS[str(device_class)], topic
        if config["state_class"] == "total_increasing":
            assert unit is None  # a count
        device = config["device"]
        assert isinstance(device, dict)
        assert set(device) <= {"identifiers", "name", "model", "manufacturer", "sw_version"}
        assert all(len(str(value)) < 200 for value in device.values())
        assert config["origin"] == {"name": "asicrc", "sw_version": "0.1.0"}
        assert config["expire_after"] == 120
    seldom = discovery_messages(
        RigTopics("lab", "r"), DeviceWords("m", None), [], state_interval_s=300.0
    ).values()
    assert {json.loads(payload)["expire_after"] for payload in seldom} == {900}, "else it is never there"
    assert len({str(config["unique_id"]) for config in configs.values()}) == len(configs)
    assert len({json.dumps(config["device"]) for config in configs.values()}) == 1


def test_what_a_sensor_is_stands_in_its_name() -> None:
    """A Bitaxe tells voltage, current and power of core and input: three sensors called Core say little."""
    named = {
        "core_mv": "Core voltage", "core_a": "Core current", "core_w": "Core power", "core_set_mv":
        "Core set voltage", "input_v": "Input voltage", "input_a": "Input current", "fan_rpm": "Fan speed",
        "fan_percent": "Fan", "temperature2_c": "Temperature2", "regulator_c": "Regulator temperature",
        "regulator_temp_c": "Regulator temp", "frequency_set_mhz": "Frequency set",
        "hash_rate_ghs": "Hash rate",
    }  # fmt: skip
    payloads = discovery_messages(RigTopics("lab", "r"), DeviceWords("m", None), list(named)).values()
    names = [str(json.loads(payload)["name"]) for payload in payloads]
    assert names[-len(named) :] == list(named.values())
    assert len(set(names)) == len(names)


def test_every_template_finds_its_number_in_a_state(
    configs: dict[str, dict[str, object]], tmp_path: Path
) -> None:
    path = tmp_path / "a.asicrc"
    with begun(path) as writer:
        grow(writer, 50)
        state = state_json(CaptureView(path).look())
    json.dumps(state, allow_nan=False)
    for config in configs.values():
        match = TEMPLATE.fullmatch(str(config["value_template"]))
        assert match is not None  # nothing that a device said stands in a template
        if match[1]:
            assert match[1] in state
        else:
            assert match[2] in CHANNELS
    assert state["readings"] == {"temperature_c": 55.25, "power_w": 12.5}
    assert state["settings"]["voltage_mv"] == {"requested": 1200.0, "read_back": None}
    assert state["events"] == state["valid"] == 50
    assert state["invalid_low_percent"] == state["invalid_percent"] == 0 < state["invalid_high_percent"] < 10


@pytest.mark.parametrize("channel", ["x", "odd", "a b_c", "Temp_c", "x'}}_c", "1_c", "a" * 70 + "_c", "_c"])
def test_channels_that_could_harm_a_template_or_a_topic_are_not_shown(channel: str) -> None:
    assert unit_of(channel) is None
    assert shown_channels({channel: 1.0}) == []
    with pytest.raises(ValueError, match="channel"):
        discovery_messages(RigTopics("lab", "r"), DeviceWords("m", None), [channel])


def test_a_device_of_very_many_channels_is_shown_in_part() -> None:
    assert len(shown_channels({f"chip{n}_c": 1.0 for n in range(10_000)})) == MOST_CHANNELS
    assert all(unit.device_class is None or unit.device_class in UNITS_OF_CLASS for unit in UNITS.values())
