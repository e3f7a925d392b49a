"""The device identity in a capture, read as what it is: somebody else's JSON."""

from __future__ import annotations

import math
from typing import Any

from firmware_protocols.device import DeviceIdentity

_RANGES = {
    "zero_bits": (1, 256),
    "cores": (1, 1024),
    "subcores": (1, 64),
    "hashing_units": (1, 65536),
    "time_scale": (1e-3, 1e6),
    "baud_at_open": (1, 1e9),
}
MAX_CHIPS = 1024


def identity_from_json(value: Any) -> DeviceIdentity:
    """Build an identity. Raises ValueError that names the first thing that is not as it should be."""
    if not isinstance(value, dict):
        raise ValueError("the identity is no object")
    texts = {name: value.get(name) for name in ("url", "family", "model")}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise ValueError(f"{name} of the identity is no text")
    chips, chip_ids = value.get("chips"), value.get("chip_ids") or []
    if type(chips) is not int or not 0 <= chips <= MAX_CHIPS:
        raise ValueError(f"a device has 0 to {MAX_CHIPS} chips, not {chips!r}")
    if not isinstance(chip_ids, list) or not all(type(chip_id) is int for chip_id in chip_ids):
        raise ValueError("chip_ids of the identity are no list of numbers")
    for name in ("serial", "firmware"):
        if not isinstance(value.get(name), str | None):
            raise ValueError(f"{name} of the identity is no text")
    return DeviceIdentity(
        url=str(texts["url"]),
        family=str(texts["family"]),
        model=str(texts["model"]),
        chips=chips,
        chip_ids=tuple(chip_ids),
        serial=value.get("serial"),
        firmware=value.get("firmware"),
        simulated=value.get("simulated") is True,
        details=_details(value.get("details") or {}),
    )


def _details(details: Any) -> dict[str, str | int | float | bool | None]:
    if not isinstance(details, dict):
        raise ValueError("details of the identity are no object")
    for name, item in details.items():
        if not isinstance(item, str | int | float | bool | None):
            raise ValueError(f"{name} in the details is no plain value")
        if name in _RANGES and item is not None:
            low, high = _RANGES[name]
            if isinstance(item, str | bool) or not math.isfinite(item) or not low <= item <= high:
                raise ValueError(f"{name} = {item!r} is outside {low:g} to {high:g}")
    return dict(details)
