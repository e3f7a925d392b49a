"""From an open device to the supervisor of its capture."""

from __future__ import annotations

import math
from collections.abc import Mapping

from asicrc.bench.envelope import Range
from asicrc.bench.supervision.fan_control import DIRECT_STEPS, NETWORK_STEPS, FanControl
from asicrc.bench.supervision.supervisor import FAN, Supervisor, Watched
from asicrc.bench.supervision.thresholds import (
    DIRECT,
    NETWORK_FAMILIES,
    UNWATCHED_FAMILIES,
    Thresholds,
    thresholds_for,
)
from asicrc.errors import UsageError
from firmware_protocols.device import Capability, DeviceProtocol

FULL_PERCENT = 100.0


def supervisor_for(
    device: DeviceProtocol,
    *,
    narrowing: Mapping[str, float] | None = None,
    bench_wide: Mapping[str, float] | None = None,
    where: str = "the station file",
    fan_target_c: float | None = None,
    fan_start_percent: float | None = None,
    fan_tells: bool = True,
    rate_is_steady: bool = True,
    anomalies_end: bool = True,
    job_s: float = 0.0,
    driven: str | None = None,
) -> Supervisor | None:
    """None for a device of which nothing is known but its answers, and that nothing is written to.

    `narrowing` are thresholds of the device's own entry in the station file, `bench_wide` those for all of
    them. `fan_target_c` asks for a fan that holds a temperature, from `fan_start_percent` on where that is
    known. `rate_is_steady` is False where the input changes the rate on purpose, `anomalies_end` where a plan
    goes to the edge of stability: a collapse or a burst is said there, and goes by. `job_s` is the time
    between jobs, `driven` the setting that an input goes through.

    Raises UsageError for a threshold that widens, and for a fan that cannot hold a temperature.
    """
    family = device.identity.family
    if family in UNWATCHED_FAMILIES:
        if fan_target_c is not None:
            raise _no_fan(device, "nothing can be set on it")
        return None
    thresholds = thresholds_for(family, device.limits.get("limits", {}))
    thresholds = thresholds.narrowed(narrowing or {}, where).at_most(bench_wide or {}, where)
    watched = Watched(
        firmware_watches=family != DIRECT,
        rate=rate_is_steady,
        anomalies_end=anomalies_end,
        rhythm_s=job_s if family == DIRECT else 0.0,
        driven=driven,
    )
    fan = None
    if fan_target_c is not None:
        fan = _fan(device, thresholds, fan_target_c, fan_start_percent, is_miner=family in NETWORK_FAMILIES)
    return Supervisor(thresholds, watched, fan=fan, fan_tells=fan_tells)


def _fan(
    device: DeviceProtocol,
    thresholds: Thresholds,
    target_c: float,
    start_percent: float | None,
    *,
    is_miner: bool,
) -> FanControl:
    how = device.capabilities.get(FAN, Capability.NONE)
    if how is not Capability.LIVE:
        said = "it has none that can be set" if how is Capability.NONE else "setting it restarts the device"
        raise _no_fan(device, said)
    limit_c, lowest = thresholds.temperature_c_max, thresholds.fan_percent_min
    if math.isnan(limit_c) or math.isnan(lowest):
        raise _no_fan(device, "no limits of its temperature and fan are known")
    return FanControl(
        target_c,
        Range(lowest, FULL_PERCENT, "%", "the limits of the device"),
        limit_c,
        start_percent=start_percent,
        steps=NETWORK_STEPS if is_miner else DIRECT_STEPS,
    )


def _no_fan(device: DeviceProtocol, why: str) -> UsageError:
    return UsageError(
        f"the fan of {device.identity.url} cannot hold a temperature: {why}", "leave out --fan-target-c"
    )
