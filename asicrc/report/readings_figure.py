"""What a device told of itself over time: temperature, power, voltage, clock, hash rate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from asicrc.report.figures import BLUE, single_panel
from firmware_protocols.device import NO_TIME, Reading

SHOWN = {
    "temperature_c": "temperature (°C)",
    "power_w": "power (W)",
    "core_voltage_mv": "core voltage (mV)",
    "core_mv": "core voltage (mV)",
    "frequency_mhz": "hash clock (MHz)",
    "hash_rate_ghs": "hash rate (GH/s)",
    "fan_rpm": "fan (rpm)",
}
_MOST_POINTS = 2000
_MARKED = 200
"""Up to so many readings are marked one by one."""
BACK_S = 60.0
"""A clock that goes back by more began anew."""
_UNITS = (("h", 3600.0), ("min", 60.0), ("s", 1.0))


def reading_panels(readings: Sequence[Reading]) -> dict[str, Figure]:
    """One figure for each channel of `SHOWN` that changes, by its name; time from the first reading."""
    by_channel: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        if reading.channel in SHOWN and reading.t_ns != NO_TIME and np.isfinite(reading.value):
            by_channel[reading.channel].append(reading)
    # the channel that came first, for one that is told after a reboot only has earlier stamps
    begun_ns = next((held[0].t_ns for held in by_channel.values()), 0)
    return {
        channel: single_panel(lambda axis, c=channel: _draw(axis, by_channel[c], c, begun_ns))  # type: ignore[misc]
        for channel in SHOWN
        if len({reading.value for reading in by_channel.get(channel, ())}) > 1
    }


def _draw(axis: Axes, readings: Sequence[Reading], channel: str, begun_ns: int) -> None:
    step = max(1, len(readings) // _MOST_POINTS)
    since_s, reboots = _recorded_s(
        np.array([(reading.t_ns - begun_ns) / 1e9 for reading in readings[::step]])
    )
    unit, length_s = next((found for found in _UNITS if since_s[-1] >= 3 * found[1]), _UNITS[-1])
    values = np.array([reading.value for reading in readings[::step]])
    style = ".-" if len(values) <= _MARKED else "-"
    drawn = np.insert(values, reboots, np.nan)  # no line goes over a reboot
    axis.plot(np.insert(since_s, reboots, np.nan) / length_s, drawn, style, color=BLUE, lw=0.9, ms=3)
    axis.margins(y=0.15)
    since = "time recorded since the first reading" if len(reboots) else "time since the first reading"
    axis.set(xlabel=f"{since} ({unit})", ylabel=SHOWN[channel])


def _recorded_s(since_s: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Seconds that only go on, and the places of the first ones after a reboot: monotonic clocks begin anew
    with each, and readings do not say how long it took."""
    steps_s = np.diff(since_s)
    reboots = np.flatnonzero(steps_s < -BACK_S)
    steps_s[reboots] = 0.0
    return since_s[0] + np.concatenate([[0.0], np.cumsum(steps_s)]), reboots + 1
