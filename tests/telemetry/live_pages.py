"""A capture that grows, and its page on a port of its own, for the tests of `serve`."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from asicrc.capture import CaptureWriter
from asicrc.telemetry.serve.running import serving
from asicrc.telemetry.serve.server import LiveServer
from firmware_protocols.device import NonceBatch, Reading, Setting, Verdict, empty_events

S = 10**9
BEGAN_NS = 1000 * S
WALL_NS = 1_767_225_600 * S


def events(count: int, first_seq: int, from_s: float, rate_hz: float, seed: int = 1) -> NonceBatch:
    """Of a Poisson process from `from_s` seconds after the beginning on; every 50th is invalid."""
    found = empty_events(count)
    found["seq"] = first_seq + np.arange(count)
    waits_s = np.random.default_rng(seed).exponential(1 / rate_hz, count)
    found["t_ns"] = BEGAN_NS + np.round((from_s + np.cumsum(waits_s)) * S).astype(np.int64)
    found["verdict"] = Verdict.VALID
    found["verdict"][::50] = Verdict.LOW
    return found


def started(path: Path, meta: dict[str, Any] | None = None) -> CaptureWriter:
    """A capture with a device, a setting, and 300 events in about 30 s."""
    writer = CaptureWriter.create(path, {"device_url": "sim:x"} | (meta or {}), t_start_ns=BEGAN_NS)
    writer.add_anchor(WALL_NS, BEGAN_NS)
    writer.add_settings([Setting(BEGAN_NS, "frequency_mhz", 400.0, 399.8)])
    grow(writer, 300)
    return writer


def grow(writer: CaptureWriter, count: int, rate_hz: float = 10.0) -> None:
    """Add events from where it stands, with a temperature and a power."""
    from_s = writer.next_seq / rate_hz
    writer.add_events(events(count, writer.next_seq, from_s, rate_hz, seed=writer.next_seq))
    for step in range(5):
        t_ns = BEGAN_NS + round((from_s + count / rate_hz * step / 5) * S)
        writer.add_readings([Reading(t_ns, "temperature_c", 50.0 + step), Reading(t_ns, "power_w", 14.0)])
    writer.commit()


@contextmanager
def page_of(target: Path) -> Iterator[LiveServer]:
    with serving(target, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
    assert server.failed is None


def get(
    server: LiveServer, path: str = "/", method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """The answer and its content; `headers` take _ for -."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=40)
    try:
        connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def snapshot(server: LiveServer) -> dict[str, Any]:
    answer, content = get(server, "/snapshot.json")
    assert answer.status == 200, content
    found: dict[str, Any] = json.loads(content)
    return found


class Stream:
    """The server-sent events of a page, one snapshot after the other."""

    def __init__(self, server: LiveServer, receive_bytes: int | None = None) -> None:
        self._socket = socket.socket()
        if receive_bytes is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._socket.settimeout(40)
        self._socket.connect(("127.0.0.1", server.port))
        self._socket.sendall(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        self._file = self._socket.makefile("rb")

    def head(self) -> str:
        lines = []
        while (line := self._file.readline()) not in (b"\r\n", b""):
            lines.append(line.decode())
        return "".join(lines)

    def line(self) -> bytes:
        return self._file.readline()

    def next(self) -> dict[str, Any]:
        while line := self._file.readline():
            if line.startswith(b"data: {"):
                found: dict[str, Any] = json.loads(line[6:])
                return found
        raise AssertionError("the stream has ended")

    def close(self) -> None:
        self._file.close()
        self._socket.close()
