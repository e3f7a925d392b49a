"""The receiver alone: stamps, what is sent while the other side does not read, pauses, ends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from asicrc.transports import tcp_receiver
from asicrc.transports.tcp_connection import TcpConnection
from asicrc.transports.tcp_receiver import ListenAddress, TcpReceiver, shown
from firmware_protocols.device import NO_TIME, Stamp

MiB = 1 << 20


class Collected:
    """Everything that the receiver said. Is its owner, and what takes each connection's bytes."""

    def __init__(self) -> None:
        self.connections: list[TcpConnection] = []
        self.reads: list[tuple[bytes, Stamp]] = []
        self.endings: list[str] = []
        self.errors: list[BaseException] = []
        self.welcome = True

    def accepted(self, connection: TcpConnection, t_ns: int) -> Collected | None:
        self.connections.append(connection)
        return self if self.welcome else None

    def received(self, data: bytes, stamp: Stamp) -> None:
        self.reads.append((data, stamp))

    def ended(self, reason: str, t_ns: int) -> None:
        self.endings.append(reason)

    def turned(self, now_ns: int) -> None:
        pass

    def failed(self, error: BaseException) -> None:
        self.errors.append(error)

    @property
    def data(self) -> bytes:
        return b"".join(data for data, _ in self.reads)

    def wait(self, true: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + 30
        while not true():
            assert time.monotonic() < deadline_s
            assert not self.errors, self.errors
            time.sleep(0.002)


@contextmanager
def receiving(unread_bytes: int = 4 * MiB) -> Iterator[tuple[Collected, socket.socket]]:
    collected = Collected()
    receiver = TcpReceiver(ListenAddress(), collected, unread_bytes=unread_bytes)
    receiver.start()
    try:
        with socket.create_connection(receiver.address, timeout=40) as other:
            collected.wait(lambda: len(collected.connections) == 1)
            yield collected, other
    finally:
        receiver.close()
        receiver.close()  # harmless
        assert not collected.errors


def test_bytes_are_stamped_where_they_arrive() -> None:
    with receiving() as (collected, other):
        before_ns, wall_ns = time.monotonic_ns(), time.time_ns()
        other.sendall(b"hello")
        collected.wait(lambda: collected.data == b"hello")
        (_, stamp) = collected.reads[0]
        assert before_ns < stamp.t_ns < time.monotonic_ns()
        if stamp.kernel_ns != NO_TIME:
            assert wall_ns - 1_000_000 < stamp.kernel_ns < time.time_ns()


def test_a_system_without_kernel_stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_receiver, "_ask_for_stamps", lambda _: False)
    with receiving() as (collected, other):
        other.sendall(b"hello")
        collected.wait(lambda: collected.data == b"hello")
        assert collected.reads[0][1].kernel_ns == NO_TIME
        assert collected.reads[0][1].t_ns > 0


def test_nagles_algorithm_of_a_miner_holds_no_share_back() -> None:
    """Of one without TCP_NODELAY, on a connection on which answers go out too: the kernel then delays its
    confirmations by 40 ms, unless it is told not to each time."""
    assert any(median_late_ms() < 4 for _ in range(5)), "a busy machine is late too, but not each time"


