"""An input on its way through a device: value k at step k, by the work or by a setting.

In `stream` mode the steps follow the clock; one that went by while this machine stood still is recorded as
not applied. In `handshake` mode a step begins with each job, that is when a share of the one before has come
or its time is over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from asicrc.capture.plan import (
    DRIVE_APPLIED,
    DRIVE_END,
    DRIVE_REQUESTED,
    DUTY_CHANNEL,
    WORK_CHANNEL,
    Drive,
)
from asicrc.capture.recorder import Recorder
from asicrc.capture.step_jobs import StepJobs
from asicrc.errors import UsageError
from asicrc.work.job_source import JobSource
from firmware_protocols.device import (
    Batch,
    Capability,
    DeviceProtocol,
    Job,
    Reading,
)
from firmware_protocols.device.drive import drive_of

MOST_STEPS = 10_000_000


def check_drive(drive: Drive, device: DeviceProtocol, requested: Mapping[str, float], mode: str) -> None:
    """Raises UsageError for an input that cannot be, SettingRefused where a value of it is beyond a limit."""
    values = drive.values
    if values.ndim != 1 or not 0 < len(values) <= MOST_STEPS or not np.isfinite(values).all():
        raise UsageError(
            f"an input is a row of 1 to {MOST_STEPS} finite numbers, not {values.shape}",
            "one number for each step",
        )
    if not 0 < drive.step_s < 86_400:
        raise UsageError(f"a step of {drive.step_s:g} s is none", "give one above 0")
    if drive.channel == WORK_CHANNEL:
        if device.capabilities.get("work", Capability.NONE) is Capability.NONE:
            raise UsageError(f"{device.identity.url} takes no work", "drive it by a setting that it has")
        return
    name = drive.setting or ""
    if device.capabilities.get(name) is not Capability.LIVE:
        live = [key for key, how in device.capabilities.items() if how is Capability.LIVE]
        raise UsageError(
            f"{device.identity.url} takes no {name or 'setting without a name'} while it works",
            f"it takes: {', '.join(live) or 'nothing'}",
        )
    ends = [float(values.min()), float(values.max())]
    if drive.channel == DUTY_CHANNEL:
        if mode == "handshake":
            raise UsageError("a share of a step needs steps of one length", "use the stream mode with a duty")
        if ends[0] < 0 or ends[1] > 1:
            raise UsageError(f"a duty is a share, 0 to 1, not {ends[0]:g} to {ends[1]:g}")
        ends = [drive.low, drive.high]
    for value in ends:
        device.check({**requested, name: value})


class DriveRun:
    """One input, once. Make it for a point; `begin` when its recording does."""

    def __init__(
        self,
        drive: Drive,
        device: DeviceProtocol,
        recorder: Recorder,
        requested: Mapping[str, float],
        mode: str,
    ) -> None:
        self._drive = drive
        self._values: list[float] = drive.values.tolist()
        self._device = device
        self._recorder = recorder
        self._requested = dict(requested)
        self._is_handshake = mode == "handshake"
        self._by_work = drive.channel == WORK_CHANNEL
        self._step_ns = round(drive.step_s * 1e9)
        self._start_ns = 0
        self._next = 0
        """The step that has not begun."""
        self._ended = False
        self._jobs: StepJobs | None = None
        self._duty: _DutyStep | None = None

    def jobs(self, jobs: JobSource) -> JobSource:
        """The work of the point with the input in it, where the input has to do with the work."""
        if not (self._by_work or self._is_handshake):
            return jobs
        self._jobs = StepJobs(jobs, self)
        return self._jobs

    def begin(self, now_ns: int) -> None:
        """Step 0 is due now."""
        self._start_ns = now_ns
        if self._jobs is not None:
            self._jobs.follow(now_ns)

    @property
    def value(self) -> float:
        """Of the step that runs."""
        return self._values[max(0, self._next - 1)]

    @property
    def by_work(self) -> bool:
        return self._by_work

    @property
    def is_handshake(self) -> bool:
        return self._is_handshake

    @property
    def has_steps_left(self) -> bool:
        return self._next < len(self._values)

    @property
    def due_ns(self) -> int | None:
        """When `act` or the work has something to do next; None where a share decides."""
        if self._is_handshake:
            return None
        next_ns = self._start_ns + self._next * self._step_ns
        if self._duty is not None and self._duty.switch_ns is not None:
            return min(next_ns, self._duty.switch_ns)
        return next_ns

    def act(self, now_ns: int) -> None:
        """Make the settings that are due. What goes with the work is done as it is sent."""
        if self._is_handshake or self._by_work:
            return
        if self._duty is not None and self._duty.switch_ns is not None and now_ns >= self._duty.switch_ns:
            self._switch_off(self._duty)
        if self.has_steps_left and now_ns >= self._start_ns + self._next * self._step_ns:
            self.begin_step(now_ns)

    def begin_step(self, now_ns: int) -> None:
        """The next step begins; in stream mode those before it that are over already are missed."""
        if not self._is_handshake:
            self._leave_out_missed(now_ns)
        value = self._values[self._next]
        self._next += 1
        if self._by_work:
            return  # `sent` says what became of it
        if self._drive.channel == DUTY_CHANNEL:
            self._begin_duty(now_ns, value)
        else:
            self._keep(now_ns, value, self._set(self._drive.channel, value))

    def sent(self, now_ns: int, jobs: list[Job]) -> None:
        """The work of the step that has begun went out, to nobody where `jobs` is empty."""
        applied = drive_of(jobs[0]) if jobs else None
        self._keep(now_ns, self.value, applied)

    def is_over(self, now_ns: int) -> bool:
        if self._ended:
            return True
        if self.has_steps_left:
            return False
        if self._is_handshake:
            over = self._jobs is not None and self._jobs.is_answered(now_ns)
            end_ns = now_ns
        else:
            end_ns = self._start_ns + len(self._values) * self._step_ns
            over = now_ns >= end_ns
        if over:
            self._ended = True
            self._finish_duty()
            end = Reading(end_ns, DRIVE_END, float(len(self._values)))
            self._recorder.store(Batch(readings=[end]))
        return over

    def _leave_out_missed(self, now_ns: int) -> None:
        missed = 0
        while self._next + 1 < len(self._values):
            begins_ns = self._start_ns + self._next * self._step_ns
            if now_ns < begins_ns + self._step_ns:
                break
            self._keep(begins_ns, self._values[self._next], None)
            self._next += 1
            missed += 1
        if missed:
            self._recorder.log(
                f"{missed} steps of the input were missed: this machine stood still", "warning"
            )

    def _begin_duty(self, now_ns: int, share: float) -> None:
        self._finish_duty()
        name = self._drive.duty_setting
        is_high = share > 0
        asked = self._drive.high if is_high else self._drive.low
        came_true = self._set(name, asked) is not None
        begun_ns = self._device.clock.now_ns()
        switch_ns = now_ns + round(share * self._step_ns) if 0 < share < 1 else None
        self._duty = _DutyStep(now_ns, share, begun_ns if is_high else None, switch_ns, came_true)

    def _switch_off(self, step: _DutyStep) -> None:
        step.came_true &= self._set(self._drive.duty_setting, self._drive.low) is not None
        step.off_ns = self._device.clock.now_ns()
        step.switch_ns = None

    def _finish_duty(self) -> None:
        """Keep what a step came to: only at its end is its share known."""
        step, self._duty = self._duty, None
        if step is None:
            return
        applied = step.share
        if step.on_ns is not None and step.off_ns is not None:
            applied = (step.off_ns - step.on_ns) / self._step_ns
        self._keep(step.begun_ns, step.share, applied if step.came_true else None)

    def _set(self, name: str, value: float) -> float | None:
        """What the device says that it is now set to. Not among the settings: each step is a reading."""
        settings = self._device.configure({**self._requested, name: value})
        return next((setting.read_back for setting in settings if setting.name == name), None)

    def _keep(self, t_ns: int, requested: float, applied: float | None) -> None:
        self._recorder.store(
            Batch(
                readings=[
                    Reading(t_ns, DRIVE_REQUESTED, requested),
                    Reading(t_ns, DRIVE_APPLIED, math.nan if applied is None else applied),
                ]
            )
        )


class _DutyStep:
    __slots__ = ("begun_ns", "came_true", "off_ns", "on_ns", "share", "switch_ns")

    def __init__(
        self, begun_ns: int, share: float, on_ns: int | None, switch_ns: int | None, came_true: bool
    ) -> None:
        self.begun_ns, self.share, self.on_ns, self.switch_ns = begun_ns, share, on_ns, switch_ns
        self.off_ns: int | None = None
        self.came_true = came_true
