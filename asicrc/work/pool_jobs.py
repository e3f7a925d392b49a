"""When a pool's jobs go out: by a timer, or one at a time, the next when the one before was answered."""

from __future__ import annotations

from asicrc.work.job_source import TakenJob
from asicrc.work.pick_up import PickUpTimes
from asicrc.work.pool_work import PoolWork
from firmware_protocols.device import Job, NonceBatch, Reading


class PoolJobs:
    """`stream`: one every `interval_s`, beside those that are out; implements `JobSource`.

    None is clean: old firmware drops whatever is in flight then (QUIRKS.md of the protocol). ntime goes on
    with the monotonic clock, so that a wall clock that is set does not reach the jobs.
    """

    ends_ns = None

    def __init__(self, work: PoolWork, ntime: int, interval_s: float) -> None:
        self._work = work
        self._ntime = ntime
        self._interval_ns = round(interval_s * 1e9)
        self._begun_ns = 0
        self._times = PickUpTimes()
        self.due_ns = 0

    def begin(self, now_ns: int) -> None:
        self._begun_ns = self.due_ns = now_ns

    def take(self, now_ns: int) -> TakenJob:
        missed = max(0, (now_ns - self.due_ns) // self._interval_ns)
        self.due_ns += (missed + 1) * self._interval_ns
        ntime = self._ntime + (now_ns - self._begun_ns) // 1_000_000_000
        return TakenJob(self._work.next_job(ntime, clean=False), missed)

    def sent(self, jobs: list[Job]) -> list[Reading]:
        self._times.sent(jobs)
        return []

    def arrived(self, events: NonceBatch) -> list[Reading]:
        return self._times.arrived(events)


class HandshakeJobs:
    """`handshake`: one unique job out, wait for a share of it or `timeout_s`, then the next.

    Each is clean: a share is of the newest job or stale. Where several miners are connected the first share
    of any of them ends the turn. Implements `JobSource`.

    Readings beside those of `PickUpTimes`: `handshake_dead_time_s` from a share's arrival to the dispatch
    that answers it, `handshake_timed_out_s` for each turn that had no share.
    """

    ends_ns = None

    def __init__(self, work: PoolWork, ntime: int, timeout_s: float) -> None:
        self._work = work
        self._ntime = ntime
        self._timeout_ns = round(timeout_s * 1e9)
        self._begun_ns = 0
        self._out: set[int] = set()
        """Numbers of the jobs of this turn, one for each miner."""
        self._share_ns: int | None = None
        """When the turn before was answered, until the dispatch after it."""
        self._timed_out = False
        self._times = PickUpTimes()
        self.due_ns = 0

    def begin(self, now_ns: int) -> None:
        self._begun_ns = self.due_ns = now_ns

    def take(self, now_ns: int) -> TakenJob:
        self._timed_out = bool(self._out)
        self._out.clear()
        self.due_ns = now_ns + self._timeout_ns
        ntime = self._ntime + (now_ns - self._begun_ns) // 1_000_000_000
        return TakenJob(self._work.next_job(ntime, clean=True), 0)

    def sent(self, jobs: list[Job]) -> list[Reading]:
        """Of a turn; what the server sends to a miner that comes in the middle of one belongs to it too."""
        self._times.sent(jobs)
        readings: list[Reading] = []
        self._out.update(job.number for job in jobs)
        if jobs:
            sent_ns = jobs[0].sent_ns
            if self._share_ns is not None:
                seconds = (sent_ns - self._share_ns) / 1e9
                readings.append(Reading(sent_ns, "handshake_dead_time_s", seconds))
            elif self._timed_out:
                readings.append(Reading(sent_ns, "handshake_timed_out_s", self._timeout_ns / 1e9))
            self._share_ns, self._timed_out = None, False
        return readings

    def arrived(self, events: NonceBatch) -> list[Reading]:
        readings = self._times.arrived(events)
        for number, t_ns in zip(events["job"].tolist(), events["t_ns"].tolist(), strict=True):
            if number in self._out:
                self._out.clear()
                self._share_ns = t_ns
                self.due_ns = 0  # at once
                break
        return readings
