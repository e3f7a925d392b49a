"""Many TCP connections, one thread: bytes are stamped where they arrive and handed on at once.

In each turn all that is ready is read and stamped first, and looked into after that, so that a connection
that brings much to look into does not make the stamps of the others late.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import select
import socket
import threading
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from asicrc.clock import MACHINE_CLOCK
from asicrc.errors import DeviceError
from asicrc.transports.tcp_connection import SO_TIMESTAMPNS, ConnectionHandler, TcpConnection
from firmware_protocols.device import NO_TIME, Clock, Stamp

TICK_NS = 100_000_000
ACCEPTS_IN_A_TURN = 16
RECEIVE_BUFFER_BYTES = 128 << 10
SEND_BUFFER_BYTES = 64 << 10
DEAD_AFTER_S = 60
"""A peer that answers nothing for so long is gone."""
WITHOUT_DESCRIPTORS_S = 1.0
DELAYS_KEPT = 10_000
STOP, WAKE = b".", b"w"


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen; port 0 is any free one."""

    host: str = "127.0.0.1"
    port: int = 0


class ReceiverOwner(Protocol):
    """Called on the receiver's thread, so nothing here may wait."""

    def accepted(self, connection: TcpConnection, t_ns: int) -> ConnectionHandler | None:
        """Who takes its bytes; None turns the other side away."""

    def turned(self, now_ns: int) -> None:
        """All that had arrived was handed on. Comes ten times a second at least."""

    def failed(self, error: BaseException) -> None:
        """The thread ends, by a fault of this program."""


