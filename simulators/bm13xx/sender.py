"""The line to the host: when each frame leaves it, and what is left of it then."""

from __future__ import annotations

import time
from collections.abc import Callable

from simulators.bm13xx.flood import FloodCount
from simulators.bm13xx.line_faults import MUTE, STALL, LineFaults
from simulators.bm13xx.outbox import Outgoing
from simulators.bm13xx.report import SendRecord
from simulators.bm13xx.scale import Scale
from simulators.bm13xx.terminal import Terminal
from simulators.bm13xx.uart import HostSpeed, Line, misheard, speeds_agree


class Sender:
    """Puts frames on the line one after the other. `host_speed` is that of the other end."""

    def __init__(
        self,
        terminal: Terminal,
        host_speed: HostSpeed,
        faults: LineFaults,
        scale: Scale,
        sends: SendRecord,
    ) -> None:
        self._terminal = terminal
        self._host_speed = host_speed
        self._faults = faults
        self._scale = scale
        self._sends = sends
        self._line = Line()
        self._flood = FloodCount()

    def planned_ns(self, item: Outgoing, baud: float) -> int:
        """When the host has the last byte of it."""
        start_ns = self._start_ns(item)
        return self._line.arrival_ns(start_ns, len(item.data), baud) if item.paced else start_ns

    def send(self, item: Outgoing, baud: float, push: Callable[[bytes], None]) -> None:
        """Write a frame whose moment has come. `push` writes what the pty has no room for, of a flood."""
        if not item.data:
            self._sends.withheld(item)
            return
        start_ns, planned_ns = self._start_ns(item), self.planned_ns(item, baud)
        if item.paced:
            self._line.occupy(start_ns, len(item.data), baud)
        sent_ns = time.monotonic_ns()
        if self._faults.is_mute(sent_ns):
            self._sends.fault_counts[MUTE] += max(1, len(item.proofs))
            return
        if self._faults.start_ns(item.offered_ns) > item.offered_ns:
            self._sends.fault_counts[STALL] += 1
        data = self._faults.frames(item.data, max(1, len(item.proofs)))
        host_baud = self._host_speed.now()
        if not speeds_agree(host_baud, baud):
            self._sends.garbled_bytes += len(data)
            data = misheard(data, baud, host_baud)
        data = self._faults.on_the_line(data)
        taken = self._terminal.write(data)
        if not item.paced:
            push(data[taken:])
            self._flood.add(item, sent_ns, self._scale)
        elif taken < len(data):
            self._sends.dropped_frames += 1
            return
        self._sends.sent(item, planned_ns, sent_ns)

    def _start_ns(self, item: Outgoing) -> int:
        """When the first byte of it can leave."""
        free_ns = max(item.offered_ns, self._line.free_ns) if item.paced else item.due_ns
        return self._faults.start_ns(free_ns)
