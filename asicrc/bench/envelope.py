"""An envelope: what may be written to a board at all, how it is narrowed, and the one way beyond it.

The numbers stand in `asicrc.bench.limits`. A station narrows an envelope by keys such as
`frequency_mhz_max`; their table is `LIMIT_KEYS`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from asicrc.bench.widening import BEYOND_FLAG, BEYOND_TABLE
from asicrc.errors import UsageError
from firmware_protocols.device import SettingRefused


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, both allowed. `origin` says whose limits they are, `source` where from."""

    low: float
    high: float
    unit: str
    source: str
    origin: str = "the built-in envelope"

    def check(self, name: str, value: float) -> float:
        """Return `value`. Raises SettingRefused outside the range, and for what is no number."""
        if math.isnan(self.low):
            raise SettingRefused(f"{name}: {self.source}; nothing was written")
        if not self.low <= value <= self.high:
            raise SettingRefused(
                f"{name} = {value:g} {self.unit} is outside {self.origin} of "
                f"{self.low:g} to {self.high:g} {self.unit} ({self.source}); nothing was written"
            )
        return value

    def clamp(self, value: float) -> float:
        """The nearest value inside. Raises SettingRefused for what is no number."""
        if math.isnan(self.low):
            raise SettingRefused(f"{self.source}; nothing was written")
        if math.isnan(value):
            raise SettingRefused(f"{value} {self.unit} is no number; nothing was written")
        return min(max(value, self.low), self.high)


NO_CLOCK = Range(math.nan, math.nan, "MHz", "no clock can be set on this board")
"""Of a board that takes no clock: refuses every one, and counts as a limit that is not there."""


@dataclass(frozen=True, slots=True)
class LimitKey:
    """One limit that can be moved: the field of the envelope, and which way is the careful one."""

    field: str
    is_upper: bool
    """The careful way is down; otherwise it is up."""
    sane: tuple[float, float]
    """Nothing outside this is meant by anybody: a slip of the unit or of the hand."""
    unit: str

    def is_beyond(self, value: float, limit: float) -> bool:
        return value > limit if self.is_upper else value < limit


LIMIT_KEYS: Mapping[str, LimitKey] = {
    "frequency_mhz_min": LimitKey("frequency_mhz", False, (1.0, 1200.0), "MHz"),
    "frequency_mhz_max": LimitKey("frequency_mhz", True, (1.0, 1200.0), "MHz"),
    "frequency_step_mhz_max": LimitKey("step_mhz", True, (0.1, 100.0), "MHz"),
    "frequency_step_interval_s_min": LimitKey("step_interval_s", False, (0.001, 60.0), "s"),
    "voltage_mv_min": LimitKey("voltage_mv", False, (500.0, 10_000.0), "mV"),
    "voltage_mv_max": LimitKey("voltage_mv", True, (500.0, 10_000.0), "mV"),
    "voltage_step_mv_max": LimitKey("step_mv", True, (1.0, 200.0), "mV"),
    "voltage_step_interval_s_min": LimitKey("step_mv_interval_s", False, (0.001, 60.0), "s"),
    "temperature_c_max": LimitKey("temperature_c", True, (20.0, 110.0), "degC"),
    "power_w_max": LimitKey("power_w", True, (0.1, 5000.0), "W"),
    "fan_percent_min": LimitKey("fan_percent", False, (0.0, 100.0), "%"),
}


