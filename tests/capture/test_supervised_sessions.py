"""Supervision inside a session, on twins: what it sets, what it ends, and what the capture keeps of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from virtual_device import VirtualDevice

from asicrc.bench.station import load_station
from asicrc.bench.supervision import supervisor_for
from asicrc.capture.memory import MemoryCapture, capture_in_memory
from asicrc.capture.plan import CapturePlan, Drive
from asicrc.capture.points import Dwell, Point
from asicrc.capture.session import Surroundings
from asicrc.capture.supervising import supervisor_of
from asicrc.devices import Circumstances
from asicrc.errors import DeviceError, Refused, UsageError
from firmware_protocols.device import Batch, DeviceProtocol, Reading
from simulators.twins.named import ordinary

SETTINGS = {"frequency_mhz": 485.0, "voltage_mv": 1200.0, "difficulty": 256.0}


def taken(device: DeviceProtocol, seconds: float = 600.0, **supervision: Any) -> MemoryCapture:
    plan = CapturePlan(Path("x"), seconds, SETTINGS, points=supervision.pop("points", ()))
    around = Surroundings(supervision=supervisor_for(device, **supervision))
    return capture_in_memory(device, plan, around=around)


class Dims:
    """A device whose events stay away from a time on."""

    def __init__(self, device: DeviceProtocol, from_s: float) -> None:
        self._device = device
        self._from_ns = round(from_s * 1e9)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._device, name)

    def read(self, until_ns: int) -> Batch:
        batch = self._device.read(until_ns)
        batch.nonces = batch.nonces[batch.nonces["t_ns"] < self._from_ns]
        return batch


def test_the_fan_holds_a_temperature_and_every_decision_is_kept() -> None:
    twin = ordinary("lv06", seed=1)
    capture = taken(twin, 900.0, fan_target_c=64.0)
    celsius = [r.value for r in capture.readings() if r.channel == "temperature_c"]
    assert all(63 < c < 65 for c in celsius[-300:])
    set_ = [s for s in capture.settings() if s.name == "fan_percent" and s.kind == "set"]
    said = [line for line in capture.log() if line.text.startswith("fan to ")]
    assert 3 < len(set_) == len(said) < 40
    for setting, line in zip(set_, said, strict=True):
        assert setting.requested is not None
        assert line.text.startswith(f"fan to {setting.requested:.1f} %: at ")
        assert 25 <= setting.requested <= 100
    restored = {s.name: s for s in capture.settings() if s.kind == "restored"}
    assert restored["fan_percent"].came_true, "as it was found"


def test_without_a_target_the_fan_is_left_alone() -> None:
    capture = taken(ordinary("lv06", seed=1), 60.0)
    assert not [s for s in capture.settings() if s.name == "fan_percent" and s.kind == "set"]


def test_a_room_that_is_too_hot_is_a_stop_for_safety() -> None:
    with pytest.raises(Refused, match=r"stopped for safety: the chip is at .* above the limit of 72 degC"):
        taken(ordinary("lv06", seed=1, ambient_c=60.0))


def test_events_that_stay_away_end_a_capture_and_not_a_plan() -> None:
    def dims() -> Any:
        return Dims(ordinary("lv06", seed=2), 600.0)

    with pytest.raises(DeviceError, match="the hash rate has collapsed: 0 events came in"):
        taken(dims(), 3600.0)
    points = tuple(Point(n, 0, SETTINGS, Dwell(1200.0)) for n in range(2))
    capture = taken(dims(), points=points, anomalies_end=False)
    assert [point.state.value for point in capture.points()] == ["done", "done"]
    assert [line for line in capture.log() if "supervision: the hash rate has collapsed" in line.text]


class TellsItsClock(VirtualDevice):
    """As firmware does; from 20 s on somebody else has it at 300 MHz."""

    def __init__(self, *, is_taken_over: bool = False) -> None:
        super().__init__()
        self.is_taken_over = is_taken_over

    def read(self, until_ns: int) -> Batch:
        batch = super().read(until_ns)
        is_lower = self.is_taken_over and self.clock.t_ns > 20e9
        for name, channel in (("frequency_mhz", "frequency_set_mhz"), ("voltage_mv", "core_set_mv")):
            value = 300.0 if is_lower and name == "frequency_mhz" else self.settings[name]
            batch.readings.append(Reading(self.clock.t_ns, channel, value))
        return batch


class ComplainsOnce(VirtualDevice):
    """In what there is to read as its settings have just been made."""

    def read(self, until_ns: int) -> Batch:
        batch = super().read(until_ns)
        if not self.asked("begin_point"):
            batch.faults.append("the regulator says that it is too hot")
        return batch


def test_what_comes_while_settings_are_made_is_watched_too() -> None:
    with pytest.raises(Refused, match="stopped for safety: the regulator says that it is too hot"):
        taken(ComplainsOnce())


@pytest.mark.parametrize(
    "drive",
    [
        Drive("voltage_mv", np.tile([1200.0, 1230.0, 1170.0], 10), 1.0),
        Drive("duty", np.full(30, 0.5), 1.0, duty_setting="voltage_mv", low=1150.0, high=1250.0),
    ],
)
def test_an_input_is_nobody_else_who_changes_the_device(drive: Drive) -> None:
    """What it does not go through is watched as ever."""
    plan = CapturePlan(Path("x"), drive=drive)

    def session(device: VirtualDevice) -> MemoryCapture:
        supervision = supervisor_of(device, "virtual:", plan, Circumstances(None))
        return capture_in_memory(device, plan, around=Surroundings(supervision=supervision))

    applied = [r.value for r in session(TellsItsClock()).readings() if r.channel == "drive_applied"]
    assert len(applied) == 30 and not np.isnan(applied).any()
    with pytest.raises(Refused, match="something has changed frequency_mhz from 400 to 300"):
        session(TellsItsClock(is_taken_over=True))


@pytest.mark.parametrize(
    "hours",
    [1.0, pytest.param(6.0, marks=pytest.mark.long), pytest.param(24.0, marks=pytest.mark.soak)],
)
def test_a_twin_that_is_well_gives_no_alarm(hours: float) -> None:
    """Hours of the device's own time, with its heat, noise and batches: no anomaly, no stop."""
    capture = taken(ordinary("lv06", seed=3), hours * 3600)
    texts = [line.text for line in capture.log()]
    assert not [text for text in texts if "collapsed" in text or "burst" in text]
    assert len(capture.events()) > hours * 3600 * 0.35


