"""Bytes as they arrive to lines, for any split into reads, in time proportional to their number."""

from __future__ import annotations

from typing import NamedTuple


class Overlong(NamedTuple):
    """The beginning of a line that is longer than allowed. The rest of it is passed over."""

    beginning: bytes


class LineSplitter:
    """Keeps at most `longest` bytes between two calls. Empty lines and the CR of CRLF are dropped.

    Raises ValueError unless `longest` is above 0.
    """

    def __init__(self, longest: int) -> None:
        if longest < 1:
            raise ValueError(f"a line has at least 1 byte, not {longest}")
        self.longest = longest
        self._held = bytearray()
        self._passing_over = False

    def feed(self, data: bytes) -> list[bytes | Overlong]:
        """The lines that these bytes complete, and the first `longest` bytes of those that grew too long."""
        found: list[bytes | Overlong] = []
        *endings, rest = data.split(b"\n")
        for ending in endings:
            self._take(ending, found)
            line = bytes(self._held).strip()
            if line and not self._passing_over:
                found.append(line)
            self._held.clear()
            self._passing_over = False
        self._take(rest, found)
        return found

    def end(self) -> bytes:
        """No more bytes will come: the beginning of a line that has no end, or nothing."""
        cut = bytes(self._held).strip()
        self._held.clear()
        self._passing_over = False
        return cut

    def _take(self, piece: bytes, found: list[bytes | Overlong]) -> None:
        if self._passing_over:
            return
        room = self.longest - len(self._held)
        if len(piece) <= room:
            self._held += piece
            return
        found.append(Overlong(bytes(self._held + piece[:room])))
        self._held.clear()
        self._passing_over = True