class TcpReceiver:
    """Listens from its making on, and reads from `start` to `close`. Raises DeviceError where it cannot."""

    def __init__(
        self,
        listen: ListenAddress,
        owner: ReceiverOwner,
        *,
        unread_bytes: int,
        clock: Clock = MACHINE_CLOCK,
    ) -> None:
        self._owner = owner
        self._clock = clock
        self._unread_bytes = unread_bytes
        self._listener = _listening(listen)
        self._stamped = _ask_for_stamps(self._listener)
        self._epoll = select.epoll()
        self._stop_read, self._stop_write = os.pipe()
        self._epoll.register(self._listener, select.EPOLLIN)
        self._epoll.register(self._stop_read, select.EPOLLIN)
        self._connections: dict[int, TcpConnection] = {}
        self._paused: set[TcpConnection] = set()
        self._listen_again_ns: int | None = None
        self.delays_ns: deque[int] = deque(maxlen=DELAYS_KEPT)
        """Of the latest reads: how long after the kernel's stamp the read was stamped."""
        self._thread = threading.Thread(target=self._run, name="work server", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._listener.getsockname()[:2]
        return str(host), int(port)

    @property
    def has_kernel_stamps(self) -> bool:
        return self._stamped

    def start(self) -> None:
        self._thread.start()

    def adopt(self, connected: socket.socket, handler: ConnectionHandler, *, who: str) -> TcpConnection:
        """Take in a connection that was made from here, to read it like the others.

        On the receiver's thread. `who` names the other side in the reason of its end.
        """
        host, port = connected.getpeername()[:2]
        _set_up(connected)
        connection = TcpConnection(
            connected,
            shown(str(host), int(port)),
            self._epoll,
            unread_bytes=self._unread_bytes,
            stamped=self._stamped,
            who=who,
        )
        connection.handler = handler
        self._epoll.register(connected, select.EPOLLIN)
        self._connections[connection.fd] = connection
        return connection

    def wake(self) -> None:
        """Have the owner told `turned` soon, from any thread, while it is not closed."""
        os.write(self._stop_write, WAKE)

    def close(self, reason: str = "the server ended") -> None:
        """End the thread, then every connection, then the port. Harmless when it is closed already."""
        if self._epoll.closed:
            return
        if self._thread.is_alive():
            os.write(self._stop_write, STOP)
            self._thread.join()
        try:
            for connection in list(self._connections.values()):
                self._end(connection, reason)
        finally:
            for connection in self._connections.values():
                connection.release()
            self._listener.close()
            self._epoll.close()
            os.close(self._stop_read)
            os.close(self._stop_write)

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        except BaseException as error:
            self._owner.failed(error)

    def _turn(self) -> bool:
        """Read what is ready, then hand it on. False when it is time to end."""
        poll, now, wall = self._epoll.poll, self._clock.now_ns, self._clock.realtime_ns
        connections = self._connections
        reads: list[_Read] = []
        wants_in = False
        for fd, mask in poll(TICK_NS / 1e9, 256):
            connection = connections.get(fd)
            if connection is None:
                if fd == self._stop_read:
                    if STOP in os.read(fd, 4096):
                        return False
                    continue
                wants_in = wants_in or fd == self._listener.fileno()
                continue
            if mask & select.EPOLLOUT:
                connection.flush()
            if mask & ~select.EPOLLOUT:
                try:
                    data, kernel_ns = connection.read()
                except BlockingIOError:
                    continue
                except OSError as error:
                    reads.append(
                        _Read(connection, b"", Stamp(now()), f"the connection broke: {error.strerror}")
                    )
                    continue
                reads.append(_Read(connection, data, Stamp(now(), kernel_ns), f"{connection.who} hung up"))
                if data:
                    connection.acknowledge()
                if kernel_ns != NO_TIME:
                    self.delays_ns.append(wall() - kernel_ns)
        for connection, data, stamp, ending in reads:
            if data and connection.closing is None and connection.handler is not None:
                connection.handler.received(data, stamp)
                if connection.paused_until_ns is not None:
                    self._paused.add(connection)
            else:
                self._end(connection, ending)
        if wants_in:
            self._accept()
        now_ns = self._clock.now_ns()
        self._go_on(now_ns)
        self._owner.turned(now_ns)
        return True

    def _accept(self) -> None:
        for _ in range(ACCEPTS_IN_A_TURN):
            try:
                connected, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._epoll.modify(self._listener, 0)
                    self._listen_again_ns = self._clock.now_ns() + round(WITHOUT_DESCRIPTORS_S * 1e9)
                    return
                continue  # the other side was gone before it was accepted
            t_ns = self._clock.now_ns()
            _set_up(connected)
            connection = TcpConnection(
                connected,
                shown(str(address[0]), int(address[1])),
                self._epoll,
                unread_bytes=self._unread_bytes,
                stamped=self._stamped,
            )
            self._epoll.register(connected, select.EPOLLIN)
            connection.handler = self._owner.accepted(connection, t_ns)
            if connection.handler is None:
                connection.release()
            else:
                self._connections[connection.fd] = connection

    def _go_on(self, now_ns: int) -> None:
        """Read again from whoever was made to wait, and listen again."""
        over = [c for c in self._paused if c.paused_until_ns is None or now_ns >= c.paused_until_ns]
        for connection in over:
            self._paused.discard(connection)
            connection.unpause()
        if self._listen_again_ns is not None and now_ns >= self._listen_again_ns:
            self._listen_again_ns = None
            self._epoll.modify(self._listener, select.EPOLLIN)

    def _end(self, connection: TcpConnection, reason: str) -> None:
        if self._connections.pop(connection.fd, None) is None:
            return
        self._paused.discard(connection)
        connection.release()
        if connection.handler is not None:
            connection.handler.ended(connection.closing or reason, self._clock.now_ns())


class _Read(NamedTuple):
    """`ending` is why the connection is closed, if there are no bytes."""

    connection: TcpConnection
    data: bytes
    stamp: Stamp
    ending: str


def shown(host: str, port: int) -> str:
    """An address as it is written, one of IPv4 that came over IPv6 as one of IPv4."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return f"[{address}]:{port}"
        address = address.ipv4_mapped
    return f"{address}:{port}"


def _listening(listen: ListenAddress) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # So that a server that starts anew has its port at once; two that run at the same time share none.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        listener.setblocking(False)
        listener.bind((listen.host, listen.port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        hint = "choose another port, or one that is free anyway: 0"
        if getattr(error, "errno", None) == errno.EADDRNOTAVAIL:
            hint = "choose an address of this machine: `ip address` lists them"
        elif getattr(error, "errno", None) in (errno.EACCES, errno.EPERM):
            hint = "ports below 1024 are the system's: choose a higher one"
        raise DeviceError(f"cannot listen on {listen.host} port {listen.port}: {error}", hint) from None
    return listener


def _ask_for_stamps(connected: socket.socket) -> bool:
    try:
        connected.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return False  # this system stamps no packets of TCP
    return True


def _set_up(connected: socket.socket) -> None:
    connected.setblocking(False)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", DEAD_AFTER_S // 2),
        ("TCP_KEEPINTVL", 10),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", DEAD_AFTER_S * 1000),
    ):
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    _ask_for_stamps(connected)
