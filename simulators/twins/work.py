"""The jobs of a twin: which one its chips work on."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from firmware_protocols.bitcoin import target_from_difficulty
from firmware_protocols.device import Job
from firmware_protocols.device.drive import drive_of
from firmware_protocols.lbry import target_from_stratum_difficulty
from simulators.models import Effects, Machine
from simulators.models.machines import DIFFICULTY_ONE
from simulators.twins.arrivals import FAR_NS

EXTRANONCE1 = bytes.fromhex("7717f00d")
LARGEST_DRIVE = 1e3
"""A number beyond it in a job's place for the drive is none that an input has."""


@dataclass(frozen=True, slots=True)
class HeldJob:
    """A job as it was sent. A share of it takes `hashes` on average; `difficulty` is as Bitcoin counts."""

    job: Job
    hashes: float
    difficulty: float


class WorkInHand:
    """Jobs by the moment from which the chips work on them. Times are ns of the twin's clock."""

    def __init__(self, machine: Machine, version_mask: int) -> None:
        self._algorithm = machine.algorithm
        self._version_mask = version_mask
        self._difficulty, self._target = 0.0, 0
        self._coming: deque[tuple[int, HeldJob]] = deque()
        self.current: HeldJob | None = None
        """What the chips work on."""
        self.newest: Job | None = None
        """What was sent last."""

    def send(self, job: Job, difficulty: float, now_ns: int, from_ns: int) -> Job:
        """Take a job that the chips turn to at `from_ns`; return it as sent.

        Until then they stay with the job before, or with none after a clean one.
        """
        if difficulty != self._difficulty:
            is_lbry = self._algorithm == "lbry"
            self._target = (target_from_stratum_difficulty if is_lbry else target_from_difficulty)(difficulty)
            self._difficulty = difficulty
        sent = replace(
            job,
            wire_id=f"{job.number:x}",
            target=self._target,
            extranonce1=EXTRANONCE1,
            version_mask=self._version_mask,
            sent_ns=now_ns,
        )
        hashes = difficulty * DIFFICULTY_ONE[self._algorithm]
        if job.clean:
            self._coming.clear()
            self.current = None
        while self._coming and self._coming[-1][0] >= from_ns:
            self._coming.pop()  # it would never be begun
        self._coming.append((from_ns, HeldJob(sent, hashes, hashes / DIFFICULTY_ONE["sha256d"])))
        self.newest = sent
        return sent

    @property
    def changes_ns(self) -> int:
        """When the chips turn to the next job; far away without one."""
        return self._coming[0][0] if self._coming else FAR_NS

    def change(self) -> HeldJob:
        """They turn to it."""
        self.current = self._coming.popleft()[1]
        return self.current


class DriveMemory:
    """What a planted memory keeps of the inputs in the work; nothing else of a job reaches the rate."""

    def __init__(self, effects: Effects) -> None:
        self._effects = effects
        self._drive: float | None = None
        self.value = effects.memory_centre

    def begin_step(self, job: Job) -> None:
        """The chips turn to the job of another step."""
        if not self._effects.has_memory:
            return
        drive = drive_of(job)
        self._drive = None if drive is None or abs(drive) > LARGEST_DRIVE else drive
        if self._drive is not None and not self._effects.memory_in_s:
            self.value = self._effects.remember(self.value, self._drive, 1.0)

    def pass_time(self, dt_s: float) -> None:
        if self._effects.memory_in_s and self._effects.has_memory and self._drive is not None:
            self.value = self._effects.remember(self.value, self._drive, dt_s)

    @property
    def rate_factor(self) -> float:
        return self._effects.rate_factor(self.value)