def test_a_plan_and_a_station_file_come_together(tmp_path: Path) -> None:
    file = tmp_path / "station.toml"
    file.write_text(
        '[station]\nname = "s"\n[supervision]\nhash_rate_share_min = 0.7\nsensor_silent_s_max = 30\n'
        '[[device]]\nname = "t"\nurl_prefix = "twin:"\nfan_tachometer = false\n'
        "[device.supervision]\ninvalid_share_max = 0.1\n"
    )
    twin = ordinary("lv06", seed=1)
    circumstances = Circumstances(load_station(file))
    drive = Drive("difficulty", np.full(3, 256.0), 1.0)

    def supervisor(url: str, **plan: Any) -> Any:
        return supervisor_of(twin, url, CapturePlan(Path("x"), 1.0, **plan), circumstances)

    known = supervisor("twin:lv06", drive=drive, fan_target_c=60.0).as_json()
    assert known["thresholds"]["hash_rate_share_min"] == 0.7
    assert known["thresholds"]["sensor_silent_s_max"] == 30
    assert known["thresholds"]["invalid_share_max"] == 0.1
    assert known["rate_is_watched"] is False, "the input changes it"
    assert known["fan"]["target_c"] == 60
    other = supervisor("axeos://10.0.0.9", points=(Point(0, 0, SETTINGS, Dwell(1.0)),)).as_json()
    assert other["thresholds"]["invalid_share_max"] == 0.25 and other["anomalies_end"] is False
    file.write_text(file.read_text().replace("invalid_share_max = 0.1", "invalid_share_max = 0.5"))
    circumstances = Circumstances(load_station(file))
    with pytest.raises(UsageError, match=r"invalid_share_max = 0\.5 .*is wider than 0\.25"):
        supervisor("twin:lv06")
    with pytest.raises(UsageError, match="20 to 67 degC"):
        supervisor("axeos://10.0.0.9", fan_target_c=70.0)
