"""What a capture would do, without doing it: nothing is written to the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asicrc.bench.plan import MachineTable
from asicrc.bench.plan_rates import hash_rates
from asicrc.capture.plan import CapturePlan
from asicrc.capture.running import check_output, fitted, recorded_work
from asicrc.capture.session import check_points
from asicrc.devices import Circumstances, open_device


def rehearse(
    url: str, plan: CapturePlan, circumstances: Circumstances, say: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Check a plain capture against the device and its limits, and say what is to be expected of it.

    `expected_events` is None where the hash rate is not known. `say` is told what a replay takes over from
    its recording. Raises what a capture would raise before its first write: SettingRefused, UsageError,
    DeviceError, BadFile.
    """
    check_output(plan.output)
    recorded = recorded_work(plan)
    with open_device(url, circumstances) as device:
        plan, _ = fitted(plan, device, url, circumstances, recorded, say)
        check_points(device, plan)
        found = {
            setting.name: setting.requested if setting.read_back is None else setting.read_back
            for setting in device.originals()
        }
        rates = hash_rates(MachineTable(), device)
        held = {name: value for name, value in found.items() if value is not None}
        held = {name: value for name, value in held.items() if name == "frequency_mhz" and not rates.is_chain}
        rate = None
        if plan.duration_s is not None:
            rate = rates.shares({**held, **plan.requested}, plan.duration_s)
        return {
            "device_url": url,
            "model": device.identity.model,
            "settings_found": found,
            "settings_asked_for": dict(plan.requested),
            "limits": device.limits.get("limits", {}),
            "job_interval_s": plan.job_interval_s or device.job_interval_s,
            "duration_s": plan.duration_s,
            "expected_events": None if rate is None else rate.shares_per_step,
            "rate_source": rates.source,
            "output": str(plan.output),
        }
