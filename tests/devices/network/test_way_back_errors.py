"""The way back of a capture ends in words and in a sealed file, whatever fails on it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fake_goldshell import FakeGoldshell
from quick_waiting import QuickWaiting

from asicrc.bench.limits import envelope_for
from asicrc.capture.recorder import Recorder
from asicrc.capture.way_back import WayBack
from asicrc.clock import MACHINE_CLOCK
from asicrc.devices.network.control import ServerAddress
from asicrc.devices.network.goldshell import GoldshellControl
from asicrc.devices.network.kept_originals import KeptOriginals
from asicrc.devices.network.network_device import NetworkMinerDevice
from asicrc.devices.network.network_url import NetworkUrl
from asicrc.devices.url import DeviceUrl
from asicrc.errors import ExitCode, StorageError, UsageError
from firmware_protocols.device import Batch, DeviceIdentity, Setting, WorkForm

SERVER = ServerAddress("192.0.2.1", 3333)


def test_a_kept_file_that_cannot_be_taken_away_hides_no_miner_that_is_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    url = NetworkUrl.parse(DeviceUrl.parse("goldshell://192.0.2.8"))
    waiting = QuickWaiting(MACHINE_CLOCK)
    identity = DeviceIdentity(url.text, "goldshell", "LBRY", 1, details={"board": "lb-box"})
    client = FakeGoldshell().client()
    control = GoldshellControl(client, identity, envelope_for("lb-box", "LBRY"), waiting, MACHINE_CLOCK)
    device = NetworkMinerDevice(control, url, "192.0.2.8", waiting, KeptOriginals("x"), lambda _: None)
    device.originals()
    device._left.keep(control, SERVER, 0)
    control.point_to(SERVER, None, {})

    def fails(_: KeptOriginals) -> None:
        raise StorageError("the disk is read-only")

    monkeypatch.setattr(KeptOriginals, "discard", fails)
    assert [setting.name for setting in device.restore() if setting.came_true] == ["own_pools"]
    assert any("could not be taken away: the disk is read-only" in line for line in device._log)


class BrokenDevice:
    clock = MACHINE_CLOCK
    work_form = WorkForm()
    capabilities: dict[str, Any] = {}  # noqa: RUF012
    job_interval_s = 1.0

    def restore(self) -> list[Setting]:
        raise UsageError("its password is another one now")

    def read(self, _: int) -> Batch:
        return Batch()


def way_back_of(stored: list[tuple[str, Any]]) -> WayBack:
    storage = SimpleNamespace(
        put=lambda name, value: stored.append((name, value)), pump=lambda: None, take_judged=list
    )
    device = cast(Any, BrokenDevice())
    way_back = WayBack(device, Recorder(device, cast(Any, storage)))
    way_back.touched = True
    return way_back


def test_a_way_back_that_breaks_is_said_and_kept_with_the_capture() -> None:
    stored: list[tuple[str, Any]] = []
    reason, code = way_back_of(stored).restore(("duration reached", ExitCode.OK))
    assert reason == "the device was not put back: its password is another one now"
    assert code is ExitCode.REFUSED
    assert ("meta", ("restored", False)) in stored


def test_what_is_not_back_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    way_back = way_back_of([])
    rows = [Setting(0, "own_pools", 1.0, None, "restored"), Setting(0, "fan_percent", 40.0, 40.0, "restored")]
    monkeypatch.setattr(BrokenDevice, "restore", lambda _: rows)
    way_back.restore(("duration reached", ExitCode.OK))
    assert (way_back.restored, way_back.not_restored) == (False, ("own_pools",))


def test_a_way_back_that_breaks_does_not_hide_why_storage_failed() -> None:
    error = StorageError("the disk is full", "make room")
    way_back_of([]).restore_without_storage(error)
    assert error.hint == "make room; the device was not restored either: its password is another one now"
