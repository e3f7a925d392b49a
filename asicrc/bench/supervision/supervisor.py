"""The supervisor of one capture (the papers' Sentinel): everything that a device brings passes here.

It holds no clock, reads no device and writes none. What it sees it judges at once: it raises where the
capture must not go on, and otherwise says what belongs into the log, and which speed the fan is to get.

False alarms of the counting rules are bounded (`rate_watch`, `share_watch`): one window of at least 10 s in
a million, for a device that is at the very edge of what is allowed; practically none for one that is well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from asicrc.bench.supervision.fan_control import FanControl
from asicrc.bench.supervision.limit_watch import LimitWatch
from asicrc.bench.supervision.rate_watch import SHORTEST_S, RateWatch
from asicrc.bench.supervision.setpoint_watch import SetpointWatch
from asicrc.bench.supervision.share_watch import ShareWatch
from asicrc.bench.supervision.thresholds import Thresholds
from firmware_protocols.device import Batch, DeviceLost, Direction, SafetyStop, Setting

LONGEST_LOOK_S = 1.0
"""What counts of the time between two looks: where this program stood still, the device was not silent."""
UPTIME_SLACK_S = 3.0
FAN = "fan_percent"
CONNECTED = "connected_n"
"""Channel of a network miner: how many connections to the work server there are."""
UPTIME = "uptime_s"


@dataclass(frozen=True, slots=True)
class Supervised:
    """What a look came to: lines for the log, and settings that are to be made."""

    log: list[str] = field(default_factory=list)
    settings: dict[str, float] = field(default_factory=dict)


_NOTHING = Supervised()


@dataclass(frozen=True, slots=True)
class Tally:
    """Running totals of a capture, of what storage has judged and the line has brought so far."""

    proofs: int = 0
    invalid: int = 0
    """Of `proofs`: those that do not hash, or fall short of what was asked for, or are damaged."""
    frames: int = 0
    damaged_frames: int = 0
    """Of `frames`."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is watched of a capture. `firmware_watches`: the device has firmware that looks after it too.

    `rate` False where the input changes the rate on purpose; `rhythm_s` is a time in which it goes up and
    down by itself, as a chip may be done with a job before the next one comes; `driven` the setting that an
    input goes through. With `anomalies_end` a collapse of the rate or a burst of errors ends the capture,
    otherwise it is said.
    """

    firmware_watches: bool = True
    rate: bool = True
    errors: bool = True
    anomalies_end: bool = True
    rhythm_s: float = 0.0
    driven: str | None = None


class Supervisor:
    """`now_ns` of every call is of the device's clock. `fan` is None where the fan is left as it is set."""

    def __init__(
        self,
        thresholds: Thresholds,
        watched: Watched,
        *,
        fan: FanControl | None = None,
        fan_tells: bool = True,
    ) -> None:
        direct = not watched.firmware_watches
        self.thresholds = thresholds
        self._watched = watched
        self._fan = fan
        self._limits = LimitWatch(thresholds, firmware_watches=not direct, fan_tells=fan_tells)
        self._setpoints = SetpointWatch(firmware_watches=not direct, driven=watched.driven)
        self._rate = RateWatch(
            thresholds.hash_rate_share_min,
            shortest_s=max(SHORTEST_S, 2 * watched.rhythm_s),
        )
        self._invalid = ShareWatch("proofs are invalid", thresholds.invalid_share_max)
        self._damaged = ShareWatch("frames are damaged", thresholds.damaged_share_max)
        self._changed_ns: int | None = None
        self._looked_ns: int | None = None
        self._silent_s = 0.0
        self._blind_s: float | None = None
        """Time without a temperature; None as long as there never was one."""
        self._uptime: float | None = None
        self._away = False
        self._said_learned = False

    def look(self, batch: Batch, now_ns: int) -> Supervised:
        """Everything that `read` brought, after each. Raises SafetyStop and DeviceLost."""
        elapsed_s = self._elapsed_s(now_ns)
        log: list[str] = []
        settings: dict[str, float] = {}
        for fault in batch.faults:
            raise SafetyStop(fault)
        if batch.segment is not None:
            self._rate.leave_out()
        if batch.settings:
            self.changed(batch.settings, now_ns)
        has_temperature = False
        for reading in batch.readings:
            channel, value = reading.channel, reading.value
            if channel == "temperature_c" and not math.isnan(value):
                has_temperature = True
                self._steer(value, reading.t_ns, settings, log)
            elif channel == UPTIME:
                self._look_at_uptime(value, log)
            elif channel == CONNECTED:
                self._away = value == 0
            self._limits.take(channel, value, reading.t_ns)
            self._setpoints.take(channel, value, reading.t_ns)
        self._look_for_silence(batch, elapsed_s, has_temperature)
        self._look_for_heat_unseen(has_temperature, elapsed_s, now_ns, settings, log)
        self._look_at_rate(len(batch.nonces), elapsed_s, log)
        return Supervised(log, settings) if log or settings else _NOTHING

    def changed(self, settings: Iterable[Setting], now_ns: int) -> None:
        """Settings were made, on the way in or meanwhile."""
        settings = list(settings)
        self._setpoints.changed(settings, now_ns)
        for setting in settings:
            if self._fan is not None and setting.name == FAN and setting.read_back is not None:
                self._fan.found(setting.read_back)
        if any(setting.name != FAN for setting in settings):
            self._limits.changed()
            self._rate.begin()
            self._invalid.begin()
            self._damaged.begin()
            self._said_learned = False

    def begin_point(self) -> None:
        """The work of a point begins, at other settings as a rule: how many events come is learned anew."""
        self._rate.begin()
        self._invalid.begin()
        self._damaged.begin()
        self._said_learned = False

    def count(self, tally: Tally, now_ns: int) -> Supervised:
        """How many of all that came are bad. Raises DeviceLost where it is a burst that ends the capture."""
        if not self._watched.errors:
            return _NOTHING
        bursts = (
            self._invalid.add(tally.invalid, tally.proofs, now_ns),
            self._damaged.add(tally.damaged_frames, tally.frames, now_ns),
        )
        said = [self._anomaly(f"an error burst: {burst}") for burst in bursts if burst is not None]
        return Supervised(log=said) if said else _NOTHING

    def as_json(self) -> dict[str, Any]:
        """For the capture."""
        return {
            "thresholds": self.thresholds.as_json(),
            "firmware_watches_too": self._watched.firmware_watches,
            "rate_is_watched": self._watched.rate,
            "errors_are_watched": self._watched.errors,
            "anomalies_end": self._watched.anomalies_end,
            "fan": None if self._fan is None else self._fan.as_json(),
        }

    def _elapsed_s(self, now_ns: int) -> float:
        before, self._looked_ns = self._looked_ns, now_ns
        return 0.0 if before is None else min(max(0.0, (now_ns - before) / 1e9), LONGEST_LOOK_S)

    def _steer(self, celsius: float, t_ns: int, settings: dict[str, float], log: list[str]) -> None:
        if self._fan is not None:
            self._tell_fan(self._fan.take(celsius, t_ns), f"at {celsius:g} degC", settings, log)

    def _tell_fan(self, percent: float | None, why: str, settings: dict[str, float], log: list[str]) -> None:
        if percent is not None and self._fan is not None:
            settings[FAN] = percent
            log.append(f"fan to {percent:.1f} %: {why}, {self._fan.target_c:g} degC is wanted")

    def _look_at_uptime(self, uptime_s: float, log: list[str]) -> None:
        before, self._uptime = self._uptime, uptime_s
        if before is None or uptime_s + UPTIME_SLACK_S >= before:
            return
        log.append(f"the device has restarted: it is up for {uptime_s:g} s, and was for {before:g} s")
        self._limits.changed()
        self._rate.leave_out()

    def _look_for_silence(self, batch: Batch, elapsed_s: float, has_temperature: bool) -> None:
        answered = any(chunk.direction is Direction.RX for chunk in batch.wire)  # not what we say
        heard = has_temperature or batch.readings or answered or batch.jobs or len(batch.nonces)
        self._silent_s = 0.0 if heard else self._silent_s + elapsed_s
        if self._silent_s > self.thresholds.device_silent_s_max:
            raise DeviceLost(f"nothing has been heard of the device for {self._silent_s:.0f} s")

    def _look_for_heat_unseen(
        self,
        has_temperature: bool,
        elapsed_s: float,
        now_ns: int,
        settings: dict[str, float],
        log: list[str],
    ) -> None:
        if has_temperature:
            self._blind_s = 0.0
        if self._blind_s is None or has_temperature:
            return
        self._blind_s += elapsed_s
        most_s = self.thresholds.sensor_silent_s_max
        if math.isnan(self.thresholds.temperature_c_max):
            return
        if self._blind_s > most_s:
            raise SafetyStop(
                f"the device has not told its temperature for {self._blind_s:.1f} s: how hot it is nobody "
                "knows"
            )
        if self._fan is not None and not self._watched.firmware_watches and self._blind_s > most_s / 2:
            self._tell_fan(self._fan.lost(now_ns), "the temperature is not known", settings, log)

    def _look_at_rate(self, events: int, elapsed_s: float, log: list[str]) -> None:
        if not self._watched.rate:
            return
        if self._away:
            self._rate.leave_out()
            return
        collapse = self._rate.add(events, elapsed_s)
        if collapse is not None:
            log.append(self._anomaly(str(collapse)))
        if not self._said_learned and self._rate.expected_hz is not None:
            self._said_learned = True
            log.append(
                f"supervision: {self._rate.expected_hz:.3g} events a second are to be expected from here on"
            )

    def _anomaly(self, text: str) -> str:
        if self._watched.anomalies_end:
            raise DeviceLost(text)
        return f"supervision: {text}"
