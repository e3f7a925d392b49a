"""Heat, power, voltage and fan against their limits and the fastest that they may rise.

Readings in, SafetyStop out. A driver uses it by itself while it brings a device up, the supervisor during a
capture.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from asicrc.bench.supervision.thresholds import Thresholds
from firmware_protocols.device import SafetyStop

RISES_IN_A_ROW = 3
"""That have to be too fast: a step of a coarse thermometer, or of the chip against its sink, is one."""
FAN_LOOKS = 3
"""In a row that a fan may stand: a transfer may fail once, a tachometer needs a turn."""
MISSES_BORNE = 2
"""Looks in a row that may bring no temperature: a transfer may fail once."""
FAN_CHANNEL = re.compile(r"(?:board\d+_)?fan\d*_rpm", re.ASCII)
"""Of a miner with several fans each has a channel of its own, of a box with several boards for each board."""
VOLTAGE_LOOKS = 3
"""In a row that a measured voltage may be off: a device that starts has none for a moment."""


class LimitWatch:
    """`firmware_watches` is whether the device has firmware of its own that looks after it."""

    def __init__(self, thresholds: Thresholds, *, firmware_watches: bool, fan_tells: bool = True) -> None:
        self._thresholds = thresholds
        self._firmware_watches = firmware_watches
        self._heat = _Rise(thresholds.temperature_rise_c_per_s_max)
        self._power = _Rise(thresholds.power_rise_w_per_s_max)
        self._rows: dict[str, int] = {}
        self._misses = 0
        self._set_mv: float | None = None
        self._fans_that_turned: set[str] = set()
        """A direct board's fan has to turn; of others only one that did is known to have a tachometer."""
        self._takes: dict[str, Callable[[float, int], None]] = {
            "temperature_c": self._take_temperature,
            "temperature2_c": self._take_second_temperature,
            "power_w": self._take_power,
            "core_set_mv": self._take_set_voltage,
            "core_mv": self._take_voltage,
        }
        self._fan_tells = fan_tells

    def take(self, channel: str, value: float, t_ns: int) -> None:
        """One reading. Raises SafetyStop; other channels and NaN are left alone, but that of a direct board's
        fan: one of which nothing is known may stand."""
        take = self._takes.get(channel)
        if take is not None and not math.isnan(value):
            take(value, t_ns)
        elif self._fan_tells and channel.endswith("_rpm") and FAN_CHANNEL.fullmatch(channel):
            self._take_fan(channel, value)

    def missed(self, why: str) -> int:
        """Asked for its readings, the device gave none. Return how often in a row; raises SafetyStop when
        that is too often."""
        self._misses += 1
        if self._misses > MISSES_BORNE:
            raise SafetyStop(why)
        return self._misses

    def changed(self) -> None:
        """Other settings: what rises now may be meant to."""
        self._heat.begin()
        self._power.begin()
        self._set_mv = None
        self._rows.pop("voltage", None)

    def _take_temperature(self, celsius: float, t_ns: int) -> None:
        self._misses = 0
        self._check_heat("heat", celsius)
        if self._heat.is_too_fast(celsius, t_ns):
            raise SafetyStop(
                f"the chip warms by more than {self._heat.most_per_s:g} degC a second, and is at "
                f"{celsius:g} degC: has its heat sink or fan come off?"
            )

    def _take_second_temperature(self, celsius: float, _: int) -> None:
        self._check_heat("heat beside it", celsius)

    def _check_heat(self, row: str, celsius: float) -> None:
        limit_c = self._thresholds.temperature_c_max
        if self._lasts(row, celsius > limit_c, self._thresholds.confirmations):
            raise SafetyStop(f"the chip is at {celsius:g} degC, above the limit of {limit_c:g} degC")

    def _take_power(self, watts: float, t_ns: int) -> None:
        limit_w = self._thresholds.power_w_max
        if self._lasts("power", watts > limit_w, self._thresholds.confirmations):
            raise SafetyStop(f"the board draws {watts:.1f} W, above the limit of {limit_w:g} W")
        if self._power.is_too_fast(watts, t_ns):
            raise SafetyStop(
                f"the power rises by more than {self._power.most_per_s:g} W a second, and is at {watts:.1f} W"
            )

    def _take_set_voltage(self, millivolts: float, _: int) -> None:
        self._set_mv = millivolts

    def _take_voltage(self, millivolts: float, _: int) -> None:
        error_mv, most_mv = self._thresholds.voltage_error_mv_max, self._thresholds.voltage_mv_max
        if self._lasts("too high", millivolts > most_mv + error_mv, self._thresholds.confirmations):
            raise SafetyStop(f"the core is at {millivolts:.0f} mV, and {most_mv:g} mV is the most allowed")
        set_mv = self._set_mv
        if set_mv is None:
            return
        if self._lasts("voltage", abs(millivolts - set_mv) > error_mv, VOLTAGE_LOOKS):
            raise SafetyStop(
                f"the core measures {millivolts:.0f} mV and is set to {set_mv:.0f} mV: its regulator does "
                "not hold"
            )

    def _take_fan(self, channel: str, rpm: float) -> None:
        if rpm > 0:
            self._fans_that_turned.add(channel)
        if math.isnan(rpm) and self._firmware_watches:
            return
        has_to_turn = not self._firmware_watches or channel in self._fans_that_turned
        if self._lasts(channel, has_to_turn and not rpm > 0, FAN_LOOKS):
            which = "the fan" if channel == "fan_rpm" else f"a fan ({channel.removesuffix('_rpm')})"
            said = f"{which} does not turn" if rpm == 0 else f"{which} does not tell whether it turns"
            if not self._firmware_watches:
                said += "; for one without a tachometer write fan_tachometer = false in the station file"
            raise SafetyStop(said)

    def _lasts(self, what: str, is_so: bool, looks: int) -> bool:
        self._rows[what] = self._rows.get(what, 0) + 1 if is_so else 0
        return self._rows[what] >= looks


class _Rise:
    """Of one quantity. Too fast is only what is so `RISES_IN_A_ROW` times without a break."""

    def __init__(self, most_per_s: float) -> None:
        self.most_per_s = most_per_s
        self._last: tuple[int, float] | None = None
        self._row = 0

    def begin(self) -> None:
        self._last, self._row = None, 0

    def is_too_fast(self, value: float, t_ns: int) -> bool:
        before, self._last = self._last, (t_ns, value)
        if before is None or t_ns <= before[0]:
            return False
        per_s = (value - before[1]) / (t_ns - before[0]) * 1e9
        self._row = self._row + 1 if per_s > self.most_per_s else 0
        return self._row >= RISES_IN_A_ROW
