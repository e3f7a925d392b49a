"""What is to go wrong, as the option `faults` says it: `name:value` pairs with commas between them.

Shares are of bytes, frames or nonces, 0 to 1; seconds are real ones but for that of `core_shift`, and count
from the first job that a host sends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from simulators.bm13xx.option_values import OptionError, Parser, integer, pair, real

_SHARE = real(0.0, 1.0)
_SECONDS = real(0.0, 1e9)


@dataclass(frozen=True, slots=True)
class Faults:
    """The switches; the defaults are a line and chips without fault."""

    noise: float = 0.0
    """Share of bytes to the host that get a junk byte before them."""
    drop: float = 0.0
    """Share of bytes to the host that are lost."""
    crc: float = 0.0
    """Share of frames to the host with a wrong checksum."""
    stall: tuple[float, float] | None = None
    """After how many seconds the line says nothing, and for how many; nothing is lost."""
    hangup_s: float = math.inf
    """Seconds until the line goes away."""
    mute_s: float = math.inf
    """Seconds until the chips stop answering anything."""
    invalid: float = 0.0
    """Share of nonces replaced by one that does not hash."""
    missing: float = 0.0
    """Share of nonces that are not sent."""
    dead_core: int | None = None
    """Number of a core that finds nothing, on every chip."""
    core_shift: tuple[int, float] | None = None
    """Number of a core, and the seconds of device time by which its nonces come later, on every chip."""
    clock_ppm: float = 0.0
    """By how much the chips' crystal is fast."""
    clock_drift: float = 0.0
    """By how many ppm more it is fast for each degree above 25 degC."""
    temperature_c: float = 25.0
    """Of the board."""
    further: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Faults of what stands round the chips, by name."""


_PARSERS: Mapping[str, Parser] = MappingProxyType(
    {
        "noise": _SHARE,
        "drop": _SHARE,
        "crc": _SHARE,
        "stall": pair(_SECONDS, _SECONDS, "AFTER/FOR in seconds"),
        "hangup": _SECONDS,
        "mute": _SECONDS,
        "invalid": _SHARE,
        "missing": _SHARE,
        "dead_core": integer(0, 127),
        "core_shift": pair(integer(0, 127), _SECONDS, "CORE/SECONDS"),
        "clock_ppm": real(-10_000.0, 10_000.0),
        "clock_drift": real(-1000.0, 1000.0),
        "temperature": real(-40.0, 150.0),
    }
)
FAULT_NAMES = tuple(_PARSERS)
_FIELDS = {"hangup": "hangup_s", "mute": "mute_s", "temperature": "temperature_c"}


def parse_faults(text: str, further: Mapping[str, Parser] = MappingProxyType({})) -> Faults:
    """Faults from their text. `further` are parsers of those that a board adds; a flag's value is left out.

    Raises OptionError for an unknown or repeated name and for a value that it cannot have.
    """
    parsers = {**_PARSERS, **further}
    values: dict[str, Any] = {}
    for item in filter(None, text.split(",")):
        name, _, value = item.partition(":")
        if name not in parsers:
            raise OptionError(f"there is no fault {name!r}; known are {', '.join(parsers)}")
        if name in values:
            raise OptionError(f"fault {name!r} is given twice")
        values[name] = parsers[name](f"fault {name}", value)
    added = {name: values.pop(name) for name in further if name in values}
    named = {_FIELDS.get(name, name): value for name, value in values.items()}
    return Faults(**named, further=MappingProxyType(added))
