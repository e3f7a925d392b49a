"""The TCP port of the cgminer family: one command a connection, a reply, and the end.

As cgminer's api.c reads: what the first read returns is the command, whole or not.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulators.miners.reactor import Reactor
from simulators.miners.tcp import MAX_CLIENTS, Port, Stream

MAX_COMMAND = 8_191
_SILENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Command:
    """`problem` is None, or the code that cgminer answers bytes with that are no command: 23 or 24."""

    name: str
    parameter: str
    in_json: bool
    problem: int | None = None


class CommandPort:
    """`answer` gives the bytes of the reply, or None to say nothing, ever."""

    def __init__(self, reactor: Reactor, number: int, answer: Callable[[Command], bytes | None]) -> None:
        self._reactor = reactor
        self._answer = answer
        self._streams: set[Stream] = set()
        self._port = Port(reactor, number, self._accept)
        self.number = self._port.number

    def open(self) -> None:
        self._port.open()

    def shut(self) -> None:
        self._port.shut()
        for stream in tuple(self._streams):
            self._drop(stream)

    def _accept(self, sock: socket.socket) -> None:
        if len(self._streams) >= MAX_CLIENTS:
            sock.close()
            return
        stream = Stream(self._reactor, sock, lambda data: None, lambda: self._streams.discard(stream))
        stream.on_data = lambda data: self._receive(stream, data)
        self._streams.add(stream)
        self._reactor.after(_SILENCE_S, lambda: self._drop(stream))

    def _receive(self, stream: Stream, data: bytes) -> None:
        stream.on_data = lambda more: None
        reply = self._answer(parse_command(data))
        if reply is None:
            return
        self._streams.discard(stream)
        stream.send(reply)
        stream.close_when_sent()

    def _drop(self, stream: Stream) -> None:
        stream.close()
        self._streams.discard(stream)


def parse_command(data: bytes) -> Command:
    """JSON if it begins with a brace, else `name|parameter`."""
    text = data[:MAX_COMMAND].decode("utf-8", "replace").strip("\0 \r\n\t")
    if not text.startswith("{"):
        name, _, parameter = text.partition("|")
        return Command(name.strip().lower(), parameter, in_json=False)
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return Command("", "", in_json=True, problem=23)
    name, parameter = value.get("command"), value.get("parameter", "")
    if not isinstance(name, str):
        return Command("", "", in_json=True, problem=24)
    return Command(name.lower(), "" if parameter is None else str(parameter), in_json=True)


def split_parameters(text: str) -> list[str]:
    """At the commas, but for those behind a backslash."""
    parts, escaped = [""], False
    for character in text:
        if escaped or character not in ",\\":
            parts[-1] += character
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            parts.append("")
    return parts
