"""The scan order that a device's settings determine."""

from __future__ import annotations

from firmware_protocols.bm13xx import ChipModel, NonceOrder, midstate_variant, model_by_name, scan_order
from firmware_protocols.device import DeviceIdentity, Setting
from firmware_protocols.errors import ProtocolError

LOWEST_MHZ, HIGHEST_MHZ = 0.1, 255 * 25.0
"""What dividers of these chips can make of 25 MHz: 1 / (2 * 7 * 7) and 255 times, with room below."""


def time_scale_of(identity: DeviceIdentity) -> float:
    """Host seconds per device second: 1 for real silicon."""
    return float(identity.details.get("time_scale") or 1.0)


def model_of(identity: DeviceIdentity) -> ChipModel:
    """The chip as it was given work: with the midstates a job that it then had. Raises ProtocolError."""
    model = model_by_name(identity.model)
    midstates = identity.details.get("subcores")
    if model.job_format == "midstate" and midstates:
        model = midstate_variant(model, int(midstates))
    return model


def scan_order_of(identity: DeviceIdentity, settings: list[Setting]) -> NonceOrder | None:
    """The scan order under the settings as last read back; None where they do not determine one."""
    values = {setting.name: setting.read_back for setting in settings if setting.kind == "set"}
    frequency_mhz, hcn = values.get("frequency_mhz"), values.get("hash_counting_number")
    if identity.family != "bm13xx" or not frequency_mhz:
        return None
    if not LOWEST_MHZ <= frequency_mhz <= HIGHEST_MHZ or not (hcn is None or 1 <= hcn <= 0xFFFFFFFF):
        return None
    try:
        model = model_of(identity)
        if hcn is None and model.hcn_halts:
            return None
        return scan_order(
            model,
            frequency_mhz * 1e6,
            int(hcn or 0),
            subcores=int(identity.details.get("subcores") or 0) or None,
            chips=identity.chips,
        )
    except ProtocolError:
        return None  # a model, or a setting, that no scan order is known for


def scan_period_ns(identity: DeviceIdentity, settings: list[Setting]) -> int | None:
    """Host time after which a chip repeats itself under one job; None where it is not known to."""
    order = scan_order_of(identity, settings)
    if order is None or not order.repeats:
        return None
    return round(order.scan_period_s * time_scale_of(identity) * 1e9)
