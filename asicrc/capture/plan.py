"""What to capture, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asicrc.capture.points import Dwell, Point
from asicrc.capture.verification import Counters
from asicrc.errors import ExitCode

FloatArray = NDArray[np.float64]

WORK_CHANNEL = "work"
DUTY_CHANNEL = "duty"
DRIVE_REQUESTED = "drive_requested"
DRIVE_APPLIED = "drive_applied"
DRIVE_END = "drive_end"

EVENT_COUNT_REACHED = "event count reached"
"""How a capture ends that was planned by its number of events."""


@dataclass(frozen=True, slots=True)
class Drive:
    """An input that goes step after step through the device.

    `channel` is `work` (the value is written into the job of the step), a setting that the device takes
    while it works (`difficulty`, `frequency_mhz`, `voltage_mv`), or `duty`: a share of each step, 0..1, at
    `high` of `duty_setting` and the rest of it at `low`. `values` are (T,), in the unit of the channel.
    A step lasts `step_s`; in handshake mode it ends with its first share or the handshake's time-out, and
    `step_s` counts for nothing.

    A capture keeps the readings `drive_requested` and `drive_applied` (NaN where the device does not say) at
    the start of each step, and `drive_end` (the number of steps) at the end of the last one.
    """

    channel: str
    values: FloatArray
    step_s: float
    duty_setting: str = ""
    low: float = float("nan")
    high: float = float("nan")

    @property
    def setting(self) -> str | None:
        """That it goes through; None for the work."""
        if self.channel == DUTY_CHANNEL:
            return self.duty_setting
        return None if self.channel == WORK_CHANNEL else self.channel


@dataclass(frozen=True, slots=True)
class CapturePlan:
    """What to capture. `requested` are settings by name; None leaves the driver's default.

    `job_interval_s` None is the device's own interval. `mode` is `stream` (jobs by a timer) or `handshake`
    (the next job when the one before was answered, or after `handshake_timeout_s`). With `replay_work` the
    jobs of that capture are sent again at their own intervals; `duration_s` None is then as long as they were
    worked on. `drive` is an input for the device, from the start of what is recorded on; with it
    `duration_s` None is as long as the input lasts. `points` are a sweep's, each with settings and length of
    its own, in the order in which they are taken; without `requested`, `duration_s` and `max_events` then.
    """

    output: Path = Path()
    duration_s: float | None = None
    requested: dict[str, float] = field(default_factory=dict)
    job_interval_s: float | None = None
    max_events: int | None = None
    seed: int = 1
    progress: str = "plain"
    replay_work: Path | None = None
    mode: str = "stream"
    handshake_timeout_s: float = 30.0
    drive: Drive | None = None
    fan_target_c: float | None = None
    """Temperature that the fan is to hold; None: it stays as it is set."""
    points: tuple[Point, ...] = ()

    @property
    def all_points(self) -> tuple[Point, ...]:
        """Of a plain capture the one that it is."""
        if self.points:
            return self.points
        return (Point(0, 0, self.requested, Dwell(self.duration_s, self.max_events)),)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a capture ended. The file is sealed whenever there is an outcome.

    `restored` says whether the device took its originals back, None where nothing was written to it;
    `not_restored` names the settings that are not known to be back.
    `lag_s` is the time from the last event's stamp to its commit, `worst_lag_s` the longest any waited;
    None where the stamps are not of now. `points_done` counts those that this session took to their end.
    """

    path: Path
    reason: str
    exit_code: ExitCode
    duration_s: float
    counters: Counters
    wire_counters: dict[str, int]
    restored: bool | None
    lag_s: float | None
    worst_lag_s: float | None
    not_restored: tuple[str, ...] = ()
    points_done: int = 0
