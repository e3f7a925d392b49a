"""The supervisor of a capture: what its device, its plan and the station file ask for."""

from __future__ import annotations

from asicrc.bench.supervision import Supervisor, supervisor_for
from asicrc.capture.description import job_interval_s
from asicrc.capture.plan import CapturePlan
from asicrc.devices import Circumstances
from asicrc.work.recorded_jobs import RecordedJobs
from firmware_protocols.device import DeviceProtocol

SUPERVISION_KEY = "supervision"
"""Key of the table `capture`: thresholds in force, what is watched, and the fan's control."""


def supervisor_of(
    device: DeviceProtocol,
    url: str,
    plan: CapturePlan,
    circumstances: Circumstances,
    recorded: RecordedJobs | None = None,
) -> Supervisor | None:
    """None where there is nothing to supervise. Raises UsageError for a fan target that cannot be held, and
    for a threshold of the station file that widens."""
    limits = circumstances.limits(url)
    driven = None if plan.drive is None else plan.drive.setting
    return supervisor_for(
        device,
        narrowing=limits.supervision,
        bench_wide=limits.supervision_of_all,
        where=limits.where,
        fan_target_c=plan.fan_target_c,
        fan_start_percent=plan.requested.get("fan_percent"),
        fan_tells=limits.fan_has_tachometer,
        rate_is_steady=driven is None,
        anomalies_end=not plan.points,
        job_s=job_interval_s(device, plan) if recorded is None else recorded.mean_life_s,
        driven=driven,
    )
