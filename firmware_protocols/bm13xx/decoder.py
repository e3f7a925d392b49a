"""Bytes as they arrive to frames with stamps, on either end of the line.

Guarantees, for any split of the bytes into reads:
- the same frames in the same order, `t_ns` being the stamp of the read that completed a frame;
- never an exception; the work for a byte is bounded by the longest frame;
- between two calls at most one byte less than the longest frame is kept (10 bytes from chips; 87 from the
  host, 151 for the BM1397);
- every byte is in exactly one good frame, or counted in `skipped_bytes`, or still kept.

After junk or a bad checksum the search goes on one byte after the preamble that misled it, so a good frame is
found wherever it starts. It is lost only when a false preamble in the bytes just before it happens to begin
something with a right type, length and checksum that reaches into it. Of false preambles in random junk 1 in
128 begins such a response; of those that a right type and length follow (16 bits), 1 in 32 begins such a
command, and 1 in 65,536 such a job.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from firmware_protocols.bm13xx.encoding import (
    CHIP_PREAMBLE,
    HOST_PREAMBLE,
    RESPONSE_NONCE,
    RESPONSE_REGISTER,
    TYPE_JOB,
)
from firmware_protocols.bm13xx.frames import Command, Response
from firmware_protocols.bm13xx.models import ChipModel
from firmware_protocols.bm13xx.parsing import ChecksumError, command_size, decode_command, decode_response
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError


@dataclass(frozen=True, slots=True)
class Damaged:
    """A frame whose start, type and length were right, and that still cannot be used.

    `kind` is "job", "command" or "response"; `reason` is "checksum", "fields" (a byte that is always zero is
    not) or "cut" (the line fell silent in the middle). `raw` is what stood where the frame should have been:
    good frames that follow a cut one may overlap it.
    """

    kind: str
    raw: bytes
    reason: str = "checksum"

    @property
    def job_header(self) -> int | None:
        """The id byte of a damaged job, itself perhaps wrong: what is now under that id is not known."""
        return self.raw[4] if self.kind == "job" and len(self.raw) > 4 else None


_FrameT = TypeVar("_FrameT", Command, Response)


class Received(NamedTuple, Generic[_FrameT]):
    """One frame off the line: a Response from a HostDecoder, a Command from a ChipDecoder, or a Damaged."""

    frame: _FrameT | Damaged
    t_ns: int
    """Stamp of the read that completed it."""
    n_in_read: int
    """How many frames, damaged ones included, that read completed."""
    raw: bytes


class _Decoder(ABC, Generic[_FrameT]):
    """The search for frames, common to both directions."""

    _preamble: bytes

    def __init__(self, model: ChipModel) -> None:
        self.model = model
        self.frames = 0
        """Good frames so far."""
        self.damaged_frames = 0
        self.skipped_bytes = 0
        """Bytes so far that are in no good frame."""
        self._buffer = bytearray()

    @property
    def buffered_bytes(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return len(self._buffer)

    def receive_data(self, data: bytes, at_ns: int) -> list[Received[_FrameT]]:
        """Take what one read returned, and return the frames that it completed."""
        self._buffer += data
        return self._found(at_ns, silent=False)

    def flush(self, at_ns: int) -> list[Received[_FrameT]]:
        """The line has fallen silent: decide on the bytes that wait for more, and keep none of them."""
        return self._found(at_ns, silent=True)

    def _found(self, at_ns: int, *, silent: bool) -> list[Received[_FrameT]]:
        buffer, preamble = self._buffer, self._preamble
        found: list[tuple[_FrameT | Damaged, bytes]] = []
        frame: _FrameT | Damaged | None
        end, position, good_bytes = len(buffer), 0, 0
        while (start := buffer.find(preamble, position)) >= 0:
            position = start
            size = self._size_at(start, end - start, silent)
            if size is None or size > end - start:
                if not silent:
                    break
                raw = bytes(buffer[start:])
                frame = self._cut(raw)
            else:
                raw = bytes(buffer[start : start + size])
                frame = self._frame(raw)
            if frame is None or isinstance(frame, Damaged):
                position += 1
            else:
                position += len(raw)
                good_bytes += len(raw)
                self.frames += 1
            if frame is not None:
                found.append((frame, raw))
        else:
            half_a_preamble = not silent and end > position and buffer[-1] == preamble[0]
            position = end - half_a_preamble
        self.skipped_bytes += position - good_bytes
        del buffer[:position]
        count = len(found)
        received: list[Received[_FrameT]] = [Received(frame, at_ns, count, raw) for frame, raw in found]
        self.damaged_frames += sum(isinstance(one.frame, Damaged) for one in received)
        return received

    @abstractmethod
    def _size_at(self, start: int, available: int, silent: bool) -> int | None:
        """Size of the frame that starts here, None while too little of it is there to tell, 0 for junk."""

    @abstractmethod
    def _frame(self, raw: bytes) -> _FrameT | Damaged | None:
        """The frame, or what is left of it, or None for junk."""

    @abstractmethod
    def _cut(self, raw: bytes) -> Damaged | None:
        """What to report of a frame that the silence left without its end, if its kind can be told."""


class HostDecoder(_Decoder[Response]):
    """The host's end: decodes what the chips send.

    `response_size` is the length of their responses: 9 bytes until version rolling is enabled (VERSION_MASK
    written), 11 after that; the BM1397 stays at 9. While it is 11, a 9-byte register response is recognised
    too, by the start of the next frame behind it or, at the end of a burst, by `flush`.
    """

    _preamble = CHIP_PREAMBLE

    def __init__(self, model: ChipModel) -> None:
        super().__init__(model)
        self._response_size = model.response_size

    @property
    def response_size(self) -> int:
        return self._response_size

    @response_size.setter
    def response_size(self, size: int) -> None:
        if size not in self.model.register_response_sizes:
            sizes = " or ".join(map(str, self.model.register_response_sizes))
            raise LocalProtocolError(f"a {self.model.name} answers in {sizes} bytes, not {size}")
        self._response_size = size

    def _size_at(self, start: int, available: int, silent: bool) -> int | None:
        size = self._response_size
        if available >= size:
            if size == _LONG and self._buffer[start + _SHORT : start + _LONG] == CHIP_PREAMBLE:
                return _SHORT  # no 11-byte response ends in 55: that would be type 2
            return size
        return _SHORT if silent and available >= _SHORT else None

    def _frame(self, raw: bytes) -> Response | Damaged | None:
        kind = raw[-1] >> 5
        if kind != RESPONSE_REGISTER and (kind != RESPONSE_NONCE or len(raw) != self._response_size):
            return None
        try:
            return decode_response(raw, self.model)
        except RemoteProtocolError:
            return Damaged("response", raw)

    def _cut(self, raw: bytes) -> None:
        return None  # the type of a response stands in its last byte


class ChipDecoder(_Decoder[Command]):
    """The chips' end, or an observer of the line to them: decodes what the host sends."""

    _preamble = HOST_PREAMBLE

    def _size_at(self, start: int, available: int, silent: bool) -> int | None:
        if available < 4:
            return None
        size = command_size(self._buffer[start + 2], self._buffer[start + 3], self.model)
        return size or 0

    def _frame(self, raw: bytes) -> Command | Damaged | None:
        if not raw:
            return None
        try:
            return decode_command(raw, self.model)
        except ChecksumError:
            return Damaged(self._kind(raw), raw)
        except RemoteProtocolError:
            return Damaged(self._kind(raw), raw, "fields")

    def _cut(self, raw: bytes) -> Damaged | None:
        return Damaged(self._kind(raw), raw, "cut") if len(raw) >= 4 else None

    def _kind(self, raw: bytes) -> str:
        return "job" if raw[2] == TYPE_JOB else "command"


_LONG, _SHORT = 11, 9
