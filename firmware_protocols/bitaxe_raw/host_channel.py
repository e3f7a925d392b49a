"""The host's end: one request at a time, and its reply out of whatever bytes arrive.

The channel has no preamble and no checksum. What tells a reply from junk is the request: its id, the sizes
that an answer to it may have, and the few forms of an error. Guarantees, for any split of the bytes into
reads:
- the same result from the same bytes between the same silences;
- `receive_data` and `fell_silent` raise nothing; the work for a byte is bounded by the longest reply (260
  bytes), and fewer are kept;
- bytes before a request is made, after its reply, or of a reply to another id are skipped and counted.

Silence matters in version 0 alone, and only for reads of 4 bytes, or of as many as an error is long: an error
gives its whole length where an answer gives that of its data, so that it can look like the beginning of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from firmware_protocols.bitaxe_raw.encoding import MAX_MESSAGE, MAX_REPLY, UNREADABLE_ID, ReplyVersion, encode
from firmware_protocols.bitaxe_raw.requests import Answer, ErrorCode, Refused, Request, answer_sizes
from firmware_protocols.errors import LocalProtocolError

HEARD_KEPT = 64


@dataclass(frozen=True, slots=True)
class Damaged:
    """Bytes that are no message: a reply or request that was cut, or something else altogether."""

    raw: bytes
    reason: str


class HostChannel:
    """Sans-I/O. Ids are given out in turn, 1 to 254."""

    def __init__(self, version: ReplyVersion) -> None:
        self.version = version
        self.skipped_bytes = 0
        """Bytes so far that were in no reply."""
        self._buffer = bytearray()
        self._heard = bytearray()
        self._request: Request | None = None
        self._id = 0

    @property
    def pending(self) -> Request | None:
        """The request that has no reply yet."""
        return self._request

    @property
    def heard(self) -> bytes:
        """The first 64 bytes since the newest request: for saying what came instead of a reply."""
        return bytes(self._heard)

    def request(self, request: Request) -> bytes:
        """Bytes to write. Raises LocalProtocolError while another request is pending (see `forget`).

        What is never answered is not pending afterwards.
        """
        if self._request is not None:
            raise LocalProtocolError(f"{self._request} has no reply yet")
        request_id = self._id % (UNREADABLE_ID - 1) + 1
        data = encode(request, request_id)
        self._skip(len(self._buffer))
        self._heard.clear()
        self._id = request_id
        if answer_sizes(request):
            self._request = request
        return data

    def forget(self) -> None:
        """Give up waiting: a reply that comes later is skipped."""
        self._request = None
        self._skip(len(self._buffer))

    def receive_data(self, data: bytes) -> Answer | Refused | None:
        """Take what one read returned; return the reply when it is complete."""
        self._heard += data[: HEARD_KEPT - len(self._heard)]
        self._buffer += data
        return self._search(silent=False)

    def fell_silent(self) -> Answer | Refused | Damaged | None:
        """Nothing more has come for a while: decide on the bytes that wait for more.

        None when nothing at all has come since the request, which stays pending; Damaged when something has
        that is no reply to it, and then it is pending no more.
        """
        reply = self._search(silent=True)
        if reply is None and self._request is not None and self._heard:
            self.forget()
            return Damaged(self.heard, f"not a reply to request {self._id} in version {int(self.version)}")
        return reply

    def _search(self, *, silent: bool) -> Answer | Refused | None:
        found: Answer | Refused | None = None
        while found is None and self._request is not None and self._buffer:
            reading = self._reading(bytes(self._buffer[:MAX_REPLY]), self._request, silent)
            if reading is None:
                self._skip(1)
                continue
            if reading.reply is None:
                break
            found = reading.reply
            del self._buffer[: reading.size]
            self._request = None
        if self._request is None:
            self._skip(len(self._buffer))
        return found

    def _reading(self, raw: bytes, request: Request, silent: bool) -> _Reading | None:
        """What these bytes are the beginning of, or None for junk."""
        answer, refusal = self._answer(raw, request), self._refusal(raw, request)
        cut = answer is not None and answer.reply is None and silent
        if answer is None or (cut and refusal is not None and refusal.size == len(raw)):
            answer = refusal
        return None if silent and answer is not None and answer.reply is None else answer

    def _answer(self, raw: bytes, request: Request) -> _Reading | None:
        for data_size in answer_sizes(request):
            if self.version is ReplyVersion.V0:
                head = data_size.to_bytes(2, "little") + bytes((self._id,))
            else:
                head = (4 + data_size).to_bytes(2, "little") + bytes((self._id, 0))
            whole = len(head) + data_size
            if raw[: len(head)] == head[: len(raw)]:
                complete = len(raw) >= whole
                return _Reading(
                    whole, Answer(self._id, request, raw[len(head) : whole]) if complete else None
                )
        return None

    def _refusal(self, raw: bytes, request: Request) -> _Reading | None:
        if len(raw) > 2 and raw[2] not in (self._id, UNREADABLE_ID):
            return None
        if len(raw) < 4:
            return _Reading(4, None) if raw[1:2] in (b"", b"\0", b"\1") else None
        size, request_id, code = int.from_bytes(raw[:2], "little"), raw[2], raw[3]
        text = raw[4:size]
        if code == ErrorCode.CUSTOM and request_id == self._id:
            fits = 4 <= size <= 4 + MAX_MESSAGE and all(0x20 <= byte < 0x7F for byte in text)
        else:
            fits = size == 4 and self._is_code(code)
        if not fits:
            return None
        complete = len(raw) >= size
        return _Reading(size, Refused(self._id, request, code, text.decode()) if complete else None)

    def _is_code(self, code: int) -> bool:
        """Version 1 has a place of its own for the code, so that unknown ones are taken there."""
        known = (ErrorCode.TIMEOUT, ErrorCode.INVALID, ErrorCode.OVERFLOW)
        return code in known or (self.version is ReplyVersion.V1 and code != 0)

    def _skip(self, count: int) -> None:
        self.skipped_bytes += count
        del self._buffer[:count]


class _Reading(NamedTuple):
    """A reply that bytes are, or with None that they can become."""

    size: int
    reply: Answer | Refused | None
