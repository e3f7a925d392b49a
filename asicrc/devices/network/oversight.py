"""A miner under watch while it is recorded: asked in a thread of its own, supervised once it runs as set."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from asicrc.bench.envelope import Envelope
from asicrc.devices.network.control import MinerControl
from asicrc.devices.network.serving import Serving
from asicrc.devices.network.supervision import Supervision
from asicrc.devices.network.watcher import Watcher
from firmware_protocols.device import Clock, Reading


class Oversight:
    """From `start` to `stop`; it supervises from `supervise` on."""

    def __init__(self, control: MinerControl, name: str, clock: Clock) -> None:
        self.watcher = Watcher(control.observe, name)
        self._envelope: Envelope = control.envelope
        self._clock = clock
        self._supervision: Supervision | None = None

    def start(self) -> None:
        self.watcher.start()

    def supervise(self, setpoints: Mapping[str, float]) -> None:
        """`setpoints` is what the miner is set to as the recording begins."""
        self._supervision = Supervision(setpoints, self._envelope, began_ns=self._clock.now_ns())

    def look(self, serving: Serving | None, log: deque[str]) -> list[Reading]:
        """Readings of the miner. Raises SafetyStop, DeviceLost where supervision ends the capture."""
        if self._supervision is None:
            return []
        readings: list[Reading] = []
        for seen in self.watcher.take():
            readings += seen.readings
            log.extend(self._supervision.look(seen))
        self._supervision.silence(self._clock.now_ns(), self.watcher.last_error)
        if serving is not None:
            serving.check_presence(self._clock.now_ns())
        return readings

    def stop(self) -> None:
        self.watcher.stop()
