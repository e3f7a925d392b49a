"""The work server of one miner: one address, one guest, events numbered as a capture's, absence noticed."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from asicrc.clock import MACHINE_CLOCK
from asicrc.devices.network.local_address import address_towards
from asicrc.devices.network.network_url import NetworkUrl
from asicrc.devices.network.serving import ABSENT_S, Serving, bound_server, nobody_came
from asicrc.devices.url import DeviceUrl
from asicrc.errors import DeviceError
from asicrc.work import PoolWork
from firmware_protocols.device import DeviceLost
from firmware_protocols.stratum_v1 import SHA256D


@contextmanager
def serving(miner: str = "127.0.0.1", options: str = "") -> Iterator[Serving]:
    url = NetworkUrl.parse(DeviceUrl.parse(f"axeos://127.0.0.1{options}"))
    with bound_server(url, miner, SHA256D, 256.0, MACHINE_CLOCK) as served:
        yield served


@contextmanager
def guest(served: Serving) -> Iterator[socket.socket]:
    with socket.create_connection((served.address.host, served.address.port), timeout=40) as connection:
        for number, (method, params) in enumerate(
            (("mining.subscribe", ["test"]), ("mining.authorize", ["wallet.rig", "hunter2"])), 1
        ):
            connection.sendall(
                json.dumps({"id": number, "method": method, "params": params}).encode() + b"\n"
            )
        yield connection


def _say(connection: socket.socket, number: int, method: str, params: list[str]) -> None:
    connection.sendall(json.dumps({"id": number, "method": method, "params": params}).encode() + b"\n")


def wait(served: Serving, is_so: object) -> None:
    end_ns = MACHINE_CLOCK.now_ns() + 40_000_000_000
    while not is_so() and MACHINE_CLOCK.now_ns() < end_ns:  # type: ignore[operator]
        served.take(MACHINE_CLOCK.now_ns() + 20_000_000)
    assert is_so()  # type: ignore[operator]


def test_it_listens_on_the_way_to_the_miner_alone_and_lets_nobody_else_in() -> None:
    assert address_towards("127.0.0.1", 80) == "127.0.0.1"
    with serving(miner="127.0.0.9") as served:
        assert served.address.host == "127.0.0.1"
        with suppress(ConnectionError), guest(served) as connection:
            assert connection.recv(100) == b""
        assert not served.has_miner
        assert served.server.turned_away == 1


def test_shares_are_numbered_from_the_beginning_of_the_recording_and_answered_all_the_same() -> None:
    with serving() as served, guest(served) as connection:
        wait(served, lambda: served.has_miner)
        served.server.dispatch(PoolWork(1).next_job(1_700_000_000, clean=True), clean=True)
        lines = connection.makefile("rb")
        notify = next(line for line in map(json.loads, lines) if line.get("method") == "mining.notify")

        def share(number: int) -> None:
            params = ["wallet.rig", notify["params"][0], "00000000", notify["params"][7], f"{number:08x}"]
            _say(connection, number, "mining.submit", params)

        taken: list[int] = []

        def take() -> bool:
            batch = served.take(MACHINE_CLOCK.now_ns() + 20_000_000)
            taken.extend(batch.nonces["seq"].tolist())
            batch.nonces["verdict"] = 2
            served.judged(batch.nonces)
            return len(taken) > 0

        share(101)
        wait(served, take)
        served.begin_recording()
        taken.clear()
        share(102)
        wait(served, take)
        assert taken == [0]
        answers = {line["id"]: line for line in (json.loads(next(lines)) for _ in range(2))}
        assert {answers[101]["error"][0], answers[102]["error"][0]} == {23}


def test_a_miner_that_stays_away_is_lost_and_one_that_comes_back_is_not() -> None:
    with serving() as served:
        served.check_presence(0)
        served.check_presence(round(ABSENT_S * 1e9))
        with pytest.raises(DeviceLost, match="has not been at the work server for 121 s"):
            served.check_presence(round((ABSENT_S + 1) * 1e9))
        with guest(served):
            wait(served, lambda: served.has_miner)
            served.check_presence(round((ABSENT_S + 2) * 1e9))


def test_a_port_that_is_taken_is_said_with_the_option_that_helps() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DeviceError) as caught, serving(options=f"?server_port={port}"):
            pass
    assert str(port) in caught.value.message
    assert "?server_port=" in caught.value.hint
    with pytest.raises(DeviceError), serving(options="?listen=192.0.2.55"):
        pass


def test_what_to_look_at_names_address_port_and_miner() -> None:
    with serving() as served:
        said = nobody_came(served.address, "10.0.0.7", 60.0)
        for part in (served.address.host, str(served.address.port), "10.0.0.7", "firewall", "nc -vz", "60 s"):
            assert part in said
