"""What the device's sensors had last said by the end of a step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from asicrc.errors import UsageError
from asicrc.reservoir.states.table import StateTable
from firmware_protocols.device import Reading

TELEMETRY = "telemetry_"
"""Columns of sensors are called so, and by their channel."""
HOST_CHANNELS = ("drive_", "job_", "old_job_", "handshake_")
"""Readings that begin so are of the host: what it asked for, and when it sent."""


def telemetry(
    readings: Sequence[Reading], starts_ns: ArrayLike, channels: Sequence[str], driven: str = ""
) -> StateTable:
    """One column for each channel, its last value by the end of the step; missing before the first one.

    `driven` is the channel of the drive. Raises UsageError for that one and for what the host itself wrote:
    it would hand the input to the readout.
    """
    for channel in channels:
        if channel == driven or channel.startswith(HOST_CHANNELS):
            raise UsageError(
                f"{channel} is what the host asked for, and no state of the device",
                "take sensors: temperature_c, power_w, hash_rate_ghs, ...",
            )
    ends = np.asarray(starts_ns, dtype=np.int64)[1:]
    values = np.full((len(ends), len(channels)), np.nan)
    for column, channel in enumerate(channels):
        of_channel = [(reading.t_ns, reading.value) for reading in readings if reading.channel == channel]
        if not of_channel:
            continue
        t_ns = np.array([t for t, _ in of_channel], dtype=np.int64)
        said = np.array([value for _, value in of_channel], dtype=np.float64)
        order = np.argsort(t_ns, kind="stable")
        newest = np.searchsorted(t_ns[order], ends, side="right") - 1
        values[newest >= 0, column] = said[order][newest[newest >= 0]]
    return StateTable.of([f"{TELEMETRY}{channel}" for channel in channels], values)


def sensor_channels(readings: Sequence[Reading], driven: str = "") -> list[str]:
    """The channels among the readings that are sensors of the device, by name."""
    found = {reading.channel for reading in readings}
    return sorted(c for c in found if c.endswith(SENSOR_ENDINGS) and c != driven)


SENSOR_ENDINGS = ("_c", "_w", "_a", "_rpm", "_ghs")
"""Temperatures, powers, currents, fans, hash rates. No voltage or clock: those echo what was set."""
