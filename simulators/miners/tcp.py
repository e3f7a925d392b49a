"""Streams of the loop: accepted and outgoing connections, and the ports that accept them. Loopback only."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address

from simulators.miners.reactor import READ, WRITE, Reactor, Timer

LOOPBACK = "127.0.0.1"
MAX_WAITING = 1 << 20
"""Bytes that wait for a peer who does not read; then the connection is cut."""
MAX_CLIENTS = 16
_CHUNK = 65_536


class Stream:
    """One connection. `on_data` gets what arrives; `on_end` is called once, when the peer has closed or
    failed, and not after `close`."""

    def __init__(
        self,
        reactor: Reactor,
        sock: socket.socket,
        on_data: Callable[[bytes], None],
        on_end: Callable[[], None],
    ) -> None:
        sock.setblocking(False)
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.on_data = on_data
        self.on_end = on_end
        self.closed = False
        self._reactor = reactor
        self._sock = sock
        self._waiting = bytearray()
        self._closes_when_sent = False
        self._watch()

    def send(self, data: bytes) -> None:
        if self.closed:
            return
        self._waiting += data
        self._flush()
        if len(self._waiting) > MAX_WAITING:
            self._fail()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._reactor.forget(self._sock)
            self._sock.close()

    def close_when_sent(self) -> None:
        self._closes_when_sent = True
        self._flush()

    def _watch(self) -> None:
        if self.closed:
            return
        self._reactor.watch(self._sock, READ | (WRITE if self._waiting else 0), self._on_events)

    def _on_events(self, events: int) -> None:
        if events & WRITE:
            self._flush()
        if events & READ and not self.closed:
            self._read()

    def _read(self) -> None:
        try:
            data = self._sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.on_data(data)
        else:
            self._fail()

    def _flush(self) -> None:
        if self.closed:
            return
        try:
            while self._waiting:
                del self._waiting[: self._sock.send(self._waiting)]
        except BlockingIOError:
            pass
        except OSError:
            self._fail()
            return
        if self._closes_when_sent and not self._waiting:
            self.close()
        else:
            self._watch()

    def _fail(self) -> None:
        if not self.closed:
            self.close()
            self.on_end()


def connect(
    reactor: Reactor,
    address: tuple[str, int],
    seconds: float,
    then: Callable[[socket.socket | None], None],
) -> Callable[[], None]:
    """Connect without waiting; `then` gets the socket, or None when it failed or took too long.

    Anything but this machine cannot be reached, as if no route led there. Returns a function that gives up,
    after which `then` is not called.
    """
    sock = socket.socket()
    sock.setblocking(False)
    timers: list[Timer] = []

    def give_up() -> None:
        reactor.forget(sock)
        sock.close()
        for timer in timers:
            timer.cancel()

    def settle(failed: bool) -> None:
        reactor.forget(sock)
        for timer in timers:
            timer.cancel()
        if failed:
            sock.close()
        then(None if failed else sock)

    if not is_loopback(address[0]):
        timers.append(reactor.after(0, lambda: settle(True)))
        return give_up
    code = sock.connect_ex((LOOPBACK if address[0] == "localhost" else address[0], address[1]))
    if code not in (0, errno.EINPROGRESS):
        timers.append(reactor.after(0, lambda: settle(True)))
        return give_up
    reactor.watch(sock, WRITE, lambda _: settle(bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))))
    timers.append(reactor.after(seconds, lambda: settle(True)))
    return give_up


def is_loopback(host: str) -> bool:
    """Whether this is a name or an address of this machine, written so that nothing has to be looked up."""
    try:
        return host == "localhost" or IPv4Address(host).is_loopback
    except ValueError:
        return False


class Port:
    """A listening port on 127.0.0.1 that keeps its number while it is shut.

    `accept` gets each new socket; it says how many clients it has, beyond MAX_CLIENTS none is let in.
    """

    def __init__(self, reactor: Reactor, number: int, accept: Callable[[socket.socket], None]) -> None:
        self._reactor = reactor
        self._accept = accept
        self._sock = self._bound(number)
        self.number: int = self._sock.getsockname()[1]
        self._listening = False

    def open(self) -> None:
        if not self._listening:
            self._sock.listen(MAX_CLIENTS)
            self._sock.setblocking(False)
            self._reactor.watch(self._sock, READ, lambda _: self._on_connection())
            self._listening = True

    def shut(self) -> None:
        """Refuse connections, as a device does that starts; the number stays taken."""
        if self._listening:
            self._reactor.forget(self._sock)
            self._sock.close()
            self._sock = self._bound(self.number)
            self._listening = False

    def _on_connection(self) -> None:
        try:
            sock, _ = self._sock.accept()
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno not in (errno.ECONNABORTED, errno.EMFILE):
                raise
            return
        self._accept(sock)

    @staticmethod
    def _bound(number: int) -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((LOOPBACK, number))
        except OSError as error:
            sock.close()
            raise OSError(
                error.errno, f"port {number} on {LOOPBACK}: {os.strerror(error.errno or 0)}"
            ) from error
        return sock