def median_late_ms() -> float:
    with receiving() as (collected, other):
        (connection,) = collected.connections
        sent_ns = []
        for number in range(120):
            if number % 10 == 0:
                connection.send(b"an answer")
            sent_ns.append(time.monotonic_ns())
            other.sendall(b"%8d" % number)
            time.sleep(0.005)
        collected.wait(lambda: len(collected.data) == 960)
        arrived_ns = [stamp.t_ns for data, stamp in collected.reads for _ in range(len(data) // 8)]
        late_ms = (np.array(arrived_ns) - np.array(sent_ns)) / 1e6
        return float(np.median(late_ms))


def test_what_the_other_side_leaves_unread_follows_when_it_reads() -> None:
    with receiving() as (collected, other):
        (connection,) = collected.connections
        sent = b"".join(b"%7d\n" % number for number in range(400_000))  # 3.2 MB
        for start in range(0, len(sent), 80_000):
            assert connection.send(sent[start : start + 80_000])
        assert connection.backlog_bytes > 0
        heard = bytearray()
        while len(heard) < len(sent):
            heard += other.recv(65536)
        assert heard == sent
        collected.wait(lambda: connection.backlog_bytes == 0)
        assert connection.send(b"more")
        assert other.recv(10) == b"more"


def test_who_leaves_too_much_unread_is_hung_up_on() -> None:
    with receiving(unread_bytes=100_000) as (collected, _):
        (connection,) = collected.connections
        while connection.send(b"x" * 10_000):
            pass
        collected.wait(lambda: bool(collected.endings))
        assert "it does not read" in collected.endings[0]
        assert not connection.send(b"y")
        assert connection.backlog_bytes == 0


def test_a_pause_leaves_the_bytes_where_they_are() -> None:
    with receiving() as (collected, other):
        (connection,) = collected.connections
        original = collected.received

        def pausing(data: bytes, stamp: Stamp) -> None:
            original(data, stamp)
            connection.pause(time.monotonic_ns() + 400_000_000)

        collected.received = pausing  # type: ignore[method-assign]
        other.sendall(b"first")
        collected.wait(lambda: collected.data == b"first")
        other.sendall(b"second")
        assert connection.send(b"still written to")
        assert other.recv(100) == b"still written to"
        collected.wait(lambda: collected.data == b"firstsecond")
        gap_ns = collected.reads[1][1].t_ns - collected.reads[0][1].t_ns
        assert gap_ns > 390_000_000


def test_reasons_of_endings() -> None:
    with receiving() as (collected, other):
        other.sendall(b"bye")
        other.close()
        collected.wait(lambda: bool(collected.endings))
        assert collected.data == b"bye"
        assert collected.endings == ["the miner hung up"]
    with receiving() as (collected, other):
        collected.connections[0].close("enough of it")
        collected.connections[0].close("again")
        other.sendall(b"not heard any more")
        collected.wait(lambda: bool(collected.endings))
        assert collected.endings == ["enough of it"]
        assert collected.data == b""
    with receiving() as (collected, other):
        pass
    assert collected.endings in (["the server ended"], ["the miner hung up"])


def test_many_threads_may_write() -> None:
    with receiving() as (collected, other):
        (connection,) = collected.connections
        lines = [b"%04d" % n * 20 + b"\n" for n in range(8)]

        def write(line: bytes) -> None:
            for _ in range(500):
                connection.send(line)

        threads = [threading.Thread(target=write, args=(line,)) for line in lines]
        for thread in threads:
            thread.start()
        heard = bytearray()
        while len(heard) < 8 * 500 * 81:
            heard += other.recv(65536)
        for thread in threads:
            thread.join()
        found = bytes(heard).split(b"\n")[:-1]
        assert {line + b"\n" for line in found} == set(lines)
        assert all(found.count(line[:-1]) == 500 for line in lines)


def test_who_is_not_welcome_is_turned_away() -> None:
    collected = Collected()
    collected.welcome = False
    receiver = TcpReceiver(ListenAddress(), collected, unread_bytes=1000)
    receiver.start()
    with socket.create_connection(receiver.address, timeout=40) as other:
        assert other.recv(10) == b""
    receiver.close()
    assert not collected.endings


@pytest.mark.parametrize(
    ("host", "text"),
    [("192.0.2.1", "192.0.2.1:7"), ("::ffff:192.0.2.1", "192.0.2.1:7"), ("fe80::1%eth0", "[fe80::1]:7")],
)
def test_addresses_as_they_are_shown(host: str, text: str) -> None:
    assert shown(host, 7) == text
