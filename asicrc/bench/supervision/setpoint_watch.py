"""Whether a device still is set to what it was set to: firmware, a glitch or another person may change it."""

from __future__ import annotations

import math
from collections.abc import Iterable

from firmware_protocols.device import DeviceLost, SafetyStop, Setting

SETPOINT_CHANNELS = {
    "frequency_set_mhz": "frequency_mhz",
    "core_set_mv": "voltage_mv",
    "fan_set_percent": "fan_percent",
    "power_plan_set": "power_plan",
    "auto_fan_set": "auto_fan",
}
"""Channels of readings that tell what a device says that it is set to, with the setting's name."""
CHANNEL_OF_SETPOINT = {name: channel for channel, name in SETPOINT_CHANNELS.items()}
SAME_WITHIN = 0.01
"""Relative; averages over chips move by less."""
IN_A_ROW = 2
"""Looks that have to say so: one may be of a moment, or of an answer that was under way."""
COOLER_WHEN_LOWER = frozenset({"frequency_mhz", "voltage_mv"})


class SetpointWatch:
    """What was read back when it was set is what should be; of what was not set, what is read first.

    `driven` is the setting that an input goes through: each step changes it, and reads it back.
    """

    def __init__(self, *, firmware_watches: bool, driven: str | None = None) -> None:
        self._firmware_watches = firmware_watches
        self._driven = driven
        self._expected: dict[str, float] = {}
        self._rows: dict[str, int] = {}
        self._since_ns: int | None = None

    def changed(self, settings: Iterable[Setting], now_ns: int) -> None:
        """These were made. Readings of before `now_ns` are of before, or of the way there."""
        self._since_ns = now_ns
        self._rows.clear()
        made = [setting for setting in settings if setting.kind == "set"]
        for setting in made:
            self._expected.pop(setting.name, None)
            if setting.name == "fan_percent":
                self._expected.pop("auto_fan", None)  # a fan that is set by hand is none
        by_name: dict[str, set[float]] = {}
        for setting in made:
            if setting.read_back is not None:
                by_name.setdefault(setting.name, set()).add(setting.read_back)
        for name, values in by_name.items():
            if len(values) == 1:  # boards of one miner that went to different values: the mean will show
                self._expected[name] = values.pop()

    def take(self, channel: str, value: float, t_ns: int) -> None:
        """One reading. Raises SafetyStop, DeviceLost when it is set to something else."""
        name = SETPOINT_CHANNELS.get(channel)
        if (
            name is None
            or name == self._driven
            or math.isnan(value)
            or (self._since_ns is not None and t_ns < self._since_ns)
        ):
            return
        should = self._expected.setdefault(name, value)
        differs = not math.isclose(value, should, rel_tol=SAME_WITHIN)
        self._rows[name] = self._rows.get(name, 0) + 1 if differs else 0
        if self._rows[name] >= IN_A_ROW:
            self._end(name, should, value)

    def _end(self, name: str, should: float, value: float) -> None:
        said = f"{name} from {should:g} to {value:g}"
        if not self._firmware_watches:
            raise SafetyStop(f"something has changed {said}: nobody asked for that")
        if name in COOLER_WHEN_LOWER and value < should:
            raise SafetyStop(
                f"something has changed {said}: firmware does that to a miner that has overheated"
            )
        raise DeviceLost(f"somebody else has changed the miner: {said}")
