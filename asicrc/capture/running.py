"""A capture from a device URL, with its processes and signals: what the command and scripts call."""

from __future__ import annotations

from asicrc.capture.session import CapturePlan, Outcome, StopRequest, run_capture
from asicrc.capture.storage_link import StorageLink
from asicrc.devices import open_device
from asicrc.errors import UsageError

SHORTEST_JOB_INTERVAL_S = 0.01
"""A chip names 16 jobs; below 10 ms an answer may come when its id already names another one."""


def capture_to_file(url: str, plan: CapturePlan) -> Outcome:
    """Open the device, capture, restore, seal. Must run in the main thread: it handles signals.

    Raises UsageError before anything is opened for a plan that cannot be; then as `run_capture`, and
    DeviceError.
    """
    if not plan.output.name:
        raise UsageError("the capture needs a file name", "--output FILE")
    if plan.output.exists():
        raise UsageError(f"{plan.output} exists already", "choose another --output, or move it away first")
    if not plan.output.parent.is_dir():
        raise UsageError(f"there is no folder {plan.output.parent}", "make it, or choose another --output")
    if plan.job_interval_s < SHORTEST_JOB_INTERVAL_S:
        raise UsageError(
            f"a job every {plan.job_interval_s:g} s is too often to tell whose answers come",
            f"--job-interval {SHORTEST_JOB_INTERVAL_S:g}s or more",
        )
    # The storage process takes its time to start, and does so while the device is opened.
    with StopRequest().on_signals() as stop, StorageLink() as storage, open_device(url) as device:
        return run_capture(device, url, plan, stop, storage)
