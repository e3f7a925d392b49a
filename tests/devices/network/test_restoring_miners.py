"""`asicrc restore` on the capture of a network miner: which miner takes it, and what counts as put back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest
from fake_axeos import FakeAxeos, control_of

from asicrc.capture import CaptureWriter
from asicrc.capture.restoring import restore_from
from asicrc.clock import MACHINE_CLOCK
from asicrc.devices.network.kept_originals import KeptOriginals
from asicrc.devices.network.network_device import NetworkMinerDevice
from asicrc.devices.network.network_url import NetworkUrl
from asicrc.devices.network.waiting import Waiting
from asicrc.devices.url import DeviceUrl
from asicrc.errors import DeviceError
from firmware_protocols.device import DeviceIdentity, Setting

URL = "axeos://192.0.2.7"
Opens = Callable[[FakeAxeos, str | None], None]


@pytest.fixture
def opens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Opens:
    """Has the named miner answer, whatever is opened."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def answer(miner: FakeAxeos, serial: str | None) -> None:
        def device(*_: object) -> closing[NetworkMinerDevice]:
            control = control_of(miner)
            control.identity = identity(serial)
            url = NetworkUrl.parse(DeviceUrl.parse(URL))
            waiting = Waiting(MACHINE_CLOCK)
            kept = KeptOriginals("x")
            return closing(NetworkMinerDevice(control, url, "192.0.2.7", waiting, kept, lambda _: None))

        monkeypatch.setattr("asicrc.capture.restoring.open_device", device)

    return answer


def identity(serial: str | None) -> DeviceIdentity:
    return DeviceIdentity(URL, "axeos", "BM1366", 1, serial=serial, details={"board": "lv06"})


def capture(path: Path, settings: list[Setting], serial: str | None = None) -> Path:
    with CaptureWriter.create(path, {"identity": asdict(identity(serial))}) as writer:
        writer.add_settings(settings)
        writer.commit()
    return path


@pytest.mark.parametrize(("recorded", "found"), [(None, "a1"), ("a1", None), ("a1", "b2")])
def test_a_capture_of_another_miner_or_of_none_that_is_known_is_turned_away(
    opens: Opens, tmp_path: Path, recorded: str | None, found: str | None
) -> None:
    miner = FakeAxeos("head")
    opens(miner, found)
    path = capture(tmp_path / "a.asicrc", [Setting(0, "frequency_mhz", None, 400.0, "original")], recorded)
    with pytest.raises(DeviceError, match="another axeos miner"):
        restore_from(path, URL)
    assert not miner.writes()


def test_a_capture_of_the_miner_itself_is_put_back(opens: Opens, tmp_path: Path) -> None:
    miner = FakeAxeos("head")
    opens(miner, "a1")
    path = capture(tmp_path / "a.asicrc", [Setting(0, "frequency_mhz", None, 400.0, "original")], "a1")
    assert restore_from(path, URL)["restored"] is True
    assert miner.info["frequency"] == 400


def test_a_restore_after_the_pools_are_back_succeeds(opens: Opens, tmp_path: Path) -> None:
    miner = FakeAxeos("head")
    opens(miner, "a1")
    settings = [
        Setting(0, "frequency_mhz", None, 485.0, "original"),
        Setting(0, "own_pools", None, 1.0, "original"),
        Setting(9, "own_pools", 1.0, 1.0, "restored"),
    ]
    path = capture(tmp_path / "a.asicrc", settings, "a1")
    first, again = restore_from(path, URL), restore_from(path, URL)
    assert first["restored"] is again["restored"] is True
    assert any("were put back already" in line for line in again["log"])
    without = capture(tmp_path / "b.asicrc", settings[:2], "a1")
    assert restore_from(without, URL)["restored"] is False
