"""The fan as a controller's hand: so fast that a temperature stays where it is wanted.

A discrete PID controller (Astrom and Hagglund, Advanced PID Control, 2006, sections 3.4 to 3.6), with e the
temperature above the target and h the time since the reading before:

    u = P + I + D,  P = K e,  D = Td/(Td + N h) D' + K Td N/(Td + N h) (T - T'),
    after u is held to its bounds as v:  I = I' + K h/Ti e + h/Tt (v - u)

The derivative is of the temperature and not of the error, so that another target gives no kick. The last term
is the anti-windup: while the fan is at a bound, the integral follows it.

The gains are those of Skogestad's rule (J. Process Control 13:291, 2003), K = 1 / (k' (tc + d)) and
Ti = 4 (tc + d), for the most sensitive of the boards that are modelled, a Bitaxe at its lowest fan speed: one
per cent less fan warms it by k' = 0.0112 degC/s at first (1.66 degC in the end, with 148 s). The dead time d
is 2 s, of a look a second and a thermometer of whole degrees; the closed loop's time tc is 23 s. At full
speed the same board is four times less sensitive, and the loop slower.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from asicrc.bench.envelope import Range
from asicrc.errors import UsageError

MARGIN_C = 5.0
"""From the limit at which the device is stopped: from here on the fan turns as fast as it can, and no target
may be higher."""
COOLEST_TARGET_C = 20.0
FILTER_N = 5.0


@dataclass(frozen=True, slots=True)
class FanGains:
    """`percent_per_c` is K, `integral_s` Ti, `derivative_s` Td, `tracking_s` Tt."""

    percent_per_c: float = 3.5
    integral_s: float = 100.0
    derivative_s: float = 1.0
    tracking_s: float = 20.0


USUAL_GAINS = FanGains()


@dataclass(frozen=True, slots=True)
class FanSteps:
    """How often, and from which difference on, a fan is told another speed; of some only a whole per cent."""

    interval_s: float = 1.0
    least_percent: float = 1.6
    """One step of an EMC2101 is 1.59 %."""
    whole: bool = False


DIRECT_STEPS = FanSteps()
NETWORK_STEPS = FanSteps(interval_s=10.0, least_percent=3.0, whole=True)
"""Firmware keeps every change in its flash, which is good for some 100,000 of them."""


class FanControl:
    """`speeds` are the limits of the fan, never gone below; `limit_c` is where the device is stopped.

    `start_percent` is how fast the fan turns now; None: nobody knows.

    Raises UsageError for a target that is none.
    """

    def __init__(
        self,
        target_c: float,
        speeds: Range,
        limit_c: float,
        *,
        start_percent: float | None = None,
        gains: FanGains = USUAL_GAINS,
        steps: FanSteps = DIRECT_STEPS,
    ) -> None:
        highest_c = limit_c - MARGIN_C
        if not COOLEST_TARGET_C <= target_c <= highest_c:
            raise UsageError(
                f"a fan target of {target_c:g} degC is none: it takes {COOLEST_TARGET_C:g} to "
                f"{highest_c:g} degC, {MARGIN_C:g} degC below the limit at which the device is stopped",
                f"--fan-target-c {min(max(target_c, COOLEST_TARGET_C), highest_c):g}",
            )
        self.target_c = target_c
        self._speeds = speeds
        self._full_from_c = highest_c
        self._gains = gains
        self._steps = steps
        self._told = None if start_percent is None else speeds.clamp(start_percent)
        self._told_ns: int | None = None
        self._integral = speeds.high if self._told is None else self._told
        self._derivative = 0.0
        self._last: tuple[int, float] | None = None

    @property
    def percent(self) -> float | None:
        """What the fan was told last, or how it was found."""
        return self._told

    def found(self, percent: float) -> None:
        """The fan turns as fast as this now, whoever set it."""
        self._told = percent

    def take(self, celsius: float, t_ns: int) -> float | None:
        """A temperature; the speed that the fan is to be told now, if another one."""
        wanted = self._wanted(celsius, t_ns)
        if celsius >= self._full_from_c:
            wanted = self._integral = self._speeds.high
        return self._tell(wanted, t_ns)

    def lost(self, now_ns: int) -> float | None:
        """The temperature is not known any more: full speed, if it is not told that already."""
        self._last = None
        self._integral = self._speeds.high
        return self._tell(self._speeds.high, now_ns)

    def as_json(self) -> dict[str, float]:
        """For the capture."""
        return {
            "target_c": self.target_c,
            "lowest_percent": self._speeds.low,
            "highest_percent": self._speeds.high,
            "percent_per_c": self._gains.percent_per_c,
            "integral_s": self._gains.integral_s,
            "derivative_s": self._gains.derivative_s,
            "tracking_s": self._gains.tracking_s,
            "interval_s": self._steps.interval_s,
            "least_percent": self._steps.least_percent,
        }

    def _wanted(self, celsius: float, t_ns: int) -> float:
        gains, error = self._gains, celsius - self.target_c
        before, self._last = self._last, (t_ns, celsius)
        h_s = 0.0 if before is None else max(0.0, (t_ns - before[0]) / 1e9)
        if before is not None and h_s > 0:
            decay = gains.derivative_s + FILTER_N * h_s
            change = gains.percent_per_c * gains.derivative_s * FILTER_N / decay * (celsius - before[1])
            self._derivative = gains.derivative_s / decay * self._derivative + change
        free = gains.percent_per_c * error + self._integral + self._derivative
        held = min(max(free, self._speeds.low), self._speeds.high)
        self._integral += h_s / gains.integral_s * gains.percent_per_c * error
        self._integral += min(h_s / gains.tracking_s, 1.0) * (held - free)
        return held

    def _tell(self, wanted: float, t_ns: int) -> float | None:
        """Held back until the fan may be told again; to a bound it may go in any step."""
        if self._steps.whole:
            wanted = float(math.ceil(wanted))
        at_bound = wanted in (self._speeds.low, self._speeds.high) and wanted != self._told
        is_near = self._told is not None and abs(wanted - self._told) < self._steps.least_percent
        if is_near and not at_bound:
            return None
        hurries = wanted == self._speeds.high and wanted != self._told
        waited_s = math.inf if self._told_ns is None else (t_ns - self._told_ns) / 1e9
        if waited_s < self._steps.interval_s and not hurries:
            return None
        self._told, self._told_ns = wanted, t_ns
        return wanted
