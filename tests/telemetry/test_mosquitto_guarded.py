"""A broker as the guide sets it up: TLS, logins, and each rig below its own name only."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers import wait_for_port
from captures import begun, ended, grow
from free_ports import free_port

from asicrc.capture.reader import load
from asicrc.errors import DeviceError, Refused
from asicrc.telemetry.collect.collector import Collector
from asicrc.telemetry.mqtt.address import broker_address
from asicrc.telemetry.mqtt.publisher import Publisher, Wishes

PATHS = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
pytestmark = pytest.mark.long


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Its URL. The certificate is one that this test's process trusts as a system store."""
    programs = {name: shutil.which(name, path=PATHS) for name in ("mosquitto", "mosquitto_passwd", "openssl")}
    missing = [name for name, path in programs.items() if path is None]
    if missing:
        pytest.skip(f"not here: {', '.join(missing)}")
    key, certificate, passwords, acl = (
        tmp_path / name for name in ("key.pem", "cert.pem", "passwords", "acl")
    )
    subprocess.run(
        [str(programs["openssl"]), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2",
         "-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    passwords.touch(mode=0o600)
    for user in ("left", "right", "collector"):
        subprocess.run(
            [str(programs["mosquitto_passwd"]), "-b", str(passwords), user, f"of-{user}"],
            check=True,
            capture_output=True,
        )
    acl.write_text(
        "pattern readwrite asicrc/%u/#\npattern readwrite homeassistant/sensor/asicrc_%u/#\n"
        "user collector\ntopic read asicrc/#\ntopic write asicrc/+/captures/+/ack/#\n"
        "topic write asicrc/+/clock/ask/#\n"
    )
    port = free_port()
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(
        f"user root\nlistener {port} 127.0.0.1\ncertfile {certificate}\nkeyfile {key}\n"
        f"password_file {passwords}\nacl_file {acl}\nallow_anonymous false\n"
    )
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([str(programs["mosquitto"]), "-c", str(settings)], stdout=log, stderr=log)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    try:
        wait_for_port(port)
        yield f"mqtts://localhost:{port}"
    finally:
        process.kill()
        process.wait()


def login(user: str, password: str | None = None) -> dict[str, str]:
    return {"ASICRC_MQTT_USERNAME": user, "ASICRC_MQTT_PASSWORD": password or f"of-{user}"}


def test_rigs_with_logins_are_gathered_over_tls(guarded: str, tmp_path: Path) -> None:
    path = tmp_path / "left.asicrc"
    writer = begun(path)
    grow(writer, 300)
    digest = ended(writer)
    (tmp_path / "out").mkdir()

    async def run() -> None:
        collector = Collector(broker_address(guarded, login("collector")), tmp_path / "out", until_sealed=1)
        publisher = Publisher(path, broker_address(guarded, login("left")), "left")
        await asyncio.gather(collector.run(), publisher.run())

    asyncio.run(asyncio.wait_for(run(), 200))
    (copy,) = (tmp_path / "out" / "left").glob("*.asicrc")
    assert load(copy).meta["digest"] == digest


def test_a_rig_cannot_write_under_the_name_of_another(guarded: str, tmp_path: Path) -> None:
    path = tmp_path / "right.asicrc"
    writer = begun(path)
    grow(writer, 300)
    ended(writer)
    (tmp_path / "out").mkdir()

    async def run() -> None:
        collector = Collector(broker_address(guarded, login("collector")), tmp_path / "out")
        gathering = asyncio.create_task(collector.run())
        published = await Publisher(path, broker_address(guarded, login("right")), "left").run()
        assert published.collected is None  # nobody heard it
        gathering.cancel()
        await asyncio.gather(gathering, return_exceptions=True)

    asyncio.run(asyncio.wait_for(run(), 200))
    assert not list((tmp_path / "out").glob("*/*.asicrc"))


def test_a_wrong_login_is_refused_at_once_and_not_repeated(guarded: str, tmp_path: Path) -> None:
    with begun(tmp_path / "a.asicrc") as writer:
        grow(writer, 5)
    address = broker_address(guarded, login("left", "sesame"))
    with pytest.raises(Refused) as caught:
        asyncio.run(asyncio.wait_for(Publisher(tmp_path / "a.asicrc", address, "left").run(), 200))
    assert "sesame" not in caught.value.message + caught.value.hint
    (tmp_path / "out").mkdir()
    with pytest.raises(Refused):
        asyncio.run(asyncio.wait_for(Collector(address, tmp_path / "out").run(), 200))


@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_certificate_that_the_system_does_not_trust_is_not_accepted(
    guarded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with begun(tmp_path / "a.asicrc") as writer:
        grow(writer, 5)
    address = broker_address(guarded, login("left"))
    publisher = Publisher(tmp_path / "a.asicrc", address, "left", Wishes(give_up_s=0.5))
    with pytest.raises(DeviceError, match="certificate"):
        asyncio.run(asyncio.wait_for(publisher.run(), 200))
    gc.collect()  # paho leaves the socket of a failed handshake to it
