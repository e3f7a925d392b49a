"""Where a command and a reply end on a TCP connection: bytes in as they arrive, whole messages out."""

from __future__ import annotations

import re

from firmware_protocols.cgminer_api.commands import MAX_COMMAND, BadCommand, ReceivedCommand, decode_command
from firmware_protocols.errors import RemoteProtocolError

MAX_REPLY = 1 << 20
"""Bytes of a reply. An S9 sends some 6,000; reports of every chip are ten times that."""

_MARKS = re.compile(rb'[{}"\\]')


class ReplyBuffer:
    """The client's end: a reply ends with a NUL, or where the miner closes the connection."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._closed = False

    @property
    def complete(self) -> bool:
        return self._closed or b"\0" in self._data

    @property
    def data(self) -> bytes:
        """All that has come, for `read_reply`."""
        return bytes(self._data)

    def receive_data(self, data: bytes) -> None:
        """Raises RemoteProtocolError when there is more than any reply has."""
        if len(self._data) + len(data) > MAX_REPLY:
            raise RemoteProtocolError(f"a reply of more than {MAX_REPLY} bytes, and no end of it")
        self._data += data

    def closed(self) -> None:
        """The miner has closed the connection."""
        self._closed = True


class CommandBuffer:
    """The miner's end: a command ends where its braces do, with a line, or where the client stops sending."""

    def __init__(self) -> None:
        self._data = bytearray()

    def receive_data(self, data: bytes) -> ReceivedCommand | None:
        """The command, once it is whole. Raises BadCommand for bytes that are none, or too many."""
        self._data += data
        if len(self._data) > MAX_COMMAND:
            raise BadCommand(f"more than the {MAX_COMMAND} bytes that are read of a command", 23)
        begun = self._data.lstrip()
        ended = _object_ends(begun) if begun.startswith(b"{") else re.search(rb"[\n\0]", begun) is not None
        return decode_command(bytes(begun)) if ended else None

    def no_more(self) -> ReceivedCommand:
        """The client waits: what has come is the command. Raises BadCommand where it is none."""
        return decode_command(bytes(self._data))


def _object_ends(data: bytes | bytearray) -> bool:
    depth, in_text, skip = 0, False, -1
    for match in _MARKS.finditer(data):
        mark = match.group()
        if match.start() == skip:
            continue
        if mark == b"\\":
            skip = match.start() + 1
        elif mark == b'"':
            in_text = not in_text
        elif not in_text:
            depth += 1 if mark == b"{" else -1
            if depth == 0:
                return True
    return False
