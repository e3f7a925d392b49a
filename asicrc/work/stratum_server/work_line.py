"""A job as one line of Stratum, made once: for each miner only its id is put in."""

from __future__ import annotations

from dataclasses import replace

from firmware_protocols.device import Job
from firmware_protocols.stratum_v1 import Notify, encode, notify_from_job

_PLACE = "00000000"


class WorkLine:
    """`number` counts the dispatches. Raises LocalProtocolError for a job that Stratum cannot say."""

    def __init__(self, number: int, job: Job, first_id: int, *, clean: bool) -> None:
        self.number = number
        self.clean = clean
        self._first_id = first_id
        self._notify = {way: notify_from_job(job, clean_jobs=way, job_id=_PLACE) for way in {clean, True}}
        self._lines = {way: encode(notify) for way, notify in self._notify.items()}

    def named(self, number: int, *, clean: bool) -> tuple[Notify, bytes]:
        """Under the id of job `number`: no other connection has it, nor had one of an earlier server."""
        job_id = f"{self._first_id + number & 0xFFFFFFFF:08x}"
        line = self._lines[clean].replace(f'"{_PLACE}"'.encode(), f'"{job_id}"'.encode(), 1)
        return replace(self._notify[clean], job_id=job_id), line
