"""HTTP/1.1 as a small device speaks it: bounded requests in turn on a connection, replies with a length."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from simulators.miners.reactor import Reactor, Timer
from simulators.miners.tcp import MAX_CLIENTS, Port, Stream

MAX_HEAD = 8_192
MAX_BODY = 16_384
IDLE_S = 30.0
JSON, TEXT = "application/json", "text/plain"


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """By name in small letters."""
    body: bytes

    def json(self) -> Any:
        """The body as JSON, None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    location: str | None = None
    ends: bool = False
    """Whether the connection is closed after it."""

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Answer:
        return cls(status, json.dumps(value).encode())

    @classmethod
    def text(cls, words: str, status: int = 200) -> Answer:
        return cls(status, words.encode(), TEXT)


class HttpPort:
    """A port whose requests go to `handle`, which answers or gives None: then nothing is ever said.

    `upgrade` is asked first for requests that want another protocol, and takes the connection over if it
    likes.
    """

    def __init__(
        self,
        reactor: Reactor,
        number: int,
        handle: Callable[[Request], Answer | None],
        upgrade: Callable[[Request, Stream], bool] = lambda request, stream: False,
    ) -> None:
        self._reactor = reactor
        self._handle = handle
        self._upgrade = upgrade
        self._clients: set[_Client] = set()
        self._port = Port(reactor, number, self._accept)
        self.number = self._port.number

    def open(self) -> None:
        self._port.open()

    def shut(self) -> None:
        self._port.shut()
        for client in tuple(self._clients):
            client.close()

    def _accept(self, sock: socket.socket) -> None:
        if len(self._clients) >= MAX_CLIENTS:
            sock.close()
            return
        self._clients.add(_Client(self._reactor, sock, self._handle, self._upgrade, self._clients.discard))


class _Client:
    def __init__(
        self,
        reactor: Reactor,
        sock: socket.socket,
        handle: Callable[[Request], Answer | None],
        upgrade: Callable[[Request, Stream], bool],
        gone: Callable[[_Client], None],
    ) -> None:
        self._reactor = reactor
        self._handle = handle
        self._upgrade = upgrade
        self._gone = gone
        self._reader = RequestReader()
        self._stream = Stream(reactor, sock, self._receive, self.close)
        self._idle: Timer = reactor.after(IDLE_S, self.close)

    def close(self) -> None:
        self._idle.cancel()
        self._stream.close()
        self._gone(self)

    def _receive(self, data: bytes) -> None:
        self._idle.cancel()
        for request in self._reader.feed(data):
            if isinstance(request, Answer):
                self._say(request)
                return
            if "upgrade" in request.headers and self._upgrade(request, self._stream):
                self._gone(self)
                return
            answer = self._handle(request)
            if answer is None:
                return  # and nothing more on this connection until the client goes
            ends = answer.ends or request.headers.get("connection", "").lower() == "close"
            self._say(answer, ends)
            if ends:
                return
        self._idle = self._reactor.after(IDLE_S, self.close)

    def _say(self, answer: Answer, ends: bool = True) -> None:
        phrase = HTTPStatus(answer.status).phrase
        head = (
            f"HTTP/1.1 {answer.status} {phrase}\r\nContent-Type: {answer.content_type}\r\n"
            f"Access-Control-Allow-Origin: *\r\nContent-Length: {len(answer.body)}\r\n"
            + (f"Location: {answer.location}\r\n" if answer.location else "")
            + ("Connection: close\r\n\r\n" if ends else "\r\n")
        )
        self._stream.send(head.encode() + answer.body)
        if ends:
            self._stream.close_when_sent()
            self._gone(self)


class RequestReader:
    """Sans-I/O: bytes to requests. An `Answer` among them says why nothing after it is read."""

    def __init__(self) -> None:
        self._held = b""
        self._over = False

    def feed(self, data: bytes) -> list[Request | Answer]:
        if self._over:
            return []
        self._held += data
        found: list[Request | Answer] = []
        while not self._over:
            one = self._next()
            if one is None:
                break
            found.append(one)
            self._over = isinstance(one, Answer)
        return found

    def _next(self) -> Request | Answer | None:
        head, blank, rest = self._held.partition(b"\r\n\r\n")
        if len(head) > MAX_HEAD:
            return Answer.text("Header fields are too long", 431)
        if not blank:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        parts = first.split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1.") or not parts[1].startswith("/"):
            return Answer.text("Bad request syntax", 400)
        headers = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                return Answer.text("Bad request syntax", 400)
            headers[name.strip().lower()] = value.strip()
        if "transfer-encoding" in headers:
            return Answer.text("Client must provide Content-Length", 411)
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit() and len(length) < 10):
            return Answer.text("Bad request syntax", 400)
        if int(length) > MAX_BODY:
            return Answer.text("content too long", 500)
        if len(rest) < int(length):
            return None
        self._held = rest[int(length) :]
        try:
            target = urlsplit(f"http://miner{parts[1]}")
            query = dict(parse_qsl(target.query, keep_blank_values=True))
        except ValueError:
            return Answer.text("Bad request syntax", 400)
        return Request(parts[0], unquote(target.path), query, headers, rest[: int(length)])
