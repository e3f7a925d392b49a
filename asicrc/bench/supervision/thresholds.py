"""What a device under supervision may do: its envelope's limits, and thresholds for what else goes wrong.

The limits (`temperature_c_max` and so on) are the ones in force for the device. The thresholds are built in
here, by the way in which the device is reached; a station file narrows them, and nothing widens them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from difflib import get_close_matches

from asicrc.errors import UsageError

POWER_RISE_SHARE = 0.2
"""Of the highest power, each second."""
NETWORK_FAMILIES = frozenset({"axeos", "luxos", "cgminer", "goldshell"})
"""Miners whose own firmware watches them too, and that are asked over a network."""
DIRECT = "bm13xx"
"""Family of chips that are driven over a line of their own: nothing but this program watches them."""
UNWATCHED_FAMILIES = frozenset({"stratum", "replay"})
"""Nothing is written to these, and nothing but their answers is known."""


@dataclass(frozen=True, slots=True)
class ThresholdKey:
    """One threshold: which way is the careful one, what makes sense at all, why the built-in one is so."""

    is_upper: bool
    sane: tuple[float, float]
    unit: str
    source: str


THRESHOLD_KEYS: Mapping[str, ThresholdKey] = {
    "temperature_rise_c_per_s_max": ThresholdKey(
        True,
        (0.05, 100.0),
        "degC/s",
        "our choice: after their first second the boards that are modelled warm by at most 2.9 degC/s within "
        "their limits, and by 7 and more without their heat sink",
    ),
    "power_rise_w_per_s_max": ThresholdKey(
        True,
        (0.1, 5000.0),
        "W/s",
        f"our choice: {POWER_RISE_SHARE:g} of the highest power; a ramp of the clock takes 8 s and more",
    ),
    "voltage_error_mv_max": ThresholdKey(
        True,
        (5.0, 1000.0),
        "mV",
        "our choice: a regulator measures less than it was set to under load, and by no more than this",
    ),
    "sensor_silent_s_max": ThresholdKey(
        True,
        (1.0, 600.0),
        "s",
        "our choice: three looks of a second where nothing but this program watches the heat; a restart of a "
        "network miner takes some 30 s, and three of them are longer than one may go on",
    ),
    "device_silent_s_max": ThresholdKey(
        True, (1.0, 3600.0), "s", "our choice: ten looks, or the time of a restart and its way back"
    ),
    "hash_rate_share_min": ThresholdKey(
        False,
        (0.05, 0.95),
        "",
        "our choice: half of the rate; a chip that fell back to 50 MHz or lost its domains is far below",
    ),
    "invalid_share_max": ThresholdKey(
        True, (0.001, 1.0), "", "our choice: at the edge of stability a tenth of the nonces are invalid"
    ),
    "damaged_share_max": ThresholdKey(
        True, (0.001, 1.0), "", "our choice: a bad cable damages some per cent of the frames"
    ),
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """In force for one device. NaN: there is nothing to hold it to, or nothing that tells it."""

    temperature_c_max: float = math.nan
    power_w_max: float = math.nan
    voltage_mv_max: float = math.nan
    fan_percent_min: float = math.nan
    temperature_rise_c_per_s_max: float = 4.0
    power_rise_w_per_s_max: float = math.nan
    voltage_error_mv_max: float = 120.0
    sensor_silent_s_max: float = 90.0
    device_silent_s_max: float = 120.0
    hash_rate_share_min: float = 0.5
    invalid_share_max: float = 0.25
    damaged_share_max: float = 0.25
    confirmations: int = 2
    """Looks in a row that have to say the same where firmware of its own watches the device: one may be of a
    moment, or damaged. Where only this program does, the first one counts."""

    def narrowed(self, table: Mapping[str, float], where: str = "the station file") -> Thresholds:
        """Apply thresholds by key. Raises UsageError for one that is none, or that widens."""
        changed = {
            key: _narrower(key, value, getattr(self, key, math.nan), where) for key, value in table.items()
        }
        return replace(self, **changed)  # type: ignore[arg-type] # the names are checked above

    def at_most(self, table: Mapping[str, float], where: str = "the station file") -> Thresholds:
        """As `narrowed`, but a threshold that is narrower here already stays: for a table that is meant for
        every device of a bench."""
        tighter: dict[str, float] = {}
        for key, value in table.items():
            rule, now = _rule(key, value, where), getattr(self, key)
            if not (value > now if rule.is_upper else value < now):
                tighter[key] = value
        return self.narrowed(tighter, where)

    def as_json(self) -> dict[str, float | None]:
        """For the capture, by key; None where there is no such threshold."""
        return {key: None if math.isnan(value) else value for key, value in asdict(self).items()}


def thresholds_for(family: str, limits: Mapping[str, float]) -> Thresholds:
    """The built-in ones of a device of `family`, whose `limits` are by key (`Envelope.limits`)."""
    known = {field.name for field in fields(Thresholds)}
    held = {key: value for key, value in limits.items() if key in known}
    power_w = held.get("power_w_max", math.nan)
    built_in = Thresholds(power_rise_w_per_s_max=POWER_RISE_SHARE * power_w)
    if family == DIRECT:
        built_in = replace(built_in, sensor_silent_s_max=3.5, device_silent_s_max=10.0, confirmations=1)
    return replace(built_in, **held)  # type: ignore[arg-type] # fields by name


def _narrower(key: str, value: float, now: float, where: str) -> float:
    rule = _rule(key, value, where)
    if value > now if rule.is_upper else value < now:
        raise UsageError(
            f"{key} = {value:g} {rule.unit} in {where} is wider than {now:g}, which is built in "
            f"({rule.source})",
            "supervision can only be narrowed: take it out, or give a narrower one",
        )
    return value


def _rule(key: str, value: float, where: str) -> ThresholdKey:
    """Raises UsageError for a key that is none, and for a value that makes no sense."""
    if key not in THRESHOLD_KEYS:
        near = get_close_matches(key, THRESHOLD_KEYS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(THRESHOLD_KEYS)}"
        raise UsageError(f"there is no threshold {key} ({where})", hint)
    rule = THRESHOLD_KEYS[key]
    if not rule.sane[0] <= value <= rule.sane[1]:
        raise UsageError(
            f"{key} = {value:g} in {where} makes no sense: it takes {rule.sane[0]:g} to {rule.sane[1]:g} "
            f"{rule.unit}".rstrip()
        )
    return rule
