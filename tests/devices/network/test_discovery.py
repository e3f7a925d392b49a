"""Looking for miners: what answers is named, what hangs costs its time, what is not ours is not asked."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from fake_axeos import FakeAxeos
from fake_cgminer import FakeCgminer

from asicrc.devices.network import discovery
from asicrc.devices.network.discovery import hosts_of, scan
from asicrc.errors import UsageError


@contextmanager
def listening(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that gives each connection to `handle`; its port."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        with connection:
            connection.settimeout(40)
            try:
                handle(connection)
            except OSError:
                return

    def serve(listener: socket.socket) -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=one, args=(connection,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            for running in (thread, *threads):
                running.join()


def http(answers: dict[str, object]) -> Callable[[socket.socket], None]:
    def handle(connection: socket.socket) -> None:
        words = connection.recv(4096).split(b" ", 2)
        if len(words) < 3:
            return
        path = words[1].decode()
        body = json.dumps(answers[path]).encode() if path in answers else b"<html>not here</html>"
        status = "200 OK" if path in answers else "404 Not Found"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)

    return handle


def commands(miner: FakeCgminer) -> Callable[[socket.socket], None]:
    def handle(connection: socket.socket) -> None:
        data = connection.recv(4096)
        if data.startswith(b"{"):
            connection.sendall(miner._answer(json.loads(data)["command"], ""))

    return handle


def hang(connection: socket.socket) -> None:
    """Until the other side gives it up."""
    while connection.recv(4096):
        pass


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(400):
        connection.sendall(b"x")
        time.sleep(0.1)


def flood(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(64):
        connection.sendall(b"[" * 65536)


def test_every_family_is_told_and_nothing_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "ANSWER_S", 40.0)
    monkeypatch.setattr(discovery, "CONNECT_S", 40.0)
    with ExitStack() as stack:
        start = stack.enter_context
        ports = {
            "axeos": start(listening(http({"/api/system/info": FakeAxeos("head", minerModel="LV06").info}))),
            "cgminer": start(listening(commands(FakeCgminer()))),
            "luxos": start(listening(commands(FakeCgminer(luxos=True)))),
            "goldshell": start(listening(http({"/mcb/status": {"model": "Goldshell-LBBox"}}))),
            "web page": start(listening(http({"/": "hello"}))),
            "flood": start(listening(flood)),
        }
        found = scan("127.0.0.1", list(ports.values()))
    assert {miner.family: miner.url for miner in found.miners} == {
        family: f"{family}://127.0.0.1:{ports[family]}"
        for family in ("axeos", "cgminer", "goldshell", "luxos")
    }
    assert found.silent == 2
    said = {miner.family: miner.what for miner in found.miners}
    assert said["axeos"] == "LV06 BM1366 v2.15.0 (esp-head)"
    assert "Antminer S9 BMMiner 2.0.0" in said["cgminer"]
    assert "wallet" not in json.dumps(said)


def test_those_that_do_not_end_are_given_up_and_waited_for_side_by_side(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(discovery, "ANSWER_S", 0.5)
    monkeypatch.setattr(discovery, "CONNECT_S", 40.0)
    here: list[int] = []
    most = 0

    def watched(handle: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
        def watching(connection: socket.socket) -> None:
            nonlocal most
            here.append(1)
            most = max(most, len(here))
            with suppress(OSError):
                handle(connection)
            here.pop()

        return watching

    with ExitStack() as stack:
        ports = [stack.enter_context(listening(watched(handle))) for handle in (hang, drip, hang, drip)]
        found = scan("127.0.0.1", ports)
    assert (found.miners, found.silent) == ([], 4)
    assert most > 2


def test_a_port_where_nobody_listens_is_no_miner() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = scan("127.0.0.1/32", [port])
    assert (found.miners, found.silent, found.hosts) == ([], 0, 1)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("8.8.8.0/24", "not a private network"),
        ("10.0.0.0/15", "a /16"),
        ("0.0.0.0/0", "a /16"),
        ("fd00::/64", "a /16"),
        ("nonsense", "is no network"),
        ("10.0.0.0/33", "is no network"),
    ],
)
def test_networks_that_are_not_asked(network: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        hosts_of(network)


def test_networks_that_are_asked() -> None:
    assert len(hosts_of("192.168.1.0/24")) == 254
    assert len(hosts_of("10.1.0.0/16")) == 65534
    assert hosts_of("192.168.1.77/32") == ["192.168.1.77"]
    assert hosts_of("8.8.8.8", allow_public=True) == ["8.8.8.8"]
    for ports in ([], [0], [70000], list(range(1, 40))):
        with pytest.raises(UsageError):
            scan("127.0.0.1", ports)
