"""Connecting to the outside without waiting for it: name, route and handshake may take seconds each."""

from __future__ import annotations

import errno
import queue
import socket
import threading
from collections.abc import Callable
from typing import NamedTuple


class Dialled(NamedTuple):
    """What became of one call: a socket, or why there is none."""

    key: int
    connected: socket.socket | None
    problem: str


class Dialler:
    """A thread for each call that is under way; `take` is what they came to, and never waits.

    `wake` is called, on such a thread, when there is something to take; not after `close`.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._results: queue.SimpleQueue[Dialled] = queue.SimpleQueue()
        self._closed = False
        self._lock = threading.Lock()
        """So that no socket is put there after the last look."""

    def dial(self, key: int, host: str, port: int, within_s: float) -> None:
        threading.Thread(
            target=self._call, args=(key, host, port, within_s), name=f"dial {port}", daemon=True
        ).start()

    def take(self) -> list[Dialled]:
        found: list[Dialled] = []
        while True:
            try:
                found.append(self._results.get_nowait())
            except queue.Empty:
                return found

    def close(self) -> None:
        """What is connected from now on is closed again."""
        with self._lock:
            self._closed = True
            for dialled in self.take():
                if dialled.connected is not None:
                    dialled.connected.close()

    def _call(self, key: int, host: str, port: int, within_s: float) -> None:
        try:
            connected = _connected(host, port, within_s)
            result = Dialled(key, connected, "")
        except OSError as error:
            result = Dialled(key, None, error.strerror or str(error))
        with self._lock:
            if not self._closed:
                self._results.put(result)
                self._wake()
            elif result.connected is not None:
                result.connected.close()


def _connected(host: str, port: int, within_s: float) -> socket.socket:
    connected = socket.create_connection((host, port), timeout=within_s)
    try:
        # A call to a free local port may be given that very port, and reach itself.
        to_itself = connected.getsockname() == connected.getpeername()
    except OSError:
        connected.close()
        raise
    if to_itself:
        connected.close()
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    return connected
