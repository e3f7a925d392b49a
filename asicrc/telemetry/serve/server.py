"""The local web server behind `serve`: a few files, and the newest snapshot as server-sent events.

A thread for each connection, of which there are only so many; each may wait for its browser, nobody for it.
"""

from __future__ import annotations

import select
import socket
import socketserver
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

from asicrc.clock import MACHINE_CLOCK
from asicrc.errors import UsageError
from asicrc.report.html.style import style_sheet
from asicrc.telemetry.serve.hub import Hub, TooMany
from asicrc.telemetry.serve.requests import ADDRESS, SECURITY_HEADERS, refusal

MOST_WATCHERS = 16
MOST_CONNECTIONS = 48
ASK_WITHIN_S = 5.0
"""A browser asks at once. What has not done so by then is closed."""
TAKE_WITHIN_S = 5.0
"""A snapshot that a browser has not taken by then ends its connection; it may come back."""
SIGN_OF_LIFE_S = 10.0
LOOK_ROUND_S = 1.0
"""How often it is seen, where there is nothing to send, that a browser has left."""
FIRST_LOOK_S = 10.0
SEND_BUFFER_BYTES = 128 << 10
_ENDED = b"event: ended\ndata: \n\n"
_HTML, _SCRIPT, _STYLE = (
    "text/html; charset=utf-8",
    "text/javascript; charset=utf-8",
    "text/css; charset=utf-8",
)


class LiveServer(ThreadingHTTPServer):
    """Bound as soon as it is made. Raises UsageError for a port that cannot be had."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, hub: Hub) -> None:
        self.hub = hub
        self.failed: BaseException | None = None
        self._open: dict[socket.socket, int | None] = {}
        """Connections, and since when (ns) they have owed a request; None: it has come."""
        self._lock = threading.Lock()
        try:
            super().__init__((ADDRESS, port), _Answer)
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"port {port} of {ADDRESS} cannot be had: {getattr(error, 'strerror', None) or error}",
                f"another `asicrc serve` may be at http://{ADDRESS}:{port}/ already; "
                "--port 0 takes any that is free",
            ) from None

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.port}/"

    def server_bind(self) -> None:
        """Without asking a name server for this machine's name."""
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            is_full = len(self._open) >= MOST_CONNECTIONS
            if not is_full:
                self._open[request] = MACHINE_CLOCK.now_ns()
        if is_full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def has_asked(self, request: Any) -> None:
        with self._lock:
            self._open[request] = None

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Between two connections, twice a second: those that ask too slowly are cut off."""
        before_ns = MACHINE_CLOCK.now_ns() - round(ASK_WITHIN_S * 1e9)
        with self._lock:
            late = [
                request for request, since in self._open.items() if since is not None and since < before_ns
            ]
        for request in late:
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)  # its thread then finds the end and closes it

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away is no error; anything else ends the server, which tells it."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):
            self.end_with(error)

    def end_with(self, error: BaseException) -> None:
        """From another thread than the one that serves: that is what `failed` tells once it has ended."""
        self.failed = error
        self.shutdown()


class _Answer(BaseHTTPRequestHandler):
    server: LiveServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "asicrc", ""
    timeout = ASK_WITHIN_S

    def do_GET(self) -> None:
        self.server.has_asked(self.connection)
        path = self.path.partition("?")[0]
        refused = refusal(path, self.headers, self.server.port)
        if refused is not None:
            self._say(refused.status, refused.text)
        elif path == "/events":
            self._events()
        elif path == "/snapshot.json":
            self._snapshot()
        elif path in page_files():
            kind, content = page_files()[path]
            self._send(HTTPStatus.OK, kind, content)
        else:
            self._say(HTTPStatus.NOT_FOUND, "there is only one page here: /")

    def _only_get(self) -> None:
        self._say(HTTPStatus.METHOD_NOT_ALLOWED, "nothing can be changed here: GET only", {"Allow": "GET"})

    def _events(self) -> None:
        """Snapshots as they come, until the browser or the server leaves."""
        hub = self.server.hub
        try:
            with hub.watching():
                self.connection.settimeout(TAKE_WITHIN_S)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
                self._head(HTTPStatus.OK, "text/event-stream", {})
                self.wfile.write(b"retry: 2000\n\n")
                number, quiet_s = 0, 0.0
                while not hub.is_closed and not self._has_left():
                    found = hub.newer(number, LOOK_ROUND_S)
                    if found is not None:
                        number, snapshot = found
                        self.wfile.write(b"data: " + snapshot + b"\n\n")
                    quiet_s = 0.0 if found is not None else quiet_s + LOOK_ROUND_S
                    if quiet_s >= SIGN_OF_LIFE_S:
                        self.wfile.write(b":\n\n")
                        quiet_s = 0.0
                self.wfile.write(_ENDED)
        except TooMany:
            self._too_many()

    def _has_left(self) -> bool:
        """Whether the browser has closed its end: it has nothing more to say otherwise."""
        is_readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(is_readable) and not self.connection.recv(1024)

    def _snapshot(self) -> None:
        try:
            with self.server.hub.watching():
                found = self.server.hub.newer(0, FIRST_LOOK_S)
        except TooMany:
            self._too_many()
            return
        if found is None:
            self._say(HTTPStatus.SERVICE_UNAVAILABLE, "the capture takes long to read: ask again")
        else:
            self._send(HTTPStatus.OK, "application/json", found[1])

    def _too_many(self) -> None:
        text = f"{MOST_WATCHERS} pages are open already, and there are to be no more: close one"
        self._say(HTTPStatus.SERVICE_UNAVAILABLE, text, {"Retry-After": "5"})

    def _say(self, status: HTTPStatus, text: str, more: Mapping[str, str] | None = None) -> None:
        self._send(status, "text/plain; charset=utf-8", f"{text}\n".encode(), more)

    def _send(
        self, status: HTTPStatus, kind: str, content: bytes, more: Mapping[str, str] | None = None
    ) -> None:
        self._head(status, kind, {"Content-Length": str(len(content)), **(more or {})})
        if self.command != "HEAD":
            self.wfile.write(content)

    def _head(self, status: HTTPStatus, kind: str, more: Mapping[str, str]) -> None:
        self.close_connection = True
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Connection": "close", **SECURITY_HEADERS, **more}.items():
            self.send_header(name, value)
        self.end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server finds wrong with a request, in plain text; a method without a `do_` is one."""
        self.command = getattr(self, "command", None) or "GET"
        self.request_version = "HTTP/1.1"
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._only_get()
        else:
            self._say(HTTPStatus(code), "that is no request which is answered here")

    def log_message(self, format: str, *args: Any) -> None:
        """The terminal says where the page is, and no more."""


@cache
def page_files() -> dict[str, tuple[str, bytes]]:
    """Content type and bytes by path: all there is to load."""
    page = files("asicrc.telemetry.serve").joinpath("page")
    found = {
        "/": (_HTML, "live.html"),
        "/live.css": (_STYLE, "live.css"),
        "/live.js": (_SCRIPT, "live.js"),
        "/charts.js": (_SCRIPT, "charts.js"),
        "/icon.svg": ("image/svg+xml", "icon.svg"),
    }
    read = {path: (kind, page.joinpath(name).read_bytes()) for path, (kind, name) in found.items()}
    return read | {"/style.css": (_STYLE, style_sheet().encode("utf-8"))}
