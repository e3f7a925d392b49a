"""At which voltages a device is asked about its intervals: settings that its chips bear."""

from __future__ import annotations

from collections.abc import Sequence

from asicrc.claims.measured import NotOnThisDevice
from asicrc.claims.twins.units import usual_setting
from asicrc.devices import Circumstances, open_device
from firmware_protocols.device import Capability

CLOCK_SHARE = 0.8
"""Of the usual clock, at every voltage: with all of it chips hang as soon as the voltage is lowered."""


def voltage_points(url: str, shares: Sequence[float]) -> list[dict[str, float]]:
    """Settings for each share of the usual voltage. Writes nothing.

    Raises NotOnThisDevice for a device whose voltage cannot be set while it works, NoAnswer for one that does
    not say it.
    """
    with open_device(url, Circumstances.usual()) as device:
        if device.capabilities.get("voltage_mv") is not Capability.LIVE:
            raise NotOnThisDevice(
                "the voltage of this device cannot be set while it works", "an LV06, or an S9 with LuxOS"
            )
        usual_mv = usual_setting(device, "voltage_mv")
        clock = {}
        if device.capabilities.get("frequency_mhz") is Capability.LIVE:
            clock["frequency_mhz"] = float(round(CLOCK_SHARE * usual_setting(device, "frequency_mhz")))
    return [{"voltage_mv": float(round(share * usual_mv)), **clock} for share in shares]
