"""What is to go wrong with a pool, as the option `faults` says it: names with commas between, `name:value`.

Seconds count from the first job of a connection, of `restart` from the first connection.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from simulators.bm13xx.option_values import OptionError, Parser, flag, integer, pair, real

ABSURD_DIFFICULTY = 1e18


@dataclass(frozen=True, slots=True)
class PoolFaults:
    """The defaults are a pool without fault."""

    junk: float = math.inf
    """Seconds until all that it sends is junk."""
    silent: float = math.inf
    """Until it takes everything and says nothing; 0: not even to the greeting."""
    flood: int = 0
    """Jobs a second, each with another previous block."""
    extranonce: int | None = None
    """Bytes of extranonce2 that it announces to mining.subscribe, whatever it needs."""
    shrink: float = math.inf
    """Until it sets an extranonce2 of one byte."""
    absurd: float = math.inf
    """Until it sets a difficulty at which nobody finds anything."""
    refuse_worker: bool = False
    refuse_shares: bool = False
    """Every share is called low."""
    deaf: float = math.inf
    """Until it answers no share any more, while jobs go on."""
    hang_up: float = math.inf
    """Until it closes the connection."""
    restart: tuple[float, float] = (math.inf, 0.0)
    """After how long it goes down, and for how long: nothing is remembered after it."""


def parse_pool_faults(text: str) -> PoolFaults:
    """Raises OptionError for an unknown or repeated name and for a value that it cannot have."""
    values: dict[str, Any] = {}
    for item in filter(None, text.split(",")):
        name, _, value = item.partition(":")
        if name not in _PARSERS:
            raise OptionError(f"there is no fault {name!r}; known are {', '.join(_PARSERS)}")
        if name in values:
            raise OptionError(f"fault {name!r} is given twice")
        values[name] = _PARSERS[name](f"fault {name}", value or _WITHOUT_VALUE.get(name, ""))
    return PoolFaults(**values)


_SECONDS = real(0.0, 1e9)
_WITHOUT_VALUE = {"refuse_worker": "1", "refuse_shares": "1"}
_PARSERS: Mapping[str, Parser] = MappingProxyType(
    {
        "junk": _SECONDS,
        "silent": _SECONDS,
        "flood": integer(1, 100_000),
        "extranonce": integer(0, 32),
        "shrink": _SECONDS,
        "absurd": _SECONDS,
        "refuse_worker": flag,
        "refuse_shares": flag,
        "deaf": _SECONDS,
        "hang_up": _SECONDS,
        "restart": pair(_SECONDS, _SECONDS, "AFTER/FOR"),
    }
)
POOL_FAULT_NAMES = tuple(field.name for field in fields(PoolFaults))
