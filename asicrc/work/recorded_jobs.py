"""The jobs of a capture once more, in their order and at their intervals.

The same work at the same scan settings makes a chip find the same nonces at the same times after load, so
that two such captures differ in nothing but what the chip, the line and the host did. The file may be
somebody else's: what it says is checked before anything is sent.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from asicrc.capture.digest import content_digest
from asicrc.capture.opening import reading
from asicrc.capture.reader import Capture
from asicrc.capture.schema import DIGEST_KEY
from asicrc.errors import BadFile, UsageError
from asicrc.work.job_source import TakenJob
from firmware_protocols.device import NO_TIME, DeviceIdentity, Job, NonceBatch, Reading

SCAN_SPACE = ("cores", "subcores", "zero_bits", "time_scale")
"""Details of an identity that decide which nonces there are to be found, and when."""
RECORDED_SETTINGS = ("frequency_mhz", "difficulty", "hash_counting_number", "voltage_mv")
LARGEST_SETTING = float(1 << 32)
MOST_JOBS = 500_000
"""Kept in memory, about 250 MB: reading them from the file meanwhile would hold up the sending."""
LONGEST_NS = 366 * 86_400 * 1_000_000_000
_ALTERED = "the file is damaged or was altered: get it again from where it was written"


class RecordedJobs:
    """The work of a sealed capture; implements `JobSource`.

    Raises UsageError for a capture whose work cannot be sent again, with the reason, and BadFile for one that
    contradicts itself. Jobs keep their numbers as long as none is missed.
    """

    def __init__(self, capture: Capture) -> None:
        if not capture.sealed:
            raise UsageError(
                f"{capture.path} is not sealed: it is being written, or its session was killed",
                f"wait until it has ended, or `asicrc restore {capture.path}`",
            )
        if len(capture.points()) > 1:
            raise UsageError(
                f"{capture.path} is a sweep: its work belongs to several settings",
                "replay the work of a capture that `asicrc capture` wrote",
            )
        identity = capture.identity
        if identity is None:
            raise UsageError(
                f"{capture.path} does not say which device its work was for",
                "give a capture that `asicrc capture` wrote",
            )
        self.identity: DeviceIdentity = identity
        self.settings = _recorded_settings(capture)
        """By name, as the device confirmed them; the voltage as it was asked for."""
        self._jobs = _sendable(capture)
        self._end_ns = _end_ns(capture, self._jobs[-1])
        self._next = 0
        self._shift_ns = 0
        self.replay_of = {
            "name": capture.path.name,
            "digest": _confirmed_digest(capture),
            "jobs": len(self._jobs),
        }
        """What a capture of this work says about where the work is from."""

    @property
    def duration_s(self) -> float:
        """From the first job to the end of the last one's life."""
        return (self._end_ns - self._jobs[0].sent_ns) / 1e9

    @property
    def mean_life_s(self) -> float:
        return self.duration_s / len(self._jobs)

    def begin(self, now_ns: int) -> None:
        self._shift_ns = now_ns - self._jobs[0].sent_ns

    @property
    def due_ns(self) -> int | None:
        return self._due_ns(self._next) if self._next < len(self._jobs) else None

    @property
    def ends_ns(self) -> int | None:
        return self._end_ns + self._shift_ns

    def take(self, now_ns: int) -> TakenJob:
        first = self._next
        while self._next + 1 < len(self._jobs) and self._due_ns(self._next + 1) <= now_ns:
            self._next += 1
        taken = TakenJob(self._jobs[self._next], self._next - first)
        self._next += 1
        return taken

    def sent(self, jobs: list[Job]) -> list[Reading]:
        return []

    def arrived(self, events: NonceBatch) -> list[Reading]:
        return []

    def check_device(self, identity: DeviceIdentity) -> None:
        """Raises UsageError unless the device searches the same space as the one of the capture."""
        recorded = self.identity
        there = (recorded.family, recorded.model, recorded.chips)
        if there != (identity.family, identity.model, identity.chips):
            raise UsageError(
                f"the work was recorded from {recorded.chips} x {recorded.model}, "
                f"but {identity.chips} x {identity.model} answer here",
                "replay it on the same kind of device: another one finds other nonces at other times",
            )
        for name in SCAN_SPACE:
            ours, theirs = identity.details.get(name), recorded.details.get(name)
            if ours != theirs:
                raise UsageError(
                    f"the work was recorded with {name} = {theirs}, this device has {ours}",
                    "replay it on a device that searches the same space, at the same scale",
                )

    def _due_ns(self, index: int) -> int:
        return self._jobs[index].sent_ns + self._shift_ns


def _sendable(capture: Capture) -> list[Job]:
    """The jobs in the order of sending. Raises UsageError for one that cannot be sent as it was."""
    jobs: list[Job] = []
    for job in capture.iter_jobs():
        if job.damaged:
            fault = "its frame was damaged on the way, so its header is not known"
        elif job.merkle_root is None:
            fault = "it has no merkle root: it was a network miner's work, which a chip cannot be given"
        elif job.sent_ns == NO_TIME:
            fault = "it does not say when it was sent"
        else:
            # Targets and the wire id are the driver's; `sent_ns` stays for the schedule.
            jobs.append(replace(job, wire_id="", chip_target=None))
            if len(jobs) > MOST_JOBS:
                raise UsageError(
                    f"{capture.path} holds more than {MOST_JOBS} jobs, which a replay keeps in memory",
                    "replay a shorter capture",
                )
            continue
        raise UsageError(
            f"job {job.number} of {capture.path} cannot be sent again: {fault}",
            "give a capture of a direct line in which every job arrived whole",
        )
    if not jobs:
        raise UsageError(f"{capture.path} holds no jobs to send again", "give a capture that was given work")
    backwards = next((after for before, after in pairwise(jobs) if after.sent_ns < before.sent_ns), None)
    if backwards is not None:
        raise BadFile(f"{capture.path}: job {backwards.number} was sent before the one before it", _ALTERED)
    if jobs[-1].sent_ns - jobs[0].sent_ns > LONGEST_NS:
        raise BadFile(f"{capture.path}: more than a year lies between its first job and its last", _ALTERED)
    return jobs


def _end_ns(capture: Capture, last: Job) -> int:
    end_ns = capture.number("pulled", "end_ns")
    if end_ns is None:
        raise UsageError(
            f"{capture.path} does not say how long its last job was worked on: its session was killed",
            "give a capture that ended by itself or by Ctrl-C",
        )
    if not 0 < end_ns - last.sent_ns <= LONGEST_NS:
        raise BadFile(f"{capture.path}: it ended before its last job was sent, as it is stated", _ALTERED)
    return int(end_ns)


def _recorded_settings(capture: Capture) -> dict[str, float]:
    found: dict[str, float] = {}
    for setting in capture.settings():
        value = setting.requested if setting.name == "voltage_mv" else setting.read_back
        if setting.kind == "set" and setting.name in RECORDED_SETTINGS and value is not None:
            if not 0 <= value <= LARGEST_SETTING:
                raise BadFile(f"{capture.path}: no device is set to {setting.name} = {value:g}", _ALTERED)
            found[setting.name] = value
    return found


def _confirmed_digest(capture: Capture) -> str:
    with reading(capture.path) as (connection, budget):
        digest = content_digest(connection, budget.spend)
    if digest != capture.meta.get(DIGEST_KEY):
        raise BadFile(f"{capture.path} was changed after it was sealed: its digest does not fit", _ALTERED)
    return digest
