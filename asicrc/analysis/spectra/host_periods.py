"""Periods that a host, a network or a firmware brings, and whether one of them is what was found.

A line at such a period says nothing of silicon: four WiFi beacons are 2.44 Hz, which is near the claimed 2.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from asicrc.analysis.spectra.phases import powers
from asicrc.analysis.spectra.renewal_spectrum import smooth_spectrum
from asicrc.analysis.spectra.search import Peak
from asicrc.evidence.block_bootstrap import Floats

BEACON_S = 0.1024
"""IEEE 802.11: 100 time units of 1.024 ms, the default of nearly every access point."""
MOST_BEACONS = 10
FAN_PWM_HZ = 25_000.0
"""Of four-wire fans (Intel 2005, 4-wire PWM controlled fans)."""
FIRMWARE_RENEWAL_S = {"LV06": 2.0, "Bitaxe": 2.0}
"""How often a firmware begins other work of its own, by a word in the model's name: ESP-Miner each 2 s
(bitaxeorg/ESP-Miner)."""
CLOCKS_DIFFER = 1e-4
"""Two crystals: 50 ppm each."""
CONSISTENT = 4.6
"""How much less power the host's own frequency may have: likelihood ratio, 99.8 %."""
COMB, MOST_LOWER = 0.25, 10
"""Of the power of a harmonic, what the lower ones have to have on average, and how many are looked at."""
REGULAR, MIN_MOMENTS = 0.05, 6


@dataclass(frozen=True, slots=True)
class HostPeriod:
    name: str
    period_s: float

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "period_s": self.period_s}


@dataclass(frozen=True, slots=True)
class HostLine:
    """A line that lies at `order` times the frequency of a host's period."""

    period: HostPeriod
    order: int

    @property
    def frequency_hz(self) -> float:
        return self.order / self.period.period_s

    def __str__(self) -> str:
        times = "" if self.order == 1 else f", harmonic {self.order}"
        return f"{self.period.name}: {self.frequency_hz:.4g} Hz{times}"

    def as_json(self) -> dict[str, Any]:
        return {**self.period.as_json(), "order": self.order, "frequency_hz": self.frequency_hz}


def usual_periods(model: str = "", quantum_s: float | None = None) -> list[HostPeriod]:
    """What may be there whatever the capture says: WiFi, the firmware of this model, fan pulses, stamps."""
    periods = [HostPeriod(_beacons(count), count * BEACON_S) for count in range(1, MOST_BEACONS + 1)]
    periods += [
        HostPeriod(f"work that the firmware of {name} renews", period_s)
        for name, period_s in FIRMWARE_RENEWAL_S.items()
        if name.lower() in model.lower()
    ]
    if quantum_s:
        periods.append(HostPeriod("step of the stamps", quantum_s))
        alias_hz = abs(FAN_PWM_HZ - round(FAN_PWM_HZ * quantum_s) / quantum_s)
        if alias_hz > 0:
            periods.append(HostPeriod("fan pulses, folded by the step of the stamps", 1 / alias_hz))
    else:
        periods.append(HostPeriod("fan pulses", 1 / FAN_PWM_HZ))
    return periods


def regular_period(name: str, moments_ns: ArrayLike) -> HostPeriod | None:
    """The period of moments that nine times in ten follow each other evenly, within 5 %; else None."""
    moments = np.unique(np.asarray(moments_ns, np.int64))
    if len(moments) < MIN_MOMENTS:
        return None
    steps_s = np.diff(moments) / 1e9
    usual = float(np.median(steps_s))
    near = np.abs(steps_s - usual) <= REGULAR * usual
    if near.mean() < 0.9:
        return None
    return HostPeriod(name, float(steps_s[near].mean()))


def host_line(peak: Peak, t_s: Floats, periods: Iterable[HostPeriod]) -> HostLine | None:
    """The host's period that a peak of the events at `t_s` cannot be told from, None where there is none.

    It can be told where the power at the host's own frequency is too small for the peak. A higher harmonic is
    named only where the lower ones are there as well, as short interruptions make them: else every frequency
    were one of some slow period.
    """
    matching = [line for period in periods if (line := _near(peak, t_s, period)) is not None]
    return min(matching, key=lambda line: abs(line.frequency_hz - peak.frequency_hz), default=None)


def _near(peak: Peak, t_s: Floats, period: HostPeriod) -> HostLine | None:
    order = round(peak.frequency_hz * period.period_s)
    if order < 1:
        return None
    line = HostLine(period, order)
    off_hz = abs(line.frequency_hz - peak.frequency_hz)
    if off_hz > CLOCKS_DIFFER * line.frequency_hz:
        if off_hz > 1 / float(t_s[-1] - t_s[0]):
            return None
        if peak.relative_power - _relative(t_s, [line.frequency_hz]) > CONSISTENT:
            return None
    if order > 1:
        lower = [k / period.period_s for k in range(1, min(order - 1, MOST_LOWER) + 1)]
        if _relative(t_s, lower) / len(lower) < COMB * peak.relative_power:
            return None
    return line


def _relative(t_s: Floats, frequencies_hz: Sequence[float]) -> float:
    """Sum of the powers over what events without a period have there."""
    steps = np.diff(t_s)
    expected = smooth_spectrum(steps, np.asarray(frequencies_hz))
    found = [float(powers(t_s, f)[0]) / e for f, e in zip(frequencies_hz, expected.tolist(), strict=True)]
    return float(sum(found))


def _beacons(count: int) -> str:
    words = ("a WiFi beacon", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[0] if count == 1 else f"{words[count - 1]} WiFi beacons"
