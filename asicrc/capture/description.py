"""What a capture says of itself: versions, device, plan."""

from __future__ import annotations

import platform
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from asicrc import __version__
from asicrc.capture.plan import CapturePlan, Drive
from asicrc.work.recorded_jobs import RecordedJobs
from firmware_protocols.device import DeviceProtocol


def describe(
    device: DeviceProtocol, device_url: str, plan: CapturePlan, recorded: RecordedJobs | None
) -> dict[str, Any]:
    """What the table `capture` says of how the capture came about."""
    described = {
        "asicrc_version": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "device_url": device_url,
        "identity": asdict(device.identity),
        "plan": {
            "duration_s": plan.duration_s,
            "requested": plan.requested,
            "job_interval_s": job_interval_s(device, plan) if recorded is None else None,
            "max_events": plan.max_events,
            "mode": plan.mode if recorded is None else "replay",
            "handshake_timeout_s": plan.handshake_timeout_s if plan.mode == "handshake" else None,
            "points": len(plan.points) or None,
            "drive": None if plan.drive is None else _drive(plan.drive),
        },
        "seed": plan.seed,
        "clock": device.stamps,
        **device.limits,
    }
    return described if recorded is None else described | {"replay_of": recorded.replay_of}


def _drive(drive: Drive) -> dict[str, Any]:
    """Its values stand in the readings."""
    described: dict[str, Any] = {
        "channel": drive.channel,
        "steps": len(drive.values),
        "step_s": drive.step_s,
    }
    if drive.duty_setting:
        described |= {"duty_setting": drive.duty_setting, "low": drive.low, "high": drive.high}
    return described


def job_interval_s(device: DeviceProtocol, plan: CapturePlan) -> float:
    """The device's own, unless the plan says otherwise."""
    return device.job_interval_s if plan.job_interval_s is None else plan.job_interval_s
