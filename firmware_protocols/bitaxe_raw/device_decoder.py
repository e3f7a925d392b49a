"""The board's end: requests out of the bytes that arrive.

As in the firmware, a request is as long as its first two bytes say, and silence ends one that was begun: the
firmware forgets it after 4 ms. Bytes that cannot begin a request make the rest, up to the next silence, junk.
For any split of the bytes into reads the same requests come out in the same order, nothing is raised, and
fewer bytes than the longest request are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from firmware_protocols.bitaxe_raw.encoding import HEADER, MAX_REQUEST, decode_request
from firmware_protocols.bitaxe_raw.host_channel import Damaged
from firmware_protocols.bitaxe_raw.requests import Request
from firmware_protocols.errors import RemoteProtocolError

SILENCE_S = 0.004
"""After which the firmware forgets a request that was begun (korbin/bitaxe-raw:src/control/mod.rs)."""


@dataclass(frozen=True, slots=True)
class Received:
    """One request off the line. `request_id` is None where a damaged one has none."""

    request: Request | Damaged
    request_id: int | None
    raw: bytes


class DeviceDecoder:
    """Sans-I/O."""

    def __init__(self) -> None:
        self.skipped_bytes = 0
        """Bytes so far that were in no request."""
        self._buffer = bytearray()
        self._lost = False

    @property
    def buffered_bytes(self) -> int:
        return len(self._buffer)

    def receive_data(self, data: bytes) -> list[Received]:
        """Take what one read returned; return the requests that it completed, and what could not be read."""
        self._buffer += data
        received: list[Received] = []
        while not self._lost and len(self._buffer) >= 2:
            size = int.from_bytes(self._buffer[:2], "little")
            if not HEADER <= size <= MAX_REQUEST:
                raw = bytes(self._buffer[:2])
                received.append(Received(Damaged(raw, f"a request of {size} bytes"), None, raw))
                self._lost = True
            elif len(self._buffer) < size:
                break
            else:
                raw = bytes(self._buffer[:size])
                del self._buffer[:size]
                received.append(self._received(raw))
        if self._lost:
            self._skip()
        return received

    def fell_silent(self) -> list[Received]:
        """Nothing has come for `SILENCE_S`: whatever comes next begins a request."""
        self._lost = False
        raw = bytes(self._buffer)
        self._skip()
        return [Received(Damaged(raw, "cut"), raw[2] if len(raw) > 2 else None, raw)] if raw else []

    def _received(self, raw: bytes) -> Received:
        try:
            return Received(decode_request(raw), raw[2], raw)
        except RemoteProtocolError as error:
            self.skipped_bytes += len(raw)
            return Received(Damaged(raw, str(error)), raw[2], raw)

    def _skip(self) -> None:
        self.skipped_bytes += len(self._buffer)
        self._buffer.clear()
