"""What is to go wrong, as the option `faults` says it: names with commas between, `name:value` for some.

Shares are of jobs or of proofs, 0 to 1. Seconds are real ones and count from the first job that a pool sends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from simulators.bm13xx.option_values import OptionError, Parser, integer, real


@dataclass(frozen=True, slots=True)
class MinerFaults:
    """The switches; the defaults are a miner without fault."""

    stuck_50mhz: bool = False
    """The miner is found at 50 MHz, where an overheated one has put itself."""
    ignore_settings: bool = False
    """Settings are answered with success, and change nothing."""
    ignore_difficulty: bool = False
    """Every proof that the chips report is submitted, whatever the pool asks for."""
    drop_job: float = 0.0
    """Share of jobs that the firmware never takes up."""
    bad_share: float = 0.0
    """Share of proofs submitted with a nonce that does not hash."""
    resent: float = 0.0
    """Share of proofs submitted twice."""
    cut_reply: int | None = None
    """Bytes after which replies of the command API end: the firmware's buffer is full."""
    overheat_s: float = math.inf
    """Until the heat sink comes off."""
    lower_settings_s: float = math.inf
    """Until the firmware goes to lower settings, by itself and without a word."""
    reboot_after_s: float = math.inf
    fallback_after_s: float = math.inf
    """Until the miner leaves its pool for the next one."""
    drop_pool_s: float = math.inf
    """Until the connection to the pool is cut, once."""
    hang_api_s: float = math.inf
    """Until the management API takes requests and answers none."""


def parse_faults(text: str) -> MinerFaults:
    """Raises OptionError for an unknown or repeated name and for a value that it cannot have."""
    values: dict[str, Any] = {}
    for item in filter(None, text.split(",")):
        name, _, value = item.partition(":")
        if name not in _PARSERS:
            raise OptionError(f"there is no fault {name!r}; known are {', '.join(_PARSERS)}")
        field = _FIELDS.get(name, name)
        if field in values:
            raise OptionError(f"fault {name!r} is given twice")
        values[field] = _PARSERS[name](f"fault {name}", value)
    return MinerFaults(**values)


def _alone(name: str, text: str) -> bool:
    if text:
        raise OptionError(f"{name} has no value, so not {text!r}")
    return True


_SHARE = real(0.0, 1.0)
_SECONDS = real(0.0, 1e9)
_TIMED = ("overheat", "lower_settings", "reboot_after", "fallback_after", "drop_pool", "hang_api")
_FIELDS = {name: f"{name}_s" for name in _TIMED}
_PARSERS: Mapping[str, Parser] = MappingProxyType(
    {
        **dict.fromkeys(("stuck_50mhz", "ignore_settings", "ignore_difficulty"), _alone),
        **dict.fromkeys(("drop_job", "bad_share", "resent"), _SHARE),
        "cut_reply": integer(0, 1 << 20),
        **dict.fromkeys(_TIMED, _SECONDS),
    }
)
FAULT_NAMES = tuple(_PARSERS)
AFTER: Mapping[str, Callable[[MinerFaults], float]] = MappingProxyType(
    {
        "overheat": lambda faults: faults.overheat_s,
        "lower_settings": lambda faults: faults.lower_settings_s,
        "reboot": lambda faults: faults.reboot_after_s,
        "fallback": lambda faults: faults.fallback_after_s,
        "drop_pool": lambda faults: faults.drop_pool_s,
        "hang_api": lambda faults: faults.hang_api_s,
    }
)
"""Seconds from the first job until each of the faults that begin later."""
