"""A line with a witness: everything that passes is kept beside it, in order, for a bundle."""

from __future__ import annotations

from dataclasses import dataclass, field

from asicrc.transports.transport import LatencyTimer, Transport
from firmware_protocols.device import Direction, Stamp, WireChunk

MOST_BYTES, MOST_CHUNKS = 32 << 20, 500_000
"""Of a recording: a bundle is for a check and a moment of work, not for a night."""


@dataclass(frozen=True, slots=True)
class RecordedChunk:
    """Bytes of one read or write on the line that `channel` names."""

    session: str
    channel: str
    chunk: WireChunk


@dataclass(slots=True)
class WireRecord:
    """What passed on all lines of a device. `session` marks what comes from now on."""

    session: str = "check"
    chunks: list[RecordedChunk] = field(default_factory=list)
    left_out_bytes: int = 0
    """Bytes beyond the bounds, which were not kept."""
    _kept_bytes: int = 0

    def add(self, channel: str, chunk: WireChunk) -> None:
        if self._kept_bytes + len(chunk.data) > MOST_BYTES or len(self.chunks) >= MOST_CHUNKS:
            self.left_out_bytes += len(chunk.data)
            return
        self._kept_bytes += len(chunk.data)
        self.chunks.append(RecordedChunk(self.session, channel, chunk))


class RecordingTransport:
    """Implements `Transport` by another one."""

    def __init__(self, inner: Transport, channel: str, record: WireRecord) -> None:
        self.path = inner.path
        self.clock = inner.clock
        self._inner = inner
        self._channel = channel
        self._record = record

    @property
    def baud(self) -> int:
        return self._inner.baud

    @property
    def descriptor(self) -> int | None:
        return self._inner.descriptor

    @property
    def latency_timer(self) -> LatencyTimer:
        return self._inner.latency_timer

    def set_baud(self, baud: int) -> None:
        self._inner.set_baud(baud)

    def write(self, data: bytes) -> Stamp:
        stamp = self._inner.write(data)
        self._record.add(self._channel, WireChunk(Direction.TX, stamp, data))
        return stamp

    def read(self, until_ns: int) -> list[WireChunk]:
        chunks = self._inner.read(until_ns)
        for chunk in chunks:
            self._record.add(self._channel, chunk)
        return chunks

    def close(self) -> None:
        self._inner.close()
