"""Addresses of brokers, and who may log in: no secret in a URL, in a message or in a repr."""

from __future__ import annotations

from pathlib import Path

import pytest

from asicrc.errors import UsageError
from asicrc.telemetry.mqtt.address import broker_address
from asicrc.telemetry.mqtt.topics import checked_rig, is_rig_name, usual_rig


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("mqtt://bench.lan", ("bench.lan", 1883, "asicrc", False)),
        ("mqtt://bench.lan:2883/lab/one/", ("bench.lan", 2883, "lab/one", False)),
        ("mqtts://bench.lan", ("bench.lan", 8883, "asicrc", True)),
        ("mqtt://[::1]:1884", ("::1", 1884, "asicrc", False)),
    ],
)
def test_addresses(url: str, found: tuple[str, int, str, bool]) -> None:
    address = broker_address(url, {})
    assert (address.host, address.port, address.prefix, address.tls) == found
    assert broker_address(address.name, {}) == address
    assert (address.tls_context is not None) == address.tls


@pytest.mark.parametrize(
    "url",
    [
        "http://bench.lan",
        "bench.lan:1883",
        "mqtt://",
        "mqtt://h:0",
        "mqtt://h:70000",
        "mqtt://h:x",
        "mqtt://h/a+b",
        "mqtt://h/#",
        "mqtt://h/$SYS",
        "mqtt://h/a b",
        "mqtt://h/a//b",
        "mqtt://h/" + "a" * 101,
        "mqtt://h/a?x=1",
        "mqtt://[::1",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        broker_address(url, {})


@pytest.mark.parametrize("url", ["mqtt://me:sesame@bench.lan", "mqtt://me@bench.lan", "mqtts://:sesame@h/p"])
def test_a_login_in_the_url_is_refused_with_a_hint_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        broker_address(url, {})
    assert "ASICRC_MQTT_PASSWORD" in caught.value.hint
    assert "sesame" not in caught.value.message + caught.value.hint


def test_the_login_comes_from_the_environment_or_a_file_of_ones_own(tmp_path: Path) -> None:
    given = {"ASICRC_MQTT_USERNAME": "me", "ASICRC_MQTT_PASSWORD": "sesame"}
    address = broker_address("mqtt://bench.lan", given)
    assert (address.username, address.password) == ("me", "sesame")
    assert "sesame" not in repr(address) + address.name + "".join(address.remarks)
    assert "unencrypted" in address.remarks[0]
    assert not broker_address("mqtts://bench.lan", given).remarks
    assert not broker_address("mqtt://127.0.0.1", given).remarks

    secret = tmp_path / "password"
    secret.write_text("sesame\n")
    secret.chmod(0o600)
    by_file = {"ASICRC_MQTT_USERNAME": "me", "ASICRC_MQTT_PASSWORD_FILE": str(secret)}
    assert broker_address("mqtt://h", by_file).password == "sesame"
    secret.chmod(0o644)
    with pytest.raises(UsageError, match="0644"):
        broker_address("mqtt://h", by_file)
    with pytest.raises(UsageError, match="no name"):
        broker_address("mqtt://h", {"ASICRC_MQTT_PASSWORD": "sesame"})


@pytest.mark.parametrize(
    "device",
    ["sim:bm1366", "serial:/dev/ttyUSB0?chip=bm1366", "axeos://10.0.0.5", "twin:lv06", "imported", "ß"],
)
def test_every_device_has_a_usual_rig_name(device: str) -> None:
    assert is_rig_name(usual_rig(device))
    assert usual_rig(device) == usual_rig(device)


@pytest.mark.parametrize("name", ["", "A", "a/b", "a+", "..", "a" * 65, "-a", "a.b"])
def test_names_that_could_not_stand_in_a_topic_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        checked_rig(name)
