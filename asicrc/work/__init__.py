"""Work for devices that take jobs from us."""

from asicrc.work.chip_jobs import ChipJobs
from asicrc.work.choosing import MODES, jobs_for
from asicrc.work.job_source import JobSource, TakenJob
from asicrc.work.pool_jobs import HandshakeJobs, PoolJobs
from asicrc.work.pool_work import PoolWork

__all__ = [
    "MODES",
    "ChipJobs",
    "HandshakeJobs",
    "JobSource",
    "PoolJobs",
    "PoolWork",
    "TakenJob",
    "jobs_for",
]
