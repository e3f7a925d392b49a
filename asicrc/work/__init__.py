"""Work for devices that take jobs from us."""

from asicrc.work.chip_jobs import ChipJobs
from asicrc.work.job_source import JobSource, TakenJob

__all__ = ["ChipJobs", "JobSource", "TakenJob"]
