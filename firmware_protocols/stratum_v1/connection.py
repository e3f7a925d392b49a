"""What both ends of a connection share: lines in, requests that wait for their reply, and counters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.stratum_v1.line_splitter import LineSplitter, Overlong
from firmware_protocols.stratum_v1.replies import Damaged, Id, Received

DAMAGED_KEPT = 256
"""Bytes of a damaged line that are kept."""
MAX_PENDING = 4_096
"""Requests without a reply. A side that leaves so many unanswered answers none."""

_MessageT = TypeVar("_MessageT")
_RequestT = TypeVar("_RequestT")


class Connection(ABC, Generic[_MessageT, _RequestT]):
    """Sans-I/O. Guarantees, for any split of the bytes into reads:

    - the same messages in the same order, `t_ns` being the stamp of the read that completed each;
    - `receive_data` and `receive_eof` raise nothing; what is no message becomes Damaged or Malformed;
    - time in proportion to the number of bytes, and at most one line is kept between two calls.
    """

    def __init__(self, max_line_bytes: int) -> None:
        self.frames = 0
        """Lines so far that were JSON objects."""
        self.damaged_frames = 0
        self.skipped_bytes = 0
        """Bytes so far in damaged lines, without those beyond the longest line."""
        self._lines = LineSplitter(max_line_bytes)
        self._pending: dict[Id, list[_RequestT]] = {}
        self._n_pending = 0
        self._next_id = 1

    @property
    def pending(self) -> int:
        """Requests of ours that have no reply yet."""
        return self._n_pending

    def receive_data(self, data: bytes, at_ns: int) -> list[Received[_MessageT | Damaged]]:
        """Take what one read returned, and return the messages that it completed."""
        return self._received([self._message(line, at_ns) for line in self._lines.feed(data)], at_ns)

    def receive_eof(self, at_ns: int) -> list[Received[_MessageT | Damaged]]:
        """The other side has closed: what it left of a line is damaged."""
        cut = self._lines.end()
        return self._received(
            [self._damaged("the connection ended within the line", cut)] if cut else [], at_ns
        )

    @abstractmethod
    def _decoded(self, line: bytes, at_ns: int) -> _MessageT:
        """The message of a line, after what it changes here. Raises RemoteProtocolError."""

    def _received(
        self, messages: list[_MessageT | Damaged], at_ns: int
    ) -> list[Received[_MessageT | Damaged]]:
        n_in_read = len(messages)
        return [Received(message, at_ns, n_in_read) for message in messages]

    def _message(self, line: bytes | Overlong, at_ns: int) -> _MessageT | Damaged:
        if isinstance(line, Overlong):
            return self._damaged(f"longer than {self._lines.longest} bytes", line.beginning)
        try:
            message = self._decoded(line, at_ns)
        except RemoteProtocolError as error:
            return self._damaged(str(error), line)
        self.frames += 1
        return message

    def _damaged(self, reason: str, raw: bytes) -> Damaged:
        self.damaged_frames += 1
        self.skipped_bytes += len(raw)
        return Damaged(reason, raw[:DAMAGED_KEPT])

    def _give_id(self) -> int:
        message_id = self._next_id
        self._next_id += 1
        return message_id

    def _expect_reply(self, message_id: Id, request: _RequestT) -> None:
        if self._n_pending >= MAX_PENDING:
            raise LocalProtocolError(f"{MAX_PENDING} requests have no reply: connect anew")
        self._pending.setdefault(message_id, []).append(request)
        self._n_pending += 1

    def _answered(self, message_id: Id) -> _RequestT | None:
        """The oldest request under this id, which is then pending no more.

        A number that comes back as a string is the same id; one that was used again is answered in turn.
        """
        if message_id not in self._pending and isinstance(message_id, str) and message_id.isdecimal():
            message_id = int(message_id) if len(message_id) < 20 else message_id
        waiting = self._pending.get(message_id)
        if waiting is None:
            return None
        request = waiting.pop(0)
        self._n_pending -= 1
        if not waiting:
            del self._pending[message_id]
        return request
