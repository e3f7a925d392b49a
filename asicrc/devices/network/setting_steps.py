"""The order of changes: voltage up before the clock goes up, the clock down before the voltage goes down."""

from __future__ import annotations

import math
from collections.abc import Mapping

from asicrc.bench.envelope import Envelope, Range
from firmware_protocols.device import Setting, SettingRefused

FREQUENCY, VOLTAGE, FAN = "frequency_mhz", "voltage_mv", "fan_percent"
_POSSIBLE = {FREQUENCY: (1.0, 5000.0), VOLTAGE: (100.0, 30_000.0), FAN: (0.0, 100.0)}
"""What a miner can have been set to at all, by whomever; whether it may be set so is the limits' business."""


def ordered_steps(
    now: Mapping[str, float], goal: Mapping[str, float], envelope: Envelope
) -> list[tuple[str, float]]:
    """Name and value of each step from `now` to `goal`; what is in the goal alone is one step.

    A setting that is there already has none. From beyond the limits, where an owner may have set it, the
    first step leads into them.
    """
    voltage = _between(VOLTAGE, now, goal, envelope.step_mv, envelope.voltage_mv)
    frequency = _between(FREQUENCY, now, goal, envelope.step_mhz, envelope.frequency_mhz)
    goes_down = VOLTAGE in now and VOLTAGE in goal and goal[VOLTAGE] < now[VOLTAGE]
    return frequency + voltage if goes_down else voltage + frequency


def check_requested(requested: Mapping[str, float], settable: set[str], envelope: Envelope, who: str) -> None:
    """Raises SettingRefused for what `who` cannot set, and for what is outside the limits."""
    unknown = sorted(set(requested) - settable)
    if unknown:
        can = ", ".join(sorted(settable)) or "nothing"
        raise SettingRefused(f"{who} cannot set {', '.join(unknown)} (it can set {can}); nothing was written")
    for name, limits in (
        (FREQUENCY, envelope.frequency_mhz),
        (VOLTAGE, envelope.voltage_mv),
        (FAN, envelope.fan_percent),
    ):
        if name in requested and limits is not None:
            limits.check(name, requested[name])


def checked_originals(
    settings: list[Setting], ranges: Mapping[str, tuple[float, float]] = _POSSIBLE
) -> dict[str, float]:
    """Originals that come out of a capture file, which nobody vouches for, by name.

    Raises SettingRefused for a value that no miner can have had. Names that are not in `ranges` are left out.
    """
    found: dict[str, float] = {}
    for setting in settings:
        if setting.kind != "original" or setting.name not in ranges or setting.read_back is None:
            continue
        low, high = ranges[setting.name]
        if not low <= setting.read_back <= high:
            raise SettingRefused(
                f"the original {setting.name} in the file is {setting.read_back:g}: "
                f"no miner has that ({low:g} to {high:g})"
            )
        if setting.name in found and found[setting.name] != setting.read_back:
            raise SettingRefused(f"the file has two original values of {setting.name}")
        found[setting.name] = setting.read_back
    return found


def possible(**others: tuple[float, float]) -> dict[str, tuple[float, float]]:
    """The ranges of `checked_originals`, with those of further settings."""
    return _POSSIBLE | others


def within_limits(goal: Mapping[str, float], envelope: Envelope, log: list[str]) -> dict[str, float]:
    """The goal of a way back, held to this machine's limits; what that changes is said."""
    held: dict[str, float] = {}
    for name, value in goal.items():
        limits = {
            FREQUENCY: envelope.frequency_mhz,
            VOLTAGE: envelope.voltage_mv,
            FAN: envelope.fan_percent,
        }.get(name)
        held[name] = value if limits is None else limits.clamp(value)
        if held[name] != value:
            log.append(f"the original {name} of {value:g} is outside the limits: {held[name]:g} is set")
    return held


def _between(
    name: str,
    now: Mapping[str, float],
    goal: Mapping[str, float],
    step: float | None,
    limits: Range | None,
) -> list[tuple[str, float]]:
    if name not in goal or now.get(name) == goal[name]:
        return []
    if name not in now or step is None:
        return [(name, goal[name])]
    distance = goal[name] - now[name]
    count = max(1, math.ceil(abs(distance) / step - 1e-9))
    signed = math.copysign(step, distance)
    middle = [float(round(now[name] + signed * n)) for n in range(1, count)]
    held = [value for value in middle if limits is None or limits.low <= value <= limits.high]
    return [*((name, value) for value in held), (name, goal[name])]
