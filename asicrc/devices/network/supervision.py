"""What a miner must not do while it is recorded: get hot, be changed by its firmware, mine elsewhere.

Pure: observations in, words or an end out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from asicrc.bench.envelope import Envelope
from asicrc.devices.network.control import MinesAt, Observation
from firmware_protocols.device import DeviceLost, SafetyStop

IN_A_ROW = 2
"""Observations that have to say the same: one may be of a moment, or damaged."""
SAME_WITHIN = 0.01
"""Relative; averages over chips move by less."""
UPTIME_SLACK_S = 3.0
SILENT_S = 90.0
"""A restart takes some 30 s. Longer without a temperature is longer than one may go on."""
_COOLER = ("frequency_mhz", "voltage_mv")


class Supervision:
    """`setpoints` is what the miner is set to as the recording begins."""

    def __init__(self, setpoints: Mapping[str, float], envelope: Envelope, *, began_ns: int) -> None:
        self._setpoints = dict(setpoints)
        self._envelope = envelope
        self._heard_ns = began_ns
        self._uptime: tuple[int, float] | None = None
        self._rows: dict[str, int] = {}

    def look(self, seen: Observation) -> list[str]:
        """Lines for the log. Raises SafetyStop where it must not go on, DeviceLost where it mines elsewhere
        or was changed."""
        if seen.temperature_c is not None or self._envelope.temperature_c is None:
            self._heard_ns = seen.t_ns
        said = self._restarted(seen)
        self._check_heat(seen)
        self._check_power(seen)
        self._check_settings(seen)
        elsewhere = seen.mines_at is MinesAt.ELSEWHERE
        if self._lasts("elsewhere", elsewhere):
            raise DeviceLost("the miner has left asicrc's work server and mines at a pool of its own")
        if self._lasts("paused", bool(seen.paused)):
            raise DeviceLost("the miner says that it does not mine any more: it is paused, or asleep")
        return said

    def silence(self, now_ns: int, why: str) -> None:
        """Raises SafetyStop where it was not heard of for too long, or told no temperature. `why` is the
        last error, empty where it answers."""
        silent_s = (now_ns - self._heard_ns) / 1e9
        if silent_s > SILENT_S:
            why = why or "it answers, but without one"
            raise SafetyStop(f"the miner has not told its temperature for {silent_s:.0f} s: {why}")

    def _restarted(self, seen: Observation) -> list[str]:
        if seen.uptime_s is None:
            return []
        before, self._uptime = self._uptime, (seen.t_ns, seen.uptime_s)
        if before is None or seen.uptime_s + UPTIME_SLACK_S >= before[1]:
            return []
        return [f"the miner has restarted: it is up for {seen.uptime_s:g} s, and was for {before[1]:g} s"]

    def _check_heat(self, seen: Observation) -> None:
        if seen.overheated:
            raise SafetyStop("the miner's firmware says that it overheated")
        if seen.faults:
            raise SafetyStop(f"the miner reports a fault: {seen.faults[0]}")
        limit = self._envelope.temperature_c
        if limit is None or seen.temperature_c is None:  # none at all is no cool one: the row stands
            return
        if self._lasts("heat", seen.temperature_c > limit):
            raise SafetyStop(f"its chip is at {seen.temperature_c:g} degC, above the limit of {limit:g} degC")

    def _check_power(self, seen: Observation) -> None:
        limit = self._envelope.power_w
        if limit is None or seen.power_w is None:
            return
        if self._lasts("power", seen.power_w > limit):
            raise SafetyStop(f"the miner draws {seen.power_w:.1f} W, above the limit of {limit:g} W")

    def _check_settings(self, seen: Observation) -> None:
        changed = {
            name: (was, seen.setpoints[name])
            for name, was in self._setpoints.items()
            if name in seen.setpoints and not math.isclose(seen.setpoints[name], was, rel_tol=SAME_WITHIN)
        }
        if not self._lasts("settings", bool(changed)):
            return
        said = ", ".join(f"{name} from {was:g} to {now:g}" for name, (was, now) in changed.items())
        if any(changed[name][1] < changed[name][0] for name in _COOLER if name in changed):
            raise SafetyStop(
                f"something has changed {said}: firmware does that to a miner that has overheated"
            )
        raise DeviceLost(f"somebody else has changed the miner: {said}")

    def _lasts(self, what: str, is_so: bool) -> bool:
        self._rows[what] = self._rows.get(what, 0) + 1 if is_so else 0
        return self._rows[what] >= IN_A_ROW
