"""One TCP connection of a receiver: written to from any thread, read by the receiver's alone."""

from __future__ import annotations

import select
import socket
import struct
import threading
from contextlib import suppress
from typing import Protocol

from firmware_protocols.device import NO_TIME, Stamp

READ_BYTES = 4096
"""One read of one connection in each turn: who sends much waits for the others, and none is read for long."""
SO_TIMESTAMPNS = 35
"""asm-generic/socket.h; the socket module does not name it. The kernel stamps each packet, CLOCK_REALTIME."""
_TIMESPEC = struct.Struct("@ll")
_TCP_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
_ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)


class ConnectionHandler(Protocol):
    """What the bytes of a connection are for. Called on the receiver's thread, so nothing here may wait."""

    def received(self, data: bytes, stamp: Stamp) -> None:
        """What one read returned, `stamp.t_ns` taken straight after it."""

    def ended(self, reason: str, t_ns: int) -> None:
        """It is closed; nothing more comes. Not called before the other side was accepted."""


class TcpConnection:
    """`send`, `close` and `backlog_bytes` may be used from any thread; the rest is the receiver's."""

    def __init__(
        self,
        connected: socket.socket,
        peer: str,
        epoll: select.epoll,
        *,
        unread_bytes: int,
        stamped: bool,
        who: str = "the miner",
    ) -> None:
        self.peer = peer
        """Address and port, as they are shown."""
        self.host = peer.rpartition(":")[0].strip("[]")
        self.who = who
        """What the other side is called in the reason of an end."""
        self.handler: ConnectionHandler | None = None
        self.paused_until_ns: int | None = None
        self.closing: str | None = None
        """Why it is to be closed, once somebody wants that."""
        self._socket = connected
        self.fd = connected.fileno()
        self._epoll = epoll
        self._unread_bytes = unread_bytes
        self._stamped = stamped
        self._outbox = bytearray()
        self._wants_out = False
        self._closed = False
        self._lock = threading.Lock()

    @property
    def backlog_bytes(self) -> int:
        """Bytes that the other side has left unread so long that the kernel takes no more."""
        return len(self._outbox)

    def send(self, data: bytes) -> bool:
        """Write now what the kernel takes and the rest when it does; never waits. False when it is closed.

        A connection that leaves more than `unread_bytes` unread is closed for that.
        """
        with self._lock:
            if self._closed or self.closing is not None:
                return False
            if not self._outbox:
                try:
                    sent = self._socket.send(data)
                except BlockingIOError:
                    sent = 0
                except OSError as error:
                    self._end(f"the connection broke: {error.strerror}")
                    return False
                if sent == len(data):
                    return True
                data = data[sent:]
            self._outbox += data
            if len(self._outbox) > self._unread_bytes:
                self._end(f"it does not read: {len(self._outbox)} bytes wait for it")
                return False
            self._watch()
            return True

    def close(self, reason: str) -> None:
        """Have the receiver close it; its handler is told `reason`."""
        with self._lock:
            if not self._closed and self.closing is None:
                self._end(reason)

    def read(self) -> tuple[bytes, int]:
        """What is there, empty at the end, and the kernel's stamp of its last packet or NO_TIME.

        Raises OSError as `recv` does.
        """
        if not self._stamped:
            return self._socket.recv(READ_BYTES), NO_TIME
        data, ancillary, _, _ = self._socket.recvmsg(READ_BYTES, _ANCILLARY_BYTES)
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, ns = _TIMESPEC.unpack(content[: _TIMESPEC.size])
                return data, seconds * 1_000_000_000 + ns
        return data, NO_TIME

    def acknowledge(self) -> None:
        """Have the kernel confirm what was read at once.

        Nagle's algorithm holds a miner's next small packet back until the one before is confirmed, which
        would otherwise be up to 40 ms later. Not for good: the kernel forgets it with each answer.
        """
        if _TCP_QUICKACK is not None:
            with suppress(OSError):  # it broke meanwhile, which the next read says
                self._socket.setsockopt(socket.IPPROTO_TCP, _TCP_QUICKACK, 1)

    def flush(self) -> None:
        """The kernel takes bytes again."""
        with self._lock:
            if self._closed or self.closing is not None:
                return
            try:
                del self._outbox[: self._socket.send(self._outbox)]
            except BlockingIOError:
                return
            except OSError as error:
                self._end(f"the connection broke: {error.strerror}")
                return
            self._watch()

    def pause(self, until_ns: int) -> None:
        """Read no more before `until_ns`; what comes waits in the kernel, and then with the sender."""
        with self._lock:
            self.paused_until_ns = until_ns
            self._watch(changed=True)

    def unpause(self) -> None:
        with self._lock:
            self.paused_until_ns = None
            self._watch(changed=True)

    def release(self) -> None:
        """Close the descriptor: nothing of this connection is used after it."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._epoll.unregister(self.fd)
                self._socket.close()

    def _end(self, reason: str) -> None:
        """The receiver sees the end of the stream, and closes the connection then."""
        self.closing = reason
        self._outbox.clear()
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is not connected any more, which the receiver sees as well

    def _watch(self, *, changed: bool = False) -> None:
        if self._closed:
            return
        wants_out = bool(self._outbox)
        if changed or wants_out != self._wants_out:
            self._wants_out = wants_out
            mask = 0 if self.paused_until_ns is not None else select.EPOLLIN
            self._epoll.modify(self.fd, mask | (select.EPOLLOUT if wants_out else 0))
