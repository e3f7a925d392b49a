"""Numbers as miners write difficulties for people: `12.34M`, `2.05K`, `289`."""

from __future__ import annotations

import re

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.json_values import JsonValue, as_number

_SCALES = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15, "e": 1e18}
_NUMBER = re.compile(r"(\d{1,20}(?:\.\d{1,20})?) ?([kmgtpe]?)", re.ASCII | re.IGNORECASE)


def read_suffixed(value: JsonValue, where: str) -> float:
    """A number, or text such as `12.34M`. Raises RemoteProtocolError."""
    if not isinstance(value, str):
        return as_number(value, where)
    match = _NUMBER.fullmatch(value.strip())
    if match is None:
        raise RemoteProtocolError(f"{where}: text that is no number such as 12.34M")
    return float(match[1]) * _SCALES[match[2].lower()]


def write_suffixed(number: float) -> str:
    """Whole up to 999, then with two digits behind the point, as cgminer and ESP-Miner write it.

    Raises LocalProtocolError below 0 and from 1e21 on.
    """
    if not 0 <= number < 1e21:
        raise LocalProtocolError(f"{number} has no form such as 12.34M")
    for suffix, scale in reversed(_SCALES.items()):
        if suffix and number >= scale:
            mark = suffix if suffix == "k" else suffix.upper()
            return f"{int(number / scale * 1000) / 1000:.2f}{mark}"
    return str(int(number))
