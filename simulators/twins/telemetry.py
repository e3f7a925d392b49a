"""What a twin's board says of itself: once a second, smoothed as its firmware smooths."""

from __future__ import annotations

import math

from firmware_protocols.device import Reading
from simulators.models import DevicePhysics

READING_NS = 1_000_000_000
FULL_RPM = 6000.0
"""Assumed."""


class Telemetry:
    """Channels have the names that the drivers of real miners give them.

    `smoothing_s` is the time constant of temperature, power, hash rate and errors; 0 is none. The smoothed
    value starts at the first one (a firmware's averages do after a restart).
    """

    def __init__(self, physics: DevicePhysics, smoothing_s: float, has_fan: bool, now_ns: int) -> None:
        self._physics = physics
        self._smoothing_s = smoothing_s
        self._has_fan = has_fan
        self._smoothed: dict[str, float] = {}
        self._last_ns = self._next_ns = now_ns

    def readings(self, now_ns: int) -> list[Reading]:
        """What is said at this moment, if it is time."""
        if now_ns < self._next_ns:
            return []
        physics = self._physics
        now = {
            "temperature_c": physics.temperature_c,
            "power_w": physics.power_w,
            "hash_rate_ghs": physics.hash_rate_ghs,
            "error_percent": 100.0 * physics.invalid_share,
        }
        if self._smoothing_s:
            kept = math.exp(-(now_ns - self._last_ns) / 1e9 / self._smoothing_s)
            for name, value in now.items():
                before = self._smoothed.get(name, value)
                self._smoothed[name] = kept * before + (1.0 - kept) * value
            now = self._smoothed
        self._last_ns, self._next_ns = now_ns, self._next_ns + READING_NS
        said = dict(now)
        said["frequency_mhz"] = physics.frequency_mhz
        said["core_voltage_mv"] = physics.voltage_mv
        if self._has_fan:
            said["fan_percent"] = physics.fan_percent
            said["fan_rpm"] = FULL_RPM * physics.fan_percent / 100.0
        return [Reading(now_ns, name, value) for name, value in said.items()]
