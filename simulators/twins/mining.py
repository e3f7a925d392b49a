"""How a twin mines: what stands between its settings and the events that a read brings."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from firmware_protocols.device import Job, NonceBatch, WorkForm
from simulators.twins.confounds import Confounds
from simulators.twins.randomness import Streams


class Mining(Protocol):
    """Times are ns of the twin's clock. The device steps the physics, and then has it looked at."""

    @property
    def work_form(self) -> WorkForm: ...

    @property
    def newest(self) -> Job | None:
        """The job that was sent last."""

    def begin(self, streams: Streams, now_ns: int) -> None:
        """Forget all work and what was found of it, and draw anew."""

    def send(self, job: Job, now_ns: int) -> Job:
        """Take a job; return it as sent."""

    @property
    def changes_ns(self) -> int:
        """When the chips turn to the next job; far away without one."""

    def turn_to_next_job(self, now_ns: int) -> None: ...

    def look(self, now_ns: int, since_s: float) -> None:
        """The physics or the settings may have changed; `since_s` went by since the look before."""

    def next_event_ns(self, now_ns: int) -> int:
        """By when something may arrive or be found, if nothing changes."""

    @property
    def next_arrival_ns(self) -> int:
        """Of what has been found."""

    def has_on_the_way(self, count: int) -> bool:
        """Whether so many events have been found and not been taken."""

    def pass_time(self, start_ns: int, end_ns: int) -> None:
        """Mine, up to `end_ns`, as things stood at the last look."""

    def take(self, now_ns: int, *, one_by_one: bool) -> NonceBatch:
        """What has arrived, but for `seq`, `n_in_read` and `t_sent_ns`."""


class PickUp:
    """From a job's dispatch until the chips work on it: normal, cut off at 0."""

    def __init__(self, confounds: Confounds, streams: Streams) -> None:
        self._mean_s, self._spread_s = confounds.pick_up_s, confounds.pick_up_spread_s
        self._generator: np.random.Generator = streams.generator("pick_up")

    def next_ns(self) -> int:
        """Of the next job."""
        if not self._spread_s:
            return round(self._mean_s * 1e9)
        return round(max(0.0, self._mean_s + self._spread_s * self._generator.standard_normal()) * 1e9)
