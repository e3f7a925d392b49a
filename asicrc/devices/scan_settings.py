"""The scan order that a device's settings determine."""

from __future__ import annotations

from firmware_protocols.bm13xx import ScanOrder, model_by_name
from firmware_protocols.device import DeviceIdentity, Setting
from firmware_protocols.errors import ProtocolError

LOWEST_MHZ, HIGHEST_MHZ = 0.1, 255 * 25.0
"""What dividers of these chips can make of 25 MHz: 1 / (2 * 7 * 7) and 255 times, with room below."""


def time_scale_of(identity: DeviceIdentity) -> float:
    """Host seconds per device second: 1 for real silicon."""
    return float(identity.details.get("time_scale") or 1.0)


def scan_order_of(identity: DeviceIdentity, settings: list[Setting]) -> ScanOrder | None:
    """The scan order under the settings as last read back; None where they do not determine one."""
    values = {setting.name: setting.read_back for setting in settings if setting.kind == "set"}
    frequency_mhz, hcn = values.get("frequency_mhz"), values.get("hash_counting_number")
    if identity.family != "bm13xx" or not frequency_mhz or not hcn:
        return None
    if not (LOWEST_MHZ <= frequency_mhz <= HIGHEST_MHZ and 1 <= hcn <= 0xFFFFFFFF):
        return None
    try:
        return ScanOrder(
            model_by_name(identity.model),
            frequency_hz=frequency_mhz * 1e6,
            hcn=int(hcn),
            subcores=int(identity.details.get("subcores") or 0) or None,
        )
    except ProtocolError:
        return None  # a model, or a setting, that no scan order is known for


def scan_period_ns(identity: DeviceIdentity, settings: list[Setting]) -> int | None:
    """Host time after which a chip repeats itself under one job; None for what has no scan order."""
    order = scan_order_of(identity, settings)
    return None if order is None else round(order.scan_period_s * time_scale_of(identity) * 1e9)