@dataclass(frozen=True, slots=True)
class Envelope:
    """Limits of one chip on one board. None: the board gives no hold of it, or no reading of it.

    Where that is the clock, `frequency_mhz` is NO_CLOCK and its steps are NaN.
    """

    frequency_mhz: Range
    step_mhz: float
    """Largest step of the clock, at most one each `step_interval_s`."""
    step_interval_s: float
    voltage_mv: Range | None = None
    """Core voltage; of a whole hash board its supply."""
    step_mv: float | None = None
    step_mv_interval_s: float | None = None
    temperature_c: float | None = None
    """Highest; above it the device has to be stopped."""
    power_w: float | None = None
    """Highest, of the whole board."""
    fan_percent: Range | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    """Where the plain numbers above are from, by field; ranges bring their own."""
    low_before_mhz: float = math.inf
    """The lowest clock before a station raised it: see `coolest_mhz`."""
    beyond: Mapping[str, float] = field(default_factory=dict)
    """Limits that were widened, each with the built-in number that it replaced: empty unless `widened`."""

    @property
    def coolest_mhz(self) -> float:
        """Where a miner that is too hot goes: no `frequency_mhz_min` of a station keeps it from that."""
        return min(self.frequency_mhz.low, self.low_before_mhz)

    def narrowed(self, limits: Mapping[str, float], where: str = "the station file") -> Envelope:
        """Apply limits by key (`LIMIT_KEYS`). Raises UsageError for one that widens or leaves nothing."""
        result = self
        for key, value in limits.items():
            limit = result.limit(key, where)
            if LIMIT_KEYS[key].is_beyond(_sane(key, value, where), limit):
                unit = LIMIT_KEYS[key].unit
                raise UsageError(
                    f"{key} = {value:g} {unit} in {where} goes beyond {limit:g} {unit} "
                    f"({result.source(key)}); limits can only narrow",
                    f"to go beyond on purpose, write it under {BEYOND_TABLE} and give {BEYOND_FLAG}",
                )
            result = result._with(key, float(value), where)
        for held in (result.frequency_mhz, result.voltage_mv, result.fan_percent):
            if held is not None and held.low > held.high:
                raise UsageError(
                    f"{where} leaves nothing between {held.low:g} and {held.high:g} {held.unit}",
                    "the lowest value has to be below the highest one, and both inside the built-in envelope",
                )
        return result

    def widened(self, limits: Mapping[str, float], where: str = "the station file") -> Envelope:
        """Go beyond the envelope on purpose; `beyond` of the result says so, and belongs into the capture.

        Raises UsageError for a limit that does not widen: it would read as one that protects.
        """
        result, beyond = self, dict(self.beyond)
        for key, value in limits.items():
            limit = result.limit(key, where)
            if not LIMIT_KEYS[key].is_beyond(_sane(key, value, where), limit):
                raise UsageError(
                    f"{key} = {value:g} under {BEYOND_TABLE} in {where} does not go beyond {limit:g}",
                    "write it under limits",
                )
            beyond.setdefault(key, limit)
            result = result._with(key, float(value), f"{BEYOND_TABLE} of {where}")
        return replace(result, beyond=beyond)

    def limit(self, key: str, where: str = "the station file") -> float:
        """The number that stands for `key` now. Raises UsageError for a key that is none here."""
        value = self.limits().get(key)
        if value is not None:
            return value
        if key in LIMIT_KEYS:
            what = LIMIT_KEYS[key].field
            raise UsageError(
                f"{key} in {where} would have no effect: {what} can neither be set nor read on this board",
                "take it out; a limit that nothing watches protects nothing",
            )
        near = get_close_matches(key, LIMIT_KEYS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the limits are: {', '.join(LIMIT_KEYS)}"
        raise UsageError(f"there is no limit {key} ({where})", hint)

    def limits(self) -> dict[str, float]:
        """Every limit that this board has, by key."""
        found = {}
        for key, rule in LIMIT_KEYS.items():
            held: Range | float | None = getattr(self, rule.field)
            if isinstance(held, Range):
                held = held.high if rule.is_upper else held.low
            if held is not None and not math.isnan(held):
                found[key] = held
        return found

    def source(self, key: str) -> str:
        """Where the number for `key` is from."""
        held = getattr(self, LIMIT_KEYS[key].field)
        return held.source if isinstance(held, Range) else self.sources[LIMIT_KEYS[key].field]

    def as_json(self) -> dict[str, Any]:
        """For the capture: the limits in force, and which of them were widened beyond which number."""
        return {"limits": self.limits(), "beyond_built_in": dict(self.beyond)}

    def _with(self, key: str, value: float, where: str) -> Envelope:
        rule = LIMIT_KEYS[key]
        held = getattr(self, rule.field)
        changed: dict[str, Any] = {rule.field: value, "sources": {**self.sources, rule.field: where}}
        if isinstance(held, Range):
            end = {"high" if rule.is_upper else "low": value}
            source = held.source if where in held.source else f"{where}; {held.source}"
            changed = {rule.field: _moved(held, end, source)}
            if key == "frequency_mhz_min":
                changed["low_before_mhz"] = min(held.low, self.low_before_mhz)
        return replace(self, **changed)


def _moved(held: Range, end: dict[str, Any], source: str) -> Range:
    return replace(held, **end, source=source, origin="the limits")


def _sane(key: str, value: float, where: str) -> float:
    low, high = LIMIT_KEYS[key].sane
    if not low <= value <= high:
        raise UsageError(
            f"{key} = {value} in {where} makes no sense: it takes {low:g} to {high:g} {LIMIT_KEYS[key].unit}"
        )
    return value
