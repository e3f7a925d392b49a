"""A miner that is asked how it is while it is recorded, in a thread of its own: what it says, as readings."""

from __future__ import annotations

from asicrc.bench.supervision.setpoint_watch import CHANNEL_OF_SETPOINT
from asicrc.bench.supervision.supervisor import CONNECTED, UPTIME
from asicrc.devices.network.control import MinerControl, Observation
from asicrc.devices.network.presence import Presence
from asicrc.devices.network.serving import Serving
from asicrc.devices.network.watcher import Watcher
from firmware_protocols.device import Batch, Clock, Reading

MOST_SAID = 50
"""Lines about gaps in one capture: of a miner that answers now and then there would be thousands."""


class Oversight:
    """From `start` to `stop`; what is seen is told from `begin_recording` on."""

    def __init__(self, control: MinerControl, name: str, clock: Clock) -> None:
        self.watcher = Watcher(control.observe, name)
        self._clock = clock
        self._presence: Presence | None = None
        self._connected: float | None = None
        self._was_silent = False
        self._said = 0

    def start(self) -> None:
        self.watcher.start()

    def begin_recording(self) -> None:
        self._presence = Presence()

    def look(self, serving: Serving | None, batch: Batch) -> None:
        """Add what was seen since the last look. Raises DeviceLost where it does not mine here any more."""
        if self._presence is None:
            return
        for seen in self.watcher.take():
            batch.readings += _as_readings(seen)
            batch.faults += self._presence.look(seen)
        self._look_for_a_gap(batch)
        if serving is None:
            return
        now_ns = self._clock.now_ns()
        connected = float(len(serving.server.miners))
        if connected != self._connected:
            self._connected = connected
            batch.readings.append(Reading(now_ns, CONNECTED, connected))
        serving.check_presence(now_ns)

    def _look_for_a_gap(self, batch: Batch) -> None:
        error = self.watcher.last_error
        if error and not self._was_silent and self._said < MOST_SAID:
            self._said += 1
            batch.log.append(f"the miner does not say how it is, so its readings have a gap: {error}")
        self._was_silent = bool(error)

    def stop(self) -> None:
        self.watcher.stop()


def _as_readings(seen: Observation) -> list[Reading]:
    """What it told, and what it is set to and how long it is up under names of their own."""
    own = {
        CHANNEL_OF_SETPOINT[name]: value
        for name, value in seen.setpoints.items()
        if name in CHANNEL_OF_SETPOINT
    }
    if seen.uptime_s is not None:
        own[UPTIME] = seen.uptime_s
    told = [reading for reading in seen.readings if reading.channel not in own]
    return told + [Reading(seen.t_ns, channel, value) for channel, value in own.items()]
