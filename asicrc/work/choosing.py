"""Which work a device is given."""

from __future__ import annotations

from asicrc.errors import UsageError
from asicrc.work.chip_jobs import ChipJobs
from asicrc.work.job_source import JobSource
from asicrc.work.pool_jobs import HandshakeJobs, PoolJobs
from asicrc.work.pool_work import PoolWork
from firmware_protocols.device import WorkForm

MODES = ("stream", "handshake")


def check_mode(form: WorkForm, mode: str) -> None:
    """Raises UsageError for a mode that there is not, or that the device has no use for."""
    if mode not in MODES:
        raise UsageError(f"there is no mode {mode!r}", f"the modes are: {', '.join(MODES)}")
    if mode == "handshake" and not form.coinbase:
        raise UsageError(
            "the handshake is for miners that take a pool's jobs: a chip on a direct line has its next job "
            "before it can be asked for",
            "leave out --mode",
        )


def jobs_for(
    form: WorkForm, *, mode: str, seed: int, ntime: int, interval_s: float, timeout_s: float
) -> JobSource:
    """New work in the form that the device takes. Raises UsageError as `check_mode` does."""
    check_mode(form, mode)
    if not form.coinbase:
        return ChipJobs(seed, ntime, interval_s)
    work = PoolWork(seed, form.algorithm)
    if mode == "handshake":
        return HandshakeJobs(work, ntime, timeout_s)
    return PoolJobs(work, ntime, interval_s)
