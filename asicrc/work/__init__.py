"""Work for devices that take jobs from us."""

from asicrc.work.chip_jobs import ChipJobs

__all__ = ["ChipJobs"]
