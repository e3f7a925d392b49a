"""HTTP with one miner: a request out, a reply in, within a time and up to a size.

No proxy, no redirection, no `.netrc` and no cookie: a miner is asked directly or not at all.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx

from asicrc.transports.asking_again import AGAIN_AFTER_S, AGAIN_WITHIN_S
from firmware_protocols.device import DeviceLost
from firmware_protocols.http_messages import HttpReply, HttpRequest

MAX_BODY = 1 << 20
"""Bytes of a reply; the longest of an AxeOS device are some 8,000."""
CONNECT_S = 3.0
WITHIN_S = 6.0
"""For a whole exchange. An ESP32 that is busy with its display takes a second or two."""
REPEATABLE = frozenset({"GET", "PUT", "PATCH", "DELETE"})
"""Said twice they come to the same here: every PUT and PATCH names the values that are to be, but for those
that say of themselves that they are for `once`."""
SERVER_ERROR = 500

# A Goldshell's login stands in the query of a GET, and httpx tells each URL to its logger.
logging.getLogger("httpx").setLevel(logging.WARNING)


class HttpExchange:
    """`transport` replaces the network. Used by several threads, one request at a time."""

    def __init__(self, host: str, port: int, transport: httpx.BaseTransport | None = None) -> None:
        self.name = f"{host}:{port}"
        bracketed = f"[{host}]" if ":" in host else host
        self._base = f"http://{bracketed}:{port}"
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        """Of the newest connection."""
        self._client = httpx.Client(
            transport=transport,
            trust_env=False,
            verify=False,  # there is no TLS here, and certificates take their time to load
            follow_redirects=False,
            timeout=httpx.Timeout(WITHIN_S, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=5.0),
            headers={
                "User-Agent": "asicrc",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            },
        )

    def ask(self, request: HttpRequest, within_s: float = WITHIN_S, *, patient: bool = True) -> HttpReply:
        """Raises DeviceLost where no whole reply comes in time.

        What can be said twice is: a kept connection that the miner has closed meanwhile is no failure, nor is
        one reply that is lost, late, or one of a server in trouble, but to who is not `patient`. Where nobody
        took the connection in time nobody is there.
        """
        may_repeat = request.method in REPEATABLE and not request.once
        with self._lock:
            end_s, pause_s = time.monotonic() + within_s, AGAIN_AFTER_S
            try:
                reply = self._exchange(request, end_s)
                if reply.status < SERVER_ERROR or not (may_repeat and patient):
                    return reply
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
                if not may_repeat:
                    raise self._lost(request, error) from None
                pause_s = 0.0
            except httpx.HTTPError as error:
                if not (may_repeat and patient) or isinstance(error, httpx.ConnectTimeout):
                    raise self._lost(request, error) from None
            time.sleep(pause_s)
            end_s = max(end_s, time.monotonic() + AGAIN_WITHIN_S)
            try:
                return self._exchange(request, end_s)
            except httpx.HTTPError as error:
                raise self._lost(request, error) from None

    def close(self) -> None:
        self._client.close()

    def _exchange(self, request: HttpRequest, end_s: float) -> HttpReply:
        """httpx bounds each read alone: a peer that drips bytes is cut off when the time is over."""
        left_s = max(0.05, end_s - time.monotonic())
        is_late = threading.Event()
        timer = threading.Timer(left_s, self._cut_off, (is_late,))
        timer.daemon = True
        timer.start()
        try:
            reply = self._send(request, left_s)
        except httpx.HTTPError:
            if is_late.is_set():
                raise httpx.ReadTimeout("the reply does not end") from None
            raise
        finally:
            timer.cancel()
        if is_late.is_set():  # a body without a length ends where it was cut off
            raise httpx.ReadTimeout("the reply does not end")
        return reply

    def _cut_off(self, is_late: threading.Event) -> None:
        is_late.set()
        connection = self._socket
        if connection is not None:
            with suppress(OSError):  # it has ended already
                connection.shutdown(socket.SHUT_RDWR)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            self._socket = info["return_value"].get_extra_info("socket")

    def _send(self, request: HttpRequest, left_s: float) -> HttpReply:
        outgoing = self._client.build_request(
            request.method,
            self._base + request.target,
            headers=dict(request.headers),
            content=request.body or None,
            timeout=httpx.Timeout(left_s, connect=min(CONNECT_S, left_s)),
            extensions={"trace": self._trace},
        )
        reply = self._client.send(outgoing, stream=True)
        try:
            if reply.headers.get("Content-Encoding", "identity") != "identity":
                raise httpx.RemoteProtocolError("a compressed reply, which was not asked for")
            body = bytearray()
            for part in reply.iter_bytes():
                body += part
                if len(body) > MAX_BODY:
                    raise DeviceLost(
                        f"{self.name} answers {_named(request)} with more than {MAX_BODY} bytes: "
                        "this is no miner's management interface"
                    )
            return HttpReply(reply.status_code, bytes(body), reply.headers.get("Content-Type", ""))
        finally:
            reply.close()

    def _lost(self, request: HttpRequest, error: httpx.HTTPError) -> DeviceLost:
        match error:
            case httpx.ConnectTimeout():
                what = "nobody answers"
            case httpx.ReadTimeout():
                what = "no whole reply came in time"
            case httpx.RemoteProtocolError():
                what = f"what answers does not speak HTTP ({error})"
            case _:
                what = str(error) or type(error).__name__
        return DeviceLost(f"{self.name} does not answer {_named(request)}: {what}")


def _named(request: HttpRequest) -> str:
    """Without its query, which may carry a password."""
    return f"{request.method} {quote(request.path)}"
