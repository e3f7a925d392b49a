"""Recorded lines that a driver talks to once more: what it writes is looked for, what came back comes back.

The driver of today need not write what the one of the recording wrote. A write is matched with the next equal
one on its line; recorded writes in between are passed over, and so are those for which the driver lets more
than `PATIENCE_NS` go by. A write that the rest of the recording does not have ends the replay, naming it.
"""

from __future__ import annotations

from collections.abc import Sequence

from asicrc.transports.recording import RecordedChunk
from asicrc.transports.transport import LatencyTimer
from firmware_protocols.device import Clock, DeviceLost, Direction, Stamp, WireChunk

PATIENCE_NS = 1_000_000_000


class RecordedClock:
    """Stands where the recording stands, and moves on while its reader waits."""

    def __init__(self, start_ns: int, realtime_offset_ns: int) -> None:
        self._now_ns = start_ns
        self._offset_ns = realtime_offset_ns

    def now_ns(self) -> int:
        return self._now_ns

    def realtime_ns(self) -> int:
        return self._now_ns + self._offset_ns

    def advance_to(self, t_ns: int) -> None:
        self._now_ns = max(self._now_ns, t_ns)


class RecordedLines:
    """The lines of one device with their common order. `line` gives the transport of a channel."""

    def __init__(self, chunks: Sequence[RecordedChunk], realtime_offset_ns: int) -> None:
        self._chunks = chunks
        self._next = 0
        self.passed_over = 0
        """Recorded writes that the driver did not make."""
        start_ns = chunks[0].chunk.stamp.t_ns if chunks else 0
        self.clock = RecordedClock(start_ns, realtime_offset_ns)
        self._arrived: dict[str, list[WireChunk]] = {}

    def line(self, channel: str, path: str, baud: int) -> RecordedTransport:
        return RecordedTransport(self, channel, path, baud)

    def write(self, channel: str, data: bytes, path: str) -> Stamp:
        for index in range(self._next, len(self._chunks)):
            recorded = self._chunks[index]
            sent, chunk = recorded.chunk.direction is Direction.TX, recorded.chunk
            if sent and recorded.channel == channel and chunk.data == data:
                self._pass_to(index)
                self._next = index + 1
                self.clock.advance_to(chunk.stamp.t_ns)
                return Stamp(self.clock.now_ns())
        raise DeviceLost(
            f"{path}: the driver writes {data.hex(' ')} here, which the recording does not have "
            f"after its entry {self._next} of {len(self._chunks)}"
        )

    def read(self, channel: str, until_ns: int) -> list[WireChunk]:
        """What came on a line up to a moment; returns as soon as there is something, as a port does."""
        while self._next < len(self._chunks) and not self._arrived.get(channel):
            recorded = self._chunks[self._next]
            t_ns = recorded.chunk.stamp.t_ns
            if recorded.chunk.direction is Direction.TX:
                if t_ns + PATIENCE_NS > until_ns:
                    break
                self.passed_over += 1
            else:
                if t_ns > until_ns:
                    break
                self.clock.advance_to(t_ns)
                self._arrived.setdefault(recorded.channel, []).append(recorded.chunk)
            self._next += 1
        if not self._arrived.get(channel):
            self.clock.advance_to(until_ns)
        return self._arrived.pop(channel, [])

    def _pass_to(self, index: int) -> None:
        """Everything before `index` has passed: answers are there, writes were not made."""
        for recorded in self._chunks[self._next : index]:
            if recorded.chunk.direction is Direction.TX:
                self.passed_over += 1
            else:
                self._arrived.setdefault(recorded.channel, []).append(recorded.chunk)


class RecordedTransport:
    """Implements `Transport` for one line of a recording."""

    def __init__(self, lines: RecordedLines, channel: str, path: str, baud: int) -> None:
        self.path = path
        self.clock: Clock = lines.clock
        self._lines = lines
        self._channel = channel
        self._baud = baud

    @property
    def baud(self) -> int:
        return self._baud

    @property
    def descriptor(self) -> int | None:
        return None

    @property
    def latency_timer(self) -> LatencyTimer:
        return LatencyTimer(None, None)

    def set_baud(self, baud: int) -> None:
        self._baud = baud

    def write(self, data: bytes) -> Stamp:
        return self._lines.write(self._channel, data, self.path)

    def read(self, until_ns: int) -> list[WireChunk]:
        return self._lines.read(self._channel, until_ns)

    def close(self) -> None:
        """Nothing is held open."""
