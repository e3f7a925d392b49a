"""An input goes through a device step after step: in the work, by a setting, as a duty."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from virtual_device import VirtualDevice

from asicrc.capture.memory import MemoryCapture, capture_in_memory
from asicrc.capture.plan import CapturePlan, Drive
from asicrc.errors import UsageError
from firmware_protocols.device import Capability, Setting, SettingRefused
from firmware_protocols.device.drive import drive_of

STEPS = np.array([0.25, 0.5, 0.125, 0.75])


def driven(device: VirtualDevice, drive: Drive, **plan: Any) -> MemoryCapture:
    return capture_in_memory(device, CapturePlan(drive=drive, **plan))


def said(capture: MemoryCapture, channel: str) -> list[tuple[float, float]]:
    return [(r.t_ns / 1e9, r.value) for r in capture.readings() if r.channel == channel]


def test_by_work_each_step_is_a_job_with_its_value_in_it() -> None:
    device = VirtualDevice(10)
    capture = driven(device, Drive("work", STEPS, step_s=2.0))
    assert [drive_of(job) for job in device.jobs] == STEPS.tolist()
    assert [job.sent_ns / 1e9 for job in device.jobs] == [0, 2, 4, 6]
    assert len({job.coinbase2 for job in device.jobs} | {job.coinbase1 for job in device.jobs}) > 1
    times = [0.0, 2.0, 4.0, 6.0]
    assert said(capture, "drive_requested") == list(zip(times, STEPS, strict=True))
    assert said(capture, "drive_applied") == list(zip(times, STEPS, strict=True))
    assert said(capture, "drive_end") == [(8.0, 4.0)]
    [point] = capture.points()
    assert (point.t_end_ns, point.plan["reached"]) == (8 * 10**9, "the input ended")


def test_work_is_renewed_within_a_step_as_often_as_the_device_needs_it() -> None:
    device = VirtualDevice(10)
    driven(device, Drive("work", STEPS[:2], step_s=2.0), job_interval_s=0.75)
    assert [(job.sent_ns / 1e9, drive_of(job)) for job in device.jobs] == [
        (0.0, 0.25), (0.75, 0.25), (1.5, 0.25), (2.0, 0.5), (2.75, 0.5), (3.5, 0.5),
    ]  # fmt: skip


def test_by_work_in_a_handshake_a_step_ends_with_its_share() -> None:
    device = VirtualDevice(0.5)
    capture = driven(device, Drive("work", STEPS, step_s=1.0), mode="handshake")
    assert [(job.sent_ns / 1e9, drive_of(job)) for job in device.jobs] == list(
        zip([0.0, 2.0, 4.0, 6.0], STEPS, strict=True)
    )
    assert said(capture, "drive_end") == [(8.0, 4.0)]
    assert [value for _, value in said(capture, "handshake_dead_time_s")] == [0.0] * 3


def test_in_a_handshake_without_shares_the_time_out_ends_a_step() -> None:
    device = VirtualDevice(0.01)
    capture = driven(device, Drive("work", STEPS[:3], step_s=1.0), mode="handshake", handshake_timeout_s=5.0)
    assert said(capture, "drive_requested") == [(0.0, 0.25), (5.0, 0.5), (10.0, 0.125)]
    assert said(capture, "drive_end") == [(15.0, 3.0)]


@pytest.mark.parametrize("mode", ["stream", "handshake"])
def test_by_a_setting_each_step_is_configured_with_what_else_is_set(mode: str) -> None:
    device = VirtualDevice(0.5)
    values = np.array([300.0, 350.0, 325.0])
    capture = driven(
        device, Drive("frequency_mhz", values, step_s=2.0), requested={"voltage_mv": 1100.0}, mode=mode
    )
    assert device.asked("configure") == [
        {"voltage_mv": 1100.0},
        *({"voltage_mv": 1100.0, "frequency_mhz": mhz} for mhz in values),
    ]
    assert said(capture, "drive_applied") == list(zip([0.0, 2.0, 4.0], values, strict=True))
    assert said(capture, "drive_end") == [(6.0, 3.0)]


def test_what_the_device_does_not_say_is_not_a_number() -> None:
    class Silent(VirtualDevice):
        def configure(self, requested: dict[str, float]) -> list[Setting]:
            super().configure(requested)
            return [Setting(self.clock.t_ns, name, value, None) for name, value in requested.items()]

    capture = driven(Silent(), Drive("difficulty", STEPS, step_s=1.0))
    assert all(math.isnan(value) for _, value in said(capture, "drive_applied"))
    assert [value for _, value in said(capture, "drive_requested")] == STEPS.tolist()


def test_a_duty_is_high_for_its_share_of_each_step() -> None:
    device = VirtualDevice(10)
    drive = Drive("duty", np.array([0.25, 1.0, 0.0]), 4.0, "frequency_mhz", low=100.0, high=500.0)
    times: list[tuple[float, float]] = []
    configure = device.configure
    device.configure = lambda requested: (
        (  # type: ignore[method-assign]
            times.append((device.clock.t_ns / 1e9, requested["frequency_mhz"])) if requested else None
        )
        or configure(requested)
    )
    capture = driven(device, drive)
    assert times == [(0.0, 500.0), (1.0, 100.0), (4.0, 500.0), (8.0, 100.0)]
    assert said(capture, "drive_applied") == [(0.0, 0.25), (4.0, 1.0), (8.0, 0.0)]
    assert said(capture, "drive_end") == [(12.0, 3.0)]


def test_steps_that_went_by_unheeded_are_missed_and_said() -> None:
    class Slow(VirtualDevice):
        def configure(self, requested: dict[str, float]) -> list[Setting]:
            if requested.get("frequency_mhz") == 301.0:
                self.clock.t_ns += 3_500_000_000  # a driver that ramps
            return super().configure(requested)

    values = 300.0 + np.arange(6)
    capture = driven(Slow(), Drive("frequency_mhz", values, step_s=1.0))
    assert said(capture, "drive_requested") == [(0, 300), (1, 301), (2, 302), (3, 303), (4.5, 304), (5, 305)]
    applied = [value for _, value in said(capture, "drive_applied")]
    np.testing.assert_array_equal(applied, [300, 301, np.nan, np.nan, 304, 305])
    assert [line.text for line in capture.log()] == [
        "2 steps of the input were missed: this machine stood still"
    ]


@pytest.mark.parametrize(
    ("drive", "error", "words"),
    [
        (Drive("frequency_mhz", np.array([300.0, 600.0]), 1.0), SettingRefused, "600 is outside 50 to 575"),
        (Drive("voltage_mv", np.array([900.0, 1100.0]), 1.0), SettingRefused, "900 is outside 1000 to 1300"),
        (Drive("duty", STEPS, 1.0, "voltage_mv", low=800.0, high=1200.0), SettingRefused, "800 is outside"),
        (Drive("duty", STEPS * 2, 1.0, "voltage_mv", low=1000.0, high=1200.0), UsageError, "0 to 1"),
        (Drive("duty", STEPS, 1.0), UsageError, "takes no setting without a name"),
        (Drive("fan_percent", STEPS, 1.0), UsageError, "takes no fan_percent while it works"),
        (Drive("work", np.array([0.1, np.nan]), 1.0), UsageError, "finite numbers"),
        (Drive("work", np.empty(0), 1.0), UsageError, "finite numbers"),
        (Drive("work", np.zeros((2, 2)), 1.0), UsageError, "finite numbers"),
        (Drive("work", STEPS, 0.0), UsageError, "step of 0 s"),
    ],
)
def test_an_input_that_cannot_be_is_refused_before_anything_is_written(
    drive: Drive, error: type[Exception], words: str
) -> None:
    device = VirtualDevice()
    with pytest.raises(error, match=words):
        driven(device, drive)
    assert {name for name, _ in device.calls} <= {"check"}


def test_a_setting_that_restarts_the_device_drives_nothing() -> None:
    class Restarts(VirtualDevice):
        @property
        def capabilities(self) -> dict[str, Capability]:
            return super().capabilities | {"voltage_mv": Capability.RESTART}

    with pytest.raises(UsageError, match="takes no voltage_mv while it works"):
        driven(Restarts(), Drive("voltage_mv", np.array([1100.0]), 1.0))


def test_a_capture_with_an_input_may_end_before_it() -> None:
    capture = driven(VirtualDevice(10), Drive("work", STEPS, step_s=2.0), duration_s=5.0)
    assert len(said(capture, "drive_requested")) == 3
    assert said(capture, "drive_end") == []
    [point] = capture.points()
    assert point.plan["reached"] == "duration reached"
    assert capture.meta["plan"]["drive"] == {"channel": "work", "steps": 4, "step_s": 2.0}
