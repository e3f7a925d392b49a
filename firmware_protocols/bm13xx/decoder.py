"""Bytes as they arrive to frames with stamps, on either end of the line.

Guarantees, for any split of the bytes into reads:
- the same frames in the same order, `t_ns` being the stamp of the read that completed a frame;
- never an exception; the work for a byte is bounded by the longest frame;
- between two calls at most one byte less than the longest frame is kept (10 bytes from chips; 87 from the
  host, 151 for the BM1397, 149 for the BM1387), or of a BM1387's answers one byte less than two;
- every byte is in exactly one good frame, or counted in `skipped_bytes`, or still kept.

After junk or a bad checksum the search goes on one byte after the preamble that misled it, so a good frame is
found wherever it starts. It is lost only when a false preamble in the bytes just before it happens to begin
something with a right type, length and checksum that reaches into it. Of false preambles in random junk 1 in
128 begins such a response; of those that a right type and length follow (16 bits), 1 in 32 begins such a
command, and 1 in 65,536 such a job.

The BM1387 has no preamble. From the host, type and length stand for it: 9 pairs of 65,536, so that 1 byte in
7,282 of random junk seems to begin a frame, of which the checksum lets 1 in 32 pass as a command and 1 in
65,536 as a job. For its answers see `unpreambled`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from typing import Generic, TypeVar

from firmware_protocols.bm13xx.encoding import LONG_RESPONSE, RESPONSE_NONCE, RESPONSE_REGISTER, TYPE_JOB
from firmware_protocols.bm13xx.frames import Command, Response
from firmware_protocols.bm13xx.models import ChipModel
from firmware_protocols.bm13xx.parsing import (
    MIDSTATE_JOB_LENGTH_BYTES,
    ChecksumError,
    command_size,
    decode_command,
    decode_response,
)
from firmware_protocols.bm13xx.received import Damaged, Received
from firmware_protocols.bm13xx.unpreambled import UnpreambledSearch
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

_FrameT = TypeVar("_FrameT", Command, Response)


class _Decoder(ABC, Generic[_FrameT]):
    """The search for frames, common to both directions."""

    def __init__(self, model: ChipModel, preamble: bytes) -> None:
        self.model = model
        self.frames = 0
        """Good frames so far."""
        self.damaged_frames = 0
        self.skipped_bytes = 0
        """Bytes so far that are in no good frame."""
        self._buffer = bytearray()
        self._preamble = preamble

    @property
    def buffered_bytes(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return len(self._buffer)

    def receive_data(self, data: bytes, at_ns: int) -> list[Received[_FrameT]]:
        """Take what one read returned, and return the frames that it completed."""
        self._buffer += data
        return self._received(at_ns, silent=False)

    def flush(self, at_ns: int) -> list[Received[_FrameT]]:
        """The line has fallen silent: decide on the bytes that wait for more, and keep none of them."""
        return self._received(at_ns, silent=True)

    def _received(self, at_ns: int, *, silent: bool) -> list[Received[_FrameT]]:
        found, position = self._search(at_ns, silent)
        del self._buffer[:position]
        in_read = Counter(t_ns for _, _, t_ns in found)
        received: list[Received[_FrameT]] = []
        good_bytes = 0
        for frame, raw, t_ns in found:
            received.append(Received(frame, t_ns, in_read[t_ns], raw))
            if isinstance(frame, Damaged):
                self.damaged_frames += 1
            else:
                self.frames += 1
                good_bytes += len(raw)
        self.skipped_bytes += position - good_bytes
        return received

    def _search(self, at_ns: int, silent: bool) -> tuple[list[tuple[_FrameT | Damaged, bytes, int]], int]:
        """The frames with their bytes and stamps, and how many bytes of the buffer are decided on."""
        buffer = self._buffer
        found: list[tuple[_FrameT | Damaged, bytes, int]] = []
        frame: _FrameT | Damaged | None
        end, position = len(buffer), 0
        while (start := self._next_start(position)) >= 0:
            position = start
            size = self._size_at(start, end - start, silent)
            if size is None or size > end - start:
                if not silent:
                    return found, position
                raw = bytes(buffer[start:])
                frame = self._cut(raw)
            else:
                raw = bytes(buffer[start : start + size])
                frame = self._frame(raw)
            position += 1 if frame is None or isinstance(frame, Damaged) else len(raw)
            if frame is not None:
                found.append((frame, raw, at_ns))
        half_a_start = not silent and end > position and self._may_start(buffer[-1])
        return found, end - half_a_start

    def _next_start(self, position: int) -> int:
        """Where, from `position` on, the first two bytes of a frame stand; -1 if nowhere."""
        return self._buffer.find(self._preamble, position)

    def _may_start(self, byte: int) -> bool:
        """Whether this may be the first of those two."""
        return byte == self._preamble[0]

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
    written), 11 after that; the BM1397 stays at 9, the BM1387 at 7. While it is 11, a 9-byte register
    response is recognised too, by the start of the next frame behind it or, at the end of a burst, by
    `flush`.
    """

    def __init__(self, model: ChipModel) -> None:
        super().__init__(model, model.framing.chip_preamble)
        self._response_size = model.response_size
        self._unpreambled = None if self._preamble else UnpreambledSearch(model)

    @property
    def response_size(self) -> int:
        """Bytes of a response. Raises LocalProtocolError when set to a size that the model does not have."""
        return self._response_size

    @response_size.setter
    def response_size(self, size: int) -> None:
        if size not in self.model.register_response_sizes:
            sizes = " or ".join(map(str, self.model.register_response_sizes))
            raise LocalProtocolError(f"a {self.model.name} answers in {sizes} bytes, not {size}")
        self._response_size = size

    def _search(self, at_ns: int, silent: bool) -> tuple[list[tuple[Response | Damaged, bytes, int]], int]:
        if self._unpreambled is None:
            return super()._search(at_ns, silent)
        return self._unpreambled.search(self._buffer, at_ns, silent)

    def _size_at(self, start: int, available: int, silent: bool) -> int | None:
        size = self._response_size
        if available >= size:
            if size == _LONG and self._buffer[start + _SHORT : start + _LONG] == self._preamble:
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

    def __init__(self, model: ChipModel) -> None:
        super().__init__(model, model.framing.host_preamble)
        starts = [*model.framing.command_lengths.items(), *((TYPE_JOB, n) for n in MIDSTATE_JOB_LENGTH_BYTES)]
        self._bare_starts = re.compile(b"|".join(re.escape(bytes(start)) for start in starts))
        self._bare_types = {kind for kind, _ in starts}

    def _next_start(self, position: int) -> int:
        if self._preamble:
            return super()._next_start(position)
        match = self._bare_starts.search(self._buffer, position)
        return match.start() if match else -1

    def _may_start(self, byte: int) -> bool:
        return super()._may_start(byte) if self._preamble else byte in self._bare_types

    def _size_at(self, start: int, available: int, silent: bool) -> int | None:
        type_at = len(self._preamble)
        if available < type_at + 2:
            return None
        kind, length_byte = self._buffer[start + type_at : start + type_at + 2]
        return command_size(kind, length_byte, self.model) or 0

    def _frame(self, raw: bytes) -> Command | Damaged | None:
        if not raw:
            return None
        try:
            return decode_command(raw, self.model)
        except ChecksumError:
            return self._damaged(raw, "checksum")
        except RemoteProtocolError:
            return self._damaged(raw, "fields")

    def _cut(self, raw: bytes) -> Damaged | None:
        return self._damaged(raw, "cut") if len(raw) >= len(self._preamble) + 2 else None

    def _damaged(self, raw: bytes, reason: str) -> Damaged:
        body = raw[len(self._preamble) :]
        if body[0] != TYPE_JOB:
            return Damaged("command", raw, reason)
        return Damaged("job", raw, reason, body[2] if len(body) > 2 else None)


_LONG, _SHORT = LONG_RESPONSE, 9
