"""The search for a BM1387's answers: 7 bytes each, with nothing in front of them.

A window of 7 random bytes passes for an answer in 1 case of 256 (checksum 5 bits, type 3; the type of a
register answer asks for two zero bytes besides and is negligible). So a frame is taken as it comes only where
one is due: at the start of the line, after silence, and right behind a good frame. What is not good there is
reported as damaged, once, and the search begins: byte by byte, and a good window counts only when a second
good one stands right behind it, or silence. Hence:

- A flipped bit costs its frame. A lost or an added byte costs the frames that it touches, and the frame
  behind them if no other frame and no silence confirms it.
- In 1 of 256 such cases the window that straddles the gap passes for a frame (a nonce, which does not hash).
- Random junk gives two false frames in 1 place of 65,536; of what stands directly before a true frame, 1
  window of 256 is confirmed by it and passes.
- A good frame is lost beyond that only where such a false one reaches into it.
"""

from __future__ import annotations

from collections import deque

from firmware_protocols.bm13xx.frames import Response
from firmware_protocols.bm13xx.models import ChipModel
from firmware_protocols.bm13xx.parsing import ChecksumError, decode_response
from firmware_protocols.bm13xx.received import Damaged
from firmware_protocols.errors import RemoteProtocolError


class UnpreambledSearch:
    """Whether the line is in step, and when the bytes came that still wait."""

    def __init__(self, model: ChipModel) -> None:
        self._model = model
        self._in_step = True
        self._decided = 0
        """Bytes of the line that have left the buffer."""
        self._reads: deque[tuple[int, int]] = deque()
        """(bytes of the line up to its end, stamp) of the reads whose bytes still wait."""

    def search(
        self, buffer: bytearray, at_ns: int, silent: bool
    ) -> tuple[list[tuple[Response | Damaged, bytes, int]], int]:
        """As `_Decoder._search`. A frame that waited for its confirmation keeps the stamp of its read."""
        found: list[tuple[Response | Damaged, bytes, int]] = []
        size, end, position = self._model.response_size, len(buffer), 0
        if end and (not self._reads or self._reads[-1][0] < self._decided + end):
            self._reads.append((self._decided + end, at_ns))
        while end - position >= size:
            raw = bytes(buffer[position : position + size])
            frame = self._frame(raw)
            good = not isinstance(frame, Damaged)
            if good and not self._in_step:
                behind = bytes(buffer[position + size : position + 2 * size])
                if len(behind) < size and not silent:
                    break
                good = not behind or not isinstance(self._frame(behind), Damaged)
            if good or self._in_step:
                found.append((frame, raw, self._stamp(position + size)))
            self._in_step = good
            position += size if good else 1
        if silent:
            self._in_step, position = True, end
        self._decided += position
        while self._reads and self._reads[0][0] <= self._decided:
            self._reads.popleft()
        return found, position

    def _stamp(self, end: int) -> int:
        """Of the read that brought the last byte before `end` in the buffer."""
        return next(t_ns for total, t_ns in self._reads if total >= self._decided + end)

    def _frame(self, raw: bytes) -> Response | Damaged:
        try:
            return decode_response(raw, self._model)
        except ChecksumError:
            return Damaged("response", raw)
        except RemoteProtocolError:
            return Damaged("response", raw, "fields")
