"""The way back of a capture ends in words and in a sealed file, whatever fails on it."""

from __future__ import annotations

import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fake_goldshell import FakeGoldshell
from quick_waiting import QuickWaiting

from asicrc.bench.limits import envelope_for
from asicrc.capture.not_put_back import restore_command
from asicrc.capture.plan import CapturePlan
from asicrc.capture.recorder import Recorder
from asicrc.capture.session import Session, run_capture
from asicrc.capture.stop_request import StopRequest
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

    def check(self, _: dict[str, float]) -> None:
        pass

    def wire_counters(self) -> dict[str, int]:
        return {}


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


@pytest.mark.parametrize(
    ("url", "device"), [("axeos://192.0.2.7", " --device axeos://192.0.2.7"), ("serial:/dev/ttyS0", "")]
)
def test_whoever_leaves_at_once_is_told_what_to_type(
    url: str, device: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    raised: list[int] = []
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    stop = StopRequest()
    stop.last_words = f"type {restore_command(Path('my a.asicrc'), url)}"
    stop._handle(signal.SIGINT, None)
    assert (stop.reason, raised, capfd.readouterr().err) == ("interrupted by SIGINT", [], "")
    stop._handle(signal.SIGINT, None)
    assert raised == [signal.SIGINT]
    assert capfd.readouterr().err == f"\ntype asicrc restore 'my a.asicrc'{device}\n"


class FullDisk:
    """Storage that takes everything until it is to be sealed."""

    def open(self, *_: Any, **__: Any) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        return lambda *_: [] if name == "take_judged" else None

    def seal(self, *_: Any) -> None:
        raise StorageError("the disk is full", "make room")


def test_a_file_that_cannot_be_sealed_does_not_hide_a_miner_that_is_not_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def ran(session: Session) -> tuple[str, ExitCode]:
        session.way_back.restored = False
        return "duration reached", ExitCode.REFUSED

    monkeypatch.setattr(Session, "run", ran)
    monkeypatch.setattr("asicrc.capture.session.describe", lambda *_: {})
    device = cast(Any, BrokenDevice())
    plan = CapturePlan(tmp_path / "a.asicrc", duration_s=1.0)
    with pytest.raises(StorageError, match="the disk is full") as caught:
        run_capture(device, "luxos://192.0.2.9", plan, StopRequest(), cast(Any, FullDisk()))
    assert "make room; the device was NOT put back: " in caught.value.hint
    assert caught.value.hint.endswith(f"asicrc restore {plan.output} --device luxos://192.0.2.9")
