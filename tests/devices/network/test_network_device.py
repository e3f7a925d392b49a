"""What a capture records of its way in: settings that were made, as far as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import pytest
from fake_axeos import FakeAxeos, control_of
from fake_cgminer import FakeCgminer
from quick_waiting import Hasty, QuickWaiting

from asicrc.bench.limits import envelope_for
from asicrc.clock import MACHINE_CLOCK
from asicrc.devices.network.cgminer import CgminerControl
from asicrc.devices.network.control import MinerControl
from asicrc.devices.network.kept_originals import KeptOriginals
from asicrc.devices.network.network_device import NetworkMinerDevice
from asicrc.devices.network.network_url import NetworkUrl
from asicrc.devices.network.oversight import Oversight
from asicrc.devices.network.serving import Serving
from asicrc.devices.network.waiting import Waiting
from asicrc.devices.url import DeviceUrl
from firmware_protocols.device import DeviceIdentity, SettingRefused


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def stopped() -> Waiting:
    """As after Ctrl-C."""
    return QuickWaiting(MACHINE_CLOCK, lambda: True)


def device_of(control: MinerControl, waiting: Waiting) -> closing[NetworkMinerDevice]:
    url = NetworkUrl.parse(DeviceUrl.parse("axeos://127.0.0.1"))
    kept = KeptOriginals("a-miner")
    return closing(NetworkMinerDevice(control, url, "127.0.0.1", waiting, kept, lambda _: None))


@contextmanager
def an_s9(waiting: Waiting) -> Iterator[CgminerControl]:
    identity = DeviceIdentity("cgminer://127.0.0.1", "cgminer", "BM1387", 189, details={"board": "s9"})
    with FakeCgminer().serving() as client:
        yield CgminerControl(client, identity, envelope_for("s9", "BM1387"), waiting, MACHINE_CLOCK)


def test_no_setting_is_recorded_of_a_pointing_that_was_interrupted() -> None:
    miner, waiting = FakeAxeos("head"), stopped()
    control = control_of(miner, waiting=waiting)
    with device_of(control, waiting) as device:
        device.originals()
        assert device.configure({}) == []
        assert miner.restarts == 1
        restored = device.restore()
        assert [(s.name, s.came_true) for s in restored] == [("own_pools", True)], device.read(0).log
    assert miner.info["primaryPoolIndex"] == 0


def test_pools_are_recorded_once_it_is_pointed_and_no_difficulty_before_it_has_come() -> None:
    waiting = stopped()
    with an_s9(waiting) as control, device_of(control, waiting) as device:
        device.originals()
        assert [(s.name, s.requested, s.read_back) for s in device.configure({})] == [("own_pools", 0.0, 0.0)]
        assert all(setting.came_true for setting in device.restore())


def test_a_difficulty_is_asked_for_and_never_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Serving, "has_miner", True)
    waiting = stopped()
    with an_s9(waiting) as control, device_of(control, waiting) as device:
        device.originals()
        settings = {s.name: (s.requested, s.read_back) for s in device.configure({"difficulty": 512.0})}
        device.restore()
    assert settings == {"own_pools": (0.0, 0.0), "difficulty": (512.0, None)}


def test_neither_a_check_nor_a_fan_that_is_steered_changes_the_difficulty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Supervision tells the fan alone, and a sweep checks all of its points before the first."""
    monkeypatch.setattr(Serving, "has_miner", True)
    monkeypatch.setattr(NetworkMinerDevice, "_pass_gate", _without_a_gate)
    miner, waiting = FakeAxeos("head"), QuickWaiting(MACHINE_CLOCK)
    with device_of(control_of(miner, waiting=waiting), waiting) as device:
        device.originals()
        device.configure({"difficulty": 1024.0})
        server = device._serving.server
        device.check({"difficulty": 2048.0})
        assert device.configure({"fan_percent": 80.0})[0].read_back == 80.0
        assert server.difficulty == 1024.0
        device.configure({"difficulty": 512.0, "fan_percent": 80.0})
        assert server.difficulty == 512.0
        assert all(setting.came_true for setting in device.restore())


@pytest.mark.parametrize(
    ("is_now", "said"),
    [
        ({}, None),
        ({"overheat_mode": 1}, "has shut down for heat"),
        ({"frequency": 50}, "frequency_mhz: 400 was asked for, the miner is set to 50"),
        ({"actualFrequency": 50.0}, "it is set to 400 MHz and runs at 50 MHz"),
    ],
)
def test_a_later_point_begins_with_a_miner_that_is_where_it_was_set(
    monkeypatch: pytest.MonkeyPatch, is_now: dict[str, float], said: str | None
) -> None:
    monkeypatch.setattr(Serving, "has_miner", True)
    monkeypatch.setattr(NetworkMinerDevice, "_pass_gate", _without_a_gate)
    miner, waiting = FakeAxeos("head"), QuickWaiting(MACHINE_CLOCK)
    with device_of(control_of(miner, waiting=waiting), waiting) as device:
        device.originals()
        device.configure({"frequency_mhz": 485.0})
        device.begin_point((1, 0, 0))  # it came through the gate
        device.configure({"frequency_mhz": 400.0})
        miner.info |= is_now
        refused = nullcontext() if said is None else pytest.raises(SettingRefused, match=said)
        with monkeypatch.context() as hasty, refused:
            hasty.setattr(waiting, "until", Hasty(MACHINE_CLOCK).until)
            device.begin_point((1, 1, 0))
        device.begin_point((1, 2, 0))  # nothing else was set
        device.restore()


def _without_a_gate(device: NetworkMinerDevice, *_: object) -> None:
    device._oversight = Oversight(device.control, "a-miner", MACHINE_CLOCK)
